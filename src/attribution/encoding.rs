//! The encoding of commit messages, where a repository has another than UTF-8.

use encoding_rs::{EncoderResult, Encoding as Known};

/// How the bytes of a commit message are read and written: `i18n.commitEncoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// git's default.
    Utf8,
    /// One with this name; `None` where it is not known here, so that only ASCII is safe.
    Other(Option<&'static Known>, Range),
}

/// Which bytes an encoding has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// All that the encoding of that name has on the web.
    Whole,
    /// None from 0x80 to 0x9f, where ISO 8859 has control characters and the web has letters.
    Iso8859,
}

impl Encoding {
    /// The encoding that git calls `name`.
    #[must_use]
    pub fn of(name: Option<&str>) -> Self {
        let name = name.unwrap_or("utf-8").to_ascii_lowercase();
        let range = if name.starts_with("iso8859") || name.starts_with("iso-8859") || name.starts_with("latin") {
            Range::Iso8859
        } else {
            Range::Whole
        };
        // On the web, ASCII is another name of windows-1252.
        let known = if name.ends_with("ascii") { None } else { Known::for_label(label(&name).as_bytes()) };
        match known {
            Some(known) if known == encoding_rs::UTF_8 => Self::Utf8,
            known => Self::Other(known.filter(|known| known.output_encoding() == *known), range),
        }
    }

    /// The bytes of `text`; `?` stands for each character that the encoding does not have.
    #[must_use]
    pub fn encode(self, text: &str) -> Vec<u8> {
        let Self::Other(known, range) = self else { return text.as_bytes().to_vec() };
        let mut bytes = Vec::with_capacity(text.len());
        for character in text.chars() {
            if character.is_ascii() {
                bytes.push(character as u8);
                continue;
            }
            let encoded = known.and_then(|known| encode(known, character));
            let is_there = |encoded: &Vec<u8>| range == Range::Whole || !matches!(encoded[..], [0x80..=0x9f]);
            bytes.extend(encoded.filter(is_there).unwrap_or_else(|| b"?".to_vec()));
        }
        bytes
    }

    /// The text of `bytes`, what has no meaning replaced.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Other(Some(known), _) => known.decode_without_bom_handling(bytes).0.into_owned(),
            Self::Utf8 | Self::Other(None, _) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// The name that an encoding has on the web, where iconv, which git asks, takes others besides.
fn label(name: &str) -> String {
    match name.strip_prefix("latin-") {
        Some(number) => format!("latin{number}"),
        None => name.replace("utf8", "utf-8").replace("eucjp", "euc-jp").replace("euckr", "euc-kr"),
    }
}

fn encode(known: &'static Known, character: char) -> Option<Vec<u8>> {
    let (mut utf8, mut bytes) = ([0; 4], [0; 16]);
    let text = character.encode_utf8(&mut utf8);
    let (result, _, written) = known.new_encoder().encode_from_utf8_without_replacement(text, &mut bytes, true);
    (result == EncoderResult::InputEmpty).then(|| bytes[..written].to_vec())
}

#[cfg(test)]
mod tests {
    use super::Encoding;

    #[test]
    fn text_is_written_in_the_encoding_and_what_that_lacks_is_replaced() {
        for (name, text, bytes) in [
            (None, "Pr\u{fc}fe \u{5e97}", &b"Pr\xc3\xbcfe \xe5\xba\x97"[..]),
            (Some("UTF-8"), "\u{fc}", b"\xc3\xbc"),
            (Some("utf8"), "\u{fc}", b"\xc3\xbc"),
            (Some("ISO-8859-1"), "Pr\u{fc}fe \u{5e97}", b"Pr\xfcfe ?"),
            (Some("latin1"), "caf\u{e9} 5 \u{20ac}", b"caf\xe9 5 ?"),
            (Some("Latin-1"), "\u{e9}", b"\xe9"),
            (Some("ISO8859-1"), "\u{e9}\u{2019}", b"\xe9?"),
            (Some("iso-8859-15"), "5 \u{20ac}", b"5 \xa4"),
            (Some("windows-1252"), "5 \u{20ac}", b"5 \x80"),
            (Some("CP1252"), "5 \u{20ac}", b"5 \x80"),
            (Some("KOI8-R"), "\u{43f}", b"\xd0"),
            (Some("SHIFT_JIS"), "\u{5e97}", b"\x93\x58"),
            (Some("EUC-JP"), "\u{5e97}", b"\xc5\xb9"),
            (Some("US-ASCII"), "caf\u{e9}", b"caf?"),
            (Some("no-such-encoding"), "caf\u{e9}", b"caf?"),
        ] {
            let encoding = Encoding::of(name);
            assert_eq!(encoding.encode(text), bytes, "{name:?}");
            if !bytes.contains(&b'?') {
                assert_eq!(encoding.decode(bytes), text, "{name:?}");
            }
        }
    }
}
