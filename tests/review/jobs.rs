//! The files of the jobs that let sessions go by themselves. `.ci/templates` runs the jobs.

use crate::support::{Place, Ran, World};

const CONFIG: &str = ".opensession/cleanup/config.toml";
const CLEANUP: &str = ".github/workflows/opensession-cleanup.yml";
const REVIEW: &str = ".github/workflows/opensession-session-review.yml";
const SOURCE: [&str; 4] = ["--install-source", "https://example.org/git-session.git", "--install-revision", "v1.2.3"];

/// A repository whose remote is at `url`.
fn at(world: &World, url: &str) -> Place {
    let work = world.repository("work");
    work.write("README.md", "# Work\n");
    work.commit_all("Begin");
    work.git(&["remote", "add", "origin", url]);
    work
}

fn init(work: &Place, arguments: &[&str]) -> Ran {
    work.session(&[&["cleanup", "init", "--yes"], arguments].concat())
}

/// The state of every file, as `cleanup status` has it.
fn states(work: &Place) -> Vec<(String, String)> {
    let status = work.json(&["cleanup", "status"]);
    let text = |file: &serde_json::Value, key: &str| file[key].as_str().expect("a text").to_owned();
    let files = status["files"].as_array().expect("files").iter();
    files.map(|file| (text(file, "path"), text(file, "state"))).collect()
}

#[test]
fn nothing_is_written_without_a_terminal_unless_told() {
    let world = World::new();
    let work = at(&world, "git@github.example.org:a/b.git");
    let shown = work.session(&[&["cleanup", "init"][..], &SOURCE].concat());
    assert_eq!(shown.code, 1, "{shown}");
    assert!(shown.stdout.contains("hidden_ttl_days = 30") && shown.stdout.contains("pull_request:"), "{shown}");
    assert!(shown.stderr.contains("--yes"), "{shown}");
    assert!(!work.join(CONFIG).exists() && !work.join(".github").exists());
    init(&work, &SOURCE).ok();
    assert!(states(&work).iter().all(|(_, state)| state == "current"), "{:?}", states(&work));
    // Again changes nothing, and remembers where the program comes from.
    let before = work.read(REVIEW);
    let again = init(&work, &[]).ok();
    assert!(!again.stdout.contains("written") && again.stderr.is_empty(), "{again}");
    assert_eq!(work.read(REVIEW), before);
    assert!(before.contains(SOURCE[1]) && before.contains("--tag") && before.contains("v1.2.3"), "{before}");
}

#[test]
fn without_a_source_nothing_is_written_and_the_line_to_type_is_named() {
    for url in ["https://github.com/a/b", "https://gitlab.example.org/a/b"] {
        let world = World::new();
        let work = at(&world, url);
        for arguments in
            [&["cleanup", "init"][..], &["cleanup", "init", "--yes"], &["cleanup", "init", "--yes", "--force"]]
        {
            let ran = work.session(arguments);
            assert!(ran.code == 1 && ran.stderr.contains("--install-source GIT-URL --install-revision TAG"), "{ran}");
            assert!(ran.stderr.contains("--install-url URL --install-sha256 HEX") && ran.stdout.is_empty(), "{ran}");
        }
        assert!(!work.join(CONFIG).exists() && !work.join(".github").exists() && !work.join(".gitlab").exists());
        // The status says so, too, and shows no made-up address.
        let status = work.session(&["cleanup", "status"]);
        assert!(status.code == 1 && status.stderr.contains("--install-source GIT-URL"), "{status}");
        assert!(!status.stdout.contains("cargo install"), "{status}");
        assert!(states(&work).iter().all(|(_, state)| state == "missing"), "{:?}", states(&work));
    }
}

#[test]
fn the_source_is_remembered_for_the_next_repository_and_said_to_be() {
    let world = World::new();
    let work = at(&world, "https://github.com/a/b");
    let ran = init(&work, &SOURCE).ok();
    assert!(ran.stderr.contains("git config --global opensession.install-source"), "{ran}");
    let other = world.repository("other");
    other.git(&["remote", "add", "origin", "https://gitlab.example.org/a/c"]);
    init(&other, &[]).ok();
    let written = other.read(".gitlab/opensession-cleanup.yml");
    assert!(written.contains(SOURCE[1]) && written.contains(SOURCE[3]), "{written}");
    // A program to download takes its place.
    let sha256 = "0123456789abcdef".repeat(4);
    init(&other, &["--install-url", "https://example.org/git-session", "--install-sha256", &sha256]).ok();
    let settings = other.git(&["config", "--global", "--get-regexp", "^opensession[.]install"]);
    let expected =
        format!("opensession.install-url https://example.org/git-session\nopensession.install-sha256 {sha256}\n");
    assert_eq!(settings, expected);
    // What the files of a repository say counts more.
    init(&work, &[]).ok();
    assert!(work.read(CLEANUP).contains(SOURCE[1]));
}

#[test]
fn files_of_a_version_without_an_address_are_not_kept_as_they_are() {
    let world = World::new();
    let work = at(&world, "https://github.com/a/b");
    init(&work, &SOURCE).ok();
    work.git(&["config", "--global", "--remove-section", "opensession"]);
    for path in [CLEANUP, REVIEW] {
        work.write(path, &work.read(path).replace(SOURCE[1], "https://git-session.invalid/git-session.git"));
    }
    let ran = init(&work, &["--force"]);
    assert!(ran.code == 1 && ran.stderr.contains("--install-source"), "{ran}");
    init(&work, &[&SOURCE[..], &["--force"]].concat()).ok();
    assert!(!work.read(CLEANUP).contains("invalid") && !work.read(REVIEW).contains("invalid"));
}

#[test]
fn no_job_installs_the_program_from_the_registry_of_crates() {
    for url in ["https://github.com/a/b", "https://gitlab.example.org/a/b"] {
        let world = World::new();
        let work = at(&world, url);
        init(&work, &SOURCE).ok();
        for (path, _) in states(&work) {
            let text = work.read(&path).replace("\\\n", " ");
            let installs = text.lines().filter(|line| line.contains("cargo install"));
            assert!(installs.clone().all(|line| line.contains("--git \"$INSTALL_SOURCE\"")), "{path}: {text}");
        }
    }
}

#[test]
fn the_provider_is_known_by_the_remote_or_else_by_what_is_there() {
    for (url, sign, provider) in [
        ("https://github.com/a/b", "", "github"),
        ("ssh://git@ghe.example.org/a/b", "", "github"),
        ("https://gitlab.example.org/a/b", "", "gitlab"),
        ("https://git.example.org/a/b", ".github/CODEOWNERS", "github"),
        ("https://git.example.org/a/b", ".gitlab-ci.yml", "gitlab"),
        ("https://git.example.org/a/b", "", "generic"),
    ] {
        let world = World::new();
        let work = at(&world, url);
        if !sign.is_empty() {
            work.write(sign, "");
        }
        let source = if provider == "generic" { &[][..] } else { &SOURCE };
        let status = work.json(&[&["cleanup", "init"][..], source].concat());
        assert_eq!(status["provider"], provider, "{url} {sign}");
        assert!(!status["reason"].as_str().unwrap_or_default().is_empty());
    }
}

#[test]
fn settings_are_changed_in_place_and_what_a_person_wrote_stays() {
    let world = World::new();
    let work = at(&world, "https://github.com/a/b");
    work.write(CONFIG, "# Agreed in March.\nhidden_ttl_days = 7 # a week\nsession_ttl_days = 400\n");
    let settings = ["--artifact-ttl-days", "3", "--session-archive-branch", "sessions/archive"];
    init(&work, &[&SOURCE[..], &settings].concat()).ok();
    let config = work.read(CONFIG);
    assert!(
        config.starts_with("# Agreed in March.\nhidden_ttl_days = 7 # a week\nsession_ttl_days = 400\n"),
        "{config}"
    );
    assert!(config.contains("artifact_ttl_days = 3"), "{config}");
    assert!(work.read(REVIEW).contains("ARCHIVE: 'sessions/archive'"));
    let url = "https://example.org/git-session";
    let sha256 = "0123456789abcdef".repeat(4);
    let ran = init(&work, &["--install-url", url, "--install-sha256", &sha256, "--schedule", "5 4 * * 0"]).ok();
    assert!(ran.stdout.contains("written"), "{ran}");
    assert!(work.read(CLEANUP).contains("cron: '5 4 * * 0'") && work.read(CLEANUP).contains(&sha256));
    let status = work.json(&["cleanup", "status"]);
    assert_eq!(status["next_run"], "2026-02-08T04:05:00Z");
    assert_eq!(status["session_archive_branch"], "sessions/archive");
}

#[test]
fn a_file_that_somebody_changed_is_left_alone_unless_forced() {
    let world = World::new();
    let work = at(&world, "https://github.com/a/b");
    init(&work, &SOURCE).ok();
    let mine = work.read(CLEANUP).replace("ubuntu-latest", "self-hosted");
    work.write(CLEANUP, &mine);
    work.write(REVIEW, "name: mine\n");
    let status = work.session(&["cleanup", "status"]);
    assert!(status.code == 1 && status.stdout.contains("-    runs-on: self-hosted"), "{status}");
    assert_eq!(states(&work)[1..], [(CLEANUP.into(), "changed".into()), (REVIEW.into(), "foreign".into())]);
    let ran = init(&work, &["--schedule", "0 1 * * *"]);
    assert!(ran.code == 1 && ran.stderr.contains("--force"), "{ran}");
    assert_eq!((work.read(CLEANUP), work.read(REVIEW)), (mine, "name: mine\n".to_owned()));
    init(&work, &["--force"]).ok();
    assert!(work.read(CLEANUP).contains("ubuntu-latest") && work.read(REVIEW).contains("pull_request:"));
}

#[test]
fn in_a_file_of_somebody_else_only_what_is_between_the_markers_is_written() {
    let world = World::new();
    let work = at(&world, "https://gitlab.example.org/a/b");
    work.write(".gitlab-ci.yml", "build: {script: make}\n");
    let ran = init(&work, &SOURCE).ok();
    assert!(ran.stdout.contains("- local: .gitlab/opensession-cleanup.yml"), "{ran}");
    assert_eq!(work.read(".gitlab-ci.yml"), "build: {script: make}\n");
    let (begin, end) = ("# >>> git session cleanup init", "# <<< git session cleanup init");
    work.write(".gitlab-ci.yml", &format!("build: {{script: make}}\n{begin}\n{end}\nlast: {{script: make}}\n"));
    init(&work, &[]).ok();
    let text = work.read(".gitlab-ci.yml");
    assert!(text.starts_with(&format!("build: {{script: make}}\n{begin}\ninclude:\n")), "{text}");
    assert!(text.ends_with(&format!("{end}\nlast: {{script: make}}\n")), "{text}");
    assert!(states(&work).iter().all(|(_, state)| state == "current"));
    std::fs::remove_file(work.join(".gitlab-ci.yml")).expect("a file");
    init(&work, &[]).ok();
    assert!(work.read(".gitlab-ci.yml").starts_with(begin));
}

#[test]
fn nothing_is_written_through_a_link_and_no_setting_becomes_a_command() {
    let world = World::new();
    let work = at(&world, "https://github.com/a/b");
    let outside = world.place("outside");
    std::os::unix::fs::symlink(&outside.path, work.join(".github")).expect("a link");
    let ran = init(&work, &SOURCE);
    assert!(ran.code == 1 && ran.stderr.contains("symbolic link"), "{ran}");
    assert!(!outside.join("workflows/opensession-cleanup.yml").exists());
    for (option, value) in [
        ("--session-archive-branch", "a'; touch pwned; '"),
        ("--session-archive-branch", "${{ github.token }}"),
        ("--install-source", "https://example.org/$(touch pwned)"),
        ("--schedule", "* * * * * $(touch pwned)"),
        ("--schedule", "61 * * * *"),
        ("--provider", "nobody"),
    ] {
        let source = if option == "--install-source" { &[][..] } else { &SOURCE };
        let ran = init(&work, &[source, &[option, value]].concat());
        assert_eq!(ran.code, 2, "{option} {value}: {ran}");
    }
}

#[test]
fn the_janitor_on_a_server_gets_an_example_and_a_bare_repository_no_files() {
    let world = World::new();
    let work = at(&world, "/srv/git/app.git");
    init(&work, &["--schedule", "1 2 * * *"]).ok();
    assert!(work.read(".opensession/cleanup/crontab.example").contains("1 2 * * * git session -C "));
    assert!(work.read(".opensession/cleanup/opensession-cleanup.timer.example").contains("OnCalendar"));
    let bare = world.bare("bare.git");
    let ran = init(&bare, &[]);
    assert!(ran.code == 1 && ran.stderr.contains("bare repository"), "{ran}");
}

#[test]
fn a_preview_names_what_the_next_run_deletes_and_deletes_nothing() {
    let world = World::new();
    let (work, remote) = world.shared();
    super::capture(&world, &work);
    work.git(&["push", "--quiet", "origin", "main:gone"]);
    work.session(&["sync"]).ok();
    work.git(&["push", "--quiet", "origin", ":gone"]);
    let ledgers = remote.references("refs/opensession/branches/");
    let later = work.with("GIT_SESSION_NOW", "2026-06-01T12:00:00Z");
    let preview = &later.json(&["cleanup", "status"])["preview"];
    let named = preview.to_string();
    assert!(named.contains("refs/opensession/branches/Z29uZQ") && !named.contains("bWFpbg"), "{named}");
    assert!(!work.json(&["cleanup", "status"])["preview"].to_string().contains("Z29uZQ"));
    assert_eq!(remote.references("refs/opensession/branches/"), ledgers);
}
