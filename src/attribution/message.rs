//! Appending trailers to a commit message that git, an editor and a person are not done with.

use super::{
    Attribution, Encoding, TrailerKind,
    trailers::{block_start, lines, sessions_in},
};

/// Which lines of a message file will be removed before it becomes the commit's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comments {
    /// None: the message did not go through an editor, so `#` is a character like any other.
    None,
    /// Those that begin with this, and everything from the scissors line on.
    Prefix(String),
}

impl Comments {
    fn is_comment(&self, line: &[u8]) -> bool {
        matches!(self, Self::Prefix(prefix) if line.starts_with(prefix.as_bytes()))
    }

    fn is_scissors(&self, line: &[u8]) -> bool {
        let Self::Prefix(prefix) = self else { return false };
        line.strip_prefix(prefix.as_bytes()).is_some_and(|rest| rest.starts_with(b" ------------------------ >8 "))
    }

    /// The bytes up to and with the last line that stays; empty where git is going to abort.
    #[must_use]
    pub fn body<'m>(&self, message: &'m [u8]) -> &'m [u8] {
        let (mut end, mut position) = (0, 0);
        for line in message.split_inclusive(|byte| *byte == b'\n') {
            position += line.len();
            if self.is_scissors(line) {
                break;
            }
            if !line.trim_ascii().is_empty() && !self.is_comment(line) {
                end = position;
            }
        }
        &message[..end]
    }
}

/// Appends the trailers of the sessions that the message does not name yet; `None` when it names
/// them all. Comments and what is below the scissors stay where they are.
#[must_use]
pub fn append(
    message: &[u8],
    attributions: &[Attribution],
    kinds: &[TrailerKind],
    comments: &Comments,
    encoding: Encoding,
) -> Option<Vec<u8>> {
    let body = comments.body(message);
    let kept: Vec<u8> = body
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| !comments.is_comment(line))
        .flatten()
        .copied()
        .collect();
    let named = sessions_in(&kept);
    let kept = lines(&kept);
    let block = block_start(&kept);
    let said = block.map_or(&[][..], |start| &kept[start..]);
    let trailers: Vec<Vec<u8>> = attributions
        .iter()
        .filter(|attribution| !named.contains(&attribution.session))
        .flat_map(|attribution| attribution.trailers(kinds))
        .map(|trailer| encoding.encode(&trailer))
        // The lines of a session stay together, whatever another one says; `Assisted-by` is of none.
        .filter(|trailer| !trailer.starts_with(b"Assisted-by:") || !said.contains(&trailer.as_slice()))
        .collect();
    if trailers.is_empty() {
        return None;
    }
    let mut result = body.to_vec();
    if !result.is_empty() && !result.ends_with(b"\n") {
        result.push(b'\n');
    }
    let gap = block.is_none().then(Vec::new);
    for line in gap.into_iter().chain(trailers) {
        result.extend(line.into_iter().chain([b'\n']));
    }
    result.extend_from_slice(&message[body.len()..]);
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::{Attribution, Comments, Encoding, TrailerKind, append};

    fn attribution(id: &str) -> Attribution {
        Attribution {
            session: id.parse().expect("an id"),
            tool: "codex".to_owned(),
            tool_version: Some("0.50".to_owned()),
            model: "gpt".to_owned(),
            prompt: Some("Fix it".to_owned()),
        }
    }

    fn with(message: &str, comments: &Comments) -> String {
        let result = append(message.as_bytes(), &[attribution("abc")], &TrailerKind::DEFAULT, comments, Encoding::Utf8);
        String::from_utf8(result.unwrap_or_else(|| message.as_bytes().to_vec())).expect("UTF-8")
    }

    const TRAILERS: &str = "AI-Session: abc\nAI-Tool: codex/0.50 (gpt)\nAI-Prompt: Fix it\n";

    #[test]
    fn makes_a_block_of_its_own_or_joins_the_one_that_is_there() {
        assert_eq!(with("title\n", &Comments::None), format!("title\n\n{TRAILERS}"));
        assert_eq!(with("title", &Comments::None), format!("title\n\n{TRAILERS}"));
        assert_eq!(
            with("title\n\nSigned-off-by: A <a@b>\n", &Comments::None),
            format!("title\n\nSigned-off-by: A <a@b>\n{TRAILERS}")
        );
        assert_eq!(with("fix: a title\n", &Comments::None), format!("fix: a title\n\n{TRAILERS}"));
    }

    #[test]
    fn says_nothing_twice() {
        let once = with("title\n", &Comments::None);
        assert_eq!(with(&once, &Comments::None), once);
    }

    #[test]
    fn stays_above_comments_and_scissors() {
        let comments = Comments::Prefix(";".to_owned());
        let editor = "title\n\n; Please enter\n; ------------------------ >8 ------------------------\ndiff\n";
        let result = with(editor, &comments);
        assert_eq!(
            result,
            format!(
                "title\n\n{TRAILERS}\n; Please enter\n; ------------------------ >8 ------------------------\ndiff\n"
            )
        );
        assert_eq!(comments.body(b"\n; x\n; ------------------------ >8 ------------------------\nd\n"), b"");
    }

    #[test]
    fn a_hash_is_content_when_no_editor_ran() {
        assert_eq!(with("# title\n", &Comments::None), format!("# title\n\n{TRAILERS}"));
    }
}
