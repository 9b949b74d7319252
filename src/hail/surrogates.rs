//! Halves of surrogate pairs, which JavaScript lets a string end in: `"\ud83d"` alone. JSON has them as
//! escapes, UTF-8 has no bytes for them; each is read as U+FFFD, so that the rest of its record is not lost.

use std::borrow::Cow;

use memchr::memmem;

/// What stands for one half.
const REPLACEMENT: &str = "\\ufffd";
/// How long such an escape is.
const LENGTH: usize = REPLACEMENT.len();

/// The JSON with every half that stands alone replaced.
pub(crate) fn repaired(json: &str) -> Cow<'_, str> {
    let mut repaired = String::new();
    let (mut done, mut paired) = (0, 0);
    for at in memmem::find_iter(json.as_bytes(), "\\u") {
        let Some(half) = half_at(json, at).filter(|_| at >= paired && is_escape(json, at)) else { continue };
        if half == Half::First && half_at(json, at + LENGTH) == Some(Half::Second) {
            paired = at + 2 * LENGTH;
            continue;
        }
        repaired.push_str(&json[done..at]);
        repaired.push_str(REPLACEMENT);
        done = at + LENGTH;
    }
    if done == 0 {
        return Cow::Borrowed(json);
    }
    repaired.push_str(&json[done..]);
    Cow::Owned(repaired)
}

/// Reads JSON that may have halves in it.
pub(crate) fn from_json(json: &str) -> serde_json::Result<serde_json::Value> {
    serde_json::from_str(json).or_else(|fault| match repaired(json) {
        Cow::Owned(repaired) => serde_json::from_str(&repaired),
        Cow::Borrowed(_) => Err(fault),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    First,
    Second,
}

/// Which half is spelled at `at`, if one is.
fn half_at(json: &str, at: usize) -> Option<Half> {
    match json.as_bytes().get(at..at + LENGTH)? {
        [b'\\', b'u', b'd' | b'D', digit, rest @ ..] if rest.iter().all(u8::is_ascii_hexdigit) => match digit {
            b'8' | b'9' | b'a' | b'b' | b'A' | b'B' => Some(Half::First),
            b'c'..=b'f' | b'C'..=b'F' => Some(Half::Second),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the backslash at `at` begins an escape, and is not escaped itself.
fn is_escape(json: &str, at: usize) -> bool {
    let before = json.as_bytes()[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
    before % 2 == 0
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::repaired;

    #[test]
    fn only_what_stands_alone_is_replaced() {
        for (json, expected) in [
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\uD83D\uDE00 a""#, r#""\uD83D\uDE00 a""#),
            (r#""a \ud83d b""#, r#""a \ufffd b""#),
            (r#""\ude00""#, r#""\ufffd""#),
            (r#""\ud83d\ud83d\ude00\ude00""#, r#""\ufffd\ud83d\ude00\ufffd""#),
            (r#"{"\ud83d":"\uDBFF"}"#, r#"{"\ufffd":"\ufffd"}"#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""\ud83d\\ude00""#, r#""\ufffd\\ude00""#),
            (r#""\u001b\ud83""#, r#""\u001b\ud83""#),
            (r#""\ud83d\n""#, r#""\ufffd\n""#),
            ("\"\u{1F600}\\ud83d\"", "\"\u{1F600}\\ufffd\""),
        ] {
            assert_eq!(repaired(json), expected);
            assert_eq!(matches!(repaired(json), Cow::Owned(_)), json != expected);
        }
    }
}
