//! The service's hash of partition keys: Bob Jenkins' lookup3, as the official SDKs have it.

/// Which of `partitions` a key belongs to. Stable: it depends on nothing else.
pub(crate) fn partition_of(key: &str, partitions: usize) -> usize {
    // As the .NET and Java SDKs take it; the remainder keeps the sign before it loses it.
    let partitions = i32::try_from(partitions.max(1)).unwrap_or(i32::MAX);
    usize::try_from((i32::from(hash(key)) % partitions).unsigned_abs()).unwrap_or_default()
}

//= client: A partition key belongs to the partition that the official SDKs compute for it.
fn hash(key: &str) -> i16 {
    if key.is_empty() {
        return 0;
    }
    let (high, low) = lookup3(key.as_bytes());
    let mixed = (high ^ low).to_be_bytes();
    i16::from_be_bytes([mixed[2], mixed[3]])
}

fn lookup3(data: &[u8]) -> (u32, u32) {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let begin = 0xdead_beef_u32.wrapping_add(length);
    let mut state = [begin, begin, begin];
    let mut blocks = data;
    while blocks.len() > 12 {
        let (block, rest) = blocks.split_at(12);
        add(&mut state, block);
        mix(&mut state);
        blocks = rest;
    }
    add(&mut state, blocks);
    finish(&mut state);
    (state[2], state[1])
}

fn add(state: &mut [u32; 3], block: &[u8]) {
    for (at, byte) in block.iter().enumerate() {
        state[at / 4] = state[at / 4].wrapping_add(u32::from(*byte) << (8 * (at % 4)));
    }
}

fn mix(state: &mut [u32; 3]) {
    let [mut a, mut b, mut c] = *state;
    for (first, second, third) in [(4, 6, 8), (16, 19, 4)] {
        a = a.wrapping_sub(c) ^ c.rotate_left(first);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(second);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(third);
        b = b.wrapping_add(a);
    }
    *state = [a, b, c];
}

fn finish(state: &mut [u32; 3]) {
    let [mut a, mut b, mut c] = *state;
    let take = |from: u32, other: u32, by: u32| (from ^ other).wrapping_sub(other.rotate_left(by));
    c = take(c, b, 14);
    a = take(a, c, 11);
    b = take(b, a, 25);
    c = take(c, b, 16);
    a = take(a, c, 4);
    b = take(b, a, 14);
    c = take(c, b, 24);
    *state = [a, b, c];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_official_sdks_hash() {
        // From azure-eventhub 5.15.1, `generate_hash_code`. Beyond ASCII that SDK hashes code points
        // where the others hash UTF-8, as here; so there is no case of it.
        for (key, expected) in [
            ("thermo_0001", -3467),
            ("Room_11", -24004),
            ("a", -16220),
            ("", 0),
            ("twelve bytes", 6222),
            ("thirteen byte", -13793),
            ("a longer partition key of some length", -15436),
        ] {
            assert_eq!(hash(key), expected, "{key}");
        }
        assert_eq!(partition_of("thermo_0001", 16), 11);
        assert_eq!(partition_of("anything", 1), 0);
    }
}
