use super::*;
use crate::telemetry::tags::PRODUCERS_REPLACED;

#[test]
fn every_fault_has_its_tag_in_the_metrics() {
    let faults = [
        ClientFault::Fatal(String::new()),
        ClientFault::Panicked,
        ClientFault::OtherCluster,
        ClientFault::Stalled,
        ClientFault::Outdated,
    ];
    let tags: Vec<_> = faults.iter().map(ClientFault::tag).collect();
    assert_eq!(tags, PRODUCERS_REPLACED[..PRODUCERS_REPLACED.len() - 1]);
    let metrics = crate::telemetry::Metrics::new();
    metrics.producer_replaced(ClientFault::Outdated.tag());
    let text = metrics.render(&crate::health::Readiness::default(), 0);
    assert!(text.contains("justcall_bridge_producers_replaced_total{reason=\"outdated\"} 1\n"), "{text}");
    assert!(text.contains("justcall_bridge_producers_replaced_total{reason=\"silent\"} 0\n"), "{text}");
}
