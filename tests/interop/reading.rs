//! What OpenSession wrote, listed and shown.

use super::{
    beside_opensession, capture_ours,
    opensession::{self, FIRST_FORM, LEDGER, SEMANTIC, SHARE, SHARED, WHOLE, WITHOUT_META},
};
use crate::{agents::corpus::corpus, support::Place};

fn ids(work: &Place, reference: &str) -> Vec<String> {
    let shown = work.json(&["show", reference]);
    let id = |value: &serde_json::Value| value["id"].as_str().expect("an id").to_owned();
    shown.as_array().map_or_else(|| vec![id(&shown)], |all| all.iter().map(id).collect())
}

#[test]
fn log_lists_every_session_the_newest_first() {
    let (_world, work, _) = beside_opensession();
    work.session(&["sync", "--fetch-only"]).ok();
    let log = work.json(&["log"]);
    let rows: Vec<_> = log.as_array().expect("a list").iter().map(|row| (&row["id"], &row["title"])).collect();
    assert_eq!(
        rows,
        [
            (&SHARE.into(), &"A shared session".into()),
            (&SEMANTIC.into(), &"".into()),
            (&WHOLE.into(), &"Round the totals".into()),
            (&WITHOUT_META.into(), &"Only events".into()),
            (&FIRST_FORM.into(), &"".into()),
        ]
    );
    let whole = &log[2];
    assert_eq!(whole["updated_at"], "2026-01-10T08:02:30.250Z");
    assert_eq!(
        (&whole["branch"], &whole["repository"], &whole["tool"]),
        (&"main".into(), &"team/shop".into(), &"claude-code".into())
    );
    assert_eq!(whole["stats"]["total_input_tokens"], 340);
    assert_eq!((&log[1]["role"], &log[1]["model"]), (&"auxiliary".into(), &"gpt-5.4".into()));
    assert!(log.as_array().expect("a list").iter().all(|row| row["is_stub"] == false), "{log}");
    // By branch and by agent as well.
    let of_main = work.json(&["log", "--branch", "main", "--tool", "codex", "--json=id"]);
    assert_eq!(of_main.as_array().map(Vec::len), Some(2), "{of_main}");
}

#[test]
fn show_finds_every_session_by_id_by_prefix_and_by_commit() {
    let (_world, work, remote) = beside_opensession();
    // As its own ledger and as a fetched one.
    for place in [&work, &remote] {
        if place.path == work.path {
            place.session(&["sync", "--fetch-only"]).ok();
        }
        for id in [WHOLE, SEMANTIC, FIRST_FORM, WITHOUT_META, SHARE] {
            assert_eq!(ids(place, id), [id]);
            assert_eq!(ids(place, &id[..8]), [id]);
            let text = place.session(&["show", id, "--full"]).ok();
            assert!(text.stdout.contains("Timeline") || text.stdout.contains("you"), "{text}");
        }
        assert_eq!(ids(place, "commit:main"), [SEMANTIC, WHOLE]);
        assert_eq!(ids(place, "main"), [SEMANTIC, WHOLE]);
        assert_eq!(ids(place, "HEAD"), [SHARE]);
    }
}

#[test]
fn show_prints_the_very_bytes_that_were_stored() {
    let (_world, work, _) = beside_opensession();
    work.session(&["sync", "--fetch-only"]).ok();
    for (path, content) in opensession::files(LEDGER, "x") {
        let Some(file) = path.strip_suffix(".jsonl") else { continue };
        let name = file.rsplit('/').next().expect("a name").trim_end_matches(".hail");
        assert_eq!(work.session(&["show", name, "--format", "hail"]).ok().stdout, content, "{path}");
    }
}

#[test]
fn the_later_form_becomes_the_same_events() {
    let (_world, work, _) = beside_opensession();
    work.session(&["sync", "--fetch-only"]).ok();
    let shown = work.json(&["show", SEMANTIC]);
    let kinds: Vec<_> = shown["events"].as_array().expect("events").iter().map(|e| &e["event_type"]["type"]).collect();
    // The second chunk of a message is a part of the first; the answer says what it is only itself.
    assert_eq!(kinds, ["TaskStart", "UserMessage", "AgentMessage"]);
    assert_eq!(shown["events"][1]["content"]["blocks"][1]["text"], "In the shop only.");
    assert_eq!(shown["events"][2]["content"]["blocks"][0]["text"], "Nowhere.");
    assert_eq!(shown["events"][0]["task_id"], "t1");
    assert_eq!(shown["header"]["context"]["attributes"]["cwd"], "~/shop");
    assert_eq!(shown["stats"]["duration_seconds"], 61);
    // A file of that form as well.
    let file = opensession::files(LEDGER, "x").into_iter().find(|(path, _)| path.contains(&format!("{SEMANTIC}.hail")));
    work.write("later.jsonl", &file.expect("a fixture").1);
    assert_eq!(ids(&work, "./later.jsonl"), [SEMANTIC]);
}

#[test]
fn a_shared_session_goes_by_its_hash_and_by_its_own_id() {
    let (_world, work, _) = beside_opensession();
    work.session(&["sync", "--fetch-only"]).ok();
    assert_eq!(ids(&work, SHARED), [SHARE]);
    assert_eq!(ids(&work, &SHARED[..9]), [SHARE]);
    let shown = work.json(&["show", SHARE]);
    assert_eq!((&shown["header"]["session_id"], &shown["ledger"]["branch"]), (&SHARED.into(), &"main".into()));
}

#[test]
fn a_share_with_another_hash_is_listed_but_not_shown() {
    let (world, work, remote) = beside_opensession();
    let forged = format!("sessions/{}.jsonl", "0".repeat(64));
    let files = [(forged, "{\"type\":\"prose\"}\n".to_owned())].into();
    opensession::write(&world, &remote, LEDGER, &files, "opensession share 0");
    work.session(&["sync", "--fetch-only"]).ok();
    assert_eq!(work.stored().len(), 6);
    let ran = work.session(&["show", &"0".repeat(64)]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("has another hash"), "{ran}");
}

#[test]
fn a_session_that_is_stored_and_shared_is_listed_once() {
    let (world, work, remote) = beside_opensession();
    let whole = opensession::files(LEDGER, "x").into_iter().find(|(path, _)| path.contains(&format!("{WHOLE}.hail")));
    let content = whole.expect("a fixture").1;
    let hash = git_session::hail::ObjectHash::of(content.as_bytes()).to_string();
    let files = [(format!("sessions/{hash}.jsonl"), content)].into();
    opensession::write(&world, &remote, LEDGER, &files, &format!("opensession share {hash}"));
    work.session(&["sync", "--fetch-only"]).ok();
    assert_eq!(work.stored().len(), 5);
    assert_eq!(ids(&work, WHOLE), [WHOLE]);
}

#[test]
fn the_switch_to_notes_takes_its_sessions_along_and_keeps_what_has_no_place_there() {
    let (world, work, _) = beside_opensession();
    capture_ours(&world, &work);
    work.session(&["sync"]).ok();
    work.session(&["doctor", "--fix", "--yes", "--fanout-mode", "git_notes"]).ok();
    let stored = work.stored();
    for id in [WHOLE, SEMANTIC, FIRST_FORM, WITHOUT_META] {
        assert!(stored.contains(&id.to_owned()), "{id}: {stored:?}");
        assert_eq!(ids(&work, id), [id]);
    }
    assert!(opensession::blobs(&work, LEDGER).contains_key("CONTRIBUTORS.txt"));
}

#[test]
#[ignore = "reads real logs, which GIT_SESSION_DATA names"]
fn real_sessions_of_opensession_have_as_many_events_as_they_say() {
    let folder = std::fs::read_dir(corpus().join("hail-opensession")).expect("sessions of OpenSession");
    let (_world, work, _) = beside_opensession();
    for entry in folder {
        let path = entry.expect("an entry").path().display().to_string();
        if !path.ends_with(".hail.jsonl") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a text");
        let last: serde_json::Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
        let stats = last.pointer("/_meta/opensession/stats").unwrap_or(&last);
        let shown = work.json(&["show", &path, "--json=stats"]);
        for field in ["event_count", "total_input_tokens", "total_output_tokens", "user_message_count"] {
            assert_eq!(shown["stats"][field], stats[field], "{field} of {path}");
        }
    }
}
