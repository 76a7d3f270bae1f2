//! Which partition a key goes to.

#[cfg(test)]
mod tests;

/// The partition of a key in a topic of so many partitions, as the bridge's `murmur2_random` and the Java
/// client's default choose it. `None` where there are none.
pub fn partition(key: &[u8], partitions: u32) -> Option<u32> {
    // The hash is a signed integer in Java, made positive by dropping its sign.
    (murmur2(key) & 0x7fff_ffff).checked_rem(partitions)
}

/// MurmurHash2 of 32 bits with Kafka's seed.
fn murmur2(bytes: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let mix = |word: u32| {
        let word = word.wrapping_mul(M);
        (word ^ (word >> 24)).wrapping_mul(M)
    };
    // Cut to 32 bits, as Java's lengths are.
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
