//! What Cursor's agent puts around a person's words, and its pictures.

use serde_json::Value;

use crate::{agents::media, hail::Block};

/// The words of a person, and what is around them.
pub(super) fn query(words: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = words.split_once("<user_query>")?;
    let (query, after) = rest.rsplit_once("</user_query>")?;
    Some((before, query.trim(), after))
}

/// Whether a text is nothing but tags with what is in them, one behind the other.
pub(super) fn is_tagged(words: &str) -> bool {
    let mut rest = words.trim();
    while let Some(tag) = rest.strip_prefix('<') {
        let name = tag.split(['>', ' ', '\n']).next().unwrap_or_default();
        let end = format!("</{name}>");
        let Some((_, after)) = rest.split_once(&end).filter(|_| !name.is_empty()) else { return false };
        rest = after.trim_start();
        if rest.is_empty() {
            return true;
        }
    }
    false
}

/// A picture in a part of a message.
pub(super) fn image(block: &Value) -> Option<Block> {
    let source = block.get("source").unwrap_or(block);
    let text = |key: &str| source.get(key).and_then(Value::as_str);
    let mime = text("media_type").or_else(|| text("mimeType"));
    match (mime, text("data").or_else(|| text("image"))) {
        (Some(mime), Some(data)) => Some(media::image(mime, data)),
        _ => text("url").map(media::image_url),
    }
}

#[cfg(test)]
mod tests {
    use super::is_tagged;

    #[test]
    fn only_tags_and_what_is_in_them_are_no_words_of_a_person() {
        for (words, is) in [
            ("<user_info>\nOS: linux\n</user_info>\n\n<rules>be brief</rules>", true),
            ("<git_status a=\"1\">clean</git_status>", true),
            ("<user_info>x</user_info> Hello", false),
            ("<3 this", false),
            ("Hello", false),
            ("", false),
        ] {
            assert_eq!(is_tagged(words), is, "{words}");
        }
    }
}
