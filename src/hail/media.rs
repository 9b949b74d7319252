//! Pictures, sounds and films: how their bytes are told from others, and what stands for them in a session.

use std::{borrow::Cow, fmt, io, str::FromStr};

use base64::{Engine, alphabet, engine};
use serde_json::{Map, Value};

use super::{Block, Event, Header, ObjectHash, Pause, Sink};

/// The keys under which objects have a media type, and those under which they have the content in base64.
pub(crate) const MEDIA_TYPES: [&str; 4] = ["media_type", "mediaType", "mimeType", "mime_type"];
pub(crate) const CONTENTS: [&str; 3] = ["data", "blob", "base64"];

/// What parts the media type of a `data:` URL from its content.
const MARK: &str = ";base64,";
/// The shortest text that can be a `data:` URL of media, in bytes.
const LEAST: usize = 40;
/// The largest file that is kept where nobody says another size, in bytes: 64 KiB.
const MOST_KEPT: u64 = 64 * 1024;
/// How what stands for bytes that are not kept begins.
const HASHED: &str = "sha256:";
const OMITTED: &str = "omitted:";
const SIZE: &str = "?size=";

/// Takes base64 of either alphabet, with and without padding.
const ENGINES: [engine::GeneralPurpose; 2] = [engine_of(&alphabet::STANDARD), engine_of(&alphabet::URL_SAFE)];

const fn engine_of(alphabet: &alphabet::Alphabet) -> engine::GeneralPurpose {
    let config = engine::GeneralPurposeConfig::new()
        .with_decode_padding_mode(engine::DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    engine::GeneralPurpose::new(alphabet, config)
}

/// What is kept of the bytes of pictures, sounds and films.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Images {
    /// Those of up to so many bytes; of larger ones what [`Self::Hash`] keeps.
    Keep(u64),
    /// Their SHA-256, which tells which picture it was, and their size.
    #[default]
    Hash,
    /// Their size.
    Drop,
}

/// A value that says nothing of pictures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{value}' is none of keep, keep:<size>, hash and drop")]
pub struct UnknownImages {
    value: String,
}

impl fmt::Display for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep(size) => write!(f, "keep:{size}"),
            Self::Hash => f.write_str("hash"),
            Self::Drop => f.write_str("drop"),
        }
    }
}

impl FromStr for Images {
    type Err = UnknownImages;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        let known = match value.split_once(':') {
            None if value == "keep" => Some(Self::Keep(MOST_KEPT)),
            None if value == "hash" => Some(Self::Hash),
            None if value == "drop" => Some(Self::Drop),
            Some(("keep", size)) => size_of(size).map(Self::Keep),
            _ => None,
        };
        known.ok_or_else(|| UnknownImages { value: value.to_owned() })
    }
}

/// A size as git writes one: `64k`, `1m`.
fn size_of(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

impl Images {
    /// Takes out of an event the bytes that are not kept.
    pub fn apply(self, event: &mut Event) {
        for block in &mut event.content.blocks {
            match block {
                Block::Image { url, .. }
                | Block::Video { url, .. }
                | Block::Audio { url, .. }
                | Block::Reference { uri: url, .. } => self.url(url),
                Block::Json { data } => self.json(data),
                Block::Text { .. } | Block::Code { .. } | Block::File { .. } => {}
            }
        }
        event.attributes.iter_mut().for_each(|(_, value)| self.json(value));
    }

    /// Takes them out of a value, however deep they are.
    pub fn json(self, value: &mut Value) {
        match value {
            Value::String(text) => self.url(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Value::Object(fields) => {
                self.object(fields);
                fields.values_mut().for_each(|value| self.json(value));
            }
            _ => {}
        }
    }

    fn url(self, url: &mut String) {
        let Some(rest) = (url.len() >= LEAST).then(|| url.strip_prefix("data:")).flatten() else { return };
        let Some((media_type, base64)) = rest.split_once(MARK) else { return };
        if let Some(new) = self.stand_in(media_type, base64) {
            *url = new;
        }
    }

    /// What messages have beside a media type.
    fn object(self, fields: &mut Map<String, Value>) {
        for key in CONTENTS {
            let Some(Value::String(base64)) = fields.get(key) else { continue };
            let media_type = MEDIA_TYPES.iter().find_map(|key| fields.get(*key)?.as_str());
            if let Some(new) = media_type.and_then(|media_type| self.stand_in(media_type, base64)) {
                fields.insert(key.to_owned(), new.into());
            }
        }
    }

    /// What stands for bytes that are not kept; `None` where they stay. Only what is media by its first bytes may be
    /// named by a hash: that of a short text would tell whoever guesses it.
    fn stand_in(self, media_type: &str, base64: &str) -> Option<String> {
        let bytes = decode(base64).filter(|bytes| is_media(media_type, bytes))?;
        let size = bytes.len();
        match self {
            Self::Keep(most) if size as u64 <= most => None,
            Self::Keep(_) | Self::Hash => Some(format!("{HASHED}{}{SIZE}{size}", ObjectHash::of(&bytes))),
            Self::Drop => Some(format!("{OMITTED}{SIZE}{size}")),
        }
    }

    /// A sink that takes them out of all that goes to `sink`.
    pub fn sink(self, sink: &mut dyn Sink) -> Pictured<'_> {
        Pictured { images: self, sink }
    }
}

/// A sink that takes out the bytes that are not kept.
#[expect(missing_debug_implementations, reason = "a sink need not have one")]
pub struct Pictured<'a> {
    images: Images,
    sink: &'a mut dyn Sink,
}

impl Sink for Pictured<'_> {
    fn header(&mut self, header: Header) -> io::Result<()> {
        self.sink.header(header)
    }

    fn event(&mut self, mut event: Event) -> io::Result<()> {
        self.images.apply(&mut event);
        self.sink.event(event)
    }

    fn pause(&mut self, pause: Pause) -> io::Result<()> {
        self.sink.pause(pause)
    }
}

/// What a reader shows for a picture: its media type, and where its bytes are not kept how many there were.
#[must_use]
pub fn shown(url: &str, mime: &str) -> String {
    let named = url.strip_prefix(HASHED).map(|rest| (Some(rest), rest));
    let Some((hash, rest)) = named.or_else(|| url.strip_prefix(OMITTED).map(|rest| (None, rest))) else {
        return mime.to_owned();
    };
    let size = rest.split_once(SIZE).map_or(String::new(), |(_, size)| format!(", {size} bytes"));
    let hash = hash.map_or(String::new(), |hash| format!(", {HASHED}{}", hash.get(..12).unwrap_or(hash)));
    format!("{mime}{size}, not kept{hash}")
}

/// Decodes base64 of any kind, all of it; it may be wrapped.
pub(crate) fn decode(base64: &str) -> Option<Vec<u8>> {
    let is_wrapped = memchr::memchr3(b'\n', b'\r', b' ', base64.as_bytes()).is_some();
    let joined: Cow<'_, str> =
        if is_wrapped { base64.split_ascii_whitespace().collect::<String>().into() } else { base64.into() };
    ENGINES.iter().find_map(|engine| engine.decode(&*joined).ok())
}

/// Whether `bytes` begin as those of a picture, a sound or a film do, and the media type says so, too.
pub(crate) fn is_media(media_type: &str, bytes: &[u8]) -> bool {
    let media_type = media_type.to_ascii_lowercase();
    let is_named = ["image/", "audio/", "video/"].iter().any(|family| media_type.starts_with(family));
    let container = |names: &[&[u8]]| bytes.get(8..12).is_some_and(|name| names.contains(&name));
    let is_one = match bytes {
        [b'R', b'I', b'F', b'F', ..] => container(&[b"WEBP", b"WAVE", b"AVI "]),
        [b'F', b'O', b'R', b'M', ..] => container(&[b"AIFF", b"AIFC"]),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => true,
        _ => MAGIC.iter().any(|magic| bytes.starts_with(magic)),
    };
    is_named && is_one && !media_type.starts_with("image/svg")
}

/// How the bytes of pictures, sounds and films begin.
const MAGIC: [&[u8]; 25] = [
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"\0\0\x01\0",
    b"\0\0\x02\0",
    b"\xff\x0a",
    b"\0\0\0\x0cJXL ",
    b"ID3",
    b"\xff\xfb",
    b"\xff\xf3",
    b"\xff\xf2",
    b"\xff\xf1",
    b"\xff\xf9",
    b"OggS",
    b"fLaC",
    b"MThd",
    b"#!AMR",
    b"\x1aE\xdf\xa3",
    b"\0\0\x01\xba",
    b"\0\0\x01\xb3",
    b"FLV\x01",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Block, Event, Images, Value, shown};
    use crate::hail::{Content, EventType, Timestamp};

    const PNG: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

    fn event(url: &str, data: Value) -> Event {
        let blocks =
            vec![Block::Image { url: url.to_owned(), alt: None, mime: "image/png".to_owned() }, Block::Json { data }];
        Event::new("e", Timestamp::EPOCH, EventType::UserMessage).with_content(Content { blocks })
    }

    fn applied(images: Images, media_type: &str, base64: &str) -> (String, Value, Value) {
        let data = json!({ "a": [{ "mimeType": media_type, "data": base64 }] });
        let mut event = event(&format!("data:{media_type};base64,{base64}"), data.clone()).with("x", data);
        images.apply(&mut event);
        let [Block::Image { url, .. }, Block::Json { data }] = event.content.blocks.as_slice() else { panic!() };
        (url.clone(), data["a"][0]["data"].clone(), event.attributes["x"]["a"][0]["data"].clone())
    }

    #[test]
    fn bytes_are_kept_named_or_dropped_wherever_they_are() {
        let hash = "sha256:6b7fa434f92a8b80aab02d9bf1a12e49ffcae424e4013a1c4f68b67e3d2bbcd0?size=70";
        for (value, expected) in [("hash", hash), ("drop", "omitted:?size=70"), ("keep:69", hash)] {
            let (url, inner, attribute) = applied(value.parse().expect("known"), "image/png", PNG);
            assert_eq!((url.as_str(), &inner, &attribute), (expected, &json!(expected), &json!(expected)), "{value}");
        }
        for value in ["keep", "keep:70", "keep:1k"] {
            let (url, inner, _) = applied(value.parse().expect("known"), "image/png", PNG);
            assert!(url.ends_with(PNG) && inner == PNG, "{value}");
        }
    }

    #[test]
    fn what_is_no_media_stays_to_be_scanned() {
        let text = "cGFzc3dvcmQ6IGh1bnRlcjIgaXMgYSBzZWNyZXQgdGhhdCBzb21lYm9keSBndWVzc2Vz";
        for (media_type, base64) in
            [("text/plain", text), ("image/png", text), ("image/svg+xml", PNG), ("text/plain", PNG)]
        {
            for images in [Images::Hash, Images::Drop] {
                let (url, inner, _) = applied(images, media_type, base64);
                assert!(url.ends_with(base64) && inner == base64, "{media_type}: {url}");
            }
        }
    }

    #[test]
    fn settings_are_read_as_they_are_written() {
        for images in [Images::Keep(1 << 20), Images::Hash, Images::Drop] {
            assert_eq!(images.to_string().parse(), Ok(images));
        }
        assert_eq!("keep:1m".parse(), Ok(Images::Keep(1 << 20)));
        for value in ["", "all", "keep:", "keep:x", "hash:1", "keep:99999999999g"] {
            assert!(value.parse::<Images>().is_err(), "{value}");
        }
    }

    #[test]
    fn a_reader_shows_what_there_was() {
        assert_eq!(
            shown("sha256:6b7fa434f92a8b80?size=70", "image/png"),
            "image/png, 70 bytes, not kept, sha256:6b7fa434f92a"
        );
        assert_eq!(shown("omitted:?size=70", "image/png"), "image/png, 70 bytes, not kept");
        assert_eq!(shown("data:image/png;base64,xxxx", "image/png"), "image/png");
        assert_eq!(shown("https://example.org/a.png", "image/png"), "image/png");
    }
}
