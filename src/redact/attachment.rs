//! Redacts what came along in base64: in `data:` URLs, and in objects beside a media type.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{
    inline::{self, Content, DataUrl},
    walk::{MAX_NESTING, Walker},
};
use crate::hail::{CONTENTS, MEDIA_TYPES};

/// The shortest base64 that is looked at in an object, in bytes.
const LEAST: usize = 16;

impl Walker<'_> {
    /// What a text that is one `data:` URL becomes, or the same; `None` where it is none.
    pub(super) fn data_url<'t>(&mut self, text: &'t str, nesting: u8) -> Option<Cow<'t, str>> {
        let url = DataUrl::of(text).filter(|_| nesting < MAX_NESTING)?;
        let (head, base64) = text.split_at(url.content.start);
        let content = Content::of(url.media_type, base64)?;
        let new = self.inline(content, base64, nesting);
        let head = self.redactor.scanner.redact(head, self.summary);
        let is_new = new.is_some() || matches!(head, Cow::Owned(_));
        Some(if is_new { format!("{head}{}", new.as_deref().unwrap_or(base64)).into() } else { text.into() })
    }

    /// What base64 with this content becomes; `None` where it stays as it is.
    fn inline(&mut self, content: Content, base64: &str, nesting: u8) -> Option<String> {
        match content {
            Content::Text(mut text) => {
                let redacted = self.redacted(&text, nesting + 1)?;
                let is_new = redacted != text;
                text = redacted;
                is_new.then(|| inline::encode(&text))
            }
            Content::Media(runs) => self.redactor.scanner.redact_opaque(&runs, base64, self.summary),
            Content::Other(_) => self.redactor.scanner.redact_unread(base64, self.summary),
        }
    }

    /// Redacts inside the `data:` URLs in a text: there, what is no text may stay, as it may in any file.
    pub(super) fn inlined(&mut self, text: &str, nesting: u8) -> Option<String> {
        if nesting == MAX_NESTING {
            return None;
        }
        let (mut out, mut done) = (String::new(), 0);
        for url in DataUrl::all(text) {
            let base64 = &text[url.content.clone()];
            let new = match Content::of(url.media_type, base64) {
                Some(Content::Media(runs) | Content::Other(runs)) => {
                    self.redactor.scanner.redact_opaque(&runs, base64, self.summary)
                }
                Some(content) => self.inline(content, base64, nesting),
                None => None,
            };
            if let Some(new) = new.filter(|_| url.content.start >= done) {
                out.push_str(&text[done..url.content.start]);
                out.push_str(&new);
                done = url.content.end;
            }
        }
        out.push_str(&text[done..]);
        (done > 0).then_some(out)
    }

    /// Redacts what an object has in base64 beside its media type, as messages have pictures and documents.
    pub(super) fn media(&mut self, map: &mut Map<String, Value>, nesting: u8) {
        let media_type = MEDIA_TYPES.iter().find_map(|key| map.get(*key)?.as_str()).map(str::to_owned);
        let Some(media_type) = media_type.filter(|_| nesting < MAX_NESTING) else { return };
        for key in CONTENTS {
            if let Some(Value::String(base64)) = map.get_mut(key)
                && let Some(content) = Content::of(&media_type, base64)
                && base64.len() >= LEAST
                && let Some(new) = self.inline(content, base64, nesting)
            {
                *base64 = new;
            }
        }
    }
}
