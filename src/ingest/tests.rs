use super::*;
use crate::event::{JsonType, Malformed, Violation};
use crate::telemetry::Readiness;

#[test]
fn signed_header_is_read_as_utc_or_as_seconds() {
    let expected = "2024-03-21T17:08:22Z".parse::<DateTime<Utc>>().unwrap();
    assert_eq!(signed_time("2024-03-21 17:08:22"), Some(expected));
    assert_eq!(signed_time("1711040902"), Some(expected));
    for bad in ["", "2024-03-21", "2024-03-21T17:08:22", "soon", "17110409021711040902"] {
        assert_eq!(signed_time(bad), None, "{bad}");
    }
}

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
    Refusal::ALL.iter().for_each(|refusal| metrics.refused(refusal.tag()));
    rejections.iter().for_each(|rejection: &Rejection| metrics.rejected(rejection.tag()));
    Failure::ALL.iter().for_each(|failure| metrics.delivery_error(failure.tag()));
    let text = metrics.render(&Readiness::new(), 0);
    let counted = |series: String| text.contains(&format!("justcall_bridge_{series} 1\n"));
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
