//! Inline pictures: kept where they are small, named by hash and size where they are not.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::hail::{Block, ObjectHash};

/// The largest picture that is kept inline, in decoded bytes: 64 KiB.
const MAX_INLINE_BYTES: usize = 64 * 1024;

/// Makes a block of a picture given in base64: the picture itself up to 64 KiB, else a reference
/// `urn:sha256:<hex>?size=<bytes>` to its decoded bytes.
pub(super) fn image(mime: &str, base64: &str) -> Block {
    let decoded = STANDARD.decode(base64);
    let bytes = decoded.as_deref().unwrap_or(base64.as_bytes());
    if bytes.len() <= MAX_INLINE_BYTES {
        return Block::Image { url: format!("data:{mime};base64,{base64}"), alt: None, mime: mime.to_owned() };
    }
    let uri = format!("urn:sha256:{}?size={}", ObjectHash::of(bytes), bytes.len());
    Block::Reference { uri, media_type: mime.to_owned() }
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
    fn keeps_a_small_picture_and_names_a_large_one() {
        let small = STANDARD.encode([0; 10]);
        assert!(
            matches!(image("image/png", &small), Block::Image { url, .. } if url.starts_with("data:image/png;base64,"))
        );
        let large = STANDARD.encode(vec![0; 70_000]);
        assert!(matches!(image_url(&format!("data:image/png;base64,{large}")), Block::Reference { uri, media_type }
                if uri.starts_with("urn:sha256:") && uri.ends_with("?size=70000") && media_type == "image/png"));
    }
}
