use super::*;
use crate::delivery::Failure;
use crate::health::Readiness;
use justcall_events::signature::Fault;
use justcall_events::{JsonType, Malformed, Violation};

#[test]
fn every_reason_has_its_own_label() {
    let metrics = Metrics::new();
    let violation = Violation { pointer: "".into(), expected: "", found: JsonType::Null };
    let rejections = [
        Malformed::NotJson.into(),
        Malformed::NotAnEnvelope.into(),
        Malformed::Ambiguous.into(),
        Rejection::Violation(violation),
        Rejection::UnknownType,
    ];
    Denial::all().for_each(|denial| metrics.denied(denial.tag()));
    let source = metrics.source("main");
    Fault::ALL.iter().for_each(|fault| source.signature(fault.tag()));
    Refusal::ALL.iter().for_each(|refusal| metrics.refused(refusal.tag()));
    rejections.iter().for_each(|rejection: &Rejection| metrics.rejected(rejection.tag()));
    Failure::ALL.iter().for_each(|failure| metrics.delivery_error(failure.tag()));
    let text = metrics.render(&Readiness::new(), 0);
    let counted = |series: String| text.contains(&format!("justcall_bridge_{series} 1\n"));
    for denial in Denial::all() {
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

/// glibc caches pieces of up to 1032 bytes for each thread. Larger ones took a tenth of the CPU time of an
/// event.
#[test]
fn future_of_an_event_is_small_enough_for_the_allocators_cache() {
    fn size<F>(_: impl FnOnce(&'static Ingest, Box<Arrival>) -> F) -> usize {
        size_of::<F>()
    }
    const REQUEST: usize = 96;
    assert!(size(Ingest::accept) + REQUEST <= 1032, "{} bytes", size(Ingest::accept));
}
