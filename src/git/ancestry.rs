//! What the git command above a hook was asked for, where the system tells.

use crate::system::files;
use std::path::Path;

/// How far up is looked: hook managers put processes of their own in between.
const GENERATIONS: usize = 10;

/// Whether the push that runs this hook is a dry run. git tells its hooks nothing about it, so the
/// command lines of the processes above are looked at, which Linux shows. Elsewhere nobody knows.
#[must_use]
pub fn is_dry_run_push() -> bool {
    let mut process = "self".to_owned();
    for _ in 0..GENERATIONS {
        let stat = files::read_text(Path::new(&format!("/proc/{process}/stat")), files::SMALL).unwrap_or_default();
        // `<id> (<name>) <state> <parent> …`, and the name may hold anything.
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
        let Some(parent) = parent else { return false };
        parent.clone_into(&mut process);
        let line = files::read(Path::new(&format!("/proc/{process}/cmdline")), files::SMALL).unwrap_or_default();
        let words: Vec<String> =
            line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        if let Some(options) = push_arguments(&words) {
            return asks_for_dry_run(options);
        }
    }
    false
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

fn asks_for_dry_run(options: &[String]) -> bool {
    let mut is_dry = false;
    let mut options = options.iter().map(String::as_str);
    while let Some(option) = options.next() {
        match option {
            "--" => break,
            "-o" | "--push-option" | "--repo" | "--receive-pack" | "--exec" | "--recurse-submodules" => {
                options.next();
            }
            "--no-dry-run" => is_dry = false,
            // git takes every beginning that means one option only.
            long if long.starts_with("--") => is_dry |= long.len() > 3 && "--dry-run".starts_with(long),
            short if short.starts_with('-') => {
                // What follows an `o` is its value.
                let letters = short[1..].split('o').next().unwrap_or_default();
                is_dry |= letters.contains('n');
                if short.ends_with('o') {
                    options.next();
                }
            }
            _ => {}
        }
    }
    is_dry
}

#[cfg(test)]
mod tests {
    use super::{asks_for_dry_run, push_arguments};

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
            assert_eq!(push_arguments(&words).map(asks_for_dry_run), expected, "{line}");
        }
    }
}
