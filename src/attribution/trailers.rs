//! The trailer block of a commit message, by git's own rules.

use std::collections::HashSet;

use crate::hail::SessionId;

/// The trailer that names a session.
pub const SESSION_TRAILER: &str = "AI-Session";
/// The trailer that quotes what a person said.
pub const PROMPT_TRAILER: &str = "AI-Prompt";

/// The sessions that a commit's trailers name, in order, each once. Only the real trailer block
/// counts, never the body.
#[must_use]
pub fn sessions_in(message: &[u8]) -> Vec<SessionId> {
    let lines: Vec<&[u8]> = lines(message);
    let Some(start) = block_start(&lines) else { return Vec::new() };
    let (mut found, mut known) = (Vec::new(), HashSet::new());
    for line in &lines[start..] {
        let Some((key, value)) = split(line) else { continue };
        if !key.eq_ignore_ascii_case(SESSION_TRAILER.as_bytes()) {
            continue;
        }
        let id = std::str::from_utf8(value).ok().and_then(|value| value.parse::<SessionId>().ok());
        if let Some(id) = id.filter(|id| known.insert(id.clone())) {
            found.push(id);
        }
    }
    found
}

/// The sessions that a message names anywhere: in the trailer block, in the body that a squash merge
/// collected, indented, quoted or in a list. It decides what is kept, so it rather finds too many than too
/// few: a claim about the commit is only what [`sessions_in`] reads.
#[must_use]
pub fn sessions_named(message: &[u8]) -> Vec<SessionId> {
    let mut found = Vec::new();
    let lower = message.to_ascii_lowercase();
    let mut position = 0;
    while let Some(offset) = memchr::memmem::find(&lower[position..], b"ai-session") {
        position += offset + SESSION_TRAILER.len();
        let rest = &message[position..];
        // Markdown may stand around the key.
        let markup = rest.iter().take_while(|byte| b" \t*_`\"'".contains(byte)).count();
        if rest.get(markup) != Some(&b':') {
            continue;
        }
        let mut lines = rest[markup + 1..].split(|byte| *byte == b'\n');
        let line = lines.next().unwrap_or_default();
        position += markup + 1 + line.len();
        let before = found.len();
        found.extend(ids_in(line));
        if found.len() == before {
            // The value of a trailer may be on the next line.
            found.extend(lines.next().into_iter().flat_map(ids_in));
        }
    }
    found
}

/// Everything in `line` that can be the id of a session, as it is and without signs at its ends.
fn ids_in(line: &[u8]) -> impl Iterator<Item = SessionId> {
    let is_sign = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let words = line.split(move |byte| !is_sign(byte)).filter_map(|word| std::str::from_utf8(word).ok());
    words.flat_map(|word| {
        let bare = word.trim_matches(['.', '_', '-']);
        [word].into_iter().chain((bare != word).then_some(bare)).filter_map(|word| word.parse().ok())
    })
}

/// Whether the trailers of a message quote the prompt of `session`: it is named, and before the next one is, there
/// is a prompt.
#[must_use]
pub fn quotes(message: &[u8], session: &SessionId) -> bool {
    let lines: Vec<&[u8]> = lines(message);
    let Some(start) = block_start(&lines) else { return false };
    let mut is_ours = false;
    for (key, value) in lines[start..].iter().filter_map(|line| split(line)) {
        if key.eq_ignore_ascii_case(SESSION_TRAILER.as_bytes()) {
            is_ours = value == session.as_str().as_bytes();
        } else if is_ours && key.eq_ignore_ascii_case(PROMPT_TRAILER.as_bytes()) {
            return true;
        }
    }
    false
}

/// The lines of a message, without line endings and without blank lines at the end.
pub(super) fn lines(message: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = message.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

/// The first line of the trailer block: the last paragraph, unless it is the title, where every
/// line is a trailer or its continuation, or where a line that git itself writes is among them and
/// at least a quarter are trailers.
pub(super) fn block_start(lines: &[&[u8]]) -> Option<usize> {
    let title_end = lines.iter().position(|line| line.is_empty())?;
    let start = lines.iter().rposition(|line| line.is_empty())? + 1;
    if start <= title_end || start >= lines.len() {
        return None;
    }
    let (mut trailers, mut others, mut written_by_git) = (0, 0, false);
    for line in &lines[start..] {
        let from_git = line.starts_with(b"Signed-off-by: ") || line.starts_with(b"(cherry picked from commit ");
        written_by_git |= from_git;
        if from_git || split(line).is_some() {
            trailers += 1;
        } else if !(line.starts_with(b" ") || line.starts_with(b"\t")) || trailers == 0 {
            others += 1;
        }
    }
    (trailers > 0 && (others == 0 || (written_by_git && trailers * 3 >= others))).then_some(start)
}

/// Splits `Key: value`.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let key = line[..colon].trim_ascii_end();
    let is_key = !key.is_empty() && key.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    is_key.then(|| (key, line[colon + 1..].trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::{quotes, sessions_in, sessions_named};

    fn ids(message: &str) -> Vec<String> {
        sessions_in(message.as_bytes()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn reads_only_the_trailer_block() {
        assert_eq!(ids("title\n\nbody\n\nAI-Session: abc\nAI-Tool: x\n"), ["abc"]);
        assert_eq!(ids("title\n\nai-session: abc\nSigned-off-by: A <a@b>\n"), ["abc"]);
        assert_eq!(ids("AI-Session: abc\n"), [""; 0], "a title is no trailer");
        assert_eq!(ids("title\n\nAI-Session: abc\n\nand more prose\n"), [""; 0], "nor is the body");
        assert_eq!(ids("title\n\nAI-Session: abc\nsome prose\n"), [""; 0], "nor is a mixed paragraph");
        assert_eq!(ids("title\n\nAI-Session: ../../etc\n"), [""; 0], "nor is what cannot be an id");
    }

    #[test]
    fn what_a_message_names_anywhere_is_found_and_nothing_else() {
        let named = |message: &str| {
            let mut ids: Vec<String> = sessions_named(message.as_bytes()).iter().map(ToString::to_string).collect();
            ids.dedup();
            ids
        };
        for (message, expected) in [
            ("AI-Session: abc", &["abc"][..]),
            (
                "title (#1)\n\n* one\n\nAI-Session: abc\nAI-Tool: x\n\n* two\n\nAI-Session: def\n\nmore prose\n",
                &["abc", "def"],
            ),
            ("Squashed commit of the following:\n\n    one\n\n    ai-session: abc\n    AI-Prompt: x\n", &["abc"]),
            ("t\n\n* AI-Session: abc\r\n> AI-Session: def\r\n# AI-Session:\tghi\r\n", &["abc", "def", "ghi"]),
            ("t\n\n- **AI-Session:** `abc-1`\n- `AI-Session`: def.\n", &["abc-1", "def.", "def"]),
            ("t\n\nAI-Session:\n  abc\n", &["abc"]),
            ("t\n\nAI-Session: abc,def\n", &["abc", "def"]),
            ("t\n\nAI-Session: a_AI-Session: b\n", &["a_AI-Session", "b"]),
            ("t\n\nAI-Session-Of: abc\nSession: def\nAI-Sessions abc\n", &[]),
            ("t\n\nAI-Session: ../../etc\n", &["etc"]),
            ("t\n\nAI-Session:", &[]),
            ("", &[]),
        ] {
            assert_eq!(named(message), expected, "{message:?}");
        }
        assert_eq!(sessions_named(b"t\xff\n\n\xffAI-Session: abc\xff\n").len(), 1, "what is no UTF-8 around it");
    }

    #[test]
    fn a_message_of_nothing_but_keys_is_read_once() {
        let message = "AI-Session:".repeat(100_000);
        assert!(sessions_named(message.as_bytes()).len() < 400_000);
    }

    #[test]
    fn a_prompt_is_of_the_session_named_before_it() {
        let message = b"title\n\nAI-Session: one\nAI-Tool: x\nAI-Session: two\nAI-Tool: x\nAI-Prompt: Why\n";
        let is_quoted = |id: &str| quotes(message, &id.parse().expect("an id"));
        assert!(is_quoted("two") && !is_quoted("one") && !is_quoted("tw"));
        assert!(!quotes(b"title\n\nAI-Session: two\n\nAI-Prompt: Why\n", &"two".parse().expect("an id")));
    }

    #[test]
    fn does_not_take_three_dashes_for_a_divider() {
        assert_eq!(ids("title\n\nbody\n---\nmore\n\nAI-Session: abc\nAI-Session: abc\n"), ["abc"]);
    }
}
