//! MD5 (RFC 1321), by which Kimi CLI names the folders of its sessions; it protects nothing here.

/// How far each of four rounds of sixteen steps rotates.
const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// The digest in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut padded = bytes.to_vec();
    padded.push(0x80);
    // The length of the text takes the last eight bytes.
    padded.resize((padded.len() + 8).next_multiple_of(64), 0);
    let end = padded.len();
    padded[end - 8..].copy_from_slice(&(bytes.len() as u64 * 8).to_le_bytes());
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded.chunks_exact(64) {
        let before = state;
        for step in 0..64 {
            state = turn(state, step, block);
        }
        for (now, before) in state.iter_mut().zip(before) {
            *now = now.wrapping_add(before);
        }
    }
    state.iter().flat_map(|word| word.to_le_bytes()).map(|byte| format!("{byte:02x}")).collect()
}

fn turn([a, b, c, d]: [u32; 4], step: usize, block: &[u8]) -> [u32; 4] {
    let (mixed, place) = match step / 16 {
        0 => ((b & c) | (!b & d), step),
        1 => ((d & b) | (!d & c), (5 * step + 1) % 16),
        2 => (b ^ c ^ d, (3 * step + 5) % 16),
        _ => (c ^ (b | !d), (7 * step) % 16),
    };
    let word = block[place * 4..place * 4 + 4].iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
    let sum = a.wrapping_add(mixed).wrapping_add(word).wrapping_add(constant(step));
    [d, b.wrapping_add(sum.rotate_left(SHIFTS[step / 16][step % 4])), b, c]
}

/// The whole part of 2³² times the absolute sine of the step's number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is less than 2³² and not negative")]
fn constant(step: usize) -> u32 {
    let number = u32::try_from(step + 1).unwrap_or_default();
    (f64::from(number).sin().abs() * 4_294_967_296.0) as u32
}

#[cfg(test)]
mod tests {
    use super::hex;

    #[test]
    fn the_digests_are_those_of_the_rfc() {
        for (text, digest) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a",
            ),
        ] {
            assert_eq!(hex(text.as_bytes()), digest, "{text}");
        }
        // The padding fills the block exactly, or needs another one.
        for (length, digest) in [
            (55, "ef1772b6dff9a122358552954ad0df65"),
            (56, "3b0c8ac703f828b04c6c197006d17218"),
            (57, "652b906d60af96844ebd21b674f35e93"),
            (63, "b06521f39153d618550606be297466d5"),
            (64, "014842d480b571495a4a0363793f7367"),
            (65, "c743a45e0d2e6a95cb859adae0248435"),
        ] {
            assert_eq!(hex(&vec![b'a'; length]), digest, "{length}");
        }
    }
}
