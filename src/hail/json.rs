//! Writes JSON as `serde_json` does, byte for byte, but strings eight bytes at a time: almost all of
//! a session is long strings.

use std::io::{self, Write};

use serde::{
    Serialize, Serializer,
    ser::{self, Impossible},
};

/// The name of a structure that is nothing but a string spelled as in JSON.
const SPELLED: &str = "git_session::Spelled";

/// Writes `value` as JSON without spaces.
pub(super) fn to_writer(out: impl Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Json { out, is_spelled: false }).map_err(|Fault(fault)| fault)
}

/// A string that is spelled as in JSON already, without the quotes. Only for [`to_writer`]: any other
/// serializer takes it for the string itself.
pub(super) struct Spelled<'a>(pub(super) &'a str);

impl Serialize for Spelled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(SPELLED, self.0)
    }
}

struct Json<W> {
    out: W,
    /// Whether the next string is spelled already.
    is_spelled: bool,
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Fault(#[from] io::Error);

impl From<serde_json::Error> for Fault {
    fn from(fault: serde_json::Error) -> Self {
        Self(fault.into())
    }
}

impl ser::Error for Fault {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(io::Error::other(message.to_string()))
    }
}

type Written = Result<(), Fault>;

/// Writes a string in quotes.
fn write_string(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(b"\"")?;
    let mut rest = text.as_bytes();
    while let Some(plain) = plain_prefix(rest) {
        let (before, after) = rest.split_at(plain);
        out.write_all(before)?;
        let Some((byte, after)) = after.split_first() else { break };
        write_escaped(out, *byte)?;
        rest = after;
    }
    out.write_all(b"\"")
}

fn write_spelled(out: &mut impl Write, spelling: &str) -> io::Result<()> {
    out.write_all(b"\"")?;
    out.write_all(spelling.as_bytes())?;
    out.write_all(b"\"")
}

/// How many bytes need no escape, or `None` at the end.
fn plain_prefix(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    if bytes.is_empty() {
        return None;
    }
    let mut plain = 0;
    for chunk in bytes.chunks_exact(8) {
        let word = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
        // A byte minus a larger one borrows into its highest bit; the lowest such byte is no error.
        let is_zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let quotes = is_zero(word ^ (ONES * u64::from(b'"')));
        let backslashes = is_zero(word ^ (ONES * u64::from(b'\\')));
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        let found = (quotes | backslashes | controls) & HIGHS;
        if found != 0 {
            return Some(plain + found.trailing_zeros() as usize / 8);
        }
        plain += 8;
    }
    let needs_escape = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
    Some(bytes[plain..].iter().position(needs_escape).map_or(bytes.len(), |at| plain + at))
}

fn write_escaped(out: &mut impl Write, byte: u8) -> io::Result<()> {
    let short = match byte {
        b'\n' => b"\\n",
        b'"' => b"\\\"",
        b'\\' => b"\\\\",
        b'\t' => b"\\t",
        b'\r' => b"\\r",
        0x08 => b"\\b",
        0x0c => b"\\f",
        _ => return write!(out, "\\u{byte:04x}"),
    };
    out.write_all(short)
}

macro_rules! numbers {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Written {
            Ok(serde_json::to_writer(&mut self.out, &value)?)
        }
    )*};
}

impl<'a, W: Write> Serializer for &'a mut Json<W> {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = Compound<'a, W>;
    type SerializeTuple = Compound<'a, W>;
    type SerializeTupleStruct = Compound<'a, W>;
    type SerializeTupleVariant = Impossible<(), Fault>;
    type SerializeMap = Compound<'a, W>;
    type SerializeStruct = Compound<'a, W>;
    type SerializeStructVariant = Impossible<(), Fault>;

    numbers!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_f32: f32, serialize_f64: f64
    );

    fn serialize_bool(self, value: bool) -> Written {
        Ok(self.out.write_all(if value { b"true" } else { b"false" })?)
    }

    fn serialize_char(self, value: char) -> Written {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Written {
        if std::mem::take(&mut self.is_spelled) {
            return Ok(write_spelled(&mut self.out, value)?);
        }
        Ok(write_string(&mut self.out, value)?)
    }

    fn serialize_bytes(self, value: &[u8]) -> Written {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Written {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        Ok(self.out.write_all(b"null")?)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Written {
        self.is_spelled = name == SPELLED;
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Written {
        Err(untagged())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'a, W>, Fault> {
        self.open(b'[', b']')
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'a, W>, Fault> {
        self.open(b'[', b']')
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound<'a, W>, Fault> {
        self.open(b'[', b']')
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), Fault>, Fault> {
        Err(untagged())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'a, W>, Fault> {
        self.open(b'{', b'}')
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Compound<'a, W>, Fault> {
        self.open(b'{', b'}')
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), Fault>, Fault> {
        Err(untagged())
    }
}

/// Every enum of the model names its kind in a field.
fn untagged() -> Fault {
    ser::Error::custom("an enum without a tag has no place in a session")
}

impl<W: Write> Json<W> {
    fn open(&mut self, begin: u8, end: u8) -> Result<Compound<'_, W>, Fault> {
        self.out.write_all(&[begin])?;
        Ok(Compound { json: self, is_first: true, end })
    }
}

/// An array or an object that is being written.
struct Compound<'a, W> {
    json: &'a mut Json<W>,
    is_first: bool,
    end: u8,
}

impl<W: Write> Compound<'_, W> {
    fn next(&mut self) -> Written {
        if !std::mem::take(&mut self.is_first) {
            self.json.out.write_all(b",")?;
        }
        Ok(())
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.next()?;
        value.serialize(&mut *self.json)
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.json.out.write_all(b":")?;
        value.serialize(&mut *self.json)
    }

    fn close(self) -> Written {
        Ok(self.json.out.write_all(&[self.end])?)
    }
}

macro_rules! arrays {
    ($($kind:ident: $method:ident),*) => {$(
        impl<W: Write> ser::$kind for Compound<'_, W> {
            type Ok = ();
            type Error = Fault;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
                self.element(value)
            }

            fn end(self) -> Written {
                self.close()
            }
        }
    )*};
}

arrays!(SerializeSeq: serialize_element, SerializeTuple: serialize_element, SerializeTupleStruct: serialize_field);

impl<W: Write> ser::SerializeMap for Compound<'_, W> {
    type Ok = ();
    type Error = Fault;

    /// The keys of the model are strings.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        self.element(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.value(value)
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl<W: Write> ser::SerializeStruct for Compound<'_, W> {
    type Ok = ();
    type Error = Fault;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Written {
        self.element(key)?;
        self.value(value)
    }

    fn end(self) -> Written {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::to_writer;

    fn written(value: &Value) -> String {
        let mut bytes = Vec::new();
        to_writer(&mut bytes, value).expect("memory takes all");
        String::from_utf8(bytes).expect("JSON is text")
    }

    #[test]
    fn every_character_is_written_as_serde_json_writes_it_wherever_it_stands() {
        for before in 0..9 {
            for character in ('\0'..'\u{180}').chain(['\u{2028}', '\u{fffd}', '\u{1f600}']) {
                let value = Value::from(format!("{}{character}{character}, and so on", "x".repeat(before)));
                assert_eq!(written(&value), value.to_string());
            }
        }
    }

    #[test]
    fn values_are_written_as_serde_json_writes_them() {
        let value = json!({"a": [1, -2, 0.5, 1e300, u64::MAX, null, true, {}], "": [], "b": {"c\n": "\"\\"}});
        assert_eq!(written(&value), value.to_string());
    }

    proptest! {
        #[test]
        fn any_text_is_written_as_serde_json_writes_it(text in any::<String>()) {
            let value = Value::from(text);
            prop_assert_eq!(written(&value), value.to_string());
        }
    }
}
