//! Reads what the records of several agents have in common: texts, times, content, ids.

use chrono::{DateTime, NaiveDateTime};
use serde_json::{Map, Value};

use super::media;
use crate::hail::{Block, Content, Timestamp};

/// A member that is text and not empty.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// The first of several members that is text and not empty.
pub(super) fn any_text<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v str> {
    keys.iter().find_map(|key| text(value, key))
}

/// The arguments of a call, which many agents keep as JSON in a text; a text that is none stays one.
pub(super) fn arguments(value: Option<&Value>) -> Value {
    match value {
        Some(Value::String(text)) if text.trim().is_empty() => Value::Null,
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
        other => other.cloned().unwrap_or_default(),
    }
}

/// A member that is an exit code.
pub(super) fn exit_code(value: &Value, key: &str) -> Option<i32> {
    value.get(key).and_then(Value::as_i64).and_then(|code| i32::try_from(code).ok())
}

/// A member that counts something; anything but a natural number counts as zero.
pub(super) fn count(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0)
}

/// A time: RFC 3339, without a zone (taken as UTC), or a number of seconds or milliseconds since 1970.
/// The zero time of Go is none.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    let time = match value {
        Value::String(text) => text.parse().ok().or_else(|| zoneless(text)),
        Value::Number(number) => epoch(&number.to_string()),
        _ => None,
    };
    time.filter(|time| time.to_chrono().timestamp() > -62_000_000_000)
}

/// A local time whose zone is not known, taken as UTC.
pub(super) fn zoneless(text: &str) -> Option<Timestamp> {
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    let time = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    Some(Timestamp::from(time.and_utc()))
}

/// Seconds or milliseconds since 1970 in decimal. Milliseconds have been beyond 10^11 since 1973, and
/// seconds will not be for three thousand years.
fn epoch(number: &str) -> Option<Timestamp> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: i64 = whole.parse().ok()?;
    if whole.abs() >= 100_000_000_000 {
        return Timestamp::from_millis(whole);
    }
    let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
    DateTime::from_timestamp(whole, digits.parse().ok()?).map(Timestamp::from)
}

/// Content that is a text, or a list of texts, pictures and other things.
pub(super) fn content(value: &Value) -> Content {
    match value {
        Value::Null => Content::default(),
        Value::String(text) => Content::text(text),
        Value::Array(parts) => Content { blocks: parts.iter().filter_map(block).collect() },
        other => Content::json(other.clone()),
    }
}

/// One part of content; an empty text is none.
pub(super) fn block(part: &Value) -> Option<Block> {
    let is_text = matches!(text(part, "type"), None | Some("text" | "input_text" | "output_text"));
    match part.as_str().or_else(|| part.get("text").filter(|_| is_text)?.as_str()) {
        Some("") => None,
        Some(text) => Some(Block::Text { text: text.into() }),
        None => Some(picture(part).unwrap_or_else(|| Block::Json { data: part.clone() })),
    }
}

fn picture(part: &Value) -> Option<Block> {
    let url = part.get("image_url").map(|url| url.get("url").unwrap_or(url));
    if let Some(url) = url.and_then(Value::as_str) {
        return Some(media::image_url(url));
    }
    let source = part.get("source").filter(|_| text(part, "type") == Some("image"))?;
    match text(source, "url") {
        Some(url) => Some(media::image_url(url)),
        None => Some(media::image(any_text(source, &["mediaType", "media_type"])?, text(source, "data")?)),
    }
}

/// The members of a record that are said nowhere else; `None` where none is left. What is empty, zero
/// or false says nothing.
pub(super) fn rest(record: &Value, known: &[&str]) -> Option<Value> {
    let says = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Bool(true) => true,
    };
    let members = record.as_object()?.iter().filter(|(key, value)| !known.contains(&key.as_str()) && says(value));
    let rest: Map<String, Value> = members.map(|(key, value)| (key.clone(), value.clone())).collect();
    (!rest.is_empty()).then_some(Value::Object(rest))
}

/// Who makes a model, by its name.
pub(super) fn provider_of(model: &str) -> &'static str {
    let model = model.to_lowercase();
    let makers: [(&str, &[&str]); 7] = [
        ("anthropic", &["claude", "sonnet", "opus", "haiku"]),
        ("openai", &["gpt", "codex", "o1", "o3", "o4"]),
        ("google", &["gemini"]),
        ("xai", &["grok"]),
        ("deepseek", &["deepseek"]),
        ("alibaba", &["qwen"]),
        ("mistral", &["mistral", "devstral", "codestral"]),
    ];
    makers.iter().find(|(_, names)| names.iter().any(|name| model.contains(name))).map_or("unknown", |(maker, _)| maker)
}

/// The path of a `file://` URI, or of one of a machine that an editor works on (`vscode-remote://`).
pub(super) fn path_of_uri(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix("file://").or_else(|| uri.strip_prefix("vscode-remote://"))?;
    let path = &rest[rest.find('/')?..];
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = code.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).ok()
}

/// Drops user name and password from a URL with a scheme; `git@host:path` holds none.
pub(super) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{path_of_uri, rest, time};

    #[test]
    fn a_time_is_read_in_every_form_that_agents_write() {
        for (written, read) in [
            (json!("2026-02-05T13:00:01+01:00"), "2026-02-05T12:00:01Z"),
            (json!("2026-02-05T12:00:01.000001"), "2026-02-05T12:00:01.000001Z"),
            (json!("2026-02-05 12:00:01"), "2026-02-05T12:00:01Z"),
            (json!(1_770_292_801), "2026-02-05T12:00:01Z"),
            (json!(1_770_292_801.5), "2026-02-05T12:00:01.500Z"),
            (json!(1_770_292_801_250_u64), "2026-02-05T12:00:01.250Z"),
        ] {
            assert_eq!(time(&written).expect("a time").to_string(), read, "{written}");
        }
        for written in [json!("0001-01-01T00:00:00Z"), json!("soon"), json!(1e300), json!(null)] {
            assert_eq!(time(&written), None, "{written}");
        }
    }

    #[test]
    fn a_uri_of_a_file_here_or_on_another_machine_has_a_path() {
        assert_eq!(path_of_uri("file:///home/ann/my%20kite").as_deref(), Some("/home/ann/my kite"));
        assert_eq!(path_of_uri("vscode-remote://ssh-remote%2Bbox/srv/kite").as_deref(), Some("/srv/kite"));
        assert_eq!(path_of_uri("untitled:Untitled-1"), None);
    }

    #[test]
    fn what_is_left_of_a_record_leaves_out_what_says_nothing() {
        assert_eq!(rest(&json!({"id": 1, "a": [], "b": 0, "c": false}), &["id"]), None);
        assert_eq!(rest(&json!({"id": 1, "d": "x"}), &["id"]), Some(json!({"d": "x"})));
    }
}
