//! Command lines as Codex gives them, and the patches that hide in them.

/// What a shell call runs.
pub(super) struct Command {
    /// The script where a shell runs one, else the quoted words.
    pub(super) line: String,
    /// The patches in it.
    pub(super) patches: Vec<String>,
    /// Whether it does nothing but apply one patch.
    pub(super) is_patch: bool,
    /// The shell and its flags, where the call names them.
    pub(super) shell: Vec<String>,
}

const SHELLS: [&str; 9] = ["bash", "sh", "zsh", "dash", "ksh", "fish", "pwsh", "powershell", "cmd"];
const BEGIN: &str = "*** Begin Patch";
const END: &str = "*** End Patch";

impl Command {
    /// Reads the words of a command.
    pub(super) fn of_words(words: &[String]) -> Self {
        if let [program, patch] = words
            && is_apply_patch(program)
            && patch.contains(BEGIN)
        {
            return Self { line: quoted(words), patches: vec![patch.clone()], is_patch: true, shell: Vec::new() };
        }
        match words {
            [program, flags @ .., script]
                if is_shell(program) && !flags.is_empty() && flags.iter().all(|flag| is_flag(flag)) =>
            {
                Self { shell: words[..words.len() - 1].to_vec(), ..Self::of_script(script.clone()) }
            }
            _ => Self { line: quoted(words), patches: Vec::new(), is_patch: false, shell: Vec::new() },
        }
    }

    /// Reads a script.
    pub(super) fn of_script(line: String) -> Self {
        let mut patches = Vec::new();
        let mut is_patch = true;
        let mut rest = line.as_str();
        while let Some((head, patch, tail)) = split_patch(rest) {
            is_patch &= is_plain_call(head);
            patches.push(patch.to_owned());
            rest = tail;
            if !is_end_of_here_document(head, tail) {
                is_patch = false;
            }
        }
        is_patch &= patches.len() == 1;
        Self { line, patches, is_patch, shell: Vec::new() }
    }
}

/// Splits a script at its first patch that is handed to `apply_patch`.
fn split_patch(script: &str) -> Option<(&str, &str, &str)> {
    let start = script.find(BEGIN)?;
    let head = &script[..start];
    // The patch is text of another command where none of the names stands on the line before it.
    let opening = head.trim_end().lines().next_back()?;
    if !opening.split(|char: char| char.is_whitespace() || char == ';').any(is_apply_patch) {
        return None;
    }
    let end = start + script[start..].find(END)? + END.len();
    Some((head, &script[start..end], &script[end..]))
}

/// Whether what stands before a patch is `apply_patch` alone, or after a change of folder.
fn is_plain_call(head: &str) -> bool {
    let head = head.trim();
    let call = match head.split_once("&&") {
        Some((folder, call)) if folder.trim_start().starts_with("cd ") => call.trim(),
        _ => head,
    };
    call.lines().count() == 1 && call.split_whitespace().next().is_some_and(is_apply_patch)
}

/// Whether only the delimiter of the here-document, or a closing quote, follows the patch.
fn is_end_of_here_document(head: &str, tail: &str) -> bool {
    let is_quote = |char: char| matches!(char, '\'' | '"' | ')' | '-' | '\\') || char.is_whitespace();
    let delimiter = head.rsplit_once("<<").map_or("", |(_, word)| word.trim_matches(is_quote));
    let tail = tail.trim_matches(is_quote);
    tail.is_empty() || tail == delimiter
}

fn is_apply_patch(word: &str) -> bool {
    matches!(word, "apply_patch" | "applypatch" | "apply_patch.bat")
}

/// The words of a command line, as a POSIX shell splits them.
pub(super) fn words(line: &str) -> Vec<String> {
    let (mut words, mut word): (Vec<String>, Option<String>) = (Vec::new(), None);
    let (mut quote, mut chars) = (None, line.chars());
    while let Some(char) = chars.next() {
        match (quote, char) {
            (None, '\'' | '"') => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            (Some(open), char) if char == open => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, char) if char.is_whitespace() => words.extend(word.take()),
            (_, char) => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

fn is_shell(program: &str) -> bool {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
    SHELLS.contains(&name.strip_suffix(".exe").unwrap_or(name))
}

fn is_flag(word: &str) -> bool {
    word.starts_with('-') || word.eq_ignore_ascii_case("/c")
}

/// Joins words so that a POSIX shell would split them the same way.
fn quoted(words: &[String]) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_./:=@%+,".contains(char);
    let quote = |word: &String| match word.as_str() {
        word if !word.is_empty() && word.chars().all(is_plain) => word.to_owned(),
        word => format!("'{}'", word.replace('\'', r"'\''")),
    };
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::Command;

    fn words(words: &[&str]) -> Command {
        Command::of_words(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn takes_the_script_of_a_shell_and_quotes_the_words_of_any_other_program() {
        assert_eq!(words(&["bash", "-lc", "ls | wc -l"]).line, "ls | wc -l");
        assert_eq!(words(&["powershell.exe", "-NoProfile", "-Command", "dir"]).line, "dir");
        assert_eq!(words(&["git", "commit", "-m", "it's done"]).line, r"git commit -m 'it'\''s done'");
        assert_eq!(words(&["bash", "run.sh", "now"]).line, "bash run.sh now");
    }

    #[test]
    fn splits_a_line_as_a_shell_does() {
        let line = r#"/bin/bash -lc 'ls -la "a b"' "it's \"x\"" '' a\ b"#;
        assert_eq!(super::words(line), ["/bin/bash", "-lc", r#"ls -la "a b""#, r#"it's "x""#, "", "a b"]);
        assert_eq!(super::words("  "), [""; 0]);
    }

    #[test]
    fn tells_a_patch_from_a_script_that_also_patches() {
        let patch = "*** Begin Patch\n*** Delete File: a\n*** End Patch";
        assert!(words(&["apply_patch", patch]).is_patch);
        for script in [
            format!("apply_patch <<'EOF'\n{patch}\nEOF\n"),
            format!("cd sub && apply_patch << \"EOF\"\n{patch}\nEOF"),
            format!("apply_patch '{patch}'"),
        ] {
            let command = Command::of_script(script);
            assert!(command.is_patch, "{}", command.line);
            assert_eq!(command.patches, [patch]);
        }
        let mixed = Command::of_script(format!("apply_patch <<'EOF'\n{patch}\nEOF\ncargo test"));
        assert!(!mixed.is_patch);
        assert_eq!(mixed.patches, [patch]);
        let text = Command::of_script(format!("cat > notes <<'EOF'\n{patch}\nEOF"));
        assert!(text.patches.is_empty());
    }
}
