//! OpenSession's ledgers merged with ours: whatever it wrote stays, to the byte.

use std::collections::BTreeMap;

use git_session::{
    git::Repository,
    ledger::{self, BranchName},
};

use super::{
    OURS, beside_opensession, capture_ours,
    opensession::{self, FIRST_FORM, LEDGER, SEMANTIC, WHOLE, blobs},
};
use crate::support::{ClaudeLog, Place, World};

/// Insists that `now` has all of `before`, with the same ids.
#[track_caller]
fn has_all(before: &BTreeMap<String, String>, place: &Place) {
    let now = blobs(place, LEDGER);
    for (path, blob) in before {
        assert_eq!(now.get(path), Some(blob), "{path} in {now:#?}");
    }
}

#[test]
fn a_merge_keeps_every_blob_of_theirs_in_both_directions() {
    let (world, work, remote) = beside_opensession();
    let theirs = blobs(&remote, LEDGER);
    capture_ours(&world, &work);
    let ours = blobs(&work, LEDGER);
    work.session(&["sync"]).ok();
    for place in [&work, &remote] {
        has_all(&theirs, place);
        has_all(&ours, place);
        assert_eq!(blobs(place, LEDGER).len(), theirs.len() + ours.len());
        assert_eq!(place.git(&["fsck", "--strict", "--no-dangling", "--no-progress"]), "");
    }
    // Their commits are part of the history, so that they can push on top of it.
    let history = remote.git(&["log", "--format=%s", LEDGER]);
    assert!(history.contains(&format!("session: {WHOLE}")) && history.contains("opensession share "), "{history}");
    // Once more changes nothing.
    let tip = remote.git(&["rev-parse", LEDGER]);
    assert_eq!(work.json(&["sync"])["pushed"], serde_json::json!([]));
    assert_eq!(remote.git(&["rev-parse", LEDGER]), tip);
}

#[test]
fn a_session_of_ours_extends_their_ledger() {
    let (world, work, remote) = beside_opensession();
    let theirs = blobs(&remote, LEDGER);
    let tip = remote.git(&["rev-parse", LEDGER]);
    work.session(&["sync", "--fetch-only"]).ok();
    ClaudeLog::new(&world, &work, OURS).prompt("Count.").writes(&work, "coins.txt", "10\n").save();
    work.commit_all("Count the coins");
    work.wait_for_sessions(6);
    assert_eq!(work.git(&["rev-parse", &format!("{LEDGER}^")]), tip);
    work.git(&["push", "--quiet"]);
    for place in [&work, &remote] {
        has_all(&theirs, place);
    }
    assert_eq!(remote.stored().len(), 6);
}

#[test]
fn they_go_on_and_we_go_on_and_nothing_is_lost() {
    let (world, work, remote) = beside_opensession();
    work.session(&["sync"]).ok();
    capture_ours(&world, &work);
    // Meanwhile theirs grows, by an event of the session and by a commit.
    let path = "v1/le/le-first-0003.hail.jsonl".to_owned();
    let old = opensession::files(LEDGER, "x").remove(&path).expect("a fixture");
    let more = r#"{"type":"event","event_id":"c","timestamp":"2025-12-01T10:00:07Z","event_type":{"type":"AgentMessage"},"content":{"blocks":[]}}"#;
    let grown = [(path.clone(), format!("{old}{more}\n"))].into();
    opensession::write(&world, &remote, LEDGER, &grown, &format!("session: {FIRST_FORM}"));
    let theirs = blobs(&remote, LEDGER);
    work.session(&["sync"]).ok();
    for place in [&work, &remote] {
        has_all(&theirs, place);
    }
    assert_eq!(work.json(&["show", FIRST_FORM])["stats"]["event_count"], 3);
    assert_eq!(work.stored().len(), 6);
}

#[test]
fn of_metadata_that_says_the_same_their_bytes_stay() {
    let (world, work, remote) = beside_opensession();
    let theirs = blobs(&remote, LEDGER);
    // The same session, whose events two of them wrote with the attributes in another order, is one
    // of two variants; its metadata stays as they wrote it, and so does every other session's.
    work.session(&["sync", "--fetch-only"]).ok();
    let path = format!("v1/01/{WHOLE}.hail.jsonl");
    let old = opensession::files(LEDGER, "x").remove(&path).expect("a fixture");
    let other = old.replace(
        r#""source.schema_version":"claude-v3","source.raw_type":"user""#,
        r#""source.raw_type":"user","source.schema_version":"claude-v3""#,
    );
    assert_ne!(old, other);
    capture_ours(&world, &work);
    opensession::write(&world, &work, LEDGER, &[(path.clone(), other)].into(), &format!("session: {WHOLE}"));
    work.session(&["sync"]).ok();
    let now = blobs(&remote, LEDGER);
    assert!(theirs.iter().all(|(at, blob)| *at == path || now.get(at) == Some(blob)), "{now:#?}");
    assert!(now.values().any(|blob| *blob == theirs[&path]) || now.contains_key(&path));
    assert!(!now.keys().any(|path| path.contains('~')), "the order of attributes makes no variant: {now:#?}");
}

#[test]
fn their_version_of_a_session_stays_beside_ours() {
    let (world, work, remote) = beside_opensession();
    let theirs = blobs(&remote, LEDGER);
    work.session(&["sync", "--fetch-only"]).ok();
    // Ours is parsed from the same log, but it is not the same.
    ClaudeLog::new(&world, &work, WHOLE).prompt("Round the totals to cents.").answer("Totals are rounded.").save();
    work.session(&["capture"]).ok();
    work.session(&["sync"]).ok();
    for place in [&work, &remote] {
        let now = blobs(place, LEDGER);
        let of_session = |path: &&String| path.contains(WHOLE) && path.ends_with(".hail.jsonl");
        assert_eq!(now.keys().filter(of_session).count(), 2, "{now:#?}");
        assert!(now.values().any(|blob| *blob == theirs[&format!("v1/01/{WHOLE}.hail.jsonl")]), "{now:#?}");
    }
    // And that is settled: nothing changes any more.
    let tip = remote.git(&["rev-parse", LEDGER]);
    work.session(&["capture"]).ok();
    work.session(&["sync"]).ok();
    assert_eq!(remote.git(&["rev-parse", LEDGER]), tip);
}

#[test]
fn a_commit_that_takes_the_place_of_another_is_all_that_their_metadata_gains() {
    let (world, work, remote) = beside_opensession();
    let theirs = blobs(&remote, LEDGER);
    capture_ours(&world, &work);
    work.session(&["sync"]).ok();
    let old = work.git(&["rev-parse", "HEAD"]).trim().to_owned();
    work.git(&["commit", "--quiet", "--amend", "-m", "Begin again"]);
    let new = work.git(&["rev-parse", "HEAD"]).trim().to_owned();
    work.session(&["sync"]).ok();
    for id in [WHOLE, SEMANTIC] {
        let path = format!("v1/{}/{id}.meta.json", &id[..2]);
        let read = |meta: &str| serde_json::from_str::<serde_json::Value>(meta).expect("JSON");
        let mut expected = read(&opensession::files(LEDGER, &old)[&path]);
        let mut commits = [old.clone(), new.clone()];
        commits.sort();
        expected["git"]["commits"] = serde_json::json!(commits);
        assert_eq!(read(&remote.git(&["show", &format!("{LEDGER}:{path}")])), expected);
    }
    let now = blobs(&remote, LEDGER);
    let others = theirs.iter().filter(|(path, _)| !path.ends_with(&format!("{WHOLE}.meta.json")));
    for (path, blob) in others.filter(|(path, _)| !path.ends_with(&format!("{SEMANTIC}.meta.json"))) {
        assert_eq!(now.get(path), Some(blob), "{path}");
    }
    let shown = work.json(&["show", "HEAD~9", "--json=id,commits"]);
    let linked = shown.as_array().expect("a list").iter().filter(|one| one["commits"].to_string().contains(&new));
    assert_eq!(linked.count(), 2, "{shown}");
}

/// Four clones' versions of one ledger, each a commit: as OpenSession wrote it, written by another of
/// its runs, gone on, and with metadata that is damaged.
fn four_versions(world: &World, place: &Place) -> Vec<String> {
    let (events, meta) = (format!("v1/01/{WHOLE}.hail.jsonl"), format!("v1/01/{WHOLE}.meta.json"));
    let first = opensession::files(LEDGER, "x");
    let mut second = first.clone();
    let reordered = first[&events]
        .replace(r#""task_id":"t1","content":{"blocks":[]}"#, r#""content":{"blocks":[]},"task_id":"t1""#);
    second.insert(events.clone(), reordered);
    let value: serde_json::Value = serde_json::from_str(&first[&meta]).expect("JSON");
    second.insert(meta.clone(), value.to_string());
    let mut third = first.clone();
    let more = r#"{"type":"event","event_id":"e4","timestamp":"2026-01-10T08:03:00Z","event_type":{"type":"UserMessage"},"content":{"blocks":[]}}"#;
    let (start, _) = first[&events].rsplit_once("{\"type\":\"stats\"").expect("statistics");
    third.insert(events, format!("{start}{more}\n"));
    third.insert(meta.clone(), first[&meta].replace("\"x\"", "\"y\""));
    let mut fourth = first.clone();
    fourth.insert(meta, "no JSON".to_owned());
    let write = |(number, files): (usize, &BTreeMap<String, String>)| {
        let name = format!("refs/versions/{number}");
        opensession::write(world, place, &name, files, "session: x");
        place.git(&["rev-parse", &name]).trim().to_owned()
    };
    [first, second, third, fourth].iter().enumerate().map(write).collect()
}

#[test]
fn their_versions_merge_to_the_same_in_any_order_and_grouping() {
    let world = World::new();
    let (work, _) = world.shared();
    let tips = four_versions(&world, &work);
    let repository = Repository::open(&work.path).expect("a repository");
    let backend = ledger::by_name("hidden_ref").expect("a backend");
    let merge = |parts: &[&String]| -> [String; 2] {
        work.git(&["update-ref", "-d", LEDGER]);
        for part in parts {
            let id = repository.parse_id(part).expect("an id");
            let now = "2026-02-01T12:00:00Z".parse().expect("a time");
            backend.merge(&repository, &BranchName::from("main"), id, now).expect("a merge");
        }
        [LEDGER.to_owned(), format!("{LEDGER}^{{tree}}")].map(|name| work.git(&["rev-parse", &name]).trim().to_owned())
    };
    let [_, all] = merge(&tips.iter().collect::<Vec<_>>());
    for order in [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        assert_eq!(merge(&order.map(|index: usize| &tips[index]))[1], all, "{order:?}");
    }
    for [a, b, c, d] in [[0, 1, 2, 3], [0, 2, 1, 3], [0, 3, 1, 2], [3, 2, 0, 1]] {
        let [[one, _], [two, _]] = [merge(&[&tips[a], &tips[b]]), merge(&[&tips[c], &tips[d]])];
        assert_eq!(merge(&[&one, &two])[1], all, "{a}{b} {c}{d}");
        assert_eq!(merge(&[&two, &one, &tips[b]])[1], all, "{a}{b} {c}{d}");
    }
    let paths = work.tree(&all);
    assert!(paths.iter().all(|path| !path.contains('~')), "{paths:?}");
}
