use super::*;
use crate::telemetry::tags::PRODUCERS_REPLACED;

#[test]
fn pause_is_spread_over_its_second_half() {
    let pause = Duration::from_secs(10);
    assert_eq!(jittered(pause, 0), pause / 2);
    assert_eq!(jittered(pause, u64::MAX), pause);
    let middle = jittered(pause, u64::MAX / 2);
    assert!(middle > pause / 2 && middle < pause, "{middle:?}");
}

#[test]
fn every_fault_has_its_tag_in_the_metrics() {
    let faults =
        [Fault::Fatal(String::new()), Fault::Panicked, Fault::OtherCluster, Fault::Silent, Fault::Outdated];
    let tags: Vec<_> = faults.iter().map(Fault::tag).collect();
    assert_eq!(tags, PRODUCERS_REPLACED[..PRODUCERS_REPLACED.len() - 1]);
    let metrics = crate::telemetry::Metrics::new();
    metrics.producer_replaced(Fault::Outdated.tag());
    let text = metrics.render(&crate::health::Readiness::default(), 0);
    assert!(text.contains("justcall_bridge_producers_replaced_total{reason=\"outdated\"} 1\n"), "{text}");
    assert!(text.contains("justcall_bridge_producers_replaced_total{reason=\"silent\"} 0\n"), "{text}");
}
