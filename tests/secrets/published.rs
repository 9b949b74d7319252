//! Taking a session out of the branches that it was published on.

use super::{OTHER, SECRET, WORD, reachable, secret_log, settle};
use crate::support::{ClaudeLog, Place, Ran, World};

const REVIEW: &str = "opensession/pr-7-sessions";
const ARCHIVE: &str = "sessions/archive";

/// A repository whose commits two sessions made. They are on a branch of a review and in an archive,
/// which has a folder and a past of its own before them; all of that is known here as the remote has it.
fn published(world: &World) -> (Place, Place) {
    settle(world, "hidden_ref");
    let (work, remote) = world.shared();
    work.git(&["switch", "--quiet", "--create", "early"]);
    commit_of(world, &work, OTHER, "early.txt");
    work.wait_for_sessions(1);
    work.session(&["review", "main..early", "--publish", "opensession/pr-1-sessions", "--archive", ARCHIVE]).ok();
    work.git(&["switch", "--quiet", "--create", "feature"]);
    secret_log(world, &work).writes(&work, "launch.txt", "now\n").save();
    work.commit_all("Launch");
    work.wait_for_sessions(2);
    work.session(&["sync"]).ok();
    work.session(&["review", "main..feature", "--publish", REVIEW]).ok();
    for name in [REVIEW, "opensession/pr-8-sessions"] {
        work.session(&["review", "main..feature", "--publish", name, "--archive", ARCHIVE]).ok();
    }
    work.git(&["fetch", "--quiet", "origin"]);
    for place in [&work, &remote] {
        assert!(quotes(place).contains(WORD), "the session is not there");
    }
    (work, remote)
}

fn commit_of(world: &World, place: &Place, id: &str, file: &str) {
    ClaudeLog::new(world, place, id).prompt("Write something.").writes(place, file, "something\n").save();
    place.commit_all("Something");
}

/// All that the branches of sessions, here and as the remote has them, ever held.
fn quotes(place: &Place) -> String {
    let script = "git rev-list --objects --glob='refs/heads/*sessions*' --glob='refs/remotes/*/*sessions*' \
                  | cut -d' ' -f1 | git cat-file --batch";
    place.run("sh", &["-c", script]).ok().stdout
}

/// All that a gc would keep.
fn ever(place: &Place) -> String {
    let script = "git rev-list --objects --all --reflog | cut -d' ' -f1 | git cat-file --batch";
    place.run("sh", &["-c", script]).ok().stdout
}

/// Runs `redact` with the word on standard input.
fn redact(place: &Place, more: &str) -> Ran {
    place.run("sh", &["-c", &format!("echo '{WORD}' | git-session redact {SECRET} --text - {more}")])
}

fn answer(ran: &Ran) -> serde_json::Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|fault| panic!("{fault}: {ran}"))
}

/// The branches that an answer names, as `<remote>:<branch>`.
fn named(answer: &serde_json::Value) -> Vec<String> {
    let name = |one: &serde_json::Value| {
        format!("{}:{}", one["remote"].as_str().unwrap_or_default(), one["branch"].as_str().unwrap_or_default())
    };
    answer["published"].as_array().map(|all| all.iter().map(name).collect()).unwrap_or_default()
}

#[test]
fn a_purged_session_goes_from_the_branches_it_was_published_on_and_the_others_stay() {
    let world = World::new();
    let (work, remote) = published(&world);
    let clean = remote.git(&["rev-parse", &format!("{ARCHIVE}~2")]);
    for (branch, name) in [(REVIEW, REVIEW), (ARCHIVE, ARCHIVE)] {
        work.git(&["branch", "--quiet", branch, &format!("origin/{name}")]);
    }
    let purged = work.session(&["purge", SECRET, "--push", "--yes", "--json"]).ok();
    let mut expected = Vec::new();
    for place in ["", "origin"] {
        expected.extend([REVIEW, ARCHIVE].map(|branch| format!("{place}:{branch}")));
    }
    assert_eq!(named(&answer(&purged)), expected, "{purged}");
    for place in [&work, &remote] {
        assert!(!reachable(place).contains(WORD), "it is still there");
        assert!(quotes(place).contains("Write something."), "the other session is gone");
        let files = place.tree(REVIEW);
        assert_eq!(files, ["README.md", "review.json", &format!("sessions/{OTHER}.hail.jsonl")]);
        let files = place.tree(ARCHIVE);
        let sessions: Vec<&String> = files.iter().filter(|path| path.ends_with(".hail.jsonl")).collect();
        assert_eq!(sessions.len(), 3, "{files:?}");
        assert!(!files.iter().any(|path| path.contains(SECRET)), "{files:?}");
        let readme = place.git(&["show", &format!("{REVIEW}:README.md")]);
        assert!(readme.contains("Write something") && readme.contains("was purged"), "{readme}");
        // What never held it stays in the past of the archive.
        assert_eq!(place.git(&["rev-parse", &format!("{ARCHIVE}~1")]), clean);
    }
    // The same again has nothing to do, and the jobs go on.
    let tips = remote.git(&["for-each-ref"]);
    let again = work.session(&["purge", SECRET, "--push", "--yes", "--json"]).ok();
    assert_eq!(named(&answer(&again)), [""; 0], "{again}");
    assert_eq!(remote.git(&["for-each-ref"]), tips);
    work.session(&["review", "main..feature", "--publish", REVIEW, "--archive", ARCHIVE]).ok();
    assert!(!reachable(&remote).contains(WORD), "it came back");
}

#[test]
fn what_is_redacted_is_redacted_where_it_was_published() {
    let world = World::new();
    let (work, remote) = published(&world);
    let before = work.git(&["for-each-ref"]);
    let ran = redact(&work, "--dry-run --json").ok();
    assert_eq!(named(&answer(&ran)), [format!("origin:{REVIEW}"), format!("origin:{ARCHIVE}")], "{ran}");
    assert_eq!(work.git(&["for-each-ref"]), before, "a dry run changes nothing");
    let ran = redact(&work, "--push").ok();
    assert!(ran.stdout.contains(&format!("{REVIEW} (origin)")), "{ran}");
    for place in [&work, &remote] {
        assert!(!reachable(place).contains(WORD), "it is still there");
    }
    let files = remote.tree(REVIEW);
    assert_eq!(files.iter().filter(|path| path.ends_with(".hail.jsonl")).count(), 2, "{files:?}");
    for file in ["README.md", "review.json", &format!("sessions/{SECRET}.hail.jsonl")] {
        let text = remote.git(&["show", &format!("{REVIEW}:{file}")]);
        assert!(text.contains("REDACTED:text:") && text.contains("It flies."), "{file}: {text}");
    }
}

#[test]
fn a_branch_that_is_checked_out_is_left_alone_and_the_answer_says_how_to_go_on() {
    let world = World::new();
    let (work, remote) = published(&world);
    work.git(&["switch", "--quiet", REVIEW]);
    let tip = work.git(&["rev-parse", "HEAD"]);
    let refused = work.session(&["purge", SECRET, "--push", "--yes"]);
    assert_eq!(refused.code, 1, "{refused}");
    assert!(refused.stderr.contains(&format!("the branch {REVIEW} is checked out")), "{refused}");
    assert!(refused.stderr.contains("git switch main"), "{refused}");
    assert_eq!(work.git(&["rev-parse", "HEAD"]), tip);
    assert_eq!(work.git(&["status", "--porcelain"]), "");
    assert!(!reachable(&remote).contains(WORD), "the rest is done");
    work.git(&["switch", "--quiet", "main"]);
    let ran = work.session(&["purge", SECRET, "--push", "--yes", "--json"]).ok();
    assert_eq!(named(&answer(&ran)), [format!(":{REVIEW}")], "{ran}");
    assert!(!ever(&work).contains(WORD), "it is still there");
    assert!(!work.git(&["reflog", "HEAD"]).is_empty(), "the rest of the reflog stays");
}

#[test]
fn without_push_the_remote_is_said_to_have_it_and_a_refusal_can_be_tried_again() {
    let world = World::new();
    let (work, remote) = published(&world);
    let purged = work.session(&["purge", SECRET, "--yes"]).ok();
    assert!(purged.stderr.contains(&format!("origin still has it on the branch {REVIEW}")), "{purged}");
    assert!(!reachable(&work).contains(WORD) && reachable(&remote).contains(WORD), "{purged}");
    work.session(&["sync"]).ok();
    remote.git(&["config", "receive.denyNonFastForwards", "true"]);
    let refused = work.session(&["purge", SECRET, "--push", "--yes"]);
    assert_eq!(refused.code, 1, "{refused}");
    assert!(refused.stderr.contains(&format!("origin rejected the branch {REVIEW}")), "{refused}");
    assert!(!reachable(&work).contains(WORD), "what was fetched to be looked at stays");
    remote.git(&["config", "receive.denyNonFastForwards", "false"]);
    work.session(&["purge", SECRET, "--push", "--yes"]).ok();
    assert!(!reachable(&remote).contains(WORD), "it is still there");
}

#[test]
fn no_branch_of_anything_else_is_rewritten() {
    let world = World::new();
    let (work, remote) = published(&world);
    let tip = remote.git(&["rev-parse", ARCHIVE]);
    work.git(&["switch", "--quiet", "--create", "mixed", &format!("origin/{ARCHIVE}")]);
    work.write("program.txt", "mine\n");
    work.commit_all("Mix");
    work.git(&["switch", "--quiet", "main"]);
    work.write(".opensession/cleanup/config.toml", "session_archive_branch = \"mixed\"\n");
    let purged = work.session(&["purge", SECRET, "--yes"]);
    assert_eq!(purged.code, 1, "{purged}");
    assert!(purged.stderr.contains("the branch mixed also contains program.txt"), "{purged}");
    assert_eq!(work.git(&["rev-parse", "mixed~1"]), tip);
}

#[test]
fn a_branch_in_another_work_tree_is_left_alone_too() {
    let world = World::new();
    let (work, _) = published(&world);
    work.git(&["worktree", "add", "--quiet", "../reading", REVIEW]);
    let refused = work.session(&["purge", SECRET, "--yes"]);
    let reading = world.path().join("reading");
    let command = format!("git -C '{}' switch --detach main", reading.display());
    assert!(refused.code == 1 && refused.stderr.contains(&command), "{refused}");
    work.git(&["-C", "../reading", "switch", "--quiet", "--detach", "main"]);
    work.session(&["purge", SECRET, "--yes"]).ok();
    assert!(!ever(&work).contains(WORD), "it is still there");
    assert!(!work.git(&["-C", "../reading", "reflog", "HEAD"]).is_empty(), "the rest of the reflog stays");
}

#[test]
fn what_somebody_publishes_meanwhile_is_kept() {
    let world = World::new();
    let (work, remote) = published(&world);
    // The first push of ours finds that the archive has just got another review.
    let folder = remote.git(&["rev-parse", &format!("{ARCHIVE}:pr-1")]);
    let mut entries = remote.git(&["ls-tree", ARCHIVE]);
    entries.push_str(&format!("040000 tree {}\tpr-9\n", folder.trim()));
    remote.write("entries", &entries);
    let tree = remote.run("sh", &["-c", "git mktree < entries"]).ok().stdout;
    let commit = ["-c", "user.name=A", "-c", "user.email=a@example.org", "commit-tree", "-m", "Add", "-p", ARCHIVE];
    let new = remote.git(&[&commit[..], &[tree.trim()]].concat());
    let hook = format!(
        "#!/bin/sh\nread old new name\ncase $name in refs/heads/*) ;; *) exit 0 ;; esac\n[ -e moved ] && exit 0\n\
         touch moved\nenv -u GIT_QUARANTINE_PATH git update-ref refs/heads/{ARCHIVE} {}\n",
        new.trim()
    );
    remote.write("hooks/pre-receive", &hook);
    remote.run("chmod", &["+x", "hooks/pre-receive"]).ok();
    work.session(&["purge", SECRET, "--push", "--yes"]).ok();
    assert!(remote.join("moved").exists(), "nobody was in the way");
    let files = remote.tree(ARCHIVE);
    assert!(files.iter().any(|path| path.starts_with("pr-9/sessions/")), "{files:?}");
    assert!(!reachable(&remote).contains(WORD), "it is still there");
}

#[test]
fn a_digest_that_cannot_be_read_goes_where_it_names_the_session() {
    let world = World::new();
    let (work, remote) = published(&world);
    work.git(&["switch", "--quiet", REVIEW]);
    work.write("review.json", "{\"schema_version\": 2}\n");
    work.commit_all("Another version");
    work.git(&["push", "--quiet", "origin", REVIEW]);
    work.git(&["switch", "--quiet", "main"]);
    redact(&work, "--push").ok();
    assert!(!reachable(&work).contains(WORD) && !reachable(&remote).contains(WORD), "it is still there");
    let sessions = [OTHER, SECRET].map(|id| format!("sessions/{id}.hail.jsonl"));
    let mut expected = vec!["review.json".to_owned()];
    expected.extend(sessions);
    expected.sort();
    assert_eq!(remote.tree(REVIEW), expected, "what does not name it stays");
}
