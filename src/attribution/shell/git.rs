//! What git's subcommands do to files and to the branch.

use super::{
    command::{Command, operands},
    effect::{Commits, Effect, How},
    paths::{moves, named, patched},
    token::Word,
};

/// Subcommands that make commits, and the options with which they do not.
static COMMITTING: &[(&str, &[&str])] = &[
    ("commit", &["--dry-run"]),
    ("ci", &["--dry-run"]),
    ("cm", &[]),
    ("cmt", &[]),
    ("merge", &["--abort", "--quit", "--no-commit", "--squash", "--ff-only"]),
    ("cherry-pick", &["--abort", "--quit", "-n", "--no-commit"]),
    ("revert", &["--abort", "--quit", "-n", "--no-commit"]),
    ("rebase", &["--abort", "--quit", "--edit-todo", "--show-current-patch"]),
    ("am", &["--abort", "--quit", "--show-current-patch"]),
    ("pull", &["--ff-only", "--dry-run", "--no-commit"]),
    ("subtree", &[]),
    ("filter-branch", &[]),
    ("filter-repo", &[]),
    ("gui", &[]),
    ("cz", &[]),
    ("absorb", &["--dry-run", "-n"]),
    ("citool", &[]),
];

/// Subcommands that change no file of the work tree. `commit-tree` and `notes` make no commit of a branch.
static READING: &[&str] = &[
    "",
    "add",
    "annotate",
    "archive",
    "blame",
    "branch",
    "bundle",
    "cat-file",
    "check-attr",
    "check-ignore",
    "cherry",
    "commit-graph",
    "commit-tree",
    "config",
    "count-objects",
    "credential",
    "describe",
    "diff",
    "diff-files",
    "diff-index",
    "diff-tree",
    "difftool",
    "fast-export",
    "fetch",
    "for-each-ref",
    "format-patch",
    "fsck",
    "gc",
    "grep",
    "hash-object",
    "help",
    "init",
    "log",
    "lfs",
    "ls-files",
    "ls-remote",
    "ls-tree",
    "maintenance",
    "merge-base",
    "merge-tree",
    "mktree",
    "name-rev",
    "notes",
    "pack-refs",
    "patch-id",
    "prune",
    "push",
    "range-diff",
    "reflog",
    "remote",
    "repack",
    "replace",
    "request-pull",
    "rerere",
    "rev-list",
    "rev-parse",
    "session",
    "shortlog",
    "show",
    "show-branch",
    "show-ref",
    "sparse-checkout",
    "stage",
    "status",
    "symbolic-ref",
    "tag",
    "unpack-file",
    "update-index",
    "update-ref",
    "var",
    "verify-commit",
    "verify-tag",
    "version",
    "whatchanged",
    "worktree",
    "write-tree",
    "clone",
    "interpret-trailers",
    "column",
    "stripspace",
    "mailinfo",
    "send-email",
    "read-tree",
    "bugreport",
    "for-each-repo",
    "instaweb",
    "gitk",
    "di",
    "st",
    "br",
    "lg",
];

/// Subcommands after which files have a content that git has.
static REVERTING: &[&str] = &["switch", "bisect", "co", "checkout-index", "submodule"];

/// Whether a call of git makes commits.
pub(super) fn commits(command: &Command) -> Commits {
    let (subcommand, rest) = split(command);
    let has = |option: &str| rest.iter().take_while(|word| word.text != "--").any(|word| word.text == option);
    if has("--help") || has("-h") {
        return Commits::No;
    }
    let listed = COMMITTING.iter().find(|(known, _)| *known == subcommand);
    match listed {
        Some((_, unless)) if unless.iter().any(|option| has(option)) => Commits::No,
        Some(_) => Commits::Directly,
        None if subcommand == "flow" => Commits::Maybe,
        None if matches!(effect(command), Effect::Runs) => Commits::Maybe,
        None => Commits::No,
    }
}

/// What a call of git does to the files of the work tree.
pub(super) fn effect(command: &Command) -> Effect {
    let (subcommand, rest) = split(command);
    let has = |options: &[&str]| rest.iter().any(|word| options.contains(&word.text.as_str()));
    let all = |how: How| Effect::Files(vec![(String::new(), how)]);
    let each =
        |words: Vec<&Word>, how: &How| Effect::Files(words.into_iter().map(|word| named(word, how.clone())).collect());
    if has(&["--help", "-h"]) {
        return Effect::Nothing;
    }
    match subcommand {
        _ if changes_nothing(subcommand, &has) => Effect::Nothing,
        "mv" => Effect::Files(moves(&operands(rest, &[]), None, command.has_more_arguments)),
        "rm" if command.has_more_arguments => all(How::Anything),
        "rm" => each(operands(rest, &["--pathspec-from-file"]), &How::Removed),
        "apply" => Effect::Files(patched(command.body())),
        "checkout" => checkout(rest),
        "restore" => each(operands(rest, &["-s", "--source", "--pathspec-from-file"]), &How::Reverted),
        "stash" => match rest.first().map_or("push", |word| word.text.as_str()) {
            "list" | "show" | "drop" | "clear" | "create" | "store" => Effect::Nothing,
            _ => all(How::Reverted),
        },
        "merge" | "pull" | "rebase" | "cherry-pick" | "revert" | "am" | "subtree" | "reset" => all(How::Reverted),
        "mergetool" | "clean" => all(How::Anything),
        _ if REVERTING.contains(&subcommand) => all(How::Reverted),
        _ if READING.contains(&subcommand) => match command.value("--output") {
            Some(path) => Effect::Files(vec![(path.to_owned(), How::Changed)]),
            None => Effect::Nothing,
        },
        _ => Effect::Runs,
    }
}

/// Whether the options of a subcommand that can write keep it from doing so.
fn changes_nothing(subcommand: &str, has: &impl Fn(&[&str]) -> bool) -> bool {
    match subcommand {
        "commit" | "ci" | "cm" | "cmt" | "citool" | "gui" | "cz" | "absorb" => true,
        "mv" | "clean" => has(&["-n", "--dry-run"]),
        "rm" => has(&["--cached", "-n", "--dry-run"]),
        "apply" | "am" => has(&["--check", "--stat", "--numstat", "--summary", "--cached"]),
        "restore" => has(&["--staged", "-S"]) && !has(&["--worktree", "-W", "-SW", "-WS"]),
        "reset" => !has(&["--hard", "--merge", "--keep"]),
        _ => false,
    }
}

/// `git checkout <branch>`, `git checkout [<tree>] -- <files>`.
fn checkout(rest: &[Word]) -> Effect {
    let reverted = |words: &[Word]| words.iter().map(|word| named(word, How::Reverted)).collect();
    if let Some(at) = rest.iter().position(|word| word.text == "--") {
        return Effect::Files(reverted(&rest[at + 1..]));
    }
    if rest.iter().any(|word| ["-b", "-B", "--orphan"].contains(&word.text.as_str())) {
        return Effect::Nothing;
    }
    let words: Vec<Word> = operands(rest, &["--conflict", "--pathspec-from-file"]).into_iter().cloned().collect();
    match words.as_slice() {
        // A branch, or a file: only the repository tells.
        [one] if !one.text.starts_with('.') => Effect::Files(vec![(String::new(), How::Reverted)]),
        [_] => Effect::Files(reverted(&words)),
        [_, files @ ..] => Effect::Files(reverted(files)),
        [] => Effect::Nothing,
    }
}

/// The subcommand and its arguments; options before it are taken away with the directory.
fn split(command: &Command) -> (&str, &[Word]) {
    let subcommand = command.words.get(1).map_or("", |word| word.text.as_str());
    let subcommand = if subcommand.starts_with('-') { "" } else { subcommand };
    (subcommand, command.words.get(2..).unwrap_or_default())
}
