//! The commands of people: what they print, where, and with which exit code.

mod branches;
mod capture;
mod clones;
mod databases;
mod demo;
mod discover;
mod doctor;
mod embedded;
mod growing;
mod hostile;
mod log;
mod parse;
mod pictures;
mod places;
mod program;
mod shells;
mod show;

use crate::support::{ClaudeLog, CodexLog, Place, Ran, World};

/// The session of the first commit.
pub const FIRST: &str = "11111111-2222-4333-8444-555555555555";
/// The session of the second commit.
pub const SECOND: &str = "019bc0de-aaaa-7bbb-8ccc-dddddddddddd";

/// Compares standard output, standard error and exit code with what is kept under `name`.
#[track_caller]
fn check(world: &World, name: &str, ran: &Ran) {
    check_text(world, name, &ran.to_string());
}

/// Compares a text with what is kept under `name`; what differs between machines is left out.
#[track_caller]
fn check_text(world: &World, name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let program = env!("CARGO_BIN_EXE_git-session");
    settings.add_filter(&escape(&world.path().display().to_string()), "[WORLD]");
    let folder = world.path();
    settings.add_filter(&escape(&folder.file_name().expect("a name").to_string_lossy()), "[WORLD]");
    settings.add_filter(&escape(program), "[PROGRAM]");
    settings.add_filter(r"\b([0-9a-f]{64}|[0-9a-f]{40})\b", "[HASH]");
    settings.add_filter(r"(commits(?:\*\*:)? +)[0-9a-f]{10}\b", "$1[COMMIT]");
    settings.add_filter(r"  [0-9a-f]{7}  ", "  [COMMIT]  ");
    settings.add_filter(r"\| [0-9a-f]{7} \|", "| [COMMIT] |");
    settings.add_filter(r"(ok +git +)2\.\d+\S*.*", "$1[VERSION]");
    settings.add_filter(env!("CARGO_PKG_VERSION"), "[VERSION]");
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn escape(text: &str) -> String {
    let is_special = |character: char| !character.is_ascii_alphanumeric() && character != '/';
    text.chars().flat_map(|c| is_special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// A session of Claude Code that wrote `src/lib.rs`.
fn first_log(world: &World, work: &Place) -> ClaudeLog {
    ClaudeLog::new(world, work, FIRST)
        .prompt("Add a library, please.")
        .writes(work, "src/lib.rs", "pub fn one() -> u8 {\n    1\n}\n")
        .answer("Done: `one` returns 1.")
}

/// A session of Codex that wrote `tests/one.rs`.
fn second_log(world: &World, work: &Place) -> CodexLog {
    CodexLog::new(world, work, SECOND).prompt("Test it.").writes(work, "tests/one.rs", "// a test\n")
}

/// A shared repository in which two sessions made a commit each; both are stored.
fn two_sessions() -> (World, Place, Place) {
    let world = World::new();
    let (work, remote) = world.shared();
    first_log(&world, &work).save();
    work.commit_all("Add a library");
    work.wait_for_sessions(1);
    second_log(&world, &work).save();
    work.commit_all("Test the library");
    work.wait_for_sessions(2);
    (world, work, remote)
}

/// A repository without hooks in which `count` sessions are stored, one an hour.
fn many_sessions(count: usize) -> (World, Place) {
    let world = World::new();
    let work = world.repository("work");
    work.write("README.md", "# Work\n");
    work.commit_all("Begin");
    for number in 0..count {
        let id = format!("0000{number:04}-2222-4333-8444-555555555555");
        ClaudeLog::new(&world, &work, &id).prompt(&format!("Task {number}")).answer("Done.").save();
    }
    work.session(&["capture"]).ok();
    (world, work)
}
