use super::*;

/// Values of the Java client's tests.
#[test]
fn murmur2_equals_the_java_client() {
    for (text, hash) in [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ] {
        assert_eq!(murmur2(text.as_bytes()).cast_signed(), hash, "{text}");
    }
}

#[test]
fn partition_is_below_the_number_of_partitions() {
    assert_eq!(partition(b"foobar", 1), Some(0));
    assert_eq!(partition(b"", 0), None);
    for partitions in [2, 6, 1000] {
        assert!(partition(b"call_8f3a2b1c", partitions).is_some_and(|chosen| chosen < partitions));
    }
}
