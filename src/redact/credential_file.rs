//! Finds every value in a file that holds nothing but credentials, such as `.env` or `.netrc`.

use std::ops::Range;

/// The shortest line that is a value of its own, as in a folded block of YAML.
const LEAST_LINE: usize = 16;

/// Programs that print a file.
const READERS: [&str; 26] = [
    "cat",
    "bat",
    "head",
    "tail",
    "less",
    "more",
    "nl",
    "tac",
    "sed",
    "awk",
    "grep",
    "rg",
    "type",
    "Get-Content",
    "jq",
    "batcat",
    "view",
    "strings",
    "cut",
    "sort",
    "egrep",
    "gc",
    "show",
    "cat-file",
    "diff",
    "xxd",
];

/// Words of `.netrc` after which something private stands.
const NETRC: [&str; 3] = ["login", "password", "account"];

/// Whether `path` names one of `files`: as its end, or with `*` as the beginning of its last part.
pub(super) fn is_one(path: &str, files: &[String]) -> bool {
    let path = path.trim_matches(['"', '\'', '`']).replace('\\', "/").to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or(&path);
    let template = ["example", "sample", "template", "dist", "schema"].iter().any(|end| name.ends_with(end));
    !template
        && files.iter().any(|file| match file.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => path == *file || path.ends_with(file) && path[..path.len() - file.len()].ends_with('/'),
        })
}

/// Whether `command` prints one of `files`: in one of its parts, the file is a word behind a program that prints files.
pub(super) fn is_read_by(command: &str, files: &[String]) -> bool {
    parts(command).any(|part| {
        let words = part.split([' ', '\t', '<']).map(|word| word.trim_matches(['"', '\'']));
        let mut words = words.skip_while(|word| !READERS.contains(&word.rsplit('/').next().unwrap_or(word)));
        // Of `git show COMMIT:FILE`, too.
        words.next().is_some() && words.any(|word| is_one(word.rsplit(':').next().unwrap_or(word), files))
    })
}

/// The commands of a line, as a shell parts them: not within quotes.
fn parts(command: &str) -> impl Iterator<Item = &str> {
    let mut quote = None;
    command.split(move |character: char| {
        match quote {
            Some(open) if open == character => quote = None,
            None if matches!(character, '"' | '\'') => quote = Some(character),
            _ => {}
        }
        matches!(character, '\n' | '`' | '(' | ')') || (quote.is_none() && matches!(character, ';' | '|' | '&'))
    })
}

/// The values in `text`, which is such a file, perhaps with line numbers before its lines.
pub(super) fn values(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let from = start + numbered(line);
        let values = value_of(&text[from..start + line.len()]).into_iter();
        found.extend(values.map(|value| from + value.start..from + value.end));
        start += line.len();
    }
    found
}

/// The length of a line number and what parts it from the line.
fn numbered(line: &str) -> usize {
    let blank = line.len() - line.trim_start().len();
    let digits = line[blank..].bytes().take_while(u8::is_ascii_digit).count();
    let rest = &line[blank + digits..];
    let mark = ["→", "\t", "|", ": "].iter().find(|mark| digits > 0 && rest.starts_with(**mark));
    mark.map_or(0, |mark| blank + digits + mark.len())
}

/// The value on a line: behind `=` or `:`, behind a word of `.netrc`, or the line itself.
fn value_of(line: &str) -> Vec<Range<usize>> {
    let content = line.trim();
    let start = line.len() - line.trim_start().len();
    let whole = start..start + content.len();
    if content.is_empty()
        || content.starts_with(['#', '[', '{', '}', ']'])
        || content.starts_with("//") && !content.contains('=')
    {
        return Vec::new();
    }
    let netrc = words_behind(line);
    if !netrc.is_empty() {
        return netrc;
    }
    let value = if let Some(at) = operator(content) {
        whole.start + at..whole.end
    } else if content.len() >= LEAST_LINE && !content.contains(' ') {
        whole
    } else {
        return Vec::new();
    };
    let trimmed = line[value.clone()].trim_start_matches([' ', '\t', '"', '\'', '[', '\\']);
    let start = value.end - trimmed.len();
    let end = start + trimmed.trim_end_matches([' ', '\t', '"', '\'', ',', ';', ']', '}', '\\']).len();
    let has_value = line[start..end].bytes().any(|byte| byte.is_ascii_alphanumeric());
    has_value.then_some(start..end).into_iter().collect()
}

/// Where the value begins: behind the first `=`, the first `": "`, or the last of the colons in a line
/// of `.pgpass`.
fn operator(line: &str) -> Option<usize> {
    let equals = line.find('=');
    let colon = line.find(": ").or_else(|| line.find("\":").map(|at| at + 1));
    match (equals, colon) {
        (Some(equals), Some(colon)) => Some(equals.min(colon) + 1),
        (Some(at), None) | (None, Some(at)) => Some(at + 1),
        (None, None) if line.contains("://") => line.find("://").map(|at| at + 3),
        (None, None) if line.matches(':').count() >= 4 => line.rfind(':').map(|at| at + 1),
        (None, None) => None,
    }
}

fn words_behind(line: &str) -> Vec<Range<usize>> {
    let (mut found, mut is_value, mut at) = (Vec::new(), false, 0);
    for word in line.split_inclusive([' ', '\t', '\n']) {
        let trimmed = word.trim();
        if is_value && !trimmed.is_empty() {
            found.push(at..at + trimmed.len());
            is_value = false;
        } else if !trimmed.is_empty() {
            is_value = NETRC.contains(&trimmed);
        }
        at += word.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{is_one, is_read_by, values};

    fn hidden(text: &str) -> String {
        let mut text = text.to_owned();
        for range in values(&text.clone()).into_iter().rev() {
            text.replace_range(range, "*");
        }
        text
    }

    #[test]
    fn files_of_credentials_are_known_by_their_names() {
        let files = [".env", ".env.*", ".netrc", ".aws/credentials"].map(str::to_owned);
        for path in [".env", "app/.env", ".env.local", "C:\\app\\.env", "/home/ann/.aws/credentials", "\".netrc\""] {
            assert!(is_one(path, &files), "{path}");
        }
        for path in [".env.example", "src/env.rs", "aws/credentials", "credentials", ".envrc"] {
            assert!(!is_one(path, &files), "{path}");
        }
        for command in ["cat app/.env | head -3", "less <~/.netrc", "cd app && sudo /bin/cat '.env'"] {
            assert!(is_read_by(command, &files), "{command}");
        }
        for command in ["echo hello; cat README.md", "source .env && npm test", "docker run --env-file .env cat"] {
            assert!(!is_read_by(command, &files), "{command}");
        }
    }

    #[test]
    fn every_value_is_found() {
        for (text, expected) in [
            ("# note\nA=1\nexport B=\"x y\"\nC=\n", "# note\nA=*\nexport B=\"*\"\nC=\n"),
            ("     1→A=sunny\n     2→B='x'\n", "     1→A=*\n     2→B='*'\n"),
            ("machine h login ann password x\n", "machine h login * password *\n"),
            ("machine h\n  login ann\n  password x\n", "machine h\n  login *\n  password *\n"),
            ("[default]\naws_access_key_id = AB\n", "[default]\naws_access_key_id = *\n"),
            ("//registry.example.org/:_authToken=abc\n", "//registry.example.org/:_authToken=*\n"),
            ("{\n  \"auths\": {\n    \"auth\": \"YWJj\",\n  }\n}", "{\n  \"auths\": {\n    \"auth\": \"*\",\n  }\n}"),
            ("users:\n- name: ann\n  user:\n    token: abc\n", "users:\n- name: *\n  user:\n    token: *\n"),
            ("https://ann:pw@example.org\n", "https://*\n"),
            ("db.example.org:5432:app:ann:s3\n", "db.example.org:5432:app:ann:*\n"),
            ("  key: |\n    MIIEowIBAAKCAQEAx1\n", "  key: |\n    *\n"),
        ] {
            assert_eq!(hidden(text), expected);
        }
    }
}
