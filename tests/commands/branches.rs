//! Whose ledger a captured session goes to, and what is never stored.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::support::{ClaudeLog, CodexLog, Place, World};

fn id(number: u32) -> String {
    format!("{number:08}-2222-4333-8444-555555555555")
}

/// The numbers of the sessions in the ledger of a branch.
fn ledger(place: &Place, branch: &str) -> Vec<u32> {
    let reference = format!("refs/opensession/branches/{}", URL_SAFE_NO_PAD.encode(branch));
    if place.references(&reference).is_empty() {
        return Vec::new();
    }
    let paths = place.tree(&reference);
    let sessions = paths.iter().filter_map(|path| path.strip_suffix(".hail.jsonl")?.rsplit('/').next()?.get(..8));
    let mut numbers: Vec<u32> = sessions.map(|number| number.parse().expect("a number")).collect();
    numbers.sort_unstable();
    numbers
}

/// A chat: nothing was changed, and no commit came of it.
fn chat(world: &World, work: &Place, number: u32, branch: &str) {
    ClaudeLog::new(world, work, &id(number)).on(branch).prompt("Why?").answer("So.").save();
}

/// A repository with the hooks, `origin`, and the branches main and topic, of which topic is checked out.
fn with_topic(world: &World) -> (Place, Place) {
    let (work, remote) = world.shared();
    work.git(&["checkout", "--quiet", "-b", "topic"]);
    work.git(&["commit", "--quiet", "--allow-empty", "--message", "Start the topic"]);
    (work, remote)
}

#[test]
fn a_session_goes_to_the_ledger_of_the_branch_that_its_log_names() {
    let world = World::new();
    let (work, remote) = with_topic(&world);
    chat(&world, &work, 1, "main");
    chat(&world, &work, 2, "topic");
    let codex = id(3);
    CodexLog::new(&world, &work, &codex).prompt("Write it.").writes(&work, "a.txt", "a\n").save();
    let answer = work.json(&["capture"]);
    let branch_of = |id: &str| {
        let sessions = answer["sessions"].as_array().expect("sessions");
        sessions.iter().find(|session| session["id"] == id).expect("the session")["branches"].clone()
    };
    assert_eq!(branch_of(&id(1)), serde_json::json!(["main"]));
    assert_eq!(branch_of(&id(2)), serde_json::json!(["topic"]));
    assert_eq!(branch_of(&codex), serde_json::json!(["main"]));
    assert_eq!((ledger(&work, "topic"), ledger(&work, "main")), (vec![2], vec![1, 3]));
    work.git(&["push", "--quiet", "origin", "topic"]);
    assert_eq!(ledger(&remote, "main"), [0; 0], "a push of the topic sends nothing of main");
    assert_eq!(work.json(&["capture"])["stored_already"], 3, "wherever it is stored");
}

#[test]
fn of_a_log_that_names_several_branches_the_last_change_of_a_file_counts() {
    let world = World::new();
    let (work, _) = with_topic(&world);
    let log = |number| ClaudeLog::new(&world, &work, &id(number)).on("main").prompt("Write it.");
    log(1).writes(&work, "a.txt", "a\n").on("topic").writes(&work, "b.txt", "b\n").on("main").answer("Done.").save();
    log(2).on("topic").writes(&work, "c.txt", "c\n").on("main").writes(&work, "d.txt", "d\n").save();
    log(3).on("topic").answer("No file was changed.").save();
    work.session(&["capture"]).ok();
    assert_eq!((ledger(&work, "main"), ledger(&work, "topic")), (vec![2], vec![1, 3]));
}

#[test]
fn a_session_goes_to_the_ledger_of_every_branch_that_has_its_commits() {
    let world = World::new();
    let (work, _) = with_topic(&world);
    let commit = |message: &str, session: u32| {
        let message = format!("{message}\n\nAI-Session: {}", id(session));
        // As in a clone where the hooks were not installed yet.
        work.with("OPENSESSION_DISABLE", "1").git(&["commit", "--quiet", "--allow-empty", "--message", &message]);
    };
    commit("On the topic", 1);
    commit("On both", 2);
    commit("On the topic and merged", 3);
    work.git(&["checkout", "--quiet", "-b", "later"]);
    work.git(&["commit", "--quiet", "--allow-empty", "--message", "Begun later"]);
    work.git(&["checkout", "--quiet", "main"]);
    work.git(&["merge", "--quiet", "--no-ff", "--no-edit", "topic"]);
    commit("On main", 2);
    work.git(&["checkout", "--quiet", "-b", "empty", "main~1"]);
    chat(&world, &work, 1, "gone");
    chat(&world, &work, 2, "gone");
    chat(&world, &work, 3, "later");
    work.session(&["capture"]).ok();
    assert_eq!((ledger(&work, "topic"), ledger(&work, "main")), (vec![1, 2], vec![2]));
    assert_eq!(ledger(&work, "later"), [3], "where several have a commit, the log tells");
    assert_eq!((ledger(&work, "empty"), ledger(&work, "gone")), (vec![], vec![]));
}

#[test]
fn a_session_that_is_stored_is_updated_where_it_is() {
    let world = World::new();
    let (work, _) = with_topic(&world);
    let log = ClaudeLog::new(&world, &work, &id(1)).on("main").prompt("Why?").answer("So.");
    log.save();
    work.session(&["capture"]).ok();
    assert_eq!((ledger(&work, "main"), ledger(&work, "topic")), (vec![1], vec![]));
    log.on("topic").prompt("And this?").answer("Too.").save();
    let answer = work.json(&["capture"]);
    assert_eq!(answer["sessions"][0]["outcome"], "updated");
    assert_eq!((ledger(&work, "main"), ledger(&work, "topic")), (vec![1], vec![]));
}

#[test]
fn a_branch_that_is_gone_keeps_its_sessions_apart() {
    let world = World::new();
    let (work, _) = with_topic(&world);
    work.git(&["checkout", "--quiet", "main"]);
    chat(&world, &work, 1, "topic");
    work.session(&["capture"]).ok();
    work.git(&["branch", "--quiet", "-D", "topic"]);
    chat(&world, &work, 2, "topic");
    chat(&world, &work, 3, "never-here");
    work.session(&["capture"]).ok();
    assert_eq!((ledger(&work, "topic"), ledger(&work, "never-here")), (vec![1, 2], vec![3]));
    assert_eq!(ledger(&work, "main"), [0; 0]);
}

#[test]
fn the_current_branch_is_the_last_resort() {
    let world = World::new();
    let (work, _) = with_topic(&world);
    let elsewhere = world.repository("elsewhere");
    for (number, name) in [(1, ""), (2, "HEAD"), (3, "*"), (4, "no branch"), (5, "../../main")] {
        chat(&world, &work, number, name);
    }
    // The branch of another repository says nothing of this one, though a file of this one was changed.
    ClaudeLog::new(&world, &elsewhere, &id(6)).on("theirs").prompt("Write it.").writes(&work, "a.txt", "a\n").save();
    // One that is named is stored wherever it worked.
    ClaudeLog::new(&world, &elsewhere, &id(7)).on("theirs").prompt("Why?").answer("So.").save();
    work.session(&["capture"]).ok();
    let named = ClaudeLog::new(&world, &elsewhere, &id(7));
    work.session(&["capture", &named.file().display().to_string()]).ok();
    assert_eq!(ledger(&work, "topic"), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn notes_name_the_branch_that_a_session_belongs_to() {
    let world = World::new();
    let (work, _) = with_topic(&world);
    work.git(&["config", "opensession.fanout-mode", "git_notes"]);
    chat(&world, &work, 1, "main");
    chat(&world, &work, 2, "topic");
    work.session(&["capture"]).ok();
    chat(&world, &work, 1, "topic");
    work.session(&["capture"]).ok();
    let ids = |branch: &str| {
        let log = work.json(&["log", "--branch", branch]);
        log.as_array()
            .expect("rows")
            .iter()
            .map(|row| row["id"].as_str().expect("an id").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!((ids("main"), ids("topic")), (vec![id(1)], vec![id(2)]));
}

/// What is excluded is not stored, gets no trailer, and is shown as excluded.
#[test]
fn what_is_excluded_is_not_stored() {
    let session = format!("session:{}", id(1));
    for (value, excluded) in [
        ("agent:claude-code", vec![1, 2, 3]),
        (session.as_str(), vec![1]),
        ("session:00000002", vec![2]),
        ("private", vec![2]),
        ("./tools/", vec![3]),
        ("~/.claude/projects", vec![1, 2, 3]),
        ("agent:codex", vec![]),
    ] {
        let world = World::new();
        let (work, remote) = world.shared();
        let (private, tools) = (world.place("work/private"), world.place("work/tools"));
        work.git(&["config", "opensession.exclude", value]);
        chat(&world, &work, 1, "main");
        chat(&world, &private, 2, "main");
        let last = ClaudeLog::new(&world, &tools, &id(3)).prompt("Write it.").writes(&work, "a.txt", "a\n");
        last.save();
        let discovered = work.json(&["discover", "--agent", "claude-code"]);
        assert_eq!(discovered["agents"][0]["excluded"], excluded.len(), "{value}");
        work.commit_all("Write it");
        let has_trailer = !excluded.contains(&3);
        assert_eq!(work.trailers("HEAD"), if has_trailer { vec![id(3)] } else { vec![] }, "{value}");
        work.wait_for_sessions(usize::from(has_trailer));
        let answer = work.json(&["capture"]);
        assert_eq!(answer["excluded"], excluded.len(), "{value}: {answer}");
        let expected: Vec<u32> = (1..=3).filter(|number| !excluded.contains(number)).collect();
        assert_eq!(ledger(&work, "main"), expected, "{value}");
        let named = work.session(&["capture", &last.file().display().to_string()]);
        if !has_trailer {
            assert!(named.code == 1 && named.stderr.contains("excluded by opensession.exclude"), "{value}: {named}");
        }
        // A commit that names it all the same, such as one of before, brings none along.
        let message = format!("Name them\n\nAI-Session: {}", id(3));
        work.git(&["commit", "--quiet", "--allow-empty", "--message", &message]);
        let pushed = work.run("git", &["push", "--quiet"]);
        assert!(pushed.code == 0 && pushed.stderr.is_empty(), "{value}: {pushed}");
        assert_eq!(ledger(&work, "main"), expected, "{value}");
        assert_eq!(ledger(&remote, "main").contains(&3), has_trailer, "{value}");
        // What is no longer excluded is stored, though its log did not change.
        work.git(&["config", "--unset", "opensession.exclude"]);
        work.session(&["capture"]).ok();
        assert_eq!(ledger(&work, "main"), [1, 2, 3], "{value}");
    }
}
