//! The one conformance suite of the ledger trait: every test runs on every backend.

mod damaged;
mod merge;
mod notes;
mod switch;

use git_session::{
    git::{Expected, ObjectId, RefUpdate, Repository},
    hail::{Agent, Content, Event, EventType, Header, ObjectHash, Session, Sink, Timestamp},
    ledger::{self, BranchName, Capture, GitFacts, KnownVersions, Ledger, Link, Outcome, Tip},
    redact::{Redactor, Settings},
};

use crate::support::{Place, World};

const ID: &str = "11111111-2222-4333-8444-555555555555";

fn now() -> Timestamp {
    crate::support::NOW.parse().expect("a time")
}

fn session(id: &str, prompts: &[&str]) -> Session {
    let agent = Agent { provider: "p".to_owned(), model: "m".to_owned(), tool: "t".to_owned(), tool_version: None };
    let mut assembly = git_session::hail::Assembly::default();
    for (index, prompt) in prompts.iter().enumerate() {
        let time = Timestamp::from_seconds(1_769_000_000 + i64::try_from(index).expect("few")).expect("in range");
        let event = Event::new(format!("e{index}"), time, EventType::UserMessage).with_content(Content::text(*prompt));
        assembly.event(event).expect("memory does not fail");
    }
    let mut header = Header::new(id.parse().expect("an id"), agent, now());
    header.context.title.push_str(prompts.first().expect("a prompt"));
    assembly.header(header).expect("memory does not fail");
    assembly.finish().expect("a session")
}

fn capture(session: Session, links: Vec<Link>) -> Capture {
    let redactor = Redactor::new(&Settings::default(), b"key", &[]).expect("the rules load");
    let git = GitFacts { branch: "main".to_owned(), ..GitFacts::default() };
    let session = redactor.session(session).expect("it is small").expect("it has events");
    Capture { session, git, links, continues: None, versions: KnownVersions::default(), cleared_at: None }
}

/// Runs a test on a fresh repository for every backend.
fn on_every_backend(test: impl Fn(&dyn Ledger, &Place, &Repository)) {
    for backend in ledger::ALL {
        let world = World::new();
        let work = world.repository("work");
        // The library reads git's configuration of the user it runs as; the identity is the test's.
        work.git(&["config", "user.name", "A. Developer"]);
        work.git(&["config", "user.email", "developer@example.org"]);
        let repository = Repository::open(&work.path).expect("a repository");
        test(*backend, &work, &repository);
    }
}

fn main_branch() -> BranchName {
    BranchName::from("main")
}

fn put(backend: &dyn Ledger, repository: &Repository, captures: &[Capture]) -> Vec<Outcome> {
    let stored = backend.store(repository, &main_branch(), captures, now()).expect("a store");
    stored.into_iter().map(|stored| stored.outcome).collect()
}

fn read_all(backend: &dyn Ledger, repository: &Repository) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for tip in backend.tips(repository).expect("tips") {
        for listed in backend.sessions(repository, &tip).expect("sessions") {
            found.push((listed.key.to_string(), listed.read(repository).expect("bytes")));
        }
    }
    found
}

/// Stores sessions as another clone would, which has nothing of ours, and returns its tip.
fn stored_apart(backend: &dyn Ledger, repository: &Repository, branch: &BranchName, captures: &[Capture]) -> ObjectId {
    let reference = backend.reference(branch);
    let set = |old: Option<ObjectId>, new: Option<ObjectId>| {
        let expected = old.map_or(Expected::Absent, Expected::Is);
        let update = RefUpdate { name: reference.clone().into(), expected, new };
        if old != new {
            repository.update_reference(&update).expect("a write");
        }
    };
    let current = || repository.find_reference(reference.as_bytes()).expect("a look");
    let ours = current();
    set(ours, None);
    backend.store(repository, branch, captures, now()).expect("a store");
    let theirs = current();
    set(theirs, ours);
    theirs.expect("a tip")
}

/// The tip of the ledger that has the sessions of `branch`.
fn tip_of(backend: &dyn Ledger, repository: &Repository, branch: &BranchName) -> Tip {
    let tips = backend.tips(repository).expect("tips");
    tips.into_iter().find(|tip| tip.covers(branch)).expect("the tip")
}

fn tip(backend: &dyn Ledger, repository: &Repository) -> ObjectId {
    backend.tips(repository).expect("tips").first().expect("a tip").id
}

#[test]
fn what_is_stored_is_read_back_byte_for_byte() {
    on_every_backend(|backend, _, repository| {
        let session = session(ID, &["one", "two"]);
        assert_eq!(put(backend, repository, &[capture(session.clone(), Vec::new())]), [Outcome::Added]);
        assert_eq!(read_all(backend, repository), [(ID.to_owned(), session.to_bytes())]);
    });
}

#[test]
fn storing_the_same_session_twice_adds_nothing() {
    on_every_backend(|backend, work, repository| {
        let capture = capture(session(ID, &["one"]), Vec::new());
        put(backend, repository, std::slice::from_ref(&capture));
        let before = (tip(backend, repository), work.git(&["count-objects"]));
        assert_eq!(put(backend, repository, &[capture]), [Outcome::Unchanged]);
        assert_eq!((tip(backend, repository), work.git(&["count-objects"])), before);
    });
}

#[test]
fn a_grown_session_takes_the_place_of_its_former_self_in_one_snapshot() {
    on_every_backend(|backend, work, repository| {
        let prompts: Vec<String> = (0..20).map(|n| format!("prompt {n}")).collect();
        let prompts: Vec<&str> = prompts.iter().map(String::as_str).collect();
        for count in 1..=prompts.len() {
            put(backend, repository, &[capture(session(ID, &prompts[..count]), Vec::new())]);
        }
        assert_eq!(read_all(backend, repository), [(ID.to_owned(), session(ID, &prompts).to_bytes())]);
        let tip = tip(backend, repository).to_string();
        assert_eq!(work.git(&["rev-list", "--count", &tip]), "1\n");
    });
}

#[test]
fn a_shorter_version_does_not_take_the_place_of_a_longer_one() {
    on_every_backend(|backend, _, repository| {
        let long = session(ID, &["one", "two"]);
        put(backend, repository, &[capture(long.clone(), Vec::new())]);
        let short = capture(session(ID, &["one"]), Vec::new());
        assert_eq!(put(backend, repository, &[short]), [Outcome::Unchanged]);
        assert_eq!(read_all(backend, repository)[0].1, long.to_bytes());
    });
}

#[test]
fn links_are_found_by_commit_and_survive_later_captures() {
    on_every_backend(|backend, work, repository| {
        work.write("a.txt", "a\n");
        work.commit_all("A commit");
        let commit = repository.resolve("HEAD").expect("a commit");
        let link = Link::new(commit, "path");
        put(backend, repository, &[capture(session(ID, &["one"]), vec![link])]);
        put(backend, repository, &[capture(session(ID, &["one", "two"]), Vec::new())]);
        let tips = backend.tips(repository).expect("tips");
        let linked = backend.linked(repository, &tips[0], commit).expect("links");
        assert_eq!(linked.len(), 1);
        assert_eq!((linked[0].session_id.as_str(), linked[0].evidence.as_deref()), (ID, Some("path")));
        let listed = backend.sessions(repository, &tips[0]).expect("sessions");
        assert_eq!(listed[0].meta.git.commits, [commit.to_string()]);
        let found = backend.find(repository, &tips[0], &listed[0].key.id).expect("a look");
        assert_eq!(found.as_ref(), Some(&listed[0].meta));
    });
}

#[test]
fn merging_keeps_every_session_of_both_sides() {
    on_every_backend(|backend, _, repository| {
        put(backend, repository, &[capture(session("aaaa", &["mine"]), Vec::new())]);
        let theirs = [capture(session("bbbb", &["theirs"]), Vec::new())];
        let other_tip = stored_apart(backend, repository, &main_branch(), &theirs);
        let merged = backend.merge(repository, &main_branch(), other_tip, now()).expect("a merge");
        let main = tip_of(backend, repository, &main_branch());
        assert_eq!(main.id, merged);
        let ids: Vec<String> =
            backend.sessions(repository, &main).expect("sessions").iter().map(|s| s.key.to_string()).collect();
        assert_eq!(ids, ["aaaa", "bbbb"]);
        // Once more changes nothing.
        assert_eq!(backend.merge(repository, &main_branch(), other_tip, now()).expect("a merge"), merged);
    });
}

#[test]
fn of_two_versions_the_continuation_stays_and_different_ones_stay_both() {
    on_every_backend(|backend, _, repository| {
        for prompts in [&["one"][..], &["one", "two"], &["something else"]] {
            let version = [capture(session(ID, prompts), Vec::new())];
            let tip = stored_apart(backend, repository, &main_branch(), &version);
            backend.merge(repository, &main_branch(), tip, now()).expect("a merge");
        }
        let main = tip_of(backend, repository, &main_branch());
        let found = backend.sessions(repository, &main).expect("sessions");
        let other = session(ID, &["something else"]).to_bytes();
        let keys: Vec<String> = found.iter().map(|listed| listed.key.to_string()).collect();
        assert_eq!(keys, [ID.to_owned(), format!("{ID}~{}", ObjectHash::of(&other).short())]);
        assert_eq!(found[0].read(repository).expect("bytes"), session(ID, &["one", "two"]).to_bytes());
        assert_eq!(found[1].read(repository).expect("bytes"), other);
    });
}

#[test]
fn many_writers_at_once_lose_nothing() {
    on_every_backend(|backend, work, repository| {
        let threads: Vec<_> = (0..8_u32)
            .map(|thread| {
                let path = work.path.clone();
                let name = backend.name();
                std::thread::spawn(move || {
                    let backend = ledger::by_name(name).expect("a backend");
                    let repository = Repository::open(&path).expect("a repository");
                    for number in 0..10 {
                        let id = format!("{thread:04}-{number:04}");
                        put(backend, &repository, &[capture(session(&id, &["one"]), Vec::new())]);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("a writer");
        }
        assert_eq!(read_all(backend, repository).len(), 80);
        assert_eq!(work.git(&["fsck", "--strict", "--no-dangling", "--no-progress"]), "");
    });
}

#[test]
fn sessions_of_branches_with_long_odd_or_similar_names_are_kept_apart() {
    on_every_backend(|backend, _, repository| {
        let long = "x".repeat(250);
        let names: [&[u8]; 5] = [b"feat1a", b"feat1G", b"gr\xfcn", long.as_bytes(), b"-odd"];
        for (index, name) in names.iter().enumerate() {
            let id = format!("id-{index}");
            let captures = [capture(session(&id, &["one"]), Vec::new())];
            backend.store(repository, &BranchName::from(*name), &captures, now()).expect("a store");
        }
        let mut found = Vec::new();
        for tip in backend.tips(repository).expect("tips") {
            for listed in backend.sessions(repository, &tip).expect("sessions") {
                assert!(tip.covers(&listed.branch), "{}", listed.branch);
                assert_eq!(listed.branches(), std::slice::from_ref(&listed.branch));
                found.push((listed.key.to_string(), listed.branch));
            }
        }
        found.sort();
        let expected: Vec<_> =
            (0..).zip(names).map(|(index, name)| (format!("id-{index}"), BranchName::from(name))).collect();
        assert_eq!(found, expected);
    });
}

#[test]
fn a_path_that_is_not_known_is_carried_along() {
    on_every_backend(|backend, work, repository| {
        put(backend, repository, &[capture(session("aaaa", &["one"]), Vec::new())]);
        let tip = tip_of(backend, repository, &main_branch());
        work.write("unknown", "of a newer version\n");
        let blob = work.git(&["hash-object", "-w", "unknown"]).trim().to_owned();
        let index = work.with("GIT_INDEX_FILE", "unknown-index");
        index.git(&["read-tree", &tip.id.to_string()]);
        let paths = ["v2/new/file.bin", "v1/plan.txt"];
        for path in paths {
            index.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{path}")]);
        }
        let tree = index.git(&["write-tree"]).trim().to_owned();
        let commit = work.git(&["commit-tree", "-m", "newer", &tree]).trim().to_owned();
        work.git(&["update-ref", &tip.reference, &commit]);
        put(backend, repository, &[capture(session("bbbb", &["two"]), Vec::new())]);
        let other = stored_apart(backend, repository, &main_branch(), &[capture(session("cccc", &["x"]), Vec::new())]);
        backend.merge(repository, &main_branch(), other, now()).expect("a merge");
        let kept = work.tree(&tip.reference);
        assert!(paths.iter().all(|path| kept.iter().any(|kept| kept == path)), "{kept:?}");
        assert_eq!(read_all(backend, repository).len(), 3);
    });
}

#[test]
fn hostile_names_in_a_fetched_tree_are_passed_over() {
    on_every_backend(|backend, work, repository| {
        put(backend, repository, &[capture(session(ID, &["one"]), Vec::new())]);
        let good = tip_of(backend, repository, &main_branch());
        let hail = work.tree(&good.id.to_string()).into_iter().find(|path| path.ends_with(".hail.jsonl"));
        let hail = hail.expect("a session");
        let blob = work.git(&["rev-parse", &format!("{}:{hail}", good.id)]).trim().to_owned();
        let folder = hail.split('/').next().expect("a folder");
        let listing = format!(
            "120000 blob {blob}\tlink.hail.jsonl\n100644 blob {blob}\t-rf.hail.jsonl\n100755 blob {blob}\trun.hail.jsonl\n\
             100644 blob {blob}\t.hidden.hail.jsonl\n"
        );
        work.write("listing", &listing);
        let make = |script: &str| work.run("sh", &["-c", script]).ok().stdout.trim().to_owned();
        let shard = make("git mktree < listing");
        let v1 = make(&format!("printf '040000 tree {shard}\\tli\\n' | git mktree"));
        let root = make(&format!("printf '040000 tree {v1}\\t{folder}\\n' | git mktree"));
        let commit = make(&format!("git commit-tree -m x {root}"));
        work.git(&["update-ref", &good.reference, &commit]);
        assert_eq!(read_all(backend, repository), []);
    });
}
