//! Finds private keys in their armour.

use std::ops::Range;

/// The least of a key that is worth hiding, in bytes behind the armour's first line.
const LEAST_BODY: usize = 16;

/// How much may stand before a line of a key, in bytes.
const LONGEST_BEFORE: usize = 120;

/// Finds the block that begins at `start`: to its last line, or as far as it goes.
pub(super) fn find(text: &str, start: usize, reach: usize) -> Option<Range<usize>> {
    let bytes = &text.as_bytes()[start..text.len().min(start + reach)];
    let label = bytes.strip_prefix(b"-----BEGIN ")?;
    let dashes = memchr::memmem::find(&label[..label.len().min(64)], b"-----")?;
    let (label, body_start) = (&label[..dashes], 11 + dashes + 5);
    if !label.ends_with(b"PRIVATE KEY") && !label.ends_with(b"PRIVATE KEY BLOCK") {
        return None;
    }
    let body = &bytes[body_start..];
    let length = memchr::memmem::find(body, b"-----").unwrap_or(body.len());
    let armoured = |byte: &u8| {
        byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || b"+/=\\:,.-%()<>@\"'#|".contains(byte)
    };
    let length = body[..length].iter().take_while(|byte| armoured(byte)).count();
    let run =
        body[..length].split(|byte| !byte.is_ascii_alphanumeric() && !b"+/=".contains(byte)).map(<[u8]>::len).max();
    let last = end_line(&body[length..]);
    let listed = last.is_none().then(|| listed(text, start + body_start..start + bytes.len())).flatten();
    if run.unwrap_or(0) < LEAST_BODY {
        return listed.map(|end| start..end);
    }
    let end = body_start + length + last.unwrap_or(0);
    let range = start..start + bytes[..end].trim_ascii_end().len();
    let end = without_quote(text, range.clone());
    Some(start..listed.map_or(end, |listed| listed.max(end)))
}

/// The end of a key whose lines have something before them or behind them, as where a file is listed with the
/// numbers of its lines, in a frame, as a comment or as a diff. `None` where its lines are no lines of a key.
fn listed(text: &str, body: Range<usize>) -> Option<usize> {
    let body_start = body.start;
    let (mut at, mut key_end, mut others) = (body_start, None, 0);
    for line in text.get(body)?.split_inclusive('\n') {
        if let Some(dashes) = line.find("-----END ") {
            let last = end_line(&line.as_bytes()[dashes..]).filter(|_| key_end.is_some())?;
            return Some(at + dashes + last);
        }
        at += line.len();
        if is_key(line.trim_end()) {
            key_end = Some(at - (line.len() - line.trim_end().len()));
            others = 0;
        } else {
            // Headers come before the key, and what is left of it behind.
            others += 1;
            if others > if key_end.is_some() { 1 } else { 8 } || !is_before(line.trim_end()) {
                break;
            }
        }
    }
    key_end
}

/// Whether a line ends with a run of base64, and what is around it is no text of its own.
fn is_key(line: &str) -> bool {
    let end = line.trim_end_matches(|character: char| !character.is_ascii_alphanumeric() && character != '=').len();
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    let start = line.as_bytes()[..end].iter().rposition(|byte| !is_part(*byte)).map_or(0, |at| at + 1);
    end - start >= LEAST_BODY && is_before(line.get(..start).unwrap_or(line))
}

/// Whether `text` may stand before a line of a key: a number, a name of a file, signs; no sentence.
fn is_before(text: &str) -> bool {
    text.len() <= LONGEST_BEFORE && text.split_whitespace().count() <= 4
}

/// The length of a last line of armour.
fn end_line(rest: &[u8]) -> Option<usize> {
    let label = rest.strip_prefix(b"-----END ")?;
    memchr::memmem::find(&label[..label.len().min(64)], b"-----").map(|dashes| 9 + dashes + 5)
}

/// The end of a block that was cut off, without the quote that closes the string around it.
fn without_quote(text: &str, range: Range<usize>) -> usize {
    let block = text[range.clone()].trim_end_matches(['"', '\'', '\\', ',', ')', '.', '>', ' ']);
    range.start + block.len()
}

#[cfg(test)]
mod tests {
    use super::find;

    /// What tools print around the lines of a file; `N` is the number of the line.
    const AROUND: [(&str, &str); 22] = [
        ("", ""),
        ("     N→", ""),
        ("N\t", ""),
        ("  N │ ", " │"),
        ("│ ", " │"),
        ("┃ N ", " ┃"),
        ("| N | ", " |"),
        ("+", ""),
        ("-", ""),
        (" ", ""),
        ("> ", ""),
        ("> > ", ""),
        ("# ", ""),
        ("// ", ""),
        (" * ", ""),
        ("-- ", ""),
        ("certs/my_server.pem:N:", ""),
        ("certs/my_server.pem-N-", ""),
        ("N:", ""),
        ("    \"", "\\n\" +"),
        ("    '", "',"),
        ("• ", ""),
    ];

    #[test]
    fn a_key_is_found_whole_whatever_stands_around_its_lines() {
        let lines = [
            "-----BEGIN RSA PRIVATE KEY-----",
            "575YX8XM5mSLFy5UBIHEYeD7p4Zdl/AK6j0KgodkDINzNlxICAbaG8wy1JZirLnq",
            "B0PRfMBH7+WY5YQ1xOy1bAimCaXyMFSb4hBqlxJJLafBvv6Q9RxXTndfYUZx9K1G",
            "NNEgeyg1+lWIQd9JjbaCIi05",
            "x1Y2z3==",
            "-----END RSA PRIVATE KEY-----",
        ];
        for (before, behind) in AROUND {
            let number =
                |(at, line): (usize, &&str)| format!("{}{line}{behind}\n", before.replace('N', &at.to_string()));
            let listing: String = lines.iter().enumerate().map(number).collect();
            let text = format!("The file:\n{listing}That is all of it, as far as I can see.\n");
            let start = text.find("-----BEGIN").expect("it begins");
            let range = find(&text, start, 1 << 15).expect("a key");
            let left = format!("{}{}", &text[..range.start], &text[range.end..]);
            assert!(!lines[1..].iter().any(|line| left.contains(&line[..8])), "{before:?}: {left}");
            assert!(left.contains("That is all of it"), "{before:?}: {left}");
            // One that breaks off.
            let cut = text.find("NNEge").expect("a line");
            let range = find(&text[..cut], start, 1 << 15).expect("a key");
            assert!(!text[range.end..cut].contains("B0PRf"), "{before:?}");
        }
        let prose = "-----BEGIN PRIVATE KEY----- → is how\n│ a key begins │\n";
        assert_eq!(find(prose, 0, 1 << 15), None);
    }
}
