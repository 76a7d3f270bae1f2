//! Partition of a key.

#[cfg(test)]
mod tests;

/// Returns the partition of a key in a topic with `partitions` partitions, or `None` if `partitions` is 0.
///
/// Equals librdkafka's `murmur2_random` and the default of the Java client.
pub fn partition(key: &[u8], partitions: u32) -> Option<u32> {
    // Java's hash is signed. Kafka clears the sign bit.
    (murmur2(key) & 0x7fff_ffff).checked_rem(partitions)
}

/// Returns the 32-bit MurmurHash2 with Kafka's seed.
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
