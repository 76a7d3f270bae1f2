//! Latency histogram in constant memory.

use std::time::Duration;

/// Buckets in each power of two, so that no value is off by more than 1/64.
const STEPS_PER_OCTAVE: u64 = 64;

/// Histogram of durations in microseconds, from 1 µs to 12 days.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    buckets: Vec<u64>,
    count: u64,
    max: Duration,
}

impl Latencies {
    /// Adds one duration.
    pub(super) fn add(&mut self, latency: Duration) {
        let bucket = bucket_of(micros(latency));
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.max = self.max.max(latency);
    }

    /// Returns the longest duration, exactly.
    pub(super) fn max(&self) -> Duration {
        self.max
    }

    /// Returns the duration that `share` (0 to 1) of all values do not exceed.
    ///
    /// At most 1/64 too long. Zero if the histogram is empty.
    pub(super) fn quantile(&self, share: f64) -> Duration {
        let rank = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        bucket.map_or(Duration::ZERO, |at| Duration::from_micros(last_of(at)).min(self.max))
    }
}

fn micros(latency: Duration) -> u64 {
    // 40 bits of microseconds are twelve days, which need fewer than 2300 buckets.
    u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).min((1 << 40) - 1)
}

/// Returns the bucket of a value.
///
/// Values below `2 * STEPS_PER_OCTAVE` have a bucket each. Above, each power of two has `STEPS_PER_OCTAVE`
/// buckets.
fn bucket_of(value: u64) -> usize {
    let shift = (value / STEPS_PER_OCTAVE).checked_ilog2().unwrap_or(0);
    (u64::from(shift) * STEPS_PER_OCTAVE + (value >> shift)) as usize
}

/// Returns the largest value of a bucket.
fn last_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let shift = (bucket / STEPS_PER_OCTAVE).saturating_sub(1);
    ((bucket - shift * STEPS_PER_OCTAVE + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantile_error_is_at_most_one_64th() {
        for micros in [0, 1, 63, 64, 127, 128, 129, 1_000, 65_535, 65_536, 1_234_567, 30_000_000] {
            let mut latencies = Latencies::default();
            latencies.add(Duration::from_micros(micros));
            latencies.add(Duration::from_secs(100));
            let shown = latencies.quantile(0.5).as_micros() as u64;
            assert!((micros..=micros + micros / 64).contains(&shown), "{micros} shown as {shown}");
        }
    }

    #[test]
    fn quantiles_split_the_sorted_values() {
        let mut latencies = Latencies::default();
        for micros in (1..=100).rev() {
            latencies.add(Duration::from_micros(micros));
        }
        let quantile = |share| latencies.quantile(share).as_micros();
        assert_eq!((quantile(0.0), quantile(0.5), quantile(0.9), quantile(0.99)), (1, 50, 90, 99));
        assert_eq!(latencies.max(), Duration::from_micros(100));
    }

    #[test]
    fn quantiles_never_exceed_the_maximum() {
        let mut latencies = Latencies::default();
        latencies.add(Duration::from_micros(1_000_001));
        assert_eq!(latencies.quantile(0.99), latencies.max());
    }

    #[test]
    fn memory_is_bounded() {
        let mut latencies = Latencies::default();
        latencies.add(Duration::MAX);
        assert!(latencies.buckets.len() < 2300);
        assert_eq!(Latencies::default().quantile(0.5), Duration::ZERO);
    }

    #[test]
    fn each_bucket_ends_where_the_next_begins() {
        for bucket in 0..2000 {
            assert_eq!(bucket_of(last_of(bucket)), bucket);
            assert_eq!(bucket_of(last_of(bucket) + 1), bucket + 1);
        }
    }
}
