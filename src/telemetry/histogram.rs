//! Histogram without a lock.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Histogram of durations. Clones share their counts. The histogram of prometheus-client takes a mutex, on
/// which all workers would wait.
#[derive(Debug, Clone)]
pub struct Histogram(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Upper bounds in microseconds, ascending.
    bounds: &'static [u64],
    /// One counter for each bound, and one for longer durations.
    buckets: Vec<AtomicU64>,
    /// Overflows after 584 years.
    sum_nanos: AtomicU64,
}

impl Histogram {
    /// Takes upper bounds in microseconds, ascending.
    pub fn new(bounds: &'static [u64]) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Inner { bounds, buckets, sum_nanos: AtomicU64::new(0) }))
    }

    pub fn observe(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = self.0.bounds.partition_point(|bound| bound.saturating_mul(1000) < nanos);
        self.0.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.0.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Returns the upper bound in seconds and the own count of each bucket.
    fn snapshot(&self) -> Vec<(f64, u64)> {
        let bounds = self.0.bounds.iter().map(|micros| *micros as f64 / 1e6).chain([f64::INFINITY]);
        bounds.zip(self.0.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed))).collect()
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder) -> std::fmt::Result {
        let buckets = self.snapshot();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = self.0.sum_nanos.load(Ordering::Relaxed) as f64 / 1e9;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[cfg(test)]
mod tests {
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
}
