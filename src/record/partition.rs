/// Equals librdkafka's `murmur2_random` and the default of the Java client. `None` if `partitions` is 0.
pub(crate) fn partition(key: &[u8], partitions: u32) -> Option<u32> {
    // Kafka clears the sign bit of Java's signed hash.
    (murmur2(key) & 0x7fff_ffff).checked_rem(partitions)
}

/// 32 bits, with Kafka's seed.
fn murmur2(bytes: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let mix = |word: u32| {
        let word = word.wrapping_mul(M);
        (word ^ (word >> 24)).wrapping_mul(M)
    };
    // Cut to 32 bits, like a length in Java.
    let mut hash = SEED ^ bytes.len() as u32;
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        hash = hash.wrapping_mul(M) ^ mix(u32::from_le_bytes(*word));
    }
    if !rest.is_empty() {
        let last = rest.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        hash = (hash ^ last).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the Java client's tests.
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
}
