//! What OpenSession writes, made with plain git from the files in `fixtures/opensession`, which lie
//! there under the names of their references and the paths in their trees.
//!
//! Verified against OpenSession's public source (`git-native`: the store of sessions, summaries and
//! blobs, the artifacts, the names of references and the committer; `core`: metadata, events, the
//! `session.new` form; `cli`: the name and subject of a share, the fields of a handoff artifact):
//! every path, subject and field here. The metadata without a version, and `null` in place of a
//! value that is absent, follow from the same types. Only from the description of the format: that
//! an artifact's id is the hash of its `canonical_jsonl`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::support::{Place, World};

/// Its ledger of `main`.
pub const LEDGER: &str = "refs/opensession/branches/bWFpbg";
/// Its summaries.
pub const SUMMARIES: &str = "refs/opensession/summaries";
/// Its handoff artifact.
pub const ARTIFACT: &str =
    "refs/opensession/handoff/artifacts/30eb40a25baa0d8bf880bc6649f1b0b7db8488e23780265bbd8baf3440bd6ee7";
/// A session with all that HAIL 1.0.0 has.
pub const WHOLE: &str = "0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
/// A session in the `session.new` form; its title is `null`.
pub const SEMANTIC: &str = "0297a1b2-d000-7000-8000-000000000002";
/// A session whose metadata has no version, and that spells `null` what it does not have.
pub const FIRST_FORM: &str = "le-first-0003";
/// A session without metadata.
pub const WITHOUT_META: &str = "no-meta-0004";
/// The hash of a shared session.
pub const SHARE: &str = "f8d30c0733962bbcc3fa9d050a4bbb436fd83b11aabfc13781fe3917a66efbe9";
/// The id of that session.
pub const SHARED: &str = "5a97a1b2-e000-7000-8000-000000000005";
/// What stands for the commit in the fixtures.
const COMMIT: &str = "1111111111111111111111111111111111111111";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/opensession")
}

/// The files of a reference, by their paths in its tree, linked to `commit`.
pub fn files(reference: &str, commit: &str) -> BTreeMap<String, String> {
    let root = fixtures().join(reference);
    let mut found = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of fixtures") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&root).expect("it is below").to_string_lossy().replace(COMMIT, commit);
            found.insert(name, fs::read_to_string(&path).expect("a text").replace(COMMIT, commit));
        }
    }
    found
}

/// Commits `files` on top of `reference` as OpenSession does.
pub fn write(world: &World, place: &Place, reference: &str, files: &BTreeMap<String, String>, subject: &str) {
    let scratch = world.place("scratch");
    scratch.run("rm", &["-f", "index"]).ok();
    let place = place.with("GIT_INDEX_FILE", &scratch.join("index").display().to_string());
    let place = ["AUTHOR", "COMMITTER"].iter().fold(place, |place, role| {
        place.with(&format!("GIT_{role}_NAME"), "opensession").with(&format!("GIT_{role}_EMAIL"), "cli@opensession.io")
    });
    let parent = place.run("git", &["rev-parse", "--verify", "--quiet", reference]).stdout.trim().to_owned();
    if !parent.is_empty() {
        place.git(&["read-tree", &parent]);
    }
    for (path, content) in files {
        scratch.write("blob", content);
        let blob = scratch.join("blob").display().to_string();
        let id = place.git(&["hash-object", "-w", "--no-filters", &blob]).trim().to_owned();
        place.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{id},{path}")]);
    }
    let tree = place.git(&["write-tree"]).trim().to_owned();
    let parents = if parent.is_empty() { Vec::new() } else { vec!["-p", parent.as_str()] };
    let arguments = [&["commit-tree", "-m", subject][..], &parents, &[tree.as_str()]].concat();
    let commit = place.git(&arguments).trim().to_owned();
    place.git(&["update-ref", reference, &commit]);
}

/// Writes everything that the fixtures have.
pub fn write_all(world: &World, place: &Place, commit: &str) {
    let (shared, stored): (BTreeMap<_, _>, BTreeMap<_, _>) =
        files(LEDGER, commit).into_iter().partition(|(path, _)| path.starts_with("sessions/"));
    write(world, place, LEDGER, &stored, &format!("session: {WHOLE}"));
    write(world, place, LEDGER, &shared, &format!("opensession share {SHARE}"));
    write(world, place, SUMMARIES, &files(SUMMARIES, commit), &format!("summary: {WHOLE}"));
    let id = ARTIFACT.rsplit('/').next().expect("an id");
    write(world, place, ARTIFACT, &files(ARTIFACT, commit), &format!("handoff-artifact: {id}"));
}

/// The paths of a reference's tree with the ids of their blobs.
pub fn blobs(place: &Place, reference: &str) -> BTreeMap<String, String> {
    let listed = place.git(&["ls-tree", "-r", reference]);
    let entry = |line: &str| {
        let (facts, path) = line.split_once('\t').expect("a tab");
        (path.to_owned(), facts.to_owned())
    };
    listed.lines().map(entry).collect()
}
