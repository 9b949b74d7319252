//! Finds what ends the plain part of a JSON string. Escapes stand too close together for a search that
//! has to be set up, so a block of bytes is looked at in one go.

/// How many bytes come before the first quote or backslash.
pub(super) fn read_length(bytes: &[u8]) -> usize {
    length::<false>(bytes)
}

/// How many bytes come before the first that a JSON string cannot hold as it is: a quote, a backslash, or
/// a control character.
pub(super) fn write_length(bytes: &[u8]) -> usize {
    length::<true>(bytes)
}

/// A block: two words of eight bytes, in each of which a byte that is sought sets its highest bit.
const BLOCK: usize = 16;
const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

#[inline]
fn length<const CONTROLS: bool>(bytes: &[u8]) -> usize {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for (index, block) in blocks.iter().enumerate() {
        if let Some(at) = first::<CONTROLS>(block) {
            return index * BLOCK + at;
        }
    }
    if let (false, Some(last)) = (rest.is_empty(), bytes.last_chunk()) {
        return first::<CONTROLS>(last).map_or(bytes.len(), |at| bytes.len() - BLOCK + at);
    }
    let is_plain = |byte: &&u8| !matches!(byte, b'"' | b'\\') && !(CONTROLS && **byte < b' ');
    blocks.len() * BLOCK + rest.iter().take_while(is_plain).count()
}

#[inline]
fn first<const CONTROLS: bool>(block: &[u8; BLOCK]) -> Option<usize> {
    let ([low, high], []) = block.as_chunks() else { return None };
    let (low, high) = (marked::<CONTROLS>(*low), marked::<CONTROLS>(*high));
    if low | high == 0 {
        return None;
    }
    let bits = if low == 0 { 64 + high.trailing_zeros() } else { low.trailing_zeros() };
    Some(bits as usize / 8)
}

#[inline]
fn marked<const CONTROLS: bool>(bytes: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(bytes);
    // A byte minus a larger one borrows into its highest bit; the lowest such byte is no error.
    let equal = |byte: u8| {
        let differing = word ^ (ONES * u64::from(byte));
        differing.wrapping_sub(ONES) & !differing
    };
    let controls = if CONTROLS { word.wrapping_sub(ONES * 0x20) & !word } else { 0 };
    (equal(b'"') | equal(b'\\') | controls) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::{read_length, write_length};

    #[test]
    fn every_byte_is_told_apart_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for before in 0..40 {
                let mut bytes = vec![b'~'; 50];
                bytes[before] = byte;
                let ends_reading = matches!(byte, b'"' | b'\\');
                let ends_writing = ends_reading || byte < b' ';
                assert_eq!(read_length(&bytes), if ends_reading { before } else { 50 }, "{byte} at {before}");
                assert_eq!(write_length(&bytes), if ends_writing { before } else { 50 }, "{byte} at {before}");
                assert_eq!(write_length(&bytes[..before]), before);
            }
        }
    }
}
