//! What begins a comment in a commit message.

use gix::bstr::ByteSlice;

use super::Repository;

/// What git chooses among where `core.commentChar` is `auto`, in this order.
const CANDIDATES: &[u8] = b"#;@!$%^&|:";

/// What follows the comment character on the line above a diff.
const SCISSORS: &[u8] = b" ------------------------ >8 ";

impl Repository {
    /// What begins a comment in `message`: `core.commentString` or `core.commentChar`, by default `#`. Where it
    /// is `auto`, git chose a character before it wrote the message, and the message shows which.
    #[must_use]
    pub fn comment_prefix(&self, message: &[u8]) -> String {
        let by_char = self.config("core.commentChar");
        let set = match (by_char, self.config("core.commentString")) {
            // To git the two are one setting, of which the last counts.
            (Some(_), Some(string)) => {
                let all = self.config_matching("^core\\.comment(char|string)$").unwrap_or_default();
                Some(all.last().map_or(string, |setting| setting.value.clone()))
            }
            (by_char, string) => by_char.or(string),
        };
        match set.as_deref() {
            Some("auto") => char::from(chosen(message)).to_string(),
            Some(prefix) if !prefix.is_empty() => prefix.to_owned(),
            _ => "#".to_owned(),
        }
    }
}

/// The character that git chose for `message`: the one before the scissors, else that of the last lines where
/// the lines above let git choose it, else the one that git would choose now.
fn chosen(message: &[u8]) -> u8 {
    let lines: Vec<&[u8]> = message.lines().collect();
    let scissors = lines.iter().find(|line| line.get(1..).is_some_and(|rest| rest.starts_with(SCISSORS)));
    if let Some(first) = scissors.and_then(|line| line.first()).filter(|first| CANDIDATES.contains(first)) {
        return *first;
    }
    let last = lines.iter().rev().find_map(|line| line.first()).filter(|first| CANDIDATES.contains(first));
    if let Some(last) = last {
        let is_comment = |line: &&&[u8]| line.is_empty() || line.starts_with(&[*last]);
        let comments = lines.iter().rev().take_while(is_comment).count();
        let above = lines[..lines.len() - comments].join(&b"\n"[..]);
        if free(&above) == Some(*last) {
            return *last;
        }
    }
    free(message).unwrap_or(b'#')
}

/// The first candidate with which no line of `text` begins, as git looks for it.
fn free(text: &[u8]) -> Option<u8> {
    if !text.contains(&b'#') {
        return Some(b'#');
    }
    let is_used = |candidate: &u8| text.lines().any(|line| line.first() == Some(candidate));
    CANDIDATES.iter().copied().find(|candidate| !is_used(candidate))
}

#[cfg(test)]
mod tests {
    use super::chosen;

    #[test]
    fn finds_the_comment_character_that_git_chose() {
        for (message, expected) in [
            ("", '#'),
            ("\n# Please enter\n#\n# On branch main\n", '#'),
            ("# Title\n\n; Please enter\n;\n; On branch main\n", ';'),
            ("# Title\n; and more\n\n@ Please enter\n", '@'),
            ("Fix #3\n\n# Please enter\n", '#'),
            ("# Title\n\n; Please enter\n; ------------------------ >8 ------------------------\ndiff\n# x\n", ';'),
            ("\n# ------------------------ >8 ------------------------\n;diff\n", '#'),
            ("Title\n\n# a heading, since there is no comment\n", '#'),
        ] {
            assert_eq!(char::from(chosen(message.as_bytes())), expected, "{message}");
        }
    }
}
