//! A clock that is ten years ahead in one clone locks nothing in the others.

use std::time::{Duration, SystemTime};

use super::capture_one;
use crate::support::{ClaudeLog, NOW, Place, World};

const AHEAD: &str = "2036-02-01T12:00:00Z";

/// A clone with session 1, which is on the remote, too, and another clone whose clock is ahead.
fn with_one_ahead(world: &World) -> (Place, Place, Place, String) {
    let (work, remote) = world.shared();
    let id = capture_one(world, &work, 1);
    work.session(&["sync"]).ok();
    let ahead = world.clone_of(&remote, "ahead").with("GIT_SESSION_NOW", AHEAD);
    ahead.session(&["sync"]).ok();
    assert_eq!(ahead.stored(), [id.as_str()]);
    (work, remote, ahead, id)
}

fn cold(world: &World, remote: &Place, name: &str) -> Place {
    let cold = world.clone_of(remote, name);
    cold.session(&["sync", "--fetch-only"]).ok();
    cold
}

/// What is stored of a session, as text.
fn content(place: &Place, id: &str) -> String {
    place.session(&["show", id, "--format", "hail"]).ok().stdout
}

#[test]
fn a_session_that_was_purged_ahead_can_be_stored_again_and_purged_again() {
    let world = World::new();
    let (work, remote, ahead, id) = with_one_ahead(&world);
    ahead.session(&["purge", &id, "--push", "--yes"]).ok();
    work.session(&["sync"]).ok();
    assert!(work.stored().is_empty());
    let log = ClaudeLog::new(&world, &work, &id).file().display().to_string();
    work.session(&["capture", "--again", &log]).ok();
    work.session(&["sync"]).ok();
    assert_eq!(cold(&world, &remote, "cold").stored(), [id.as_str()]);
    // It is stored as it continues, and nothing takes it away again.
    ClaudeLog::new(&world, &work, &id).prompt("Say something.").answer("Something.").prompt("And more.").save();
    work.session(&["capture"]).ok();
    work.session(&["sync"]).ok();
    assert!(content(&cold(&world, &remote, "continued"), &id).contains("And more."));
    work.session(&["purge", &id, "--push", "--yes"]).ok();
    assert!(remote.stored().is_empty() && cold(&world, &remote, "last").stored().is_empty());
}

#[test]
fn a_session_that_was_redacted_ahead_is_redacted_again_and_purged_as_usual() {
    let world = World::new();
    let (work, remote, ahead, id) = with_one_ahead(&world);
    ahead.session(&["redact", &id, "--text", "Something", "--push"]).ok();
    work.session(&["sync"]).ok();
    work.session(&["redact", &id, "--text", "Say some", "--push"]).ok();
    let text = content(&cold(&world, &remote, "cold"), &id);
    assert!(!text.contains("Something") && !text.contains("Say some"), "{text}");
    // The clone that was ahead does not bring back what it had.
    ahead.session(&["sync"]).ok();
    let text = content(&cold(&world, &remote, "again"), &id);
    assert!(!text.contains("Something") && !text.contains("Say some"), "{text}");
    work.session(&["purge", &id, "--push", "--yes"]).ok();
    ahead.session(&["sync"]).ok();
    assert!(remote.stored().is_empty() && cold(&world, &remote, "last").stored().is_empty());
}

#[test]
fn what_was_captured_ahead_is_updated_elsewhere() {
    let world = World::new();
    let (work, remote, ahead, id) = with_one_ahead(&world);
    let other = "00000002-2222-4333-8444-555555555555".to_owned();
    let log = ClaudeLog::new(&world, &ahead, &other).prompt("Say more.").answer("More.");
    let file = log.file().display().to_string();
    log.save();
    ahead.session(&["capture", &file]).ok();
    ahead.session(&["sync"]).ok();
    ClaudeLog::new(&world, &work, &id).prompt("Say something.").answer("Something.").prompt("And more.").save();
    work.session(&["capture"]).ok();
    work.session(&["sync"]).ok();
    let cold = cold(&world, &remote, "cold");
    assert!(cold.stored().contains(&other));
    assert!(content(&cold, &id).contains("And more."));
}

#[test]
fn what_expired_ahead_comes_back_when_it_continues() {
    let world = World::new();
    let (work, remote, ahead, id) = with_one_ahead(&world);
    ahead.session(&["cleanup", "run", "--apply", "--session-ttl-days", "90"]).ok();
    work.session(&["sync"]).ok();
    assert!(remote.stored().is_empty() && work.stored().is_empty());
    let now = SystemTime::from(NOW.parse::<chrono::DateTime<chrono::Utc>>().expect("a time"));
    ClaudeLog::new(&world, &work, &id).at(now + Duration::from_secs(60)).prompt("Go on.").answer("On.").save();
    work.session(&["capture"]).ok();
    work.session(&["sync"]).ok();
    assert_eq!(cold(&world, &remote, "cold").stored(), [id.as_str()]);
}

#[test]
fn a_session_from_ahead_is_shown_as_of_now() {
    let world = World::new();
    let (work, remote) = world.shared();
    let ahead = world.clone_of(&remote, "ahead").with("GIT_SESSION_NOW", AHEAD);
    let begins = SystemTime::from(AHEAD.parse::<chrono::DateTime<chrono::Utc>>().expect("a time"));
    ClaudeLog::new(&world, &ahead, "00000002-2222-4333-8444-555555555555").at(begins).prompt("From ahead.").save();
    ahead.session(&["capture", "--all"]).ok();
    ahead.session(&["sync", "--branch", "main"]).ok();
    capture_one(&world, &work, 1);
    work.session(&["sync"]).ok();
    let listed = |arguments: &[&str]| work.session(&[&["log"], arguments].concat()).ok().stdout;
    // What is dated later than now neither waits for its date nor is older than what is from today.
    assert!(listed(&["--before", "2036-01-01"]).contains("From ahead."));
    assert!(!listed(&["--since", "2036-01-01"]).contains("From ahead."));
}
