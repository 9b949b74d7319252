//! What came with a prompt or a result, and the exit code of a command.

use serde_json::Value;

use super::super::{
    media,
    records::{Record, count, text},
    transcript::Tokens,
};
use crate::hail::{Block, Content};

/// What of an answer is told elsewhere, names a request, or can be read by the provider only.
pub(super) const TOLD_OF_ANSWER: [&str; 14] = [
    "content",
    "parentToolCallId",
    "reasoningText",
    "reasoningOpaque",
    "encryptedContent",
    "outputTokens",
    "model",
    "messageId",
    "interactionId",
    "turnId",
    "requestId",
    "serviceRequestId",
    "clientRequestId",
    "apiCallId",
];

/// What all models used together.
pub(super) fn used(models: &Record) -> Tokens {
    let mut tokens = Tokens::default();
    for usage in models.values().filter_map(|model| model.get("usage")?.as_object()) {
        let [read, write] = ["cacheReadTokens", "cacheWriteTokens"].map(|key| count(usage, key));
        // The input includes what came from the cache and what went there.
        let input = count(usage, "inputTokens").saturating_sub(read).saturating_sub(write);
        tokens.input = tokens.input.saturating_add(input);
        tokens.output = tokens.output.saturating_add(count(usage, "outputTokens"));
        tokens.cache_read = tokens.cache_read.saturating_add(read);
        tokens.cache_write = tokens.cache_write.saturating_add(write);
        tokens.reasoning = tokens.reasoning.saturating_add(count(usage, "reasoningTokens"));
    }
    tokens
}

/// Bytes that other records name by their hash.
pub(super) fn asset(mut data: Record) -> Content {
    let bytes = match data.remove("data") {
        Some(Value::String(bytes)) => bytes,
        _ => String::new(),
    };
    let picture = media::image(text(&data, "mimeType").unwrap_or("image/*"), &bytes);
    Content { blocks: vec![picture, Block::Json { data: Value::Object(data) }] }
}

/// What is stored once and named where it was seen, by its hash.
pub(super) fn asset_named(shown: &Value) -> Block {
    let field = |key: &str| shown.get(key).and_then(Value::as_str);
    let url = field("assetId").unwrap_or_default().to_owned();
    Block::Image {
        url,
        alt: field("description").map(str::to_owned),
        mime: field("mimeType").unwrap_or("image/*").to_owned(),
    }
}

pub(super) fn shown_beside(shown: &Value) -> Option<Block> {
    let field = |key: &str| shown.get(key).and_then(Value::as_str);
    match field("type") {
        // The text is the content again.
        Some("text" | "terminal" | "shell_exit") => None,
        _ if field("assetId").is_some() => Some(asset_named(shown)),
        Some("image" | "audio") => Some(media::image(field("mimeType")?, field("data")?)),
        _ => Some(Block::Json { data: shown.clone() }),
    }
}

/// The code of a command: in the telemetry where it is not zero, else in the output's last line.
pub(super) fn exit_code(data: &Record, output: &str) -> Option<i32> {
    let noted = data.get("toolTelemetry").and_then(|telemetry| telemetry.get("metrics")?.get("exit_code")?.as_i64());
    let shown = data.get("result").and_then(|result| result.get("contents")?.as_array());
    let noted = noted.or_else(|| shown?.iter().find_map(|shown| shown.get("exitCode")?.as_i64()));
    noted.and_then(|code| i32::try_from(code).ok()).or_else(|| {
        let last = output.trim_end().lines().next_back()?;
        let code = last.strip_suffix('>')?.rsplit_once(" exit code ")?;
        let is_own = code.0.starts_with("<shellId: ") || code.0.starts_with("<exited with");
        code.1.parse().ok().filter(|_| is_own)
    })
}

pub(super) fn attachment(attachment: Value) -> Block {
    let field = |key: &str| attachment.get(key).and_then(Value::as_str);
    match (field("type"), field("path"), field("mimeType"), field("data")) {
        (Some("blob"), ..) if field("assetId").is_some() => asset_named(&attachment),
        (_, _, Some(mime), Some(data)) if mime.starts_with("image/") => media::image(mime, data),
        (Some("file"), Some(path), ..) => Block::File { path: path.to_owned(), content: None },
        _ => Block::Json { data: attachment },
    }
}
