use super::*;
use crate::telemetry::Readiness;
use justcall_events::signature::Fault;
use justcall_events::{JsonType, Malformed, Validation, Violation};

#[test]
fn every_reason_has_a_label_of_its_own() {
    let metrics = Metrics::new();
    let violation = Violation { pointer: "".into(), expected: "", found: JsonType::Null };
    let rejections = [
        Malformed::NotJson.into(),
        Malformed::NotAnEnvelope.into(),
        Malformed::Ambiguous.into(),
        Rejection::Violation(violation),
        Rejection::UnknownType,
    ];
    let denials: Vec<_> = Fault::ALL
        .into_iter()
        .filter_map(|fault| match guard::turned_away(fault) {
            Outcome::Denied(denial) => Some(denial),
            _ => None,
        })
        .chain([Denial::Unverifiable, Denial::Token])
        .collect();
    denials.iter().for_each(|denial| metrics.denied(denial.tag()));
    let source = metrics.source("main");
    Fault::ALL.iter().for_each(|fault| source.signature(fault.tag()));
    Refusal::ALL.iter().for_each(|refusal| metrics.refused(refusal.tag()));
    rejections.iter().for_each(|rejection: &Rejection| metrics.rejected(rejection.tag()));
    Failure::ALL.iter().for_each(|failure| metrics.delivery_error(failure.tag()));
    let text = metrics.render(&Readiness::new(), 0);
    let counted = |series: String| text.contains(&format!("justcall_bridge_{series} 1\n"));
    for denial in denials {
        assert!(counted(format!("denied_total{{reason=\"{}\"}}", denial.tag())), "{denial:?}");
    }
    for fault in Fault::ALL {
        let series = format!("signatures_total{{source=\"main\",result=\"{}\"}}", fault.tag());
        assert!(counted(series), "{fault:?}");
    }
    for refusal in Refusal::ALL {
        assert!(counted(format!("refused_total{{reason=\"{}\"}}", refusal.tag())), "{refusal:?}");
    }
    for rejection in rejections {
        assert!(counted(format!("rejected_total{{reason=\"{}\"}}", rejection.tag())), "{rejection:?}");
    }
    for failure in Failure::ALL {
        assert!(counted(format!("kafka_delivery_errors_total{{kind=\"{}\"}}", failure.tag())), "{failure:?}");
    }
}

#[test]
fn budget_admits_up_to_its_limit_and_takes_back_what_is_dropped() {
    let budget = Budget::new(100);
    let mut first = budget.admit(60).expect("room");
    assert!(budget.admit(41).is_none());
    assert!(first.grow(40), "exactly full");
    assert!(!first.grow(1));
    assert_eq!(budget.used(), 100);
    drop(first);
    assert_eq!(budget.used(), 0);
    assert!(budget.admit(usize::MAX).is_none(), "a sum that overflows is no room");
}

#[test]
fn spooled_event_holds_no_more_than_the_client_librarys_copy() {
    let budget = Budget::new(100);
    let mut permit = budget.admit(60).expect("room");
    assert!(permit.grow(25));
    let memory = Deduplication::new(std::time::Duration::from_secs(60), 10);
    let Seen::First(claim) = memory.claim([1; 16], Instant::now()) else { panic!("not new") };
    let mut hold = Hold { claim: Some(claim), permit, copied: 25 };
    hold.durable();
    assert_eq!(budget.used(), 25);
    drop(hold);
    assert_eq!(budget.used(), 0);
}

#[test]
fn same_body_from_another_source_is_another_event() {
    let metrics = Metrics::new();
    let source = |name: &str| {
        let config = SourceConfig {
            name: name.to_owned(),
            path: "/".to_owned(),
            validation: Validation::Documented,
            signature: SignatureConfig::default(),
            token: None,
            token_file: None,
        };
        Source::open(&config, &metrics).expect("a source")
    };
    let (body, other) = (BodyHash::of(b"a"), BodyHash::of(b"b"));
    let identities = [
        source("main").identity(&body),
        source("main").identity(&other),
        source("second").identity(&body),
        source("second").identity(&other),
    ];
    let distinct: std::collections::HashSet<_> = identities.iter().collect();
    assert_eq!(distinct.len(), 4);
    assert_eq!(source("main").identity(&body), identities[0], "after a restart");
}

/// glibc keeps pieces of up to 1032 bytes at hand for each thread; larger ones took a tenth of all that an
/// event cost.
#[test]
fn what_an_event_holds_while_it_waits_is_a_small_piece_of_memory() {
    fn held<F>(_: impl FnOnce(&'static Ingest, Box<Arrival>) -> F) -> usize {
        size_of::<F>()
    }
    const REQUEST: usize = 96;
    assert!(held(Ingest::accept) + REQUEST <= 1032, "{} bytes", held(Ingest::accept));
}
