//! One bad object in a shared ledger hides no other, and can be removed.

use crate::support::{ClaudeLog, Place, World};

const GOOD: &str = "99999999-2222-4333-8444-555555555555";
const OTHER: &str = "88888888-2222-4333-8444-555555555555";
/// More bytes than a session may have.
const HUGE: u64 = 300 * 1024 * 1024;

/// One way of keeping sessions.
#[derive(Clone, Copy)]
struct Mode {
    name: &'static str,
    reference: &'static str,
    folder: &'static str,
}

const MODES: [Mode; 2] = [
    Mode { name: "hidden_ref", reference: "refs/opensession/branches/bWFpbg", folder: "v1" },
    Mode { name: "git_notes", reference: "refs/notes/opensession", folder: "sessions" },
];

impl Mode {
    fn set(self, place: &Place) {
        place.git(&["config", "opensession.fanout-mode", self.name]);
    }

    fn path(self, id: &str, ending: &str) -> String {
        format!("{}/{}/{id}{ending}", self.folder, &id[..2])
    }
}

/// A remote with one session, and the clone that pushed it.
fn shared(mode: Mode) -> (World, Place, Place) {
    let world = World::new();
    let (work, remote) = world.shared();
    mode.set(&work);
    ClaudeLog::new(&world, &work, GOOD).prompt("Write a file.").writes(&work, "file.txt", "content\n").save();
    work.commit_all("Write a file");
    work.wait_for_sessions(1);
    work.git(&["push", "--quiet"]);
    (world, work, remote)
}

/// Stores a blob of what `script` prints.
fn blob(place: &Place, script: &str) -> String {
    place.run("sh", &["-c", &format!("{script} | git hash-object -w --stdin")]).ok().stdout.trim().to_owned()
}

fn blob_of(place: &Place, text: &str) -> String {
    place.write("../blob", text);
    blob(place, "cat ../blob")
}

/// Adds files to the ledger on the remote, as somebody with other tools can.
fn add_there(remote: &Place, mode: Mode, files: &[(String, String)]) {
    let index = remote.with("GIT_INDEX_FILE", "ledger-index");
    index.git(&["read-tree", mode.reference]);
    for (path, blob) in files {
        index.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{path}")]);
    }
    let tree = index.git(&["write-tree"]).trim().to_owned();
    let commit = remote.git(&["commit-tree", "-p", mode.reference, "-m", "other", &tree]).trim().to_owned();
    remote.git(&["update-ref", mode.reference, &commit]);
}

fn hail(id: &str) -> String {
    format!(
        "{{\"type\":\"header\",\"version\":\"hail-1.0.0\",\"session_id\":\"{id}\",\"agent\":{{\"provider\":\"p\",\
         \"model\":\"m\",\"tool\":\"t\"}},\"context\":{{\"title\":\"A title\",\"tags\":[],\"created_at\":\
         \"2026-01-01T00:00:00Z\",\"updated_at\":\"2026-01-01T00:00:00Z\",\"attributes\":{{}}}}}}\n\
         {{\"type\":\"event\",\"event_id\":\"e\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"event_type\":{{\"type\":\
         \"UserMessage\"}},\"content\":{{\"blocks\":[{{\"type\":\"Text\",\"text\":\"Hello.\"}}]}},\"attributes\":{{}}}}\n"
    )
}

/// Every way in which a session can be damaged, each with its files. What is huge takes seconds to store and to
/// fetch.
fn damaged(remote: &Place, mode: Mode, has_huge: bool) -> Vec<(String, Vec<(String, String)>)> {
    let huge = if has_huge { blob(remote, &format!("head -c {HUGE} /dev/zero")) } else { blob_of(remote, "x\n") };
    let large = blob(remote, "yes '{' | head -c 5000000");
    let latin = blob(remote, r"printf '\377\376{}\n'");
    let texts =
        ["not JSON\n", "{\"schema_version\":\"two\"}", "[]", &hail("somebody-else"), "\n", "{\"type\":\"event\"}\n"];
    let [no_json, version, list, other, empty, headless] = texts.map(|text| blob_of(remote, text));
    let kinds: [(&str, &[(&str, &str)]); 12] = [
        ("huge-events", &[(".hail.jsonl", &huge)]),
        ("huge-both", &[(".hail.jsonl", &huge), (".meta.json", &large)]),
        ("huge-meta", &[(".meta.json", &huge)]),
        ("large-meta", &[(".hail.jsonl", &other), (".meta.json", &large)]),
        ("no-json", &[(".hail.jsonl", &other), (".meta.json", &no_json)]),
        ("version", &[(".meta.json", &version)]),
        ("list", &[(".meta.json", &list)]),
        ("of-another", &[(".hail.jsonl", &other)]),
        ("not-utf8", &[(".hail.jsonl", &latin)]),
        ("empty", &[(".hail.jsonl", &empty)]),
        ("headless", &[(".hail.jsonl", &headless)]),
        ("huge~0123cdef", &[(".hail.jsonl", &huge)]),
    ];
    let files = |(id, files): (&str, &[(&str, &str)])| {
        let id = format!("bad-{id}");
        let files = files.iter().map(|(ending, blob)| (mode.path(&id, ending), (*blob).to_owned())).collect();
        (id, files)
    };
    kinds.into_iter().map(files).collect()
}

#[test]
fn a_damaged_session_is_named_and_hides_no_other() {
    for mode in MODES {
        let (world, _, remote) = shared(mode);
        let damaged = damaged(&remote, mode, true);
        let files: Vec<_> = damaged.iter().flat_map(|(_, files)| files.clone()).collect();
        add_there(&remote, mode, &files);
        let clone = world.clone_of(&remote, "clone");
        mode.set(&clone);
        clone.session(&["sync", "--fetch-only"]).ok();
        for command in [vec!["log"], vec!["scan", "--all"], vec!["review", "HEAD~1..HEAD"], vec!["relink", "--dry-run"]]
        {
            let ran = clone.session(&command);
            let is_listed = command[0] == "log" || command[0] == "review";
            assert!(!is_listed || ran.stdout.contains(&GOOD[..8]), "{command:?} {}: {ran}", mode.name);
            assert!(
                [0, 3].contains(&ran.code) && !ran.stderr.contains("reading the sessions in"),
                "{command:?}: {ran}"
            );
            for (id, files) in damaged.iter().filter(|_| command[0] != "relink") {
                assert!(ran.stderr.contains(id.as_str()), "{command:?} {} {id} {files:?}: {ran}", mode.name);
            }
        }
        assert!(clone.session(&["show", GOOD]).ok().stdout.contains("Write a file."));
        assert!(clone.session(&["hydrate", "--all"]).stdout.contains("no session is incomplete"));
        let ran = clone.session(&["show", "bad-huge-events"]);
        assert!(ran.code == 1 && ran.stderr.contains("git session purge bad-huge-events"), "{ran}");
    }
}

#[test]
fn work_goes_on_beside_damaged_sessions() {
    for mode in MODES {
        let (world, work, remote) = shared(mode);
        let files: Vec<_> = damaged(&remote, mode, false).into_iter().flat_map(|(_, files)| files).collect();
        add_there(&remote, mode, &files);
        // This clone has a ledger of its own, with which that of the remote is merged.
        work.session(&["sync", "--fetch-only"]).ok();
        ClaudeLog::new(&world, &work, OTHER).prompt("Write more.").writes(&work, "more.txt", "content\n").save();
        work.commit_all("Write more");
        work.session(&["capture"]).ok();
        let ran = work.run("git", &["push", "--quiet"]).ok();
        assert_eq!(ran.stderr, "", "{}", mode.name);
        let there = remote.tree(mode.reference);
        assert!(there.contains(&mode.path(OTHER, ".hail.jsonl")), "{there:?}");
        for (path, _) in &files {
            assert!(there.contains(path), "{path} {}: {there:?}", mode.name);
        }
        work.session(&["sync"]).ok();
        let ran = work.session(&["redact", OTHER, "--text", "Write more.", "--push"]);
        assert!(ran.code == 0 && ran.stdout.contains("removed"), "{ran}");
        let ran = work.session(&["purge", GOOD, "--yes", "--push"]);
        assert_eq!(ran.code, 0, "{} {ran}", mode.name);
        assert!(!remote.tree(mode.reference).contains(&mode.path(GOOD, ".hail.jsonl")));
    }
}

#[test]
fn a_damaged_session_can_be_purged_everywhere() {
    for mode in MODES {
        let (world, _, remote) = shared(mode);
        let is_huge = mode.name == "hidden_ref";
        let damaged = damaged(&remote, mode, is_huge);
        add_there(&remote, mode, &damaged.iter().flat_map(|(_, files)| files.clone()).collect::<Vec<_>>());
        let clone = world.clone_of(&remote, "clone");
        mode.set(&clone);
        clone.session(&["sync", "--fetch-only"]).ok();
        let ran = clone.session(&["redact", "bad-huge-events"]);
        assert!(!is_huge || ran.code == 1 && ran.stderr.contains("git session purge bad-huge-events"), "{ran}");
        for (id, _) in &damaged {
            clone.session(&["purge", id.split('~').next().expect("an id"), "--yes"]).ok();
        }
        clone.session(&["sync"]).ok();
        let there = remote.tree(mode.reference);
        let is_bad = |path: &&String| path.contains("bad-") && !path.contains("/tombstones/");
        assert_eq!(there.iter().find(is_bad), None, "{}", mode.name);
        assert!(there.contains(&mode.path(GOOD, ".hail.jsonl")), "{there:?}");
        assert_eq!(clone.session(&["log"]).ok().stderr, "");
    }
}

#[test]
fn the_janitor_keeps_what_is_damaged_and_goes_on_with_the_rest() {
    for mode in MODES {
        let (world, work, remote) = shared(mode);
        let files: Vec<_> = damaged(&remote, mode, false).into_iter().flat_map(|(_, files)| files).collect();
        add_there(&remote, mode, &files);
        work.session(&["sync", "--fetch-only"]).ok();
        let later = work.with("GIT_SESSION_NOW", "2030-01-01T00:00:00Z");
        let ran = later.json(&["cleanup", "run", "--apply", "--session-ttl-days", "30"]).to_string();
        assert!(ran.contains(GOOD), "{}: {ran}", mode.name);
        for (path, _) in files.iter().filter(|(path, _)| path.ends_with(".meta.json")) {
            let id = path.rsplit('/').next().and_then(|name| name.split('.').next()).expect("an id");
            assert!(ran.contains(&format!("the age of session {id} is unknown: {path} in the ledger")), "{id}: {ran}");
        }
        let there = remote.tree(mode.reference);
        assert!(!there.contains(&mode.path(GOOD, ".hail.jsonl")), "{}: {there:?}", mode.name);
        for (path, _) in &files {
            assert!(there.contains(path), "{path} {}: {there:?}", mode.name);
        }
        let log = world.clone_of(&remote, "clone").session(&["log"]);
        assert!(!log.stdout.contains(&GOOD[..8]), "{log}");
    }
}
