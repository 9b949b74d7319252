//! Strings of JSON, decoded straight into their final allocation.
//!
//! Most bytes of a log are the outputs of tools, which are long and have an escape every forty bytes
//! or so. serde would decode each into a buffer that grows step by step, and then copy it.

use std::borrow::Cow;

use memchr::memchr;

/// Decodes a string that serde found well-formed, given with its quotes.
///
/// # Errors
/// Where serde looks no closer while it skips a string: at surrogates that are not a pair.
pub(super) fn unescape(quoted: &str) -> serde_json::Result<Cow<'_, str>> {
    let escaped = &quoted[1..quoted.len() - 1];
    if memchr(b'\\', escaped.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(escaped));
    }
    decode(escaped).map_or_else(|| serde_json::from_str(quoted), |text| Ok(Cow::Owned(text)))
}

/// `None` where there is a surrogate, which is left to serde.
fn decode(escaped: &str) -> Option<String> {
    let mut text = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        let code = *rest.as_bytes().get(at + 1)?;
        let (char, length) = match code {
            b'n' => ('\n', 2),
            b't' => ('\t', 2),
            b'r' => ('\r', 2),
            b'b' => ('\u{8}', 2),
            b'f' => ('\u{c}', 2),
            b'u' => (char::from_u32(u32::from_str_radix(rest.get(at + 2..at + 6)?, 16).ok()?)?, 6),
            _ => (char::from(code), 2),
        };
        text.push(char);
        rest = &rest[at + length..];
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn decodes_as_serde_does() {
        for quoted in [
            r#""""#,
            r#""plain""#,
            r#""\"\\\/\b\f\n\r\t""#,
            r#""a\u00e9\u2028z\u0000""#,
            r#""é\ud83d\uDE00!""#,
            r#""\\u00e9\\""#,
            r#""\ud83d""#,
            r#""\ude00\ud83d""#,
        ] {
            let expected = serde_json::from_str::<String>(quoted).map_err(|fault| fault.to_string());
            let decoded = unescape(quoted).map(String::from).map_err(|fault| fault.to_string());
            assert_eq!(decoded, expected, "{quoted}");
        }
    }
}
