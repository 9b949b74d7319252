//! What is damaged, too large or without end in a ledger stands in the way of nothing else.

use std::fs;

use git_session::{
    git::{ObjectId, Repository},
    ledger::{Ledger, Link, Outcome, Tombstone, Tombstones},
};

use super::{capture, main_branch, now, on_every_backend, put, session, stored_apart, tip_of};
use crate::support::Place;

/// The folder of the sessions.
fn folder(backend: &dyn Ledger) -> &'static str {
    if backend.name() == "git_notes" { "sessions" } else { "v1" }
}

fn sh(work: &Place, script: &str) -> String {
    work.run("sh", &["-c", script]).ok().stdout.trim().to_owned()
}

/// Puts objects into the ledger, each at a path, with its mode.
fn add(work: &Place, backend: &dyn Ledger, files: &[(&str, &str, &str)]) {
    let reference = backend.reference(&main_branch());
    let index = work.with("GIT_INDEX_FILE", "ledger-index");
    index.git(&["read-tree", &reference]);
    for (mode, id, path) in files {
        if *mode == "040000" {
            index.git(&["read-tree", &format!("--prefix={path}"), id]);
        } else {
            index.git(&["update-index", "--add", "--cacheinfo", &format!("{mode},{id},{path}")]);
        }
    }
    let tree = index.git(&["write-tree"]).trim().to_owned();
    let commit = work.git(&["commit-tree", "-m", "other", &tree]).trim().to_owned();
    work.git(&["update-ref", &reference, &commit]);
}

/// A repository as another process sees it: what this one read it remembers.
fn anew(work: &Place) -> Repository {
    Repository::open(&work.path).expect("a repository")
}

/// Breaks the object in the store.
fn corrupt(work: &Place, id: &str) {
    let path = work.join(&format!(".git/objects/{}/{}", &id[..2], &id[2..]));
    fs::remove_file(&path).expect("a loose object");
    fs::write(&path, "no zlib").expect("a write");
}

fn keys(backend: &dyn Ledger, repository: &Repository) -> Vec<String> {
    let tip = tip_of(backend, repository, &main_branch());
    let sessions = backend.sessions(repository, &tip).expect("sessions");
    sessions.into_iter().map(|listed| listed.key.to_string()).collect()
}

fn damage(backend: &dyn Ledger, repository: &Repository) -> Vec<String> {
    let tip = tip_of(backend, repository, &main_branch());
    let sessions = backend.sessions(repository, &tip).expect("sessions").into_iter();
    let mut damage: Vec<_> = sessions.filter_map(|listed| listed.damage).collect();
    damage.extend(backend.damage(repository, &tip).expect("what is damaged"));
    damage.into_iter().map(|damage| damage.path).collect()
}

#[test]
fn forty_names_for_one_large_session_cost_one_look_at_its_first_line() {
    on_every_backend(|backend, work, repository| {
        put(backend, repository, &[capture(session("aaaa", &["one"]), Vec::new())]);
        // Without metadata, and with OpenSession's, which does not tell when it happened.
        let header = r#"{"type":"header","version":"hail-1.0.0","session_id":"large-1","agent":{"provider":"p","model":"m","tool":"t"},"context":{"title":"Large","tags":[],"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-02T00:00:00Z","attributes":{}}}"#;
        work.write("header", header);
        let large = sh(work, "(cat header; echo; head -c 40000000 /dev/zero) | git hash-object -w --stdin");
        let (mut paths, mut files) = (Vec::new(), Vec::new());
        for number in 0..41 {
            paths.push(format!("{}/la/large-{number}.hail.jsonl", folder(backend)));
            if number % 2 == 0 {
                work.write("meta", &format!(r#"{{"session_id":"large-{number}","title":"Large"}}"#));
                let meta = sh(work, "git hash-object -w meta");
                files.push((meta, format!("{}/la/large-{number}.meta.json", folder(backend))));
            }
        }
        let mut all: Vec<_> = paths.iter().map(|path| ("100644", large.as_str(), path.as_str())).collect();
        all.extend(files.iter().map(|(meta, path)| ("100644", meta.as_str(), path.as_str())));
        add(work, backend, &all);
        let repository = anew(work);
        let tip = tip_of(backend, &repository, &main_branch());
        let listed = backend.sessions(&repository, &tip).expect("sessions");
        assert_eq!(listed.len(), 42);
        let first = listed.iter().find(|listed| listed.key.id.as_str() == "large-1").expect("the session itself");
        assert_eq!((first.meta.title.as_str(), first.damage.is_none()), ("Large", true));
        assert!(
            listed.iter().all(|listed| listed.key.id.as_str() == "large-0" || listed.meta.session_id == listed.key.id)
        );
        assert!(
            listed.iter().filter(|listed| listed.described_by.is_some()).all(|listed| listed
                .meta
                .own
                .created_at
                .is_some())
        );
        let read = repository.inflated_bytes();
        assert!(read < 400_000, "{read} bytes were inflated to list a ledger of descriptions");
        backend.sessions(&repository, &tip).expect("sessions");
        assert!(repository.inflated_bytes() - read < 50_000, "the first line was read again");
    });
}

#[test]
fn a_tombstone_that_cannot_be_read_keeps_its_session_out() {
    on_every_backend(|backend, work, repository| {
        put(backend, repository, &[capture(session("aaaa", &["one"]), Vec::new())]);
        let with = [capture(session("bbbb", &["two"]), Vec::new()), capture(session("cccc", &["three"]), Vec::new())];
        let other = stored_apart(backend, repository, &main_branch(), &with);
        let huge = sh(work, "head -c 5000000 /dev/zero | git hash-object -w --stdin");
        let broken = sh(work, "echo '{' | git hash-object -w --stdin");
        let path = |id: &str| format!("{}/tombstones/sessions/{}/{id}.json", folder(backend), &id[..2]);
        let [aaaa, bbbb] = [path("aaaa"), path("bbbb")];
        add(work, backend, &[("100644", &huge, &bbbb), ("100644", &broken, &aaaa)]);
        assert_eq!(damage(backend, repository), [aaaa, bbbb]);
        // What stands beside it stays; nothing is stored, and nothing taken over.
        assert_eq!(put(backend, repository, &[capture(session("bbbb", &["two"]), Vec::new())]), [Outcome::Removed]);
        backend.merge(repository, &main_branch(), other, now()).expect("a merge");
        assert_eq!(keys(backend, repository), ["aaaa", "cccc"]);
        // A purge replaces it.
        let tombstones = ["aaaa", "bbbb"].map(|id| Tombstone::purged(id.parse().expect("an id"), now()));
        let tombstones = Tombstones { sessions: tombstones.to_vec(), ledgers: Vec::new() };
        backend.apply(repository, &main_branch(), &tombstones, now()).expect("a purge");
        assert_eq!((keys(backend, repository), damage(backend, repository)), (vec!["cccc".to_owned()], Vec::new()));
    });
}

#[test]
fn a_damaged_link_hides_no_other() {
    on_every_backend(|backend, work, repository| {
        let commits = ["one", "two"].map(|message| {
            let tree = sh(work, "git mktree < /dev/null");
            let commit = work.git(&["commit-tree", "-m", message, &tree]);
            commit.trim().parse::<ObjectId>().expect("an id")
        });
        let links = |commit| vec![Link::new(commit, "path")];
        put(backend, repository, &[capture(session("aaaa", &["one"]), links(commits[0]))]);
        put(backend, repository, &[capture(session("bbbb", &["two"]), links(commits[1]))]);
        let other = stored_apart(
            backend,
            repository,
            &main_branch(),
            &[capture(session("cccc", &["three"]), links(commits[0]))],
        );
        let huge = sh(work, "head -c 5000000 /dev/zero | git hash-object -w --stdin");
        let hex = commits[1].to_string();
        let path = match backend.name() {
            "git_notes" => format!("{}/{}", &hex[..2], &hex[2..]),
            _ => format!("v1/index/commits/{hex}/bbbb.json"),
        };
        add(work, backend, &[("100644", &huge, &path)]);
        let tip = tip_of(backend, repository, &main_branch());
        let found = backend.links(repository, &tip).expect("links");
        let ids: Vec<_> = found.entries.iter().map(|(_, entry)| entry.session_id.as_str()).collect();
        assert_eq!((ids, found.damage.len()), (vec!["aaaa"], 1), "{:?}", found.damage);
        assert_eq!(backend.linked(repository, &tip, commits[1]).expect("links"), []);
        assert_eq!(backend.linked(repository, &tip, commits[0]).expect("links").len(), 1);
        // Work goes on: another link, a merge, a purge.
        put(backend, repository, &[capture(session("dddd", &["four"]), links(commits[1]))]);
        backend.merge(repository, &main_branch(), other, now()).expect("a merge");
        assert_eq!(keys(backend, repository), ["aaaa", "bbbb", "cccc", "dddd"]);
        let tombstones = vec![Tombstone::purged("bbbb".parse().expect("an id"), now())];
        let tombstones = Tombstones { sessions: tombstones, ledgers: Vec::new() };
        backend.apply(repository, &main_branch(), &tombstones, now()).expect("a purge");
        assert_eq!(keys(backend, repository), ["aaaa", "cccc", "dddd"]);
    });
}

#[test]
fn objects_that_are_no_zlib_hide_no_other() {
    on_every_backend(|backend, work, repository| {
        for id in ["aaaa", "bbbb", "cccc", "dddd"] {
            put(backend, repository, &[capture(session(id, &[id]), Vec::new())]);
        }
        let other = stored_apart(backend, repository, &main_branch(), &[capture(session("eeee", &["x"]), Vec::new())]);
        let tip = tip_of(backend, repository, &main_branch()).id;
        let at = |path: &str| work.git(&["rev-parse", &format!("{tip}:{}/{path}", folder(backend))]).trim().to_owned();
        for path in ["aa/aaaa.hail.jsonl", "bb/bbbb.meta.json", "cc"] {
            corrupt(work, &at(path));
        }
        let repository = anew(work);
        // The description of the first is whole; nobody looked at its events.
        assert_eq!(keys(backend, &repository), ["aaaa", "bbbb", "dddd"]);
        assert_eq!(
            damage(backend, &repository),
            ["bb/bbbb.meta.json", "cc"].map(|path| format!("{}/{path}", folder(backend)))
        );
        let tip = tip_of(backend, &repository, &main_branch());
        let first = backend.sessions(&repository, &tip).expect("sessions").remove(0);
        let fault = first.read(&repository).expect_err("events that cannot be read").to_string();
        assert!(fault.contains("the events of the session aaaa cannot be read"), "{fault}");
        backend.merge(&repository, &main_branch(), other, now()).expect("a merge");
        // A capture puts right what it can.
        put(backend, &repository, &[capture(session("bbbb", &["bbbb"]), Vec::new())]);
        assert_eq!(keys(backend, &repository), ["aaaa", "bbbb", "dddd", "eeee"]);
    });
}

#[test]
fn folders_without_end_hide_no_other() {
    on_every_backend(|backend, work, repository| {
        put(backend, repository, &[capture(session("aaaa", &["one"]), Vec::new())]);
        let blob = sh(work, "echo x | git hash-object -w --stdin");
        // Twenty levels of a thousand times the same folder, and one of a million names.
        let bomb = r#"tab=$(printf '\t'); tree=$(printf '100644 blob BLOB\tx' | git mktree); for level in $(seq 20); do
            tree=$(seq -f "040000 tree $tree${tab}ab%g" 1000 | git mktree); done; echo $tree"#;
        let bomb = sh(work, &bomb.replace("BLOB", &blob));
        let names = format!("seq -f '100644 blob {blob}\t%09.0f.hail.jsonl' 1000000 | git mktree");
        let million = sh(work, &names);
        let tip = tip_of(backend, repository, &main_branch());
        let shards = work.git(&["ls-tree", &format!("{}:{}", tip.id, folder(backend))]);
        let list = format!("{shards}040000 tree {million}\t00\n040000 tree {bomb}\tbb\n040000 tree {bomb}\tindex\n");
        work.write("list", &list);
        let shards = sh(work, "git mktree < list");
        work.write("list", &format!("040000 tree {shards}\t{}\n040000 tree {bomb}\tunknown\n", folder(backend)));
        let root = sh(work, "git mktree < list");
        let commit = work.git(&["commit-tree", "-m", "other", &root]).trim().to_owned();
        work.git(&["update-ref", &tip.reference, &commit]);
        let other = stored_apart(backend, repository, &main_branch(), &[capture(session("eeee", &["x"]), Vec::new())]);
        assert_eq!(keys(backend, repository), ["aaaa"]);
        assert_eq!(damage(backend, repository), [format!("{}/00", folder(backend))]);
        backend.merge(repository, &main_branch(), other, now()).expect("a merge");
        put(backend, repository, &[capture(session("ffff", &["y"]), Vec::new())]);
        assert_eq!(keys(backend, repository), ["aaaa", "eeee", "ffff"]);
        let tip = tip_of(backend, repository, &main_branch());
        let fault = backend.links(repository, &tip).expect_err("no end of folders").to_string();
        assert!(fault.contains("more than 1000000 entries"), "{fault}");
    });
}
