//! What a command prints, where its text tells that.

use std::sync::Arc;

use super::{command::Command, escapes::unescape, token::Word};

/// The longest output that is put together, in bytes.
const MAX_OUTPUT: usize = 1 << 20;

/// What a command prints when it reads this.
pub(super) fn output(command: &Command, input: Option<&Arc<str>>) -> Option<Arc<str>> {
    match command.name() {
        "cat" if command.arguments().iter().all(|word| word.text == "-") => input.cloned(),
        "tee" => input.cloned(),
        ":" | "true" => Some(Arc::from("")),
        "echo" => echoed(command).map(Arc::from),
        "printf" => printed(command).map(Arc::from),
        _ => None,
    }
}

/// Whether the lines of a word are worth keeping: an expansion spoils one line only.
fn is_known(word: &Word) -> bool {
    !word.is_open() || word.text.trim_end().contains('\n')
}

fn echoed(command: &Command) -> Option<String> {
    let is_option = |word: &&Word| {
        let letters = word.text.strip_prefix('-').unwrap_or_default();
        !letters.is_empty() && letters.bytes().all(|byte| matches!(byte, b'n' | b'e' | b'E'))
    };
    let options: Vec<&Word> = command.arguments().iter().take_while(is_option).collect();
    let words = &command.arguments()[options.len()..];
    if !words.iter().all(is_known) {
        return None;
    }
    let mut text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    if options.iter().any(|word| word.text.contains('e')) {
        text = unescape(&text);
    }
    if !options.iter().any(|word| word.text.contains('n')) {
        text.push('\n');
    }
    Some(text)
}

fn printed(command: &Command) -> Option<String> {
    let words = command.arguments();
    let words = if words.first().is_some_and(|word| word.text == "--") { &words[1..] } else { words };
    let (format, mut values) = words.split_first()?;
    if format.text == "-v" || !is_known(format) || !values.iter().all(is_known) {
        return None;
    }
    let mut text = String::new();
    loop {
        let before = values.len();
        values = with_values(&format.text, values, &mut text)?;
        // A format is used again as long as there are values.
        if values.is_empty() || values.len() == before {
            return Some(text);
        }
        if text.len() > MAX_OUTPUT {
            return None;
        }
    }
}

/// Writes a format with the values that it takes; returns those that are left.
fn with_values<'a>(format: &str, mut values: &'a [Word], text: &mut String) -> Option<&'a [Word]> {
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        text.push_str(&unescape(&rest[..at]));
        let directive = *rest.as_bytes().get(at + 1)?;
        if directive == b'%' {
            text.push('%');
        } else {
            let value = values.first().map_or("", |word| word.text.as_str());
            values = values.get(1..).unwrap_or_default();
            match directive {
                b's' => text.push_str(value),
                b'b' => text.push_str(&unescape(value)),
                b'd' | b'i' if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                    text.push_str(if value.is_empty() { "0" } else { value });
                }
                _ => return None,
            }
        }
        rest = &rest[at + 2..];
    }
    text.push_str(&unescape(rest));
    Some(values)
}
