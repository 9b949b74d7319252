//! The program itself: help, version, pages, pipes, colours.

use super::{check, two_sessions};
use crate::support::World;

#[test]
fn shows_its_help() {
    let world = World::new();
    let place = world.place("anywhere");
    check(&world, "help", &place.session(&["--help"]));
    check(&world, "help_short", &place.session(&["-h"]));
    check(&world, "help_log", &place.session(&["log", "--help"]));
    check(&world, "help_capture", &place.session(&["capture", "--help"]));
    check(&world, "no_arguments", &place.session::<&str>(&[]));
}

#[test]
fn every_command_has_a_help_a_page_and_a_first_line() {
    let world = World::new();
    let place = world.place("anywhere");
    let help = place.session(&["--help"]).ok().stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() > 10, "{help}");
    for name in names.into_iter().filter(|name| *name != "help") {
        let help = place.session(&[name, "--help"]).ok();
        assert!(help.stdout.contains(&format!("Usage: git session {name}")), "{help}");
        assert!(!help.stdout.lines().next().unwrap_or_default().ends_with('.'), "{help}");
        let page = place.session(&["man", name]).ok();
        assert!(page.stdout.contains(".SH NAME") && page.stdout.contains(".SH SYNOPSIS"), "{page}");
    }
}

#[test]
fn prints_its_version() {
    let world = World::new();
    check(&world, "version", &world.place("anywhere").session(&["--version"]));
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    let world = World::new();
    let place = world.place("anywhere");
    check(&world, "unknown_command", &place.session(&["lgo"]));
    check(&world, "unknown_option", &place.session(&["log", "--frobnicate"]));
    check(&world, "unknown_page", &place.session(&["man", "nothing"]));
    check(&world, "unknown_shell", &place.session(&["completion", "tcsh"]));
    check(&world, "unknown_format", &place.session(&["log", "--format", "yaml"]));
}

#[test]
fn prints_completions_that_the_shells_accept() {
    let world = World::new();
    let place = world.place("anywhere");
    for shell in ["bash", "zsh", "fish"] {
        let script = place.session(&["completion", shell]).ok().stdout;
        assert!(script.contains("git-session") && script.contains("quickstart"), "{shell}: {script}");
        place.write(shell, &script);
    }
    place.run("bash", &["-n", "bash"]).ok();
}

#[test]
fn prints_man_pages() {
    let world = World::new();
    let place = world.place("anywhere");
    let page = place.session(&["man"]).ok().stdout;
    assert!(page.starts_with(".ie") || page.contains(".TH git-session"), "{page}");
    check(&world, "man_log", &place.session(&["man", "log"]));
}

#[test]
fn uses_no_colour_without_a_terminal_unless_told_to() {
    let (_world, work, _) = two_sessions();
    for arguments in [vec!["show"], vec!["log"], vec!["doctor"], vec!["--help"], vec!["show", "nothing"], vec!["lgo"]] {
        let ran = work.session(&arguments);
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains('\x1b'), "{arguments:?}: {ran}");
        let ran = work.with("NO_COLOR", "1").session(&arguments);
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains('\x1b'), "{arguments:?}: {ran}");
    }
    assert!(work.session(&["show", "--color", "always"]).ok().stdout.contains("\x1b["));
    let never = work.with("CLICOLOR_FORCE", "1").session(&["show", "--color", "never"]).ok();
    assert!(!never.stdout.contains('\x1b'), "{never}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (_world, work, _) = two_sessions();
    for command in ["log", "show --full", "man", "completion bash", "log --json", "--help", "quickstart"] {
        // The reader is gone before the first byte is written.
        let script =
            format!("{{ sleep 0.2; git-session {command}; echo $? >&3; }} 3>code 2>said | true; cat said; cat code");
        let ran = work.run("sh", &["-c", &script]);
        for _ in 0..100 {
            if work.join("code").exists() && !work.read("code").is_empty() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert_eq!(work.read("code"), "0\n", "{command}: {ran}");
        assert_eq!(work.read("said"), "", "{command}: {ran}");
        std::fs::remove_file(work.join("code")).expect("it is there");
    }
}

#[test]
fn a_full_disk_is_a_failure() {
    let (_world, work, _) = two_sessions();
    if std::path::Path::new("/dev/full").exists() {
        let ran = work.run("sh", &["-c", "git-session log > /dev/full"]);
        assert_eq!(ran.code, 1, "{ran}");
        assert!(ran.stderr.starts_with("error: "), "{ran}");
    }
}
