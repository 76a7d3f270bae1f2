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
