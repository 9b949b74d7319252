//! Notes mode and git's own notes commands do each other no harm.

use git_session::{
    git::{ObjectId, Repository},
    ledger::{self, Ledger, Link},
};

use super::{ID, capture, main_branch, now, put, read_all, session, stored_apart, tip_of};
use crate::support::{Place, World};

const REFERENCE: &str = "refs/notes/opensession";

fn notes() -> &'static dyn Ledger {
    ledger::by_name("git_notes").expect("a backend")
}

/// A repository with `count` commits, the newest first.
fn repository(world: &World, count: usize) -> (Place, Repository, Vec<ObjectId>) {
    let work = world.repository("work");
    work.git(&["config", "user.name", "A. Developer"]);
    work.git(&["config", "user.email", "developer@example.org"]);
    for number in 0..count {
        work.git(&["commit", "--quiet", "--allow-empty", "--message", &format!("Commit {number}")]);
    }
    let repository = Repository::open(&work.path).expect("a repository");
    let commits = work.git(&["rev-list", "HEAD"]);
    let commits = commits.lines().map(|id| repository.parse_id(id).expect("an id")).collect();
    (work, repository, commits)
}

fn link(commit: ObjectId) -> Link {
    Link::new(commit, "trailer")
}

fn show(work: &Place, commit: ObjectId) -> String {
    work.git(&["notes", "--ref=opensession", "show", &commit.to_string()])
}

/// The commits that git sees a note of.
fn listed(work: &Place) -> Vec<String> {
    let list = work.git(&["notes", "--ref=opensession", "list"]);
    list.lines().map(|line| line.split(' ').nth(1).expect("two columns").to_owned()).collect()
}

fn linked(repository: &Repository, commit: ObjectId) -> Vec<String> {
    let tip = tip_of(notes(), repository, &main_branch());
    let linked = notes().linked(repository, &tip, commit).expect("links");
    linked.iter().map(|entry| entry.session_id.to_string()).collect()
}

#[test]
fn git_shows_a_note_that_people_can_read() {
    let world = World::new();
    let (work, repository, commits) = repository(&world, 1);
    let captures =
        [capture(session(ID, &["Fix\u{1b}[2J it"]), vec![link(commits[0])]), capture(session("zz", &["b"]), vec![])];
    put(notes(), &repository, &captures);
    let links = [("zz".parse().expect("an id"), link(commits[0]))];
    notes().link(&repository, &main_branch(), &links, now()).expect("a link");
    let text = show(&work, commits[0]);
    let (head, json) = text.split_once("\n\n").expect("two parts");
    assert_eq!(head, format!("AI sessions of this commit:\n  {ID}  t (m)  Fix[2J it\n  zz  t (m)  b"));
    let entries: Vec<serde_json::Value> =
        json.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    assert_eq!(entries[0]["hail_path"], format!("sessions/11/{ID}.hail.jsonl"));
    assert_eq!(entries[1]["meta_path"], "sessions/zz/zz.meta.json");
    for entry in &entries {
        work.git(&["cat-file", "-e", &format!("{REFERENCE}:{}", entry["hail_path"].as_str().expect("a path"))]);
    }
    assert_eq!(work.git(&["log", "-1", "--format=%an %s", REFERENCE]), "A. Developer session: zz\n");
}

#[test]
fn sessions_survive_git_adding_and_removing_notes() {
    let world = World::new();
    let (work, repository, commits) = repository(&world, 3);
    put(notes(), &repository, &[capture(session(ID, &["one"]), vec![link(commits[0])])]);
    let sessions = read_all(notes(), &repository);
    work.git(&["notes", "--ref=opensession", "append", "-m", "Well done.", &commits[0].to_string()]);
    work.git(&["notes", "--ref=opensession", "add", "-m", "By hand.", &commits[1].to_string()]);
    work.git(&["notes", "--ref=opensession", "add", "-m", "In error.", &commits[2].to_string()]);
    work.git(&["notes", "--ref=opensession", "remove", &commits[2].to_string()]);
    assert_eq!(read_all(notes(), &repository), sessions);
    assert_eq!(linked(&repository, commits[0]), [ID]);
    // What people wrote survives what is stored afterwards.
    put(notes(), &repository, &[capture(session("zz", &["b"]), vec![link(commits[0]), link(commits[1])])]);
    assert_eq!(linked(&repository, commits[0]), [ID, "zz"]);
    assert!(show(&work, commits[0]).ends_with("\n\nWell done.\n"), "{}", show(&work, commits[0]));
    assert!(show(&work, commits[1]).ends_with("\n\nBy hand.\n"), "{}", show(&work, commits[1]));
    assert_eq!(work.git(&["fsck", "--strict", "--no-dangling", "--no-progress"]), "");
}

#[test]
fn a_commit_has_one_note_whatever_the_depth_git_keeps_it_at() {
    let world = World::new();
    let (work, repository, commits) = repository(&world, 1);
    put(notes(), &repository, &[capture(session(ID, &["one"]), vec![link(commits[0])])]);
    let hex = commits[0].to_string();
    let text = show(&work, commits[0]);
    let tip = || tip_of(notes(), &repository, &main_branch()).id.to_string();
    for path in
        [hex.clone(), format!("{}/{}", &hex[..2], &hex[2..]), format!("{}/{}/{}", &hex[..2], &hex[2..4], &hex[4..])]
    {
        // The note is moved to another depth, as git does it when notes grow in number.
        let blob = work.git(&["notes", "--ref=opensession", "list", &hex]).trim().to_owned();
        let index = work.with("GIT_INDEX_FILE", "notes-index");
        index.git(&["read-tree", &tip()]);
        let old = index.git(&["ls-files"]).lines().find(|old| old.replace('/', "") == hex).map(str::to_owned);
        index.git(&["rm", "--quiet", "--cached", &old.expect("a note")]);
        index.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{path}")]);
        let tree = index.git(&["write-tree"]).trim().to_owned();
        let commit = work.git(&["commit-tree", "-m", "Moved", &tree]).trim().to_owned();
        work.git(&["update-ref", REFERENCE, &commit]);
        assert_eq!(linked(&repository, commits[0]), [ID], "{path}");
        // A merge with another clone and another link leave one entry, which git reads.
        let id = format!("zz-{}", path.len());
        let other = stored_apart(notes(), &repository, &main_branch(), &[capture(session(&id, &["b"]), vec![])]);
        notes().merge(&repository, &main_branch(), other, now()).expect("a merge");
        let notes_of = |tip: &str| work.tree(tip).iter().filter(|path| path.replace('/', "") == hex).count();
        assert_eq!((listed(&work), notes_of(&tip())), (vec![hex.clone()], 1), "{path}");
        assert_eq!(show(&work, commits[0]), text, "{path}");
        work.git(&["update-ref", REFERENCE, &commit]);
        notes()
            .link(&repository, &main_branch(), &[(ID.parse().expect("an id"), link(commits[0]))], now())
            .expect("ok");
        put(notes(), &repository, &[capture(session("yy", &["c"]), vec![link(commits[0])])]);
        assert_eq!((linked(&repository, commits[0]), notes_of(&tip())), (vec![ID.to_owned(), "yy".to_owned()], 1));
        work.git(&["update-ref", REFERENCE, &commit]);
    }
}

#[test]
fn hundreds_of_notes_are_read_by_git_and_rewritten_without_loss() {
    let world = World::new();
    let (work, repository, commits) = repository(&world, 1);
    let fake =
        |number: usize| ObjectId::from_hex(format!("{:040x}", number * 0x0123_4567_89ab).as_bytes()).expect("hex");
    let links: Vec<Link> = (1..=300).map(fake).map(link).collect();
    put(notes(), &repository, &[capture(session(ID, &["one"]), links.clone())]);
    assert_eq!(listed(&work).len(), 300);
    work.git(&["notes", "--ref=opensession", "add", "-m", "By hand.", &commits[0].to_string()]);
    put(notes(), &repository, &[capture(session(ID, &["one", "two"]), vec![link(commits[0])])]);
    assert_eq!(listed(&work).len(), 301);
    for Link { commit, .. } in &links[..20] {
        assert_eq!(linked(&repository, *commit), [ID]);
    }
}
