//! What a tool returned: its text, its exit code, how long it took.

use serde::Deserialize;
use serde_json::Value;

use super::message::Piece;
use crate::hail::{Block, Content, Loose, Scanner};

/// What is known of a call once it returned.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) content: Content,
    pub(super) exit_code: Option<i32>,
    pub(super) duration_ms: Option<u64>,
    /// The id of the command that goes on in the background.
    pub(super) session: Option<String>,
    pub(super) is_error: bool,
}

/// How the text begins where a tool did not do what it was asked.
const FAILURES: [&str; 14] = [
    "apply_patch verification failed",
    "patch rejected",
    "failed to parse",
    "failed in sandbox",
    "execution error",
    "exec_command failed",
    "exec command rejected",
    "command rejected",
    "rejected by user",
    "write_stdin failed",
    "unsupported call",
    "unsupported custom tool call",
    "tool call error",
    "aborted by user",
];

impl Outcome {
    /// Reads the `output` of a call.
    pub(super) fn read(output: Loose<'_>) -> Self {
        match output {
            Loose::Missing => Self::default(),
            Loose::Text(text) => Self::of_text(text.into_owned()),
            Loose::Other(Value::Array(items)) => Self::of_pieces(Piece::of_values(items)),
            Loose::Other(value) => Self::of_object(value),
        }
    }

    /// Reads a text: JSON with metadata to 0.4x, a head of a few lines since.
    fn of_text(text: String) -> Self {
        if text.starts_with('{')
            && let Some(outcome) = Self::of_wrapped(&text)
        {
            return outcome;
        }
        let mut outcome = Self::of_head(&text);
        outcome.content = Content::text(text);
        outcome
    }

    fn of_wrapped(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Metadata {
            exit_code: Option<i32>,
            duration_seconds: Option<f64>,
        }
        let (mut output, mut metadata) = (None, None);
        let mut scanner = Scanner::new(text);
        scanner.object(|scanner, key| {
            match key {
                "output" => output = Some(scanner.string()?),
                "metadata" => metadata = Some(serde_json::from_str::<Metadata>(scanner.raw()?).ok()?),
                _ => scanner.skip()?,
            }
            Some(())
        })?;
        let (Some(output), Some(metadata), true) = (output, metadata, scanner.is_at_end()) else { return None };
        Some(Self {
            content: Content::text(output),
            exit_code: metadata.exit_code,
            duration_ms: metadata.duration_seconds.and_then(milliseconds),
            is_error: metadata.exit_code.is_some_and(|code| code != 0),
            ..Self::default()
        })
    }

    pub(super) fn of_pieces(pieces: Vec<Piece>) -> Self {
        let blocks: Vec<Block> = pieces.into_iter().filter_map(Piece::into_block).collect();
        let content = Content { blocks };
        let outcome = content.texts().next().map(Self::of_head).unwrap_or_default();
        Self { content, ..outcome }
    }

    /// Reads the shape that early versions and remote tools give.
    fn of_object(value: Value) -> Self {
        let failed = value.get("success").and_then(Value::as_bool) == Some(false)
            || value.get("isError").or_else(|| value.get("is_error")).and_then(Value::as_bool) == Some(true);
        let mut outcome = match value.get("content") {
            Some(Value::String(text)) => Self::of_text(text.clone()),
            _ if value.is_null() => Self::default(),
            _ => Self { content: Content::json(value), ..Self::default() },
        };
        outcome.is_error |= failed;
        outcome
    }

    /// Reads the lines before `Output:`; what follows them is the tool's own text and may say
    /// anything.
    pub(super) fn of_head(text: &str) -> Self {
        let mut outcome = Self { is_error: is_failure(text), ..Self::default() };
        if outcome.is_error {
            outcome.exit_code = code_in_sentence(text);
            return outcome;
        }
        for line in behind_command(text).lines().take(8).take_while(|line| *line != "Output:") {
            let after = |start: &str| line.strip_prefix(start).map(str::trim);
            if let Some(cell) = after("Script running with cell ID") {
                outcome.session = Some(cell.trim_end_matches('.').to_owned());
            } else if line == "Script failed" || line == "Script terminated" {
                outcome.is_error = true;
            } else if let Some(code) = after("Exit code:").or_else(|| after("Process exited with code")) {
                outcome.exit_code = code.parse().ok();
            } else if let Some(time) = after("Wall time:").or_else(|| after("Wall time ")) {
                let seconds = time.split(' ').next().and_then(|seconds| seconds.parse().ok());
                outcome.duration_ms = seconds.and_then(milliseconds);
            } else if let Some(session) = after("Process running with session ID") {
                outcome.session = Some(session.to_owned());
            } else if !["Chunk ID:", "Total output lines:", "Original token count:", "Script completed"]
                .iter()
                .any(|start| line.starts_with(start))
            {
                break;
            }
        }
        outcome.is_error |= outcome.exit_code.is_some_and(|code| code != 0);
        outcome
    }
}

/// How the lines of a head begin.
const HEADS: [&str; 6] = [
    "Chunk ID:",
    "Wall time:",
    "Exit code:",
    "Process exited with code",
    "Process running with",
    "Total output lines:",
];

/// What follows the command, with which some versions begin the head. It may have several lines, so the head goes
/// on where two lines of it follow one another.
fn behind_command(text: &str) -> &str {
    if !text.starts_with("Command:") {
        return text;
    }
    let is_head = |line: &str| HEADS.iter().any(|head| line.starts_with(head));
    let mut before = None;
    for at in memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1) {
        let found = is_head(&text[at..]);
        if let Some(before) = before.filter(|_| found) {
            return &text[before..];
        }
        before = found.then_some(at);
    }
    text
}

/// Converts seconds; what is negative or beyond all reason is no duration.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
fn milliseconds(seconds: f64) -> Option<u64> {
    (0.0..1e12).contains(&seconds).then(|| (seconds * 1000.0).round() as u64)
}

fn is_failure(text: &str) -> bool {
    FAILURES.iter().any(|start| text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)))
}

/// The exit code in a sentence such as `failed in sandbox …, exit code: 1, …`.
fn code_in_sentence(text: &str) -> Option<i32> {
    let head = text.get(..400).unwrap_or(text);
    let after = ["exit code: ", "exit_code: "].iter().find_map(|name| Some(head.split_once(name)?.1))?;
    let end = after.find(|char: char| !char.is_ascii_digit() && char != '-').unwrap_or(after.len());
    after[..end].parse().ok()
}
