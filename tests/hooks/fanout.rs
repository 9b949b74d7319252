//! Remotes that refuse, lie, ask, hang, or are not meant.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use crate::support::{ClaudeLog, Place, Ran, World};

const ID: &str = "11111111-2222-4333-8444-555555555555";
const LEDGER: &str = "refs/opensession/branches/bWFpbg";

/// A shared repository with a commit of a session that was not pushed.
fn committed() -> (World, Place, Place) {
    let world = World::with_scripts();
    let (work, remote) = world.shared();
    ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n").save();
    work.commit_all("Write");
    work.wait_for_sessions(1);
    (world, work, remote)
}

fn server_hook(remote: &Place, name: &str, script: &str) {
    remote.write(&format!("hooks/{name}"), &format!("#!/bin/sh\n{script}\n"));
    remote.run("chmod", &["+x", &format!("hooks/{name}")]).ok();
}

/// Runs the hook of a push of main as git does.
fn pre_push(work: &Place, url: &str) -> Ran {
    let head = work.git(&["rev-parse", "HEAD"]);
    let line = format!("refs/heads/main {} refs/heads/main {}", head.trim(), "0".repeat(40));
    work.run("sh", &["-c", &format!("echo '{line}' | .git/hooks/pre-push origin '{url}'")])
}

/// The process that sends in the background.
fn sender(work: &Place) -> u64 {
    let outbox = std::fs::read_dir(work.join(".git/opensession/outbox")).expect("an outbox").flatten().next();
    let status = std::fs::read(outbox.expect("a remote").path().join("status")).expect("a status");
    serde_json::from_slice::<serde_json::Value>(&status).expect("a status")["process"].as_u64().expect("a process")
}

/// A web server that answers every request with `answer`, or never when there is none.
fn server(answer: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/remote.git", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        let mut hanging = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let Some(answer) = answer else {
                hanging.push(stream);
                continue;
            };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn what_a_remote_says_does_not_count_but_what_git_reports() {
    let (_world, work, remote) = committed();
    let lie = "echo ' ! [rejected] main -> main (stale info)' >&2; echo 'error: failed to push some refs' >&2";
    server_hook(&remote, "pre-receive", lie);
    let known = "refs/opensession-remote/origin/branches/bWFpbg";
    let ran = work.run("git", &["push", "--quiet"]).ok();
    assert!(!ran.stderr.contains("git session"), "{ran}");
    assert_eq!(work.git(&["rev-parse", known]), remote.git(&["rev-parse", LEDGER]));
    // And a refusal is one, however friendly.
    server_hook(&remote, "update", "case $1 in refs/opensession/*) echo 'Everything up-to-date, done'; exit 1;; esac");
    let ran = work.run("git", &["push", "--quiet", "origin", "main:other"]).ok();
    assert!(ran.stderr.contains("git session: origin rejected the sessions of main"), "{ran}");
    assert_eq!(remote.references("refs/opensession/"), [LEDGER]);
}

#[test]
fn an_atomic_push_is_not_held_up_by_refused_sessions() {
    let (_world, work, remote) = committed();
    server_hook(&remote, "update", "case $1 in refs/opensession/*) exit 1;; esac");
    work.git(&["branch", "side"]);
    work.git(&["push", "--quiet", "--atomic", "origin", "main", "side"]);
    assert_eq!(remote.references("refs/heads/"), ["refs/heads/main", "refs/heads/side"]);
    assert_eq!(remote.git(&["rev-parse", "main"]), work.git(&["rev-parse", "main"]));
    assert_eq!(remote.references("refs/opensession/"), [""; 0]);
}

#[test]
fn push_protection_that_refuses_a_session_lets_the_branch_through() {
    let (_world, work, remote) = committed();
    // It reads what is pushed, and does not like what was said.
    let scan = "while read old new name; do git grep -q 'Write\\.' $new -- && \
                { echo 'error: GH013: Repository rule violations found' >&2; exit 1; }; done; exit 0";
    server_hook(&remote, "pre-receive", scan);
    let ran = work.run("git", &["push", "--quiet"]).ok();
    assert!(ran.stderr.contains("rejected the sessions of main"), "{ran}");
    assert_eq!(remote.git(&["rev-parse", "main"]), work.git(&["rev-parse", "main"]));
    assert_eq!(remote.references("refs/opensession/"), [""; 0]);
}

#[test]
fn our_own_push_does_not_run_the_hook_again() {
    let (world, work, remote) = committed();
    let ours = work.with("OPENSESSION_INTERNAL_PUSH", "1");
    ours.git(&["push", "--quiet", "origin", "main:guarded"]);
    assert_eq!(remote.references("refs/opensession/"), [""; 0]);
    // Every run of the hook is counted, whoever starts it.
    let script = work.read(".git/hooks/pre-push");
    work.write(".git/hooks/pre-push", &script.replacen('\n', "\necho run >> ../runs.txt\n", 1));
    work.git(&["push", "--quiet"]);
    assert_eq!(remote.references("refs/opensession/"), [LEDGER]);
    assert_eq!(world.place(".").read("runs.txt"), "run\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_dry_run_of_a_push_sends_nothing() {
    let (_world, work, remote) = committed();
    work.git(&["config", "alias.try", "push -n"]);
    for words in [&["push", "--dry-run"][..], &["push", "--quiet", "-n", "origin", "main:other"], &["try", "--quiet"]] {
        work.git(words);
        assert_eq!(remote.references("refs/opensession/"), [""; 0], "{words:?}");
    }
    work.git(&["push", "--quiet"]);
    assert_eq!(remote.references("refs/opensession/"), [LEDGER]);
}

#[test]
fn the_list_of_a_push_is_read_to_its_end() {
    let (_world, work, remote) = committed();
    let tag = format!("refs/tags/v {} refs/tags/v {}", "1".repeat(40), "0".repeat(40));
    work.write("../list.txt", &format!("{tag}\n").repeat(50_000));
    for variable in ["OPENSESSION_DISABLE", "OPENSESSION_INTERNAL_PUSH", "NOTHING"] {
        // A writer that nobody reads ends with a signal, which bash hands on.
        let script = "set -o pipefail; cat ../list.txt | .git/hooks/pre-push origin url";
        work.with(variable, "1").run("bash", &["-c", script]).ok();
        work.with(variable, "1").run("sh", &["-c", ".git/hooks/pre-push origin url </dev/null"]).ok();
    }
    work.with("OPENSESSION_DISABLE", "1").git(&["push", "--quiet"]);
    // Up to date: git has nothing to list.
    work.git(&["push", "--quiet"]);
    assert_eq!(remote.references("refs/opensession/"), [""; 0]);
}

#[test]
fn sessions_go_to_the_remotes_that_were_enabled_and_to_no_other() {
    let (world, work, remote) = committed();
    let [fork, other] = ["fork.git", "other.git"].map(|name| world.bare(name));
    work.git(&["remote", "add", "fork", &fork.path.display().to_string()]);
    work.git(&["remote", "add", "other", &other.path.display().to_string()]);
    work.git(&["config", "opensession.remotes", "origin,fork"]);
    for name in ["origin", "fork", "other"] {
        work.git(&["push", "--quiet", name, "main"]);
    }
    work.git(&["push", "--quiet", &fork.path.display().to_string(), "main:by-url"]);
    let ledgers = [&remote, &fork, &other].map(|remote| remote.references("refs/opensession/").len());
    assert_eq!(ledgers, [1, 1, 0]);
}

#[test]
fn the_fanout_never_asks_for_a_password() {
    let (world, work, _) = committed();
    if !world.has_http() {
        return;
    }
    let ask = world.path().join("ask");
    std::fs::write(&ask, "#!/bin/sh\necho asked >> \"${0%/*}/asked\"\necho secret\n").expect("a script");
    work.run("chmod", &["+x", &ask.display().to_string()]).ok();
    let ask = ask.display().to_string();
    let work = work.with("GIT_ASKPASS", &ask).with("SSH_ASKPASS", &ask).with("DISPLAY", ":0");
    let refusal = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let url = server(Some(refusal));
    work.git(&["remote", "set-url", "origin", &url]);
    let ran = pre_push(&work, &url).ok();
    assert!(ran.stderr.contains("git session: the sessions were not pushed to origin"), "{ran}");
    assert!(!world.path().join("asked").exists(), "{ran}");
    // The person's own push does ask.
    assert_ne!(work.run("git", &["fetch", "--quiet"]).code, 0);
    assert!(world.path().join("asked").exists());
}

#[test]
fn without_a_network_the_hook_ends_with_0() {
    let (_world, work, _) = committed();
    for url in ["http://127.0.0.1:1/remote.git", "ssh://127.0.0.1:1/remote.git", "/nowhere/remote.git"] {
        work.git(&["remote", "set-url", "origin", url]);
        let ran = pre_push(&work, url).ok();
        assert!(ran.stderr.contains("git session: the sessions were not pushed to origin"), "{ran}");
    }
}

#[test]
fn a_remote_that_hangs_is_left_to_the_background_and_the_push_goes_on() {
    let (world, work, _) = committed();
    if !world.has_http() {
        return;
    }
    let url = server(None);
    work.git(&["remote", "set-url", "origin", &url]);
    let ran = pre_push(&work, &url).ok();
    assert!(ran.stderr.contains("1 session is being sent to origin in the background since "), "{ran}");
    let doctor = work.session(&["doctor"]);
    assert!(doctor.stdout.contains("1 session is being sent to origin in the background"), "{doctor}");
    let first = sender(&work);
    // The next push says how it stands, and starts no second one.
    let ran = pre_push(&work, &url).ok();
    assert!(ran.stderr.contains("1 session is being sent to origin in the background since "), "{ran}");
    assert_eq!(sender(&work), first);
    work.run("kill", &[&first.to_string()]).ok();
}

#[test]
fn the_doctor_warns_of_mirrors() {
    let (world, work, _) = committed();
    let mirror = world.bare("mirror.git");
    work.git(&["remote", "add", "--mirror=push", "backup", &mirror.path.display().to_string()]);
    work.git(&["remote", "add", "--mirror=fetch", "source", &mirror.path.display().to_string()]);
    let doctor = work.session(&["doctor"]);
    for part in ["backup is a mirror: a push to it copies every reference", "a pruning fetch from source deletes"] {
        assert!(doctor.stdout.contains(part), "{part}: {doctor}");
    }
    assert!(!doctor.stdout.contains("origin is a mirror"), "{doctor}");
}

#[test]
fn a_pruning_fetch_deletes_no_session_that_was_not_pushed() {
    let (world, work, remote) = committed();
    // Nothing is configured that a plain fetch would prune by.
    assert_eq!(work.git(&["config", "--get-all", "remote.origin.fetch"]), "+refs/heads/*:refs/remotes/origin/*\n");
    work.git(&["push", "--quiet", "origin", "main"]);
    work.git(&["switch", "--quiet", "--create", "topic"]);
    let id = "22222222-2222-4333-8444-555555555555";
    ClaudeLog::new(&world, &work, id).prompt("More.").writes(&work, "b.txt", "b\n").save();
    work.commit_all("More");
    work.wait_for_sessions(2);
    // A refspec that mirrors our references goes to where the remote's are remembered.
    let refspec = "+refs/opensession/*:refs/opensession-remote/origin/*";
    work.git(&["config", "--add", "remote.origin.fetch", refspec]);
    remote.git(&["update-ref", "-d", LEDGER]);
    work.git(&["fetch", "--quiet", "--prune", "--prune-tags", "origin"]);
    assert_eq!(work.references("refs/opensession-remote/"), [""; 0]);
    assert_eq!(work.stored(), [ID, id]);
    work.session(&["sync", "--branch", "topic"]).ok();
    assert_eq!(remote.references("refs/opensession/").len(), 2);
}
