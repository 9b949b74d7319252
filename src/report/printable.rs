//! Session content must not control the terminal that shows it.

use std::borrow::Cow;

use crate::hail::is_invisible;

/// Shows control characters as `^X`, and those that reorder text (bidi controls) or hide in it as
/// `<U+XXXX>`; tabs and line feeds stay.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(needs_escape) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            harmless if !needs_escape(harmless) => shown.push(harmless),
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
    use super::{printable, single_line};

    #[test]
    fn shows_escapes_and_bidi_controls_instead_of_obeying_them() {
        assert_eq!(printable("\x1b[31mred\x07"), "^[[31mred^G");
        assert_eq!(printable("a\u{202e}b"), "a<U+202E>b");
        assert_eq!(printable("\u{9b}31m"), "<U+009B>31m");
        assert_eq!(printable("tab\tline\n"), "tab\tline\n");
        assert_eq!(single_line("a\nb\tc"), "a b c");
    }
}
