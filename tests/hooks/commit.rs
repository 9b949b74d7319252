//! What a commit says about the sessions that made it.

use std::fs;

use crate::support::{ClaudeLog, CodexLog, Place, World};

const ID: &str = "11111111-2222-4333-8444-555555555555";
const OTHER_CLAUDE: &str = "66666666-2222-4333-8444-555555555555";
const OTHER: &str = "019bc0de-aaaa-7bbb-8ccc-dddddddddddd";

/// A shared repository in which a session wrote a file that is staged.
fn staged() -> (World, Place) {
    let world = World::new();
    let (work, _) = world.shared();
    ClaudeLog::new(&world, &work, ID)
        .prompt("Add a library, please.\nWith one function.")
        .writes(&work, "src/lib.rs", "pub fn one() -> u8 {\n    1\n}\n")
        .save();
    work.git(&["add", "--all"]);
    (world, work)
}

fn editor(work: &Place, script: &str) -> Place {
    let path = work.path.parent().expect("a world").join("editor.sh");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
    work.run("chmod", &["+x", path.to_str().expect("UTF-8")]).ok();
    work.with("GIT_EDITOR", path.to_str().expect("UTF-8"))
}

#[test]
fn a_commit_names_the_session_that_touched_what_is_staged() {
    let (_world, work) = staged();
    work.git(&["commit", "--quiet", "-m", "Add a library"]);
    assert_eq!(
        work.message("HEAD"),
        format!(
            "Add a library\n\nAI-Session: {ID}\nAI-Tool: claude-code/2.1.42 (claude-opus-4-6)\nAI-Prompt: Add a library, please.\n"
        )
    );
    assert_eq!(work.wait_for_sessions(1), [ID]);
}

#[test]
fn a_commit_of_something_else_names_nobody() {
    let (_world, work) = staged();
    work.git(&["reset", "--quiet"]);
    work.write("notes.txt", "by hand\n");
    work.git(&["add", "notes.txt"]);
    work.git(&["commit", "--quiet", "-m", "Take notes"]);
    assert_eq!(work.message("HEAD"), "Take notes\n");
    assert_eq!(work.stored(), [""; 0]);
}

#[test]
fn work_that_a_commit_has_is_not_credited_again() {
    let (_world, work) = staged();
    work.git(&["commit", "--quiet", "-m", "Add a library"]);
    work.write("src/lib.rs", "pub fn two() -> u8 {\n    2\n}\n");
    work.commit_all("Rewrite it by hand");
    assert_eq!(work.message("HEAD"), "Rewrite it by hand\n");
}

#[test]
fn what_was_left_unstaged_is_credited_when_it_is_committed() {
    let world = World::new();
    let (work, _) = world.shared();
    let (first, second) = ("pub fn one() -> u8 {\n    1\n}\n", "pub fn two() -> u8 {\n    2\n}\n");
    ClaudeLog::new(&world, &work, ID).prompt("Add two.").writes(&work, "lib.rs", &[first, second].concat()).save();
    work.write("lib.rs", first);
    work.git(&["add", "--all"]);
    work.write("lib.rs", &[first, second].concat());
    work.git(&["commit", "--quiet", "-m", "The first half"]);
    work.commit_all("The second half");
    assert_eq!((work.trailers("HEAD~1"), work.trailers("HEAD")), (vec![ID.to_owned()], vec![ID.to_owned()]));
}

#[test]
fn a_line_that_a_person_adds_to_the_file_of_a_session_is_not_of_the_session() {
    let (_world, work) = staged();
    work.git(&["commit", "--quiet", "-m", "Add a library"]);
    work.write("src/lib.rs", "pub fn one() -> u8 {\n    1\n}\n// one, by hand\n");
    work.commit_all("By hand");
    assert_eq!(work.trailers("HEAD"), [""; 0]);
}

#[test]
fn a_commit_that_was_undone_is_credited_again() {
    let (_world, work) = staged();
    work.git(&["commit", "--quiet", "-m", "Add a library"]);
    work.git(&["reset", "--quiet", "--soft", "HEAD~1"]);
    work.git(&["commit", "--quiet", "-m", "Add a library, better"]);
    assert_eq!(work.trailers("HEAD"), [ID]);
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "when a file was written only the file system tells, so this log is of today"
)]
fn a_file_that_a_command_of_the_agent_wrote_is_credited_too() {
    let world = World::new();
    let (work, _) = world.shared();
    let log = |file: &str, id: &str| {
        ClaudeLog::new(&world, &work, id)
            .at(std::time::SystemTime::now() - std::time::Duration::from_millis(1500))
            .prompt("Generate it.")
            .runs(&format!("seq 9 > {file}"))
    };
    work.write("written.txt", "1\n");
    work.write("read.txt", "2\n");
    work.run("touch", &["-d", "2026-01-01", "read.txt"]).ok();
    log("written.txt", ID).save();
    log("read.txt", OTHER).save();
    work.commit_all("Generate");
    assert_eq!(work.trailers("HEAD"), [ID]);
}

#[test]
fn two_sessions_are_both_named_once() {
    let (world, work) = staged();
    CodexLog::new(&world, &work, OTHER).prompt("And a test.").writes(&work, "tests/one.rs", "// a test\n").save();
    work.commit_all("Add a library and a test");
    assert_eq!(work.trailers("HEAD"), [ID, OTHER]);
    let message = work.message("HEAD");
    assert!(message.contains("AI-Tool: codex/0.98.0 (gpt-5.3-codex)\nAI-Prompt: And a test.\n"), "{message}");
    let mut both = [ID, OTHER];
    both.sort_unstable();
    assert_eq!(work.wait_for_sessions(2), both);
}

#[test]
fn a_session_that_goes_on_is_named_in_each_commit_it_had_a_part_in() {
    let (world, work) = staged();
    work.git(&["commit", "--quiet", "-m", "Add a library"]);
    ClaudeLog::new(&world, &work, ID)
        .prompt("Add a library, please.\nWith one function.")
        .writes(&work, "src/lib.rs", "pub fn one() -> u8 {\n    1\n}\n")
        .prompt("Make it two.")
        .edits(&work, "src/lib.rs", "1\n", "2\n")
        .save();
    work.commit_all("Make it two");
    assert!(work.message("HEAD").contains("AI-Prompt: Make it two.\n"), "{}", work.message("HEAD"));
    // Whether or not the captures of the two commits were done by now.
    work.session(&["capture"]).ok();
    let log = work.json(&["log"]);
    assert_eq!(log[0]["commits"].as_array().map(Vec::len), Some(2), "{log}");
}

#[test]
fn a_log_that_was_rewritten_is_read_anew_and_tells_nothing_twice() {
    let (world, work) = staged();
    work.git(&["commit", "--quiet", "-m", "Add a library"]);
    let content = work.read("src/lib.rs");
    ClaudeLog::new(&world, &work, ID).prompt("A shorter prompt.").writes(&work, "src/lib.rs", &content).save();
    work.write("src/lib.rs", "// by hand\n");
    work.commit_all("By hand");
    assert_eq!(work.trailers("HEAD"), [""; 0]);
}

#[test]
fn the_editor_shows_no_trailer_and_the_written_message_gets_it() {
    let (_world, work) = staged();
    let work = editor(
        &work,
        "grep -q AI-Session \"$1\" && exit 1; echo 'By editor' | cat - \"$1\" > \"$1.new\" && mv \"$1.new\" \"$1\"",
    );
    work.git(&["commit", "--quiet"]);
    assert_eq!(work.trailers("HEAD"), [ID]);
    assert!(work.message("HEAD").starts_with("By editor\n\nAI-Session: "), "{}", work.message("HEAD"));
}

#[test]
fn a_commit_that_skipped_the_hook_after_the_editor_is_linked_all_the_same() {
    let (_world, work) = staged();
    let work = editor(&work, "echo 'By editor' > \"$1\"");
    work.git(&["commit", "--quiet", "--no-verify"]);
    assert_eq!(work.message("HEAD"), "By editor\n");
    work.wait_for_sessions(1);
    assert_eq!(work.json(&["show", "commit:HEAD"])["id"], ID);
}

#[test]
fn what_is_kept_between_commits_holds_no_secret() {
    let (world, work) = staged();
    let secret = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    ClaudeLog::new(&world, &work, OTHER_CLAUDE)
        .prompt(&format!("Use {secret} here."))
        .writes(&work, "secret.txt", "x\n")
        .save();
    work.git(&["add", "--all"]);
    work.git(&["commit", "--quiet", "-m", "More"]);
    let kept = fs::read(work.join(".git/opensession/writes.sqlite")).expect("a store");
    let has = |text: &str| kept.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(has(OTHER_CLAUDE) && !has(&secret));
    assert!(!work.message("HEAD").contains(&secret));
}

#[test]
fn an_empty_editor_still_aborts() {
    let (_world, work) = staged();
    let before = work.git(&["rev-parse", "HEAD"]);
    let ran = editor(&work, "true").run("git", &["commit"]);
    assert_ne!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("empty commit message"), "{ran}");
    assert_eq!(work.git(&["rev-parse", "HEAD"]), before);
    // And the next commit is as if nothing had happened.
    work.git(&["commit", "--quiet", "-m", "Now"]);
    assert_eq!(work.trailers("HEAD"), [ID]);
}

#[test]
fn an_untouched_template_still_aborts() {
    let (_world, work) = staged();
    work.write("../template.txt", "Subject\n\nWhy:\n");
    let ran = editor(&work, "true").run("git", &["commit", "-t", "../template.txt"]);
    assert_ne!(ran.code, 0, "{ran}");
    let work = editor(&work, "echo 'because' >> \"$1\"");
    work.git(&["commit", "--quiet", "-t", "../template.txt"]);
    assert_eq!(work.trailers("HEAD"), [ID]);
}

#[test]
fn an_amended_commit_keeps_its_trailers_and_its_link() {
    let (_world, work) = staged();
    work.git(&["commit", "--quiet", "-m", "Add a library"]);
    let message = work.message("HEAD");
    work.write("src/lib.rs", "pub fn one() -> u8 {\n    1 // by hand\n}\n");
    work.git(&["commit", "--quiet", "--all", "--amend", "--no-edit"]);
    assert_eq!(work.message("HEAD"), message);
    work.wait_for_sessions(1);
    work.session(&["sync", "--fetch-only"]).ok();
    let head = work.git(&["rev-parse", "HEAD"]);
    let commits = work.json(&["show", "commit:HEAD"])["commits"].clone();
    assert!(commits.as_array().is_some_and(|commits| commits.contains(&head.trim().into())), "{commits}");
}

#[test]
fn a_commit_that_lost_its_trailer_by_amending_or_rebasing_keeps_its_link() {
    let (_world, work) = staged();
    work.git(&["commit", "--quiet", "-m", "Add a library"]);
    work.wait_for_sessions(1);
    let without_names = "opensession.trailers=assisted-by";
    work.git(&["-c", without_names, "commit", "--quiet", "--amend", "-m", "Another message"]);
    assert_eq!(work.trailers("HEAD"), [""; 0]);
    assert_eq!(work.json(&["show", "commit:HEAD"])["id"], ID);
    work.git(&["switch", "--quiet", "-c", "topic"]);
    work.git(&["switch", "--quiet", "main"]);
    work.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    work.write("other.txt", "by hand\n");
    work.commit_all("Something else");
    for backend in ["--merge", "--apply"] {
        work.git(&["rebase", "--quiet", "--force-rebase", backend, "main", "topic"]);
        assert_eq!(work.json(&["show", "commit:HEAD"])["id"], ID, "{backend}");
    }
}

#[test]
fn a_merge_is_not_credited_with_what_it_merges() {
    let (_world, work) = staged();
    work.git(&["switch", "--quiet", "-c", "side"]);
    work.git(&["commit", "--quiet", "-m", "Add a library"]);
    work.git(&["switch", "--quiet", "main"]);
    work.write("other.txt", "by hand\n");
    work.commit_all("Something else");
    work.git(&["merge", "--quiet", "--no-edit", "side"]);
    assert!(work.message("HEAD").starts_with("Merge branch 'side'"));
    assert_eq!(work.trailers("HEAD"), [""; 0]);
}

#[test]
fn a_cherry_pick_brings_its_trailer_along_once() {
    let (_world, work) = staged();
    work.git(&["switch", "--quiet", "-c", "side"]);
    work.git(&["commit", "--quiet", "-m", "Add a library"]);
    work.git(&["switch", "--quiet", "main"]);
    work.write("other.txt", "by hand\n");
    work.commit_all("Something else");
    work.git(&["cherry-pick", "side"]);
    assert_eq!(work.trailers("HEAD"), [ID]);
    assert_eq!(work.message("HEAD").matches("AI-Session").count(), 1);
}

#[test]
fn trailers_stay_above_the_scissors_with_another_comment_character() {
    let (_world, work) = staged();
    work.git(&["config", "core.commentChar", ";"]);
    let work = editor(&work, "echo 'Subject' | cat - \"$1\" > \"$1.new\" && mv \"$1.new\" \"$1\"");
    work.git(&["commit", "--quiet", "--verbose"]);
    assert_eq!(work.trailers("HEAD"), [ID]);
    assert!(!work.message("HEAD").contains("diff --git"), "{}", work.message("HEAD"));
}

#[test]
fn trailers_stay_above_the_comments_whatever_chose_their_character() {
    let mut ways = vec![
        vec!["-c", "core.commentChar=;", "-c", "commit.verbose=true"],
        vec!["-c", "core.commentChar=;"],
        vec!["-c", "core.commentChar=auto", "-c", "commit.verbose=true"],
        vec!["-c", "core.commentChar=auto"],
        vec!["-c", "core.commentChar=auto", "-c", "commit.status=false"],
    ];
    let (world, _) = staged();
    if world.has_git((2, 45), "core.commentString") {
        ways.push(vec!["-c", "core.commentString=//", "-c", "commit.verbose=true"]);
        ways.push(vec!["-c", "core.commentString=//", "-c", "core.commentChar=%"]);
    }
    for way in ways {
        for template in [None, Some("# A heading\n\nof #3, and ; is text\n")] {
            let (_world, work) = staged();
            let mut arguments = way.clone();
            arguments.push("commit");
            if let Some(template) = template {
                work.write("../template", template);
                arguments.extend(["--template", "../template"]);
            }
            let work = editor(&work, "echo 'Subject' | cat - \"$1\" > \"$1.new\" && mv \"$1.new\" \"$1\"");
            work.git(&arguments);
            let message = work.message("HEAD");
            assert_eq!(work.trailers("HEAD"), [ID], "{way:?} {template:?}: {message}");
            assert!(message.starts_with("Subject\n") && !message.contains("diff --git"), "{way:?}: {message}");
            assert!(!message.contains("Please enter"), "{way:?}: {message}");
            let is_heading_text = way[1].ends_with("auto") || !way[1].ends_with('#');
            assert_eq!(message.contains("# A heading"), template.is_some() && is_heading_text, "{way:?}: {message}");
        }
    }
}

#[test]
fn an_amended_message_with_every_usual_comment_character_keeps_its_lines() {
    let (_world, work) = staged();
    let work = editor(&work, ":");
    work.git(&["config", "core.commentChar", "auto"]);
    work.git(&["commit", "--quiet", "-m", "Title\n\n# one\n; two\n@ three"]);
    work.git(&["commit", "--quiet", "--amend", "--verbose"]);
    let message = work.message("HEAD");
    assert!(message.starts_with("Title\n\n# one\n; two\n@ three\n\nAI-Session: "), "{message}");
    assert_eq!(work.trailers("HEAD"), [ID]);
}

#[test]
fn a_trailer_is_in_the_encoding_of_the_message() {
    for (encoding, title, prompt) in [
        ("ISO-8859-1", "caf\u{e9}", "Pr\u{fc}fe ?, 5 ?"),
        ("windows-1252", "caf\u{e9}", "Pr\u{fc}fe ?, 5 \u{20ac}"),
        ("SHIFT_JIS", "cafe", "Pr?fe \u{5e97}, 5 ?"),
        ("UTF-8", "caf\u{e9}", "Pr\u{fc}fe \u{5e97}, 5 \u{20ac}"),
    ] {
        let world = World::new();
        let (work, _) = world.shared();
        work.git(&["config", "i18n.commitEncoding", encoding]);
        ClaudeLog::new(&world, &work, ID)
            .prompt("Pr\u{fc}fe \u{5e97}, 5 \u{20ac}")
            .writes(&work, "src/lib.rs", "pub fn one() {}\n")
            .save();
        work.git(&["add", "--all"]);
        let script = format!("printf '%s' '{title}' | iconv -f UTF-8 -t {encoding} | git commit --quiet -F -");
        work.run("sh", &["-c", &script]).ok();
        let said = work.git(&["log", "-1", "--encoding=UTF-8", "--format=%s|%(trailers:key=AI-Prompt,valueonly)"]);
        assert_eq!(said.trim_end(), format!("{title}|{prompt}"), "{encoding}");
        assert_eq!(work.trailers("HEAD"), [ID]);
        // A squash reads the prompt back.
        work.git(&["branch", "topic"]);
        work.git(&["reset", "--quiet", "--hard", "HEAD~"]);
        work.git(&["-c", "i18n.logOutputEncoding=UTF-8", "merge", "--quiet", "--squash", "topic"]);
        work.session(&["hook", "prepare-commit-msg", ".git/SQUASH_MSG", "squash"]);
    }
}

#[test]
fn three_dashes_and_a_hash_in_a_message_are_only_text() {
    let (_world, work) = staged();
    work.git(&["commit", "--quiet", "-m", "# Title\n\nabove\n---\nbelow"]);
    assert!(
        work.message("HEAD").starts_with("# Title\n\nabove\n---\nbelow\n\nAI-Session: "),
        "{}",
        work.message("HEAD")
    );
}

#[test]
fn the_setting_chooses_the_trailers() {
    let (_world, work) = staged();
    work.git(&["config", "opensession.trailers", "session,assisted-by"]);
    work.git(&["commit", "--quiet", "-m", "Add a library"]);
    assert_eq!(
        work.message("HEAD"),
        format!("Add a library\n\nAI-Session: {ID}\nAssisted-by: claude-code:claude-opus-4-6\n")
    );
}

#[test]
fn a_switch_in_the_environment_turns_the_hooks_off() {
    let (_world, work) = staged();
    work.with("OPENSESSION_DISABLE", "1").git(&["commit", "--quiet", "-m", "Add a library"]);
    assert_eq!(work.message("HEAD"), "Add a library\n");
}

#[test]
fn a_trailer_that_a_person_removed_stays_removed() {
    let (_world, work) = staged();
    work.git(&["commit", "--quiet", "-m", "Add a library"]);
    work.wait_for_sessions(1);
    let work = editor(&work, "echo 'Add a library' > \"$1\"");
    work.git(&["commit", "--quiet", "--amend"]);
    assert_eq!(work.message("HEAD"), "Add a library\n");
}

#[test]
fn our_failure_never_fails_a_commit_unless_strict_mode_asks_for_it() {
    let (_world, work) = staged();
    work.git(&["config", "opensession.fanout-mode", "nonsense"]);
    let ran = work.run("git", &["commit", "--quiet", "-m", "Add a library"]).ok();
    assert!(ran.stderr.contains("git session: opensession.fanout-mode: 'nonsense'"), "{ran}");
    work.write("src/lib.rs", "// more\n");
    let strict = work.with("OPENSESSION_STRICT", "1").run("git", &["commit", "--all", "--quiet", "-m", "More"]);
    assert_ne!(strict.code, 0, "{strict}");
}

#[test]
fn a_missing_program_costs_one_warning() {
    let (_world, work) = staged();
    work.git(&["config", "opensession.hooks", "scripts"]);
    work.session(&["hooks", "install"]).ok();
    for hook in ["prepare-commit-msg", "commit-msg", "post-commit", "pre-push"] {
        let path = format!(".git/hooks/{hook}");
        let script = work.read(&path).replace(env!("CARGO_BIN_EXE_git-session"), "/nowhere/git-session");
        work.write(&path, &script);
    }
    let work = work.with("PATH", "/usr/local/bin:/usr/bin:/bin");
    let ran = work.run("git", &["commit", "--quiet", "-m", "Add a library"]).ok();
    assert_eq!(ran.stderr.matches("git session:").count(), 1, "{ran}");
    work.git(&["push", "--quiet"]);
}

#[test]
fn nothing_but_our_own_refs_changes() {
    let (_world, work) = staged();
    work.git(&["commit", "--quiet", "-m", "Add a library"]);
    work.wait_for_sessions(1);
    let others: Vec<String> =
        work.references("refs/").into_iter().filter(|name| !name.starts_with("refs/opensession")).collect();
    assert_eq!(others, ["refs/heads/main", "refs/remotes/origin/main"]);
    assert_eq!(work.git(&["status", "--porcelain"]), "");
    assert_eq!(work.git(&["fsck", "--strict", "--no-dangling"]), "");
    let author = work.git(&["log", "-1", "--format=%an <%ae> %s", "refs/opensession/branches/bWFpbg"]);
    assert_eq!(author, format!("A. Developer <developer@example.org> session: {ID}\n"));
}

#[test]
fn a_linked_worktree_and_a_detached_head_work() {
    let (world, work) = staged();
    work.git(&["stash", "--quiet"]);
    work.git(&["worktree", "add", "--quiet", "--detach", "../linked"]);
    let linked = world.place("linked");
    ClaudeLog::new(&world, &linked, ID).prompt("Elsewhere.").writes(&linked, "a.txt", "a\n").save();
    linked.commit_all("In the linked work tree");
    assert_eq!(linked.trailers("HEAD"), [ID]);
    linked.wait_for_sessions(1);
    let branch = linked.json(&["log"])[0]["branch"].as_str().expect("a branch").to_owned();
    assert!(branch.starts_with("detached@"), "{branch}");
}

#[test]
fn the_first_commit_of_a_repository_is_credited_too() {
    let world = World::new();
    let work = world.repository("new");
    work.session(&["hooks", "install"]).ok();
    ClaudeLog::new(&world, &work, ID).prompt("Begin.").writes(&work, "a.txt", "a\n").save();
    work.commit_all("Begin");
    assert_eq!(work.trailers("HEAD"), [ID]);
    work.wait_for_sessions(1);
}
