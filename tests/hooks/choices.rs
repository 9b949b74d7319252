//! What a person decides when the hooks are installed: where sessions go, and what commits say of them.

use super::install_on_a_terminal;
use crate::support::{ClaudeLog, Place, World};

const PROMPT: &str = "Do not [skip ci], it closes #34; ask @ann";

fn repository(world: &World, remotes: &[&str]) -> Place {
    let work = world.repository("work");
    work.write("README.md", "# Work\n");
    work.commit_all("Begin");
    for name in remotes {
        let remote = world.bare(&format!("{name}.git"));
        work.git(&["remote", "add", name, &remote.path.display().to_string()]);
    }
    work
}

/// What the repository's own configuration says of sessions, but for the hooks.
fn settings(work: &Place) -> Vec<String> {
    let listed = work.run("git", &["config", "--local", "--get-regexp", "^opensession\\."]).stdout;
    listed.lines().map(|line| line.trim_start_matches("opensession.").to_owned()).collect()
}

fn commit_work(world: &World, work: &Place) {
    let id = "11111111-2222-4333-8444-555555555555";
    ClaudeLog::new(world, work, id).prompt(PROMPT).writes(work, "a.txt", "a\n").save();
    work.commit_all("Write it");
}

#[test]
fn without_a_terminal_sessions_go_to_the_remote_that_is_pushed_to_and_it_is_said() {
    let world = World::new();
    let work = repository(&world, &["origin"]);
    let ran = work.session(&["hooks", "install"]).ok();
    assert!(ran.stdout.contains("sessions go to remotes  origin\n"), "{ran}");
    assert_eq!(settings(&work), ["destination same-remote", "remotes origin"]);
    let answer = work.json(&["hooks", "status"]);
    assert_eq!((&answer["destination"], &answer["remotes"][0]), (&"same-remote".into(), &"origin".into()));
    assert_eq!(answer["trailers"], serde_json::json!(["session", "tool", "prompt"]));
}

#[test]
fn on_a_terminal_a_person_says_where_sessions_go_and_what_commits_say() {
    let cases: [(&str, &[&str]); 5] = [
        ("\n\n", &["destination same-remote", "remotes origin", "trailers session,tool,prompt"]),
        ("\nno\n", &["destination same-remote", "remotes origin", "trailers session,tool"]),
        ("local\n\n", &["destination local", "trailers session,tool"]),
        ("local\ny\n", &["destination local", "trailers session,tool,prompt"]),
        ("origin\nremote:nowhere\nremote:origin\n\n", &["destination remote:origin", "trailers session,tool"]),
    ];
    for (typed, expected) in cases {
        let world = World::new();
        let work = repository(&world, &["origin"]);
        let said = install_on_a_terminal(&work, typed);
        for line in [
            "Where may the sessions of a push go? [same-remote]",
            "cannot be taken back",
            "AI-Prompt: Greet people",
            "for ever",
        ] {
            assert!(said.contains(line), "{typed:?}: {line} in {said}");
        }
        let mut found = settings(&work);
        found.sort();
        assert_eq!(found, expected, "{typed:?}: {said}");
        let again = install_on_a_terminal(&work, "");
        assert!(!again.contains("Where may") && !again.contains("Write the first words"), "asked once: {again}");
    }
}

#[test]
fn scripts_say_it_with_options() {
    let world = World::new();
    let work = repository(&world, &["origin", "private"]);
    for (arguments, fault) in [
        (["--destination", "nowhere"], "'nowhere' is not same-remote, remote:<name> or local"),
        (["--destination", "remote:nowhere"], "no remote 'nowhere'"),
        (["--trailers", "session,all"], "'all' is not a trailer"),
    ] {
        let ran = work.session(&[&["hooks", "install"][..], &arguments].concat());
        assert!(ran.code == 2 && ran.stderr.contains(fault) && ran.stderr.contains("hint: "), "{ran}");
        assert_eq!((settings(&work).len(), work.session(&["hooks", "status"]).code), (0, 1), "nothing is done");
    }
    work.session(&["hooks", "install", "--destination", "remote:private", "--trailers", "session"]).ok();
    assert_eq!(settings(&work), ["destination remote:private", "trailers session"]);
    work.session(&["hooks", "install"]).ok();
    assert_eq!(settings(&work), ["destination remote:private", "trailers session"], "what was decided stays");
    let ran = work.session(&["sync", "origin"]);
    assert!(ran.code == 1 && ran.stderr.contains("opensession.destination is remote:private"), "{ran}");
    work.session(&["hooks", "install", "--destination", "local"]).ok();
    assert_eq!(settings(&work)[0], "destination local");
}

#[test]
fn the_prompt_is_in_a_message_only_where_the_sessions_go_along_or_somebody_wants_it() {
    let cases: [(&[(&str, &str)], bool); 5] = [
        (&[("destination", "same-remote")], true),
        (&[("destination", "local")], false),
        (&[("destination", "remote:origin")], false),
        (&[("destination", "local"), ("trailers", "session,tool,prompt")], true),
        (&[], false),
    ];
    for (set, expected) in cases {
        let world = World::new();
        let work = repository(&world, &["origin"]);
        work.session(&["hooks", "install"]).ok();
        work.git(&["config", "--remove-section", "opensession"]);
        for (key, value) in set {
            work.git(&["config", &format!("opensession.{key}"), value]);
        }
        commit_work(&world, &work);
        let message = work.message("HEAD");
        assert_eq!(message.contains("AI-Prompt: "), expected, "{set:?}: {message}");
        assert!(message.contains("AI-Session: ") && message.contains("AI-Tool: "), "{set:?}: {message}");
    }
}

#[test]
fn a_prompt_in_a_message_does_nothing_on_a_host() {
    let world = World::new();
    let (work, _) = world.shared();
    commit_work(&world, &work);
    let message = work.message("HEAD");
    let line = r#"AI-Prompt: Do not (skip "ci"), it closes (#)34; ask (at)ann"#;
    assert!(message.lines().any(|found| found == line), "{message}");
    assert_eq!(work.trailers("HEAD").len(), 1, "it is a trailer as any other");
}

/// A commit is not ours to rewrite, so that what is left there is said.
#[test]
fn purge_and_redact_say_which_messages_quote_the_session() {
    for command in ["purge", "redact"] {
        let world = World::new();
        let (work, _) = world.shared();
        commit_work(&world, &work);
        work.wait_for_sessions(1);
        let quoting = work.git(&["rev-parse", "HEAD"]).trim().to_owned();
        work.git(&["checkout", "--quiet", "-b", "other"]);
        let id = "11111111-2222-4333-8444-555555555555";
        let silent = format!("Go on\n\nAI-Session: {id}\n");
        // Nothing is captured in the background while references are looked at.
        let by_hand = work.with("OPENSESSION_DISABLE", "1");
        by_hand.git(&["commit", "--quiet", "--allow-empty", "--message", &silent]);
        work.git(&["checkout", "--quiet", "main"]);
        let arguments: &[&str] = match command {
            "purge" => &["purge", id, "--yes"],
            _ => &["redact", id, "--text", "closes #34"],
        };
        let ran = work.session(arguments).ok();
        assert!(ran.stderr.contains("quote its prompt") && ran.stderr.contains("git filter-branch"), "{ran}");
        assert!(ran.stdout.contains(&quoting[..10]), "{ran}");
        let answer = work.json(arguments);
        if command == "purge" {
            assert_eq!(answer["quoted_by"], serde_json::json!([quoting]), "{answer}");
        }
        assert_eq!(work.git(&["rev-parse", "HEAD"]).trim(), quoting, "nothing is rewritten");
        // The command that is named does what it says.
        let line = "git filter-branch --msg-filter \"sed '/^AI-Prompt: /d'\" -- --branches --tags";
        assert!(ran.stderr.contains(line), "{ran}");
        work.with("FILTER_BRANCH_SQUELCH_WARNING", "1").run("sh", &["-c", line]).ok();
        assert!(!work.message("HEAD").contains("AI-Prompt") && work.message("HEAD").contains(id));
    }
}
