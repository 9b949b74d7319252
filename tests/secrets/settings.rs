//! What a user wants redacted besides, and what is refused.

use super::{SECRET, reachable};
use crate::support::{ClaudeLog, World};

#[test]
fn patterns_of_the_user_are_redacted() {
    let world = World::new();
    let work = world.repository("work");
    work.git(&["config", "opensession.redact-pattern", "PROJECT-[0-9]+"]);
    work.git(&["config", "--add", "opensession.redact-pattern", "sunflower"]);
    work.git(&["config", "opensession.redact-emails", "true"]);
    work.git(&["config", "opensession.redact-ip-addresses", "true"]);
    work.write(".git/opensession/redact.toml", "[[pattern]]\nid = 'customer'\npattern = 'ACME (Ltd|Inc)'\n");
    let text = "PROJECT-42 for ACME Ltd, sunflower, mail ann.lee@example.org at 192.168.10.21, never roses.";
    ClaudeLog::new(&world, &work, SECRET).prompt(text).answer("Yes.").save();
    work.write("a", "a");
    work.commit_all("Begin");
    work.session(&["capture"]).ok();
    let stored = reachable(&work);
    for secret in ["PROJECT-42", "ACME Ltd", "sunflower", "ann.lee@", "192.168.10.21"] {
        assert!(!stored.contains(secret), "{secret} is stored");
    }
    for rule in ["user-pattern", "customer", "email", "ip-address"] {
        assert!(stored.contains(&format!("[REDACTED:{rule}:")), "{rule} hid nothing");
    }
    assert!(stored.contains("never roses"), "the rest is gone");
}

#[test]
fn a_setting_without_a_meaning_stores_nothing_and_says_what_to_do() {
    for (key, value, hint) in [
        ("opensession.redaction", "relaxed", "git config opensession.redaction default"),
        ("opensession.redact-pattern", "(", "--unset-all opensession.redact-pattern"),
        ("opensession.redact-pattern", "x*", "--unset-all opensession.redact-pattern"),
        ("opensession.redact-emails", "perhaps", "git config opensession.redact-emails true"),
    ] {
        let world = World::new();
        let work = world.repository("work");
        work.git(&["config", key, value]);
        ClaudeLog::new(&world, &work, SECRET).prompt("Say something.").answer("Yes.").save();
        work.write("a", "a");
        work.commit_all("Begin");
        let ran = work.session(&["capture"]);
        assert!(ran.code == 1 && ran.stderr.contains(key) && ran.stderr.contains(hint), "{ran}");
        assert_eq!(work.references("refs/opensession/"), [""; 0], "{key} = {value}");
    }
}

#[test]
fn a_local_file_that_means_nothing_stores_nothing() {
    let world = World::new();
    let work = world.repository("work");
    work.write(".git/opensession/redact.toml", "[[pattern]]\nid = 'customer'\npattern = '('\n");
    ClaudeLog::new(&world, &work, SECRET).prompt("Say something.").answer("Yes.").save();
    work.write("a", "a");
    work.commit_all("Begin");
    let ran = work.session(&["capture"]);
    assert!(ran.code == 1 && ran.stderr.contains("redact.toml"), "{ran}");
    assert_eq!(work.references("refs/opensession/"), [""; 0]);
}

#[test]
fn the_strict_profile_takes_what_the_default_leaves_and_no_tracked_file_changes_that() {
    let world = World::new();
    let work = world.repository("work");
    work.write(".opensession/redact.toml", "profile = 'off'\n");
    work.write(".gitconfig", "[opensession]\n\tredaction = off\n");
    let text = "Here it is: password: \"marmalade\", and no more.";
    ClaudeLog::new(&world, &work, SECRET).prompt(text).answer("Yes.").save();
    work.commit_all("Begin");
    work.git(&["config", "opensession.redaction", "strict"]);
    work.session(&["capture"]).ok();
    assert!(!reachable(&work).contains("marmalade\\\", and no more"), "strict left it");
    assert!(reachable(&work).contains("[REDACTED:assignment:"), "strict hid nothing");
}
