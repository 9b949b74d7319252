//! Reads the fields of a protobuf message whose definition is not published.

/// What a field holds: numbers of fixed size are skipped.
pub(super) enum Field<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

/// The fields of a message with their numbers, in order; `None` where the bytes are no message.
pub(super) fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let number = key >> 3;
        match key & 7 {
            0 => found.push((number, Field::Number(varint(&mut bytes)?))),
            1 => drop(bytes.split_off(..8)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                found.push((number, Field::Bytes(bytes.split_off(..length)?)));
            }
            5 => drop(bytes.split_off(..4)?),
            _ => return None,
        }
    }
    Some(found)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Field, fields};

    #[test]
    fn reads_numbers_and_bytes_and_skips_numbers_of_fixed_size() {
        let bytes = [0x0a, 2, b'a', b'b', 0x28, 0x96, 0x01, 0x31, 0, 0, 0, 0, 0, 0, 0, 0, 0x3d, 0, 0, 0, 0, 0x4a, 0];
        let found = fields(&bytes).expect("a message");
        assert!(matches!(
            found.as_slice(),
            [(1, Field::Bytes(b"ab")), (5, Field::Number(150)), (9, Field::Bytes(b""))]
        ));
    }

    #[test]
    fn bytes_that_are_no_message_are_none() {
        for bytes in [&b"{\"role\":1}"[..], &[0x0a, 9, 1], &[0xff; 12], &[0x0b], &[0x09, 1]] {
            assert!(fields(bytes).is_none(), "{bytes:?}");
        }
    }
}
