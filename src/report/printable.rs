//! Session content must not control the terminal that shows it.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use crate::hail::is_invisible;

/// Shows control characters as `^X`, and those that reorder text (bidi controls) or hide in it as
/// `<U+XXXX>`; tabs and line feeds stay, and so does what chooses between a sign and its picture.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(needs_escape) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut has_base = false;
    for character in text.chars() {
        let is_presentation = has_base && matches!(character, '\u{fe0e}' | '\u{fe0f}');
        has_base = !needs_escape(character) && !character.is_whitespace();
        match character {
            harmless if is_presentation || !needs_escape(harmless) => shown.push(harmless),
            '\u{7f}' => shown.push_str("^?"),
            control @ '\0'..='\x1f' => {
                shown.push('^');
                shown.push(char::from(control as u8 + b'@'));
            }
            other => shown.push_str(&format!("<U+{:04X}>", u32::from(other))),
        }
    }
    Cow::Owned(shown)
}

/// JSON of the same value without a character that a terminal obeys or that cannot be seen: `\uXXXX` stands
/// for each. What JSON itself is made of is none of them.
pub(super) fn escape_json(json: &str) -> Cow<'_, str> {
    let is_hidden = |character: char| !character.is_ascii_control() && needs_escape(character) || character == '\u{7f}';
    if !json.contains(is_hidden) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if is_hidden(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// Writes JSON on to `out` as [`escape_json`] has it.
pub(super) struct JsonEscaper<'w> {
    out: &'w mut dyn Write,
    /// The first bytes of a character whose last ones are not here yet.
    begun: Vec<u8>,
}

impl<'w> JsonEscaper<'w> {
    pub(super) fn new(out: &'w mut dyn Write) -> Self {
        Self { out, begun: Vec::new() }
    }
}

impl Write for JsonEscaper<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.begun) {
            Ok(text) => text.len(),
            Err(fault) if fault.error_len().is_none() => fault.valid_up_to(),
            // Not UTF-8: there is no character to escape.
            Err(_) => 0,
        };
        let rest = self.begun.split_off(whole);
        let text = String::from_utf8_lossy(&self.begun);
        self.out.write_all(escape_json(&text).as_bytes())?;
        self.begun = rest;
        if self.begun.len() > 3 {
            self.out.write_all(escape_json(&String::from_utf8_lossy(&std::mem::take(&mut self.begun))).as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Like [`printable`], in one line: line feeds and tabs become spaces.
#[must_use]
pub fn single_line(text: &str) -> String {
    printable(text).replace(['\n', '\t'], " ")
}

fn needs_escape(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        other => other.is_control() || is_invisible(other),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{JsonEscaper, escape_json, needs_escape, printable, single_line};

    #[test]
    fn escaped_json_has_the_same_value_and_nothing_that_is_obeyed_or_hidden() {
        let text: String =
            ('\0'..=char::MAX).filter(|character| needs_escape(*character) || *character < '\u{100}').collect();
        let value = serde_json::json!({ (text.clone()): [text, "a\u{e0041}b"], "plain": "ä 漢 \u{1f600}" });
        for json in [value.to_string(), serde_json::to_string_pretty(&value).expect("JSON")] {
            let escaped = escape_json(&json);
            assert!(!escaped.contains(|character| character != '\n' && needs_escape(character)), "{escaped:?}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).expect("JSON"), value);
            for size in [1, 2, 3, 1000] {
                let mut out = Vec::new();
                let mut writer = JsonEscaper::new(&mut out);
                json.as_bytes().chunks(size).for_each(|chunk| writer.write_all(chunk).expect("memory"));
                assert_eq!(String::from_utf8(out).expect("UTF-8"), escaped);
            }
        }
        assert_eq!(escape_json("\"\u{e0041}\u{9b}\u{7f}\""), r#""\udb40\udc41\u009b\u007f""#);
    }

    #[test]
    fn shows_escapes_and_bidi_controls_instead_of_obeying_them() {
        assert_eq!(printable("\x1b[31mred\x07"), "^[[31mred^G");
        assert_eq!(printable("a\u{202e}b"), "a<U+202E>b");
        assert_eq!(printable("\u{9b}31m"), "<U+009B>31m");
        assert_eq!(printable("tab\tline\n"), "tab\tline\n");
        assert_eq!(printable("\u{26a0}\u{fe0f} care"), "\u{26a0}\u{fe0f} care");
        assert_eq!(printable("a\u{fe0f}\u{fe0f}\u{e0100}"), "a\u{fe0f}<U+FE0F><U+E0100>");
        assert_eq!(printable("a\u{2028}\u{e0041}\u{ad}\u{3164}"), "a<U+2028><U+E0041><U+00AD><U+3164>");
        assert_eq!(single_line("a\nb\tc"), "a b c");
    }
}
