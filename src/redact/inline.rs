//! What stands in base64 inside a `data:` URL. Only a picture, a sound or a film may stay unread, and only where
//! its bytes begin as such bytes do.

use std::ops::Range;

use base64::{Engine, engine::general_purpose::STANDARD};

pub(super) use crate::hail::decode;
use crate::hail::is_media;

/// What parts the media type of a `data:` URL from its content.
const MARK: &str = ";base64,";

/// How long a media type with its parameters is at most, in bytes.
const LONGEST_TYPE: usize = 200;

/// The shortest run of letters in a picture that is looked at, in bytes.
const LEAST_RUN: usize = 12;

/// A `data:` URL.
pub(super) struct DataUrl<'t> {
    pub(super) media_type: &'t str,
    /// Where the base64 stands.
    pub(super) content: Range<usize>,
}

impl<'t> DataUrl<'t> {
    /// The URL that `text` is from its first letter on, if it is one; the content may be wrapped.
    pub(super) fn of(text: &'t str) -> Option<Self> {
        let head = &text.as_bytes()[..text.len().min(LONGEST_TYPE)];
        let url = Self::at(text, memchr::memmem::find(head, MARK.as_bytes())?)?;
        let is_first = url.content.start == "data:".len() + url.media_type.len() + MARK.len();
        is_first.then_some(Self { content: url.content.start..text.len(), ..url })
    }

    /// Those in `text`.
    pub(super) fn all(text: &'t str) -> Vec<Self> {
        memchr::memmem::find_iter(text.as_bytes(), MARK.as_bytes()).filter_map(|mark| Self::at(text, mark)).collect()
    }

    fn at(text: &'t str, mark: usize) -> Option<Self> {
        let head = &text.as_bytes()[mark.saturating_sub(LONGEST_TYPE)..mark];
        let scheme = memchr::memmem::rfind(&head.to_ascii_lowercase(), b"data:")?;
        let media_type = text.get(mark - head.len() + scheme + 5..mark)?;
        if media_type.contains([' ', '\n', '"', '\'', '(', ',']) {
            return None;
        }
        let start = mark + MARK.len();
        let is_content = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte);
        let length = text.as_bytes()[start..].iter().take_while(|byte| is_content(byte)).count();
        Some(Self { media_type, content: start..start + length })
    }
}

/// What base64 holds.
pub(super) enum Content {
    /// A picture, a sound or a film, with the runs of letters in it.
    Media(String),
    Text(String),
    /// Anything else, with the same.
    Other(String),
}

impl Content {
    /// Reads `base64`; `None` where it is none.
    pub(super) fn of(media_type: &str, base64: &str) -> Option<Self> {
        let bytes = decode(base64)?;
        Some(match text_of(&bytes) {
            Some(text) => Self::Text(text),
            None if is_media(media_type, &bytes) => Self::Media(runs(&bytes)),
            None => Self::Other(runs(&bytes)),
        })
    }
}

/// Writes a text in base64.
pub(super) fn encode(text: &str) -> String {
    STANDARD.encode(text)
}

/// The text that `bytes` are, in UTF-8 or UTF-16.
pub(super) fn text_of(bytes: &[u8]) -> Option<String> {
    let is_text = |character: char| !character.is_control() || "\t\n\r\u{c}\u{1b}".contains(character);
    let wide = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|unit| read(*unit)).collect();
        String::from_utf16(&units).ok()
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [_, 0, _, 0, ..] => wide(bytes, u16::from_le_bytes),
        [0, _, 0, _, ..] => wide(bytes, u16::from_be_bytes),
        _ => std::str::from_utf8(bytes).ok().map(str::to_owned),
    };
    text.filter(|text| text.chars().all(is_text))
}

/// The runs of letters in `bytes`, a line each: where a picture has text, it stands as it is.
fn runs(bytes: &[u8]) -> String {
    let is_letter = |byte: u8| matches!(byte, b'\t' | b' '..=b'~');
    let runs = bytes.split(|byte| !is_letter(*byte)).filter(|run| run.len() >= LEAST_RUN);
    runs.map(|run| String::from_utf8_lossy(run)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Content, DataUrl, encode};

    #[test]
    fn only_what_begins_as_media_does_is_media() {
        let content = |media_type: &str, bytes: &[u8]| {
            let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
            match Content::of(media_type, &base64).expect("base64") {
                Content::Media(_) => "media",
                Content::Text(_) => "text",
                Content::Other(_) => "other",
            }
        };
        for (media_type, bytes, expected) in [
            ("image/png", &b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"[..], "media"),
            ("image/webp", b"RIFF\x01\0\0\0WEBPVP8 \x02", "media"),
            ("video/mp4", b"\0\0\0\x18ftypmp42\0", "media"),
            ("AUDIO/MPEG", b"ID3\x03\0\0", "media"),
            ("image/svg+xml", b"<svg/>", "text"),
            ("image/png", b"PASSWORD=x", "text"),
            ("image/bmp", b"BM and then PASSWORD=x", "text"),
            ("image/svg+xml", b"\x89PNG\r\n\x1a\n\0", "other"),
            ("text/plain", b"\x89PNG\r\n\x1a\n\0", "other"),
            ("image/png", b"\0\x01\x02", "other"),
            ("application/pdf", b"%PDF-1.7\n\xe2\xe3\0", "other"),
            ("", b"\xff\xfeA\0=\0b\0", "text"),
        ] {
            assert_eq!(content(media_type, bytes), expected, "{media_type} {bytes:?}");
        }
        assert!(Content::of("image/png", "AAAA,ghp_").is_none());
    }

    #[test]
    fn urls_are_found_alone_and_in_a_text() {
        let url = format!("data:text/plain;charset=utf-8;base64,{}", encode("hello"));
        assert_eq!(DataUrl::of(&url).expect("a URL").media_type, "text/plain;charset=utf-8");
        for text in [format!(" {url}"), format!("xdata:;base64,{url}"), "data:text/plain,x".to_owned()] {
            assert!(DataUrl::of(&text).is_none(), "{text}");
        }
        let text = format!("![one]({url}) and <img src=\"{url}\">");
        assert_eq!(
            DataUrl::all(&text).iter().map(|url| &text[url.content.clone()]).collect::<Vec<_>>(),
            ["aGVsbG8="; 2]
        );
    }
}
