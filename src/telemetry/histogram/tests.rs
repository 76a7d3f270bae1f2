use super::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

fn rendered(histogram: &Histogram) -> String {
    let mut registry = Registry::default();
    registry.register("h", "help", histogram.clone());
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text
}

#[test]
fn duration_equal_to_a_bound_is_in_its_bucket() {
    let histogram = Histogram::new(&[100, 1000]);
    histogram.observe(Duration::from_micros(100));
    histogram.observe(Duration::from_nanos(100_001));
    assert_eq!(histogram.snapshot(), [(0.0001, 1), (0.001, 1), (f64::INFINITY, 0)]);
}

#[test]
fn duration_above_all_bounds_is_counted_and_summed() {
    let histogram = Histogram::new(&[100]);
    histogram.observe(Duration::from_secs(3));
    histogram.observe(Duration::from_micros(50));
    let text = rendered(&histogram);
    assert!(text.contains("h_bucket{le=\"0.0001\"} 1\n"), "{text}");
    assert!(text.contains("h_bucket{le=\"+Inf\"} 2\n"), "{text}");
    assert!(text.contains("h_count 2\n"), "{text}");
    assert!(text.contains("h_sum 3.00005\n"), "{text}");
}
