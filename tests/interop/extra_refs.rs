//! Summaries and handoff artifacts: shown, carried, merged, never deleted.

use super::{
    beside_opensession,
    opensession::{self, ARTIFACT, FIRST_FORM, SUMMARIES, WHOLE, blobs},
};
use crate::support::Place;

fn summary(session: &str, time: &str, text: &str) -> std::collections::BTreeMap<String, String> {
    let path = format!("v1/summaries/{}/{session}", &session[..2]);
    let meta = format!(r#"{{"generated_at":"{time}","provider":"p","session_id":"{session}"}}"#);
    [
        (format!("{path}.summary.json"), format!(r#"{{"changes":"{text}"}}"#)),
        (format!("{path}.summary.meta.json"), meta),
    ]
    .into()
}

#[test]
fn show_says_what_a_session_came_to() {
    let (_world, work, remote) = beside_opensession();
    work.session(&["sync", "--fetch-only"]).ok();
    for place in [&work, &remote] {
        let text = place.session(&["show", WHOLE]).ok().stdout;
        let line = text.lines().find(|line| line.starts_with("summary")).expect("a line");
        assert!(line.ends_with(" Totals are rounded to cents."), "{line}");
        let shown = place.json(&["show", WHOLE]);
        assert_eq!(shown["summary"]["summary"]["auth_security"], "none detected");
        assert_eq!(shown["summary"]["provider"], "codex_exec");
        assert!(place.json(&["show", FIRST_FORM]).get("summary").is_none());
    }
}

#[test]
fn sync_carries_summaries_and_artifacts_from_clone_to_clone() {
    let (world, work, remote) = beside_opensession();
    let fetched = work.json(&["sync", "--fetch-only"]);
    assert_eq!(fetched["others_fetched"].as_array().map(Vec::len), Some(2), "{fetched}");
    for reference in [SUMMARIES, ARTIFACT] {
        assert_eq!(work.git(&["rev-parse", reference]), remote.git(&["rev-parse", reference]));
    }
    let other = world.bare("other.git");
    work.git(&["remote", "add", "other", &other.path.display().to_string()]);
    work.git(&["config", "--add", "opensession.remotes", "other"]);
    let pushed = work.json(&["sync", "other"]);
    assert_eq!(pushed["others_pushed"].as_array().map(Vec::len), Some(2), "{pushed}");
    for reference in [SUMMARIES, ARTIFACT] {
        assert_eq!(other.git(&["rev-parse", reference]), remote.git(&["rev-parse", reference]));
    }
    let again = work.json(&["sync", "other"]);
    assert_eq!((&again["others_fetched"], &again["others_pushed"]), (&serde_json::json!([]), &serde_json::json!([])));
}

#[test]
fn summaries_of_two_clones_are_merged_and_the_later_of_one_session_stays() {
    let (world, work, remote) = beside_opensession();
    let colleague = world.clone_of(&remote, "colleague");
    for (place, texts) in [(&work, ["early", "mine"]), (&colleague, ["late", "theirs"])] {
        let time = if texts[0] == "late" { "2026-01-22T00:00:00+00:00" } else { "2026-01-21T23:00:00Z" };
        opensession::write(&world, place, SUMMARIES, &summary(WHOLE, time, texts[0]), "summary: whole");
        let own = format!("{}-own", texts[1]);
        opensession::write(&world, place, SUMMARIES, &summary(&own, time, texts[1]), "summary: own");
    }
    opensession::write(&world, &work, SUMMARIES, &[("v2/unknown".to_owned(), "?".to_owned())].into(), "summary: ?");
    for place in [&work, &colleague, &work] {
        place.session(&["sync"]).ok();
    }
    let there = blobs(&remote, SUMMARIES);
    for path in ["v1/summaries/mi/mine-own.summary.json", "v1/summaries/th/theirs-own.summary.meta.json", "v2/unknown"]
    {
        assert!(there.contains_key(path), "{path}: {there:#?}");
    }
    for place in [&work, &colleague, &remote] {
        assert_eq!(blobs(place, SUMMARIES), there);
    }
    for part in ["summary.json", "summary.meta.json"] {
        let stored = remote.git(&["show", &format!("{SUMMARIES}:v1/summaries/01/{WHOLE}.{part}")]);
        assert!(stored.contains("late") || stored.contains("2026-01-22"), "{stored}");
    }
}

#[test]
fn the_order_in_which_summaries_are_merged_makes_no_difference() {
    let (world, work, remote) = beside_opensession();
    let mut trees = Vec::new();
    for turn in 0..2 {
        let places = [world.clone_of(&remote, &format!("a{turn}")), world.clone_of(&remote, &format!("b{turn}"))];
        for (place, text) in places.iter().zip(["one", "two"]) {
            // Nothing but the content tells which is the later.
            opensession::write(&world, place, SUMMARIES, &summary(WHOLE, "?", text), "summary: whole");
        }
        let base = remote.git(&["rev-parse", SUMMARIES]).trim().to_owned();
        places[turn].session(&["sync"]).ok();
        places[1 - turn].session(&["sync"]).ok();
        trees.push(remote.git(&["rev-parse", &format!("{SUMMARIES}^{{tree}}")]));
        remote.git(&["update-ref", SUMMARIES, &base]);
    }
    assert_eq!(trees[0], trees[1]);
    drop(work);
}

#[test]
fn an_artifact_that_is_not_the_same_on_both_sides_is_left_alone_and_named() {
    let (world, work, remote) = beside_opensession();
    let forged = [("artifact.json".to_owned(), "{}".to_owned())].into();
    opensession::write(&world, &work, ARTIFACT, &forged, "handoff-artifact: forged");
    let before = [&work, &remote].map(|place| place.git(&["rev-parse", ARTIFACT]));
    let ran = work.session(&["sync"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("differs here and on origin"), "{ran}");
    assert_eq!([&work, &remote].map(|place| place.git(&["rev-parse", ARTIFACT])), before);
}

#[test]
fn summaries_that_are_broken_stand_in_the_way_of_nothing_else() {
    let (world, work, remote) = beside_opensession();
    work.session(&["sync"]).ok();
    remote.write("prose", "no commit\n");
    let blob = remote.git(&["hash-object", "-w", "prose"]).trim().to_owned();
    remote.git(&["update-ref", SUMMARIES, &blob]);
    super::capture_ours(&world, &work);
    let ran = work.session(&["sync"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("summaries could not be merged"), "{ran}");
    assert!(remote.stored().contains(&super::OURS.to_owned()));
    assert_eq!(remote.git(&["rev-parse", SUMMARIES]).trim(), blob);
    assert!(work.json(&["show", WHOLE])["summary"].is_object());
    remote.session(&["show", WHOLE]).ok();
}

#[test]
fn cleanup_deletes_none_of_it_and_no_reference_that_it_does_not_know() {
    let (_world, work, remote) = beside_opensession();
    work.session(&["sync"]).ok();
    let commit = work.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let gone = "refs/opensession/branches/Z29uZQ";
    let unknown = ["refs/opensession/aliases/latest", "refs/opensession/branches-archive/x", "refs/opensession/v9"];
    for place in [&work, &remote] {
        for name in unknown {
            place.git(&["update-ref", name, &commit]);
        }
        // A ledger whose branch is gone, so that there is something to do.
        place.git(&["update-ref", gone, &commit]);
    }
    let kept = |place: &Place| {
        let all = place.references("refs/opensession/").into_iter();
        all.filter(|name| name != gone).collect::<Vec<String>>()
    };
    let before = [kept(&work), kept(&remote)];
    let done = work.json(&["cleanup", "run", "--hidden-ttl-days", "0", "--apply"]);
    assert_eq!(done["places"][0]["deleted"], serde_json::json!([gone]), "{done}");
    assert_eq!(done["places"][1]["deleted"], serde_json::json!([gone]), "{done}");
    assert_eq!([&work, &remote].map(|place| place.references("refs/opensession/")), before);
    // Syncing again brings nothing of what is unknown anywhere.
    work.session(&["sync"]).ok();
    assert!(work.references("refs/opensession-remote/").iter().all(|name| !name.contains("v9")));
}
