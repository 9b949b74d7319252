//! The escapes of `$'…'`, `printf` and `echo -e`.

/// Puts in place of every escape what it means.
pub(super) fn unescape(text: &str) -> String {
    let mut found = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        found.push_str(&rest[..at]);
        let (char, length) = escape(&rest[at + 1..]);
        match char {
            Some(char) => found.push(char),
            None => found.push_str(&rest[at..=at + length]),
        }
        rest = &rest[at + 1 + length..];
    }
    found.push_str(rest);
    found
}

/// What follows a backslash: the character that is meant, and how many bytes say so.
fn escape(text: &str) -> (Option<char>, usize) {
    let Some(first) = text.chars().next() else { return (None, 0) };
    let char = match first {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'e' | 'E' => '\u{1b}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '\\' | '\'' | '"' | '?' => first,
        'x' => return number(text, 1, 2, 16),
        'u' => return number(text, 1, 4, 16),
        'U' => return number(text, 1, 8, 16),
        '0'..='7' => return number(text, 0, if first == '0' { 4 } else { 3 }, 8),
        _ => return (None, first.len_utf8()),
    };
    (Some(char), first.len_utf8())
}

fn number(text: &str, start: usize, digits: usize, radix: u32) -> (Option<char>, usize) {
    let length = text[start..].bytes().take(digits).take_while(|byte| char::from(*byte).is_digit(radix)).count();
    let value = u32::from_str_radix(&text[start..start + length], radix).ok();
    (value.and_then(char::from_u32), start + length)
}

/// An unquoted here-document: `\$`, `` \` `` and `\\` stand for themselves, and lines can be joined.
pub(super) fn unescape_document(body: &str) -> String {
    let mut found = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.find('\\') {
        found.push_str(&rest[..at]);
        match rest.as_bytes().get(at + 1) {
            Some(b'\n') => {}
            Some(byte @ (b'$' | b'`' | b'\\')) => found.push(char::from(*byte)),
            _ => {
                found.push('\\');
                rest = &rest[at + 1..];
                continue;
            }
        }
        rest = &rest[at + 2..];
    }
    found.push_str(rest);
    found
}
