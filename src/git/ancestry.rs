//! What the git command above a hook was asked for, where the system tells.

use crate::system::files;
use std::path::Path;

/// How far up is looked: hook managers put processes of their own in between.
const GENERATIONS: usize = 10;

/// What a push was asked for that git does not tell its hooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PushOptions {
    /// To send nothing.
    pub is_dry_run: bool,
    /// To say nothing of what went well.
    pub is_quiet: bool,
}

/// The options of the push that runs this hook. The command lines of the processes above are looked at, which
/// Linux shows; elsewhere none is known.
#[must_use]
pub fn push_options() -> PushOptions {
    let mut process = "self".to_owned();
    for _ in 0..GENERATIONS {
        let stat = files::read_text(Path::new(&format!("/proc/{process}/stat")), files::SMALL).unwrap_or_default();
        // `<id> (<name>) <state> <parent> …`, and the name may hold anything.
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
        let Some(parent) = parent else { break };
        parent.clone_into(&mut process);
        let line = files::read(Path::new(&format!("/proc/{process}/cmdline")), files::SMALL).unwrap_or_default();
        let words: Vec<String> =
            line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        if let Some(options) = push_arguments(&words) {
            return parse_options(options);
        }
    }
    PushOptions::default()
}

/// What follows `git … push`; `None` for any other command.
fn push_arguments(words: &[String]) -> Option<&[String]> {
    let (program, mut rest) = words.split_first()?;
    let program = program.rsplit('/').next()?;
    if program == "git-push" {
        return Some(rest);
    }
    if program != "git" {
        return None;
    }
    loop {
        let (word, after) = rest.split_first()?;
        rest = match word.as_str() {
            "push" => return Some(after),
            "-c" | "-C" | "--git-dir" | "--work-tree" | "--namespace" | "--config-env" => after.get(1..)?,
            option if option.starts_with('-') => after,
            _ => return None,
        };
    }
}

fn parse_options(words: &[String]) -> PushOptions {
    let mut found = PushOptions::default();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "--" => break,
            "-o" | "--push-option" | "--repo" | "--receive-pack" | "--exec" | "--recurse-submodules" => {
                words.next();
            }
            "--no-dry-run" => found.is_dry_run = false,
            "--no-quiet" => found.is_quiet = false,
            // git takes every beginning that means one option only.
            long if long.starts_with("--") => {
                found.is_dry_run |= long.len() > 3 && "--dry-run".starts_with(long);
                found.is_quiet |= long.len() > 2 && "--quiet".starts_with(long);
            }
            short if short.starts_with('-') => {
                // What follows an `o` is its value.
                let letters = short[1..].split('o').next().unwrap_or_default();
                found.is_dry_run |= letters.contains('n');
                found.is_quiet |= letters.contains('q');
                if short.ends_with('o') {
                    words.next();
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{parse_options, push_arguments};

    #[test]
    fn a_dry_run_is_known_by_its_options() {
        for (line, expected) in [
            ("git push --dry-run origin main", Some(true)),
            ("/usr/bin/git -c a.b=c -C x push origin -fn", Some(true)),
            ("git --no-pager push --dry origin", Some(true)),
            ("git push -n --no-dry-run", Some(false)),
            ("git push origin --delete n", Some(false)),
            ("git push --no-verify --d origin", Some(false)),
            ("git push -o n origin", Some(false)),
            ("git push -on origin", Some(false)),
            ("git push -- -n", Some(false)),
            ("git fetch --dry-run", None),
            ("sh push -n", None),
            ("git", None),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(push_arguments(&words).map(|words| parse_options(words).is_dry_run), expected, "{line}");
        }
    }

    #[test]
    fn a_quiet_push_is_known_by_its_options() {
        for (line, expected) in [
            ("git push -q", true),
            ("git push -fq origin main", true),
            ("git push --qui origin", true),
            ("git push --quiet --no-quiet", false),
            ("git push origin q", false),
            ("git push -o q origin", false),
            ("git push -- -q", false),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(push_arguments(&words).map(|words| parse_options(words).is_quiet), Some(expected), "{line}");
        }
    }
}
