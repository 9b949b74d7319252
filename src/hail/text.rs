//! Text that may still be spelled as a log spells it.

use std::{fmt, ops::Deref, sync::OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::scan;

/// A text. Nearly all of a session is text that goes from one JSON file into another, and both spell it
/// the same way: it is decoded where somebody reads it.
#[derive(Clone, Default)]
pub struct Text {
    text: String,
    form: Form,
}

/// What [`Text::text`] holds.
#[derive(Clone, Default)]
enum Form {
    /// The text. Whether it needs escapes is not known.
    #[default]
    Plain,
    /// The text, which needs no escapes.
    Verbatim,
    /// How JSON spells the text; and the text, once somebody asked for it.
    Escaped(OnceLock<String>),
}

impl Text {
    /// Takes a text as canonical JSON spells it, without the quotes.
    pub(super) fn spelled(spelling: &str, has_escapes: bool) -> Self {
        let form = if has_escapes { Form::Escaped(OnceLock::new()) } else { Form::Verbatim };
        Self { text: spelling.to_owned(), form }
    }

    /// How canonical JSON spells the text, without the quotes, where that is known.
    pub(crate) fn spelling(&self) -> Option<&str> {
        (!matches!(self.form, Form::Plain)).then_some(&self.text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.form {
            Form::Plain | Form::Verbatim => &self.text,
            Form::Escaped(decoded) => decoded.get_or_init(|| decode(&self.text)),
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text, which need not be copied.
    #[must_use]
    pub fn into_string(self) -> String {
        match self.form {
            Form::Plain | Form::Verbatim => self.text,
            Form::Escaped(decoded) => decoded.into_inner().unwrap_or_else(|| decode(&self.text)),
        }
    }

    /// The text, to be changed.
    pub fn to_mut(&mut self) -> &mut String {
        *self = std::mem::take(self).into_string().into();
        &mut self.text
    }
}

/// Canonical escapes are sound: the reader of the log has seen to it.
fn decode(spelling: &str) -> String {
    scan::decode(spelling).unwrap_or_default()
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { text, form: Form::Plain }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<std::borrow::Cow<'_, str>> for Text {
    fn from(text: std::borrow::Cow<'_, str>) -> Self {
        text.into_owned().into()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::Scanner, Text};

    fn read(json: &str) -> Text {
        Scanner::new(json).passage().expect("a string")
    }

    #[test]
    fn a_spelling_is_kept_where_it_is_the_canonical_one() {
        for (json, is_kept) in [
            (r#""plain""#, true),
            (r#""é\n\t\"\\ \b\f\r\u0000\u001b[0m""#, true),
            (r#""a\/b""#, false),
            (r#""\u00e9""#, false),
            (r#""\u001B""#, false),
            (r#""\u000a""#, false),
            (r#""\ud83d\ude00""#, false),
        ] {
            let text = read(json);
            let decoded: String = serde_json::from_str(json).expect("JSON");
            assert_eq!(text.spelling().is_some(), is_kept, "{json}");
            assert_eq!(text.as_str(), decoded, "{json}");
            assert_eq!(text.clone().into_string(), decoded, "{json}");
            assert_eq!(serde_json::to_string(&text).expect("JSON"), serde_json::to_string(&decoded).expect("JSON"));
        }
        assert!(Scanner::new(r#""\x""#).passage().is_none() && Scanner::new(r#""open"#).passage().is_none());
    }

    #[test]
    fn what_is_changed_has_no_spelling_any_more() {
        let mut text = read(r#""a\nb""#);
        text.to_mut().push('\n');
        assert_eq!((text.as_str(), text.spelling()), ("a\nb\n", None));
    }

    proptest! {
        #[test]
        fn any_text_is_the_same_spelled_and_decoded(text in any::<String>()) {
            let json = serde_json::to_string(&text).expect("JSON");
            let read = read(&json);
            prop_assert_eq!(read.spelling(), Some(&json[1..json.len() - 1]));
            prop_assert_eq!(read.as_str(), text);
        }
    }
}
