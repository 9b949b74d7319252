//! Writes JSON as `serde_json` does, byte for byte, but strings many bytes at a time: almost all of a
//! session is long strings.

use serde::{
    Serialize, Serializer,
    ser::{self, Impossible},
};

use super::plain;

/// The name of a structure that is nothing but a string spelled as in JSON.
const SPELLED: &str = "git_session::Spelled";

/// Writes `value` as JSON without spaces.
pub(super) fn write(out: &mut Vec<u8>, value: &impl Serialize) -> serde_json::Result<()> {
    value.serialize(&mut Json { out, is_spelled: false })
}

/// A string that is spelled as in JSON already, without the quotes. Only for [`write`]: any other
/// serializer takes it for the string itself.
pub(super) struct Spelled<'a>(pub(super) &'a str);

impl Serialize for Spelled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(SPELLED, self.0)
    }
}

struct Json<'o> {
    out: &'o mut Vec<u8>,
    /// Whether the next string is spelled already.
    is_spelled: bool,
}

type Written = serde_json::Result<()>;

/// Writes what stands between the quotes.
fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let (bytes, mut done) = (text.as_bytes(), 0);
    for at in plain::to_be_escaped(bytes) {
        out.extend_from_slice(&bytes[done..at]);
        write_escape(out, bytes[at]);
        done = at + 1;
    }
    out.extend_from_slice(&bytes[done..]);
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    let letter = match byte {
        b'\n' => b'n',
        b'"' | b'\\' => byte,
        b'\t' => b't',
        b'\r' => b'r',
        0x08 => b'b',
        0x0c => b'f',
        _ => return out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
    };
    out.extend_from_slice(&[b'\\', letter]);
}

macro_rules! numbers {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Written {
            serde_json::to_writer(&mut *self.out, &value)
        }
    )*};
}

impl<'a, 'o> Serializer for &'a mut Json<'o> {
    type Ok = ();
    type Error = serde_json::Error;
    type SerializeSeq = Compound<'a, 'o>;
    type SerializeTuple = Compound<'a, 'o>;
    type SerializeTupleStruct = Compound<'a, 'o>;
    type SerializeTupleVariant = Impossible<(), serde_json::Error>;
    type SerializeMap = Compound<'a, 'o>;
    type SerializeStruct = Compound<'a, 'o>;
    type SerializeStructVariant = Impossible<(), serde_json::Error>;

    numbers!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_f32: f32, serialize_f64: f64
    );

    fn serialize_bool(self, value: bool) -> Written {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_char(self, value: char) -> Written {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Written {
        self.out.push(b'"');
        if std::mem::take(&mut self.is_spelled) {
            self.out.extend_from_slice(value.as_bytes());
        } else {
            write_escaped(self.out, value);
        }
        self.out.push(b'"');
        Ok(())
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
        self.out.extend_from_slice(b"null");
        Ok(())
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

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'a, 'o>, serde_json::Error> {
        self.open(b'[', b']')
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'a, 'o>, serde_json::Error> {
        self.open(b'[', b']')
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound<'a, 'o>, serde_json::Error> {
        self.open(b'[', b']')
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), serde_json::Error>, serde_json::Error> {
        Err(untagged())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'a, 'o>, serde_json::Error> {
        self.open(b'{', b'}')
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Compound<'a, 'o>, serde_json::Error> {
        self.open(b'{', b'}')
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Impossible<(), serde_json::Error>, serde_json::Error> {
        Err(untagged())
    }
}

/// Every enum of the model names its kind in a field.
fn untagged() -> serde_json::Error {
    ser::Error::custom("an enum without a tag has no place in a session")
}

impl<'o> Json<'o> {
    fn open(&mut self, begin: u8, end: u8) -> serde_json::Result<Compound<'_, 'o>> {
        self.out.push(begin);
        Ok(Compound { json: self, is_first: true, end })
    }
}

/// An array or an object that is being written.
struct Compound<'a, 'o> {
    json: &'a mut Json<'o>,
    is_first: bool,
    end: u8,
}

impl Compound<'_, '_> {
    fn separate(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.json.out.push(b',');
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.separate();
        value.serialize(&mut *self.json)
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.json.out.push(b':');
        value.serialize(&mut *self.json)
    }

    fn close(self) -> Written {
        self.json.out.push(self.end);
        Ok(())
    }
}

macro_rules! arrays {
    ($($kind:ident: $method:ident),*) => {$(
        impl ser::$kind for Compound<'_, '_> {
            type Ok = ();
            type Error = serde_json::Error;

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

impl ser::SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = serde_json::Error;

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

impl ser::SerializeStruct for Compound<'_, '_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Written {
        self.separate();
        // The names of fields need no escapes.
        self.json.out.push(b'"');
        self.json.out.extend_from_slice(key.as_bytes());
        self.json.out.push(b'"');
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

    use super::write;

    fn written(value: &Value) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes, value).expect("no enum without a tag");
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
