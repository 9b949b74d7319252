//! What people do about secrets: look for them, take them out, remove a session for good.

mod fields;
mod figures;
mod guard;
mod published;
mod purge;
mod redact;
mod repaired;
mod scan;
mod settings;

use crate::support::{ClaudeLog, Place, World};

/// A secret that no rule knows.
const WORD: &str = "heliotrope-marmalade";
/// A session that holds it.
const SECRET: &str = "11111111-2222-4333-8444-555555555555";
/// One that does not.
const OTHER: &str = "22222222-2222-4333-8444-555555555555";

/// The log of a session that says the word, in its title too.
fn secret_log(world: &World, place: &Place) -> ClaudeLog {
    ClaudeLog::new(world, place, SECRET)
        .prompt(&format!("Launch with {WORD}."))
        .runs(&format!("launch --word \"{WORD}\""))
        .answer("It flies.")
}

fn log(world: &World, place: &Place, id: &str) {
    ClaudeLog::new(world, place, id).prompt("Say something.").answer("Something.").save();
}

/// All objects that any reference of a repository reaches, and their contents.
fn reachable(place: &Place) -> String {
    let script = "git rev-list --objects --all | cut -d' ' -f1 | git cat-file --batch";
    place.run("sh", &["-c", script]).ok().stdout
}

/// Sets the mode; no commit message is to quote a prompt.
fn settle(world: &World, mode: &str) {
    let place = world.place(".");
    place.git(&["config", "--global", "opensession.fanout-mode", mode]);
    place.git(&["config", "--global", "opensession.trailers", "session,tool"]);
}

/// Two clones that both have both sessions in the given mode, and their remote.
fn two_clones(world: &World, mode: &str) -> (Place, Place, Place) {
    settle(world, mode);
    let (work, remote) = world.shared();
    secret_log(world, &work).writes(&work, "launch.txt", "now\n").save();
    log(world, &work, OTHER);
    work.commit_all("Launch");
    work.session(&["capture"]).ok();
    work.wait_for_sessions(2);
    work.session(&["sync"]).ok();
    let clone = world.clone_of(&remote, "clone");
    log(world, &clone, "33333333-2222-4333-8444-555555555555");
    clone.session(&["capture"]).ok();
    clone.session(&["sync"]).ok();
    work.session(&["sync"]).ok();
    for place in [&work, &clone, &remote] {
        assert!(reachable(place).contains(WORD), "the session is not there");
    }
    (work, clone, remote)
}

const MODES: [&str; 2] = ["hidden_ref", "git_notes"];
