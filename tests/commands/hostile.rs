//! What an agent, a repository or a colleague wrote must not control the terminal that shows it.

use super::{FIRST, check};
use crate::support::{ClaudeLog, Place, Ran, World};

/// Clears the screen, sets the window's title, turns text around, and hides in it.
const HOSTILE: &str = "ok \x1b[2J\x1b]0;owned\x07 \u{202e}txt.exe\u{2066} \u{9b}31m \u{200b}\r\x08 end";

/// A repository with hooks where a session with hostile content is stored and named by HEAD.
fn attacked() -> (World, Place, ClaudeLog) {
    let world = World::new();
    let (work, _) = world.shared();
    let log = ClaudeLog::new(&world, &work, FIRST)
        .prompt(HOSTILE)
        .writes(&work, "src/\x1b[31mred\u{202e}.rs", "one\x1b[2J\n")
        .answer(&format!("{HOSTILE}\n\n```\n{HOSTILE}\n```"));
    log.save();
    work.commit_all("Attack");
    work.wait_for_sessions(1);
    (world, work, log)
}

#[track_caller]
fn is_harmless(what: &str, text: &str) {
    let bad = |character: char| {
        let is_hidden =
            matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}');
        is_hidden || (character.is_control() && !matches!(character, '\n' | '\t'))
    };
    assert!(!text.contains(bad), "{what}: {}", text.escape_debug());
}

#[track_caller]
fn both_are_harmless(what: &str, ran: &Ran) {
    is_harmless(what, &ran.stdout);
    is_harmless(what, &ran.stderr);
}

#[test]
fn no_text_command_lets_an_escape_through() {
    let (_world, work, log) = attacked();
    let file = log.file().display().to_string();
    std::fs::write(work.join("copy\x1b[31m.jsonl"), std::fs::read(&file).expect("a log")).expect("a copy");
    std::fs::write(work.join("bad\x1b[31m\u{202e}.jsonl"), "{\"type\":\"\x1b[2J").expect("a file");
    for arguments in [
        vec!["log"],
        vec!["log", "--format", "markdown"],
        vec!["show", FIRST],
        vec!["show", FIRST, "--full"],
        vec!["show", FIRST, "--full", "--format", "markdown"],
        vec!["show", &file],
        vec!["parse", &file, "--preview"],
        vec!["parse", "copy\x1b[31m.jsonl", "--preview"],
        vec!["parse", "bad\x1b[31m\u{202e}.jsonl"],
        vec!["parse", "copy\x1b[31m.jsonl", "--out", "out\x1b[31m.hail"],
        vec!["capture", "--dry-run"],
        vec!["capture", &file],
        vec!["capture", "copy\x1b[31m.jsonl", "bad\x1b[31m\u{202e}.jsonl", "gone\x1b[31m.jsonl"],
        vec!["discover"],
        vec!["doctor"],
        vec!["show", "no\x1b[31m\u{202e}thing"],
        vec!["show", "commit:no\x1b[31m\u{202e}thing"],
        vec!["log", "--since", "\x1b[31mnow"],
        vec!["log", "--branch", "\x1b[31m"],
        vec!["sync", "\x1b[31morigin"],
        vec!["cleanup", "run", "--remote", "\x1b[31morigin"],
        vec!["-C", "no\x1b[31m\u{202e}where", "log"],
    ] {
        both_are_harmless(&format!("{arguments:?}"), &work.session(&arguments));
    }
}

#[test]
fn json_lets_no_escape_through_and_keeps_every_value() {
    let (_world, work, log) = attacked();
    let file = log.file().display().to_string();
    for format in [&["--json"][..], &["--format", "jsonl"]] {
        for arguments in [
            &["log"][..],
            &["show"],
            &["show", FIRST],
            &["show", &file],
            &["review", "HEAD"],
            &["parse", &file, "--preview"],
            &["capture", "--all", "--dry-run"],
            &["scan", "--all"],
            &["doctor"],
            &["discover"],
        ] {
            let ran = work.session(&[arguments, format].concat());
            both_are_harmless(&format!("{arguments:?} {format:?}"), &ran);
            assert!(!ran.stdout.contains(['\t', '\r']), "{ran}");
        }
    }
    let text = work.json(&["show", FIRST])["events"][0]["content"]["blocks"][0]["text"].clone();
    assert_eq!(text.as_str().map(str::trim_end), Some(HOSTILE));
}

#[test]
fn hail_in_a_pipe_is_what_is_stored() {
    let (_world, work, _) = attacked();
    let stored = work.git(&["cat-file", "blob", &format!("refs/opensession/branches/bWFpbg:v1/11/{FIRST}.hail.jsonl")]);
    assert!(stored.contains('\u{202e}') && stored.contains('\u{9b}'), "nothing is hidden from a program");
    assert_eq!(work.session(&["show", FIRST, "--format", "hail"]).ok().stdout, stored);
}

#[test]
fn shows_escapes_instead_of_obeying_them() {
    let (world, work, _) = attacked();
    check(&world, "hostile_log", &work.session(&["log"]));
    check(&world, "hostile_show", &work.session(&["show", FIRST]));
}

#[test]
fn a_trailer_holds_nothing_but_visible_text() {
    let (_world, work, _) = attacked();
    let message = work.message("HEAD");
    assert!(message.contains("AI-Prompt: ok "), "{message}");
    is_harmless("the commit message", &message);
}

#[test]
fn a_clap_complaint_lets_no_escape_through() {
    let world = World::new();
    let place = world.place("anywhere");
    for arguments in [vec!["lo\x1b[31mg"], vec!["log", "--\x1b[31m"], vec!["log", "--format", "\x1b[31m\u{202e}x"]] {
        let ran = place.session(&arguments);
        assert_eq!(ran.code, 2, "{ran}");
        both_are_harmless(&format!("{arguments:?}"), &ran);
    }
}

#[test]
fn a_branch_named_to_deceive_is_shown_as_it_is() {
    let (world, work, _) = attacked();
    work.git(&["switch", "--quiet", "--create", "a\u{202e}b"]);
    ClaudeLog::new(&world, &work, "33333333-2222-4333-8444-555555555555")
        .prompt("Go.")
        .writes(&work, "b", "b\n")
        .save();
    work.commit_all("On an odd branch");
    work.wait_for_sessions(2);
    for arguments in [vec!["log"], vec!["capture"], vec!["cleanup", "run", "--local"], vec!["show"]] {
        both_are_harmless(&format!("{arguments:?}"), &work.session(&arguments));
    }
}
