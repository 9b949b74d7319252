//! Inline pictures, sounds and films. What is kept of their bytes, `hail::Images` says, once an event is made.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::hail::{Block, ObjectHash, decode, is_media};

/// The largest document that is kept inline, in decoded bytes: 64 KiB.
const MAX_INLINE_BYTES: usize = 64 * 1024;

/// Makes a block of a picture, a sound or a film given in base64. Anything else is kept up to 64 KiB, and becomes a
/// reference `urn:sha256:<hex>?size=<bytes>` to its decoded bytes beyond.
pub(super) fn image(mime: &str, base64: &str) -> Block {
    let url = || format!("data:{mime};base64,{base64}");
    let decoded = decode(base64);
    let bytes = decoded.as_deref().unwrap_or(base64.as_bytes());
    if bytes.len() > MAX_INLINE_BYTES && !is_media(mime, bytes) {
        let uri = format!("urn:sha256:{}?size={}", ObjectHash::of(bytes), bytes.len());
        return Block::Reference { uri, media_type: mime.to_owned() };
    }
    let mime = mime.to_owned();
    match mime.split('/').next() {
        Some("audio") => Block::Audio { url: url(), mime },
        Some("video") => Block::Video { url: url(), mime },
        _ => Block::Image { url: url(), alt: None, mime },
    }
}

/// Makes a block of a picture given as a URL, which may be a `data:` URL.
pub(super) fn image_url(url: &str) -> Block {
    let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    match data {
        Some((mime, base64)) => image(mime, base64),
        None => Block::Image { url: url.to_owned(), alt: None, mime: "image/*".to_owned() },
    }
}

/// The text that a `data:` URL holds, where it is one.
pub(super) fn text(url: &str) -> Option<String> {
    let (_, base64) = url.strip_prefix("data:")?.split_once(";base64,")?;
    String::from_utf8(STANDARD.decode(base64).ok()?).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::{Block, image, image_url};

    #[test]
    fn keeps_pictures_and_names_what_else_is_large() {
        let png = |size: usize| STANDARD.encode([b"\x89PNG\r\n\x1a\n", vec![0; size].as_slice()].concat());
        for base64 in [png(10), png(70_000), STANDARD.encode([0; 10])] {
            let block = image("image/png", &base64);
            assert!(matches!(block, Block::Image { url, .. } if url.starts_with("data:image/png;base64,")));
        }
        assert!(matches!(image("audio/ogg", &STANDARD.encode("OggS")), Block::Audio { .. }));
        let large = STANDARD.encode(vec![0; 70_000]);
        assert!(
            matches!(image_url(&format!("data:application/pdf;base64,{large}")), Block::Reference { uri, media_type }
                if uri.starts_with("urn:sha256:") && uri.ends_with("?size=70000") && media_type == "application/pdf")
        );
    }
}
