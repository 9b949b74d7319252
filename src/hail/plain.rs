//! Finds what ends the plain part of a JSON string. Escapes stand too close together for a search that
//! has to be set up anew behind each, so the bytes are looked at block by block.

use wide::u8x16;

/// How many bytes a block has.
pub(super) const BLOCK: usize = 16;

/// Where the quotes and backslashes of a block are, as bits.
#[inline]
pub(super) fn ends(block: [u8; BLOCK]) -> u32 {
    let block = u8x16::new(block);
    (block.simd_eq(u8x16::splat(b'"')) | block.simd_eq(u8x16::splat(b'\\'))).to_bitmask()
}

/// The same of everything that a JSON string cannot hold as it is: control characters, too.
#[inline]
fn escapes(block: [u8; BLOCK]) -> u32 {
    let controls = u8x16::new(block).min(u8x16::splat(0x1f)).simd_eq(u8x16::new(block));
    ends(block) | controls.to_bitmask()
}

/// The blocks of `bytes`; the last is filled up with `~`.
#[inline]
pub(super) fn blocks(bytes: &[u8]) -> impl Iterator<Item = (usize, [u8; BLOCK])> {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    // Filled up only where the search gets so far: hardly any string is the end of its line.
    let last = rest.first().into_iter().map(move |_| {
        let mut last = [b'~'; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        (bytes.len() - rest.len(), last)
    });
    blocks.iter().enumerate().map(|(index, block)| (index * BLOCK, *block)).chain(last)
}

/// The places of the bits that are set in `mask`.
#[inline]
pub(super) fn places(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (mask != 0).then(|| mask.trailing_zeros() as usize)?;
        mask &= mask - 1;
        Some(place)
    })
}

/// Where the bytes are that a JSON string cannot hold as they are.
#[inline]
pub(super) fn to_be_escaped(text: &[u8]) -> impl Iterator<Item = usize> {
    blocks(text).flat_map(|(start, block)| places(escapes(block)).map(move |at| start + at))
}

#[cfg(test)]
mod tests {
    use super::{blocks, ends, places, to_be_escaped};

    #[test]
    fn every_byte_is_told_apart_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for before in 0..40 {
                let mut bytes = vec![b'~'; 50];
                bytes[before] = byte;
                let ends_strings = matches!(byte, b'"' | b'\\');
                let expected = |is: bool| if is { vec![before] } else { Vec::new() };
                let found = blocks(&bytes).flat_map(|(start, block)| places(ends(block)).map(move |at| start + at));
                assert_eq!(found.collect::<Vec<_>>(), expected(ends_strings), "{byte} at {before}");
                let found = to_be_escaped(&bytes).collect::<Vec<_>>();
                assert_eq!(found, expected(ends_strings || byte < b' '), "{byte} at {before}");
            }
        }
    }
}
