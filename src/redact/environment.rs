//! Finds the values in a list of variables that a command printed, such as `printenv`, `docker compose config` or
//! `Get-ChildItem Env:`: those that are no path, no number and no word, whatever their names are.

use std::ops::Range;

use super::{
    letters::likeness,
    value::{is_object_id, is_stand_in, is_wordy, looks_random},
};

/// The shortest value that may be a secret, in bytes.
const MIN_VALUE: usize = 6;

/// The longest name of a variable, in bytes.
const MAX_NAME: usize = 80;

/// How many lines of another form may stand in a list.
const MAX_OTHERS: usize = 6;

/// How the names of variables end whose values tell what something is: a machine, a version, a commit.
const KNOWN: [&str; 12] =
    ["HOSTNAME", "VERSION", "COMMIT", "SHA", "SHA1", "SHA256", "COLORS", "CHECKSUM", "_GPG", "_ID", "HASH", "DIGEST"];

/// Programs that print the environment when they have no other word to work with.
const PRINTERS: [&str; 5] = ["env", "printenv", "set", "export", "declare"];

/// What commands that print variables have in common.
const COMMANDS: [&str; 14] = [
    "docker compose config",
    "docker-compose config",
    "docker inspect",
    "docker container inspect",
    "podman inspect",
    "heroku config",
    "vercel env ls",
    "railway variables",
    "doppler secrets",
    "/environ",
    "env:",
    "compgen -v",
    "kubectl set env",
    "get-function-configuration",
];

/// Whether `command` prints variables of an environment.
pub(super) fn is_printed_by(command: &str) -> bool {
    let lower = command.to_ascii_lowercase();
    COMMANDS.iter().any(|known| lower.contains(known))
        || command.split(['\n', ';', '|', '&', '(', ')', '`']).any(prints)
}

/// Whether the words of one command end with a program that prints the environment, and its options: `env` before other
/// words runs them.
fn prints(part: &str) -> bool {
    let words: Vec<&str> = part.split_whitespace().filter(|word| *word != "sudo").collect();
    let program = words.iter().rposition(|word| !word.starts_with('-'));
    let name = program.map(|at| words[at].rsplit('/').next().unwrap_or_default());
    let is_first = program == Some(0);
    // `set -e` sets an option.
    if words.first() == Some(&"set") && words.len() > 1 {
        return false;
    }
    // Behind another program only where that one runs it: `kubectl exec pod -- env`.
    let runs = ["exec", "ssh", "sudo", "--", "sh", "bash"];
    name.is_some_and(|name| PRINTERS.contains(&name.trim_matches(['"', '\''])))
        && (is_first || words.iter().any(|word| runs.contains(word)))
}

/// The values in `text` that may be secrets: on all of its lines, wherever the variables stand.
pub(super) fn values(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    each_line(text, 0, |_, line| {
        found.extend(line.filter(|value| may_be_secret(text, value)).map(|line| line.value));
        true
    });
    found
}

/// The same in the list that begins behind the command at `keyword`, at most `reach` bytes on.
pub(super) fn behind(text: &str, keyword: &Range<usize>, reach: usize) -> Vec<Range<usize>> {
    let end = (keyword.end..=text.len().min(keyword.end + reach)).rev().find(|end| text.is_char_boundary(*end));
    let text = &text[..end.unwrap_or(keyword.end)];
    let rest = &text.as_bytes()[keyword.end..];
    let Some(line) = memchr::memchr(b'\n', rest).map(|at| at + 1).or_else(|| escaped(rest)) else { return Vec::new() };
    let (mut found, mut others) = (Vec::new(), 0);
    each_line(text, keyword.end + line, |_, line| {
        others = if line.is_some() { 0 } else { others + 1 };
        found.extend(line.filter(|value| may_be_secret(text, value)).map(|line| line.value));
        others <= MAX_OTHERS
    });
    found
}

/// Where the next line begins in a text whose ends of lines are escaped.
fn escaped(rest: &[u8]) -> Option<usize> {
    memchr::memmem::find(rest, b"\\n").map(|at| at + 2)
}

/// A variable and its value, on a line.
struct Line {
    name: Range<usize>,
    value: Range<usize>,
}

/// Tells `line` every line of `text` from `from` on, and the variable on it, until it wants no more.
fn each_line(text: &str, from: usize, mut line: impl FnMut(usize, Option<Line>) -> bool) {
    let mut at = from;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let escaped = memchr::memmem::find(&rest[..end], b"\\n");
        let (length, sign) = escaped.map_or((end, 1), |escaped| (escaped, 2));
        if !line(at, variable(text, at..at + length)) {
            break;
        }
        at += length + sign;
    }
}

/// The variable on a line: `NAME=value`, `declare -x NAME="value"`, `- NAME=value`, `"NAME=value",`, `NAME: value`, or two
/// columns.
fn variable(text: &str, line: Range<usize>) -> Option<Line> {
    let content = &text[line.clone()];
    let mut start = content.len() - content.trim_start_matches([' ', '\t', '-', '+', '"', '\'', '\\', ',', '[']).len();
    for word in ["export ", "declare -x ", "declare -rx ", "set -x ", "$env:"] {
        start += if content[start..].starts_with(word) { word.len() } else { 0 };
    }
    let name = content[start..].bytes().take(MAX_NAME).take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let name = start..start + name.count();
    // Names of variables are of capitals; there are few others, and many words.
    if name.len() < 2 || content[name.clone()].bytes().any(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let rest = &content[name.end..];
    let signs = rest.len() - rest.trim_start_matches([' ', '\t', '=', ':', '"', '\'', '\\']).len();
    let signed = rest[..signs].contains(['=', ':']) || signs >= 2;
    let value = content[name.end + signs..].trim_end_matches(['\r', ' ', '\t', ',', ';', ']', '"', '\'', '\\', '}']);
    let start = line.start + name.end + signs;
    (signed && !value.is_empty())
        .then(|| Line { name: line.start + name.start..line.start + name.end, value: start..start + value.len() })
}

/// Whether the value on `line` is none of those that tell nothing.
fn may_be_secret(text: &str, line: &Line) -> bool {
    let (name, value) = (&text[line.name.clone()], &text[line.value.clone()]);
    value.len() >= MIN_VALUE
        && !KNOWN.iter().any(|end| name.ends_with(end))
        && !is_object_id(value)
        && !is_stand_in(value)
        && !is_harmless(value)
}

/// Whether `value` is a path, a number, an address, or of words.
fn is_harmless(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    let has_signs = value.bytes().any(|byte| b"!#$%^&*?~".contains(&byte));
    let is_path = value.contains('/') && value.split(['/', ':']).all(|piece| !looks_random(piece));
    let is_windows_path = value.as_bytes().get(1..3) == Some(b":\\");
    let is_spelled = likeness(value) >= 0 && digits <= 3;
    letters == 0
        || is_windows_path
        || (!has_signs && !value.contains('@') && (is_path || is_wordy(value) || is_spelled || letters <= 2))
}

#[cfg(test)]
mod tests {
    use super::{behind, is_printed_by, values};

    #[test]
    fn commands_that_print_the_environment_are_known() {
        for command in [
            "env",
            "printenv | sort",
            "cd app && env",
            "export -p",
            "set | grep DB",
            "docker compose config",
            "docker inspect web | jq .",
            "kubectl exec -it web-1 -- env",
            "docker exec web printenv",
            "heroku config -a shop",
            "Get-ChildItem Env:",
            "gci env:",
            "cat /proc/1/environ",
            "/usr/bin/env",
            "declare -x",
            "ssh host env",
        ] {
            assert!(is_printed_by(command), "{command}");
        }
        for command in
            ["env FOO=1 make", "set -e", "python env.py", "git checkout env", "export A=b", "npm run set", "ls"]
        {
            assert!(!is_printed_by(command), "{command}");
        }
    }

    #[test]
    fn what_tells_nothing_stays_and_the_rest_goes() {
        for (value, is_hidden) in [
            ("/usr/local/bin:/usr/bin", false),
            ("3000", false),
            ("true", false),
            ("production", false),
            ("en_US.UTF-8", false),
            ("xterm-256color", false),
            ("https://api.example.org/v2", false),
            ("db.internal:5432", false),
            ("2024-11-30T10:00:00Z", false),
            ("C:\\Windows\\System32", false),
            ("info,http=debug", false),
            ("h7x!kQ2z", true),
            ("k8Rw-11xv93", true),
            ("wJalrXUtnFEMIbPxRfiCY", true),
            ("nkkflkqncbt", true),
        ] {
            for line in [
                format!("A_NAME={value}\n"),
                format!("declare -x A_NAME=\"{value}\"\n"),
                format!("      A_NAME: {value}\n"),
                format!("      \"A_NAME={value}\",\n"),
                format!("A_NAME        {value}\r\n"),
            ] {
                let found: Vec<&str> = values(&line).into_iter().map(|range| &line[range]).collect();
                assert_eq!(found, if is_hidden { vec![value] } else { Vec::new() }, "{line}");
            }
        }
    }

    #[test]
    fn a_list_ends_where_its_lines_do() {
        let text = "$ printenv\nPATH=/bin\nONE=h7x!kQ2z\n$ make\n1\n2\n3\n4\n5\n6\nTWO=h7x!kQ2z\n";
        let found: Vec<&str> = behind(text, &(2..10), 4096).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["h7x!kQ2z"]);
    }
}
