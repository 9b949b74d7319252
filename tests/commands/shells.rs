//! What a person gets who installs the program as the README says: help, man pages, completions, in the real
//! shells.

use std::{io::Write, path::Path};

use crate::support::{Place, World, outer_path};

const BASH_COMPLETION: &str = "/usr/share/bash-completion/bash_completion";

/// Whether `path` is there; where it is not, says on the terminal itself what is not tested.
fn has(path: &str, what: &str) -> bool {
    let found = if path.starts_with('/') {
        Path::new(path).exists()
    } else {
        std::env::split_paths(&outer_path()).any(|folder| folder.join(path).is_file())
    };
    if !found {
        let _ = writeln!(std::io::stderr(), "\nskipped: no {path}, so that {what} is not tested");
    }
    found
}

/// A fresh home with the program in `bin` of one of its folders, man pages and completions.
fn installed(prefix: &str) -> (World, Place) {
    let world = World::new();
    let bin = world.home().join(prefix).join("bin");
    std::fs::create_dir_all(&bin).expect("a folder");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_git-session"), bin.join("git-session")).expect("a link");
    let place = world.repository("work").with("PATH", &format!("{}:{}", bin.display(), outer_path()));
    place.git(&["session", "man", "--install"]);
    for shell in ["bash", "zsh", "fish"] {
        place.git(&["session", "completion", "--install", shell]);
    }
    (world, place)
}

#[test]
fn git_answers_the_help_of_a_fresh_home() {
    for prefix in [".local", ".cargo"] {
        let (world, place) = installed(prefix);
        let pages = world.home().join(prefix).join("share/man/man1");
        for page in ["git-session.1", "git-session-log.1", "git-session-cleanup-run.1"] {
            assert!(pages.join(page).is_file(), "{page}");
        }
        if has("man", "git session --help") {
            let page = place.with("MANPAGER", "cat").with("MANWIDTH", "120").git(&["session", "--help"]);
            assert!(page.contains("Keep AI coding sessions in git"), "{page}");
        }
        let help = place.git(&["session", "help"]);
        assert!(help.contains("Usage: git session") && help.contains("quickstart"), "{help}");
        for command in [&["log"][..], &["cleanup", "run"], &["hooks", "install"]] {
            let help = place.git(&[&["session", "help"], command].concat());
            assert!(help.contains(&format!("Usage: git session {}", command.join(" "))), "{help}");
            assert_eq!(help, place.git(&[&["session"], command, &["--help"]].concat()));
        }
    }
}

#[test]
fn man_pages_go_where_the_path_does_not_lead_with_the_line_that_finds_them() {
    let world = World::new();
    let ran = world.place(".").session(&["man", "--install"]).ok();
    let share = world.home().join(".local/share/man");
    assert!(ran.stdout.contains(&share.join("man1").display().to_string()), "{ran}");
    assert!(ran.stderr.contains(&format!("export MANPATH='{}:'", share.display())), "{ran}");
}

#[test]
fn a_wrong_command_line_ends_with_a_command_that_works() {
    let world = World::new();
    let place = world.repository("work");
    for arguments in [
        &["lgo"][..],
        &["log", "--frobnicate"],
        &["log", "-n", "x"],
        &["cleanup", "run", "--frobnicate"],
        &["cleanup", "rum"],
        &["show", "a", "b"],
        &["-C", ".", "log", "--frobnicate"],
        &["completion"],
    ] {
        let ran = place.run("git", &[&["session"], arguments].concat());
        let (_, last) = ran.stderr.trim_end().rsplit_once("For more information: git ").unwrap_or_default();
        assert!(ran.code == 2 && !last.is_empty(), "{ran}");
        let help = place.git(&last.split(' ').collect::<Vec<_>>());
        let known: Vec<&str> = last.split(' ').skip(2).collect();
        assert!(help.contains(format!("Usage: git session {}", known.join(" ")).trim_end()), "{last}: {help}");
    }
}

/// What is completed, and what must be among the completions, by whichever shell.
const LINES: [(&str, &str); 7] = [
    ("git session quic", "quickstart"),
    ("git-session quic", "quickstart"),
    ("git session cleanup in", "init"),
    ("git-session cleanup in", "init"),
    ("git -C . session hooks insta", "install"),
    ("git session log --al", "--all"),
    ("git-session log --al", "--all"),
];

#[test]
fn bash_completes() {
    let is_there = has(BASH_COMPLETION, "completion in bash")
        && has("/usr/share/bash-completion/completions/git", "completion in bash");
    if !is_there {
        return;
    }
    let (_world, place) = installed(".local");
    place.write(
        "complete",
        &format!(
            r#"source {BASH_COMPLETION}
COMP_LINE=$1 COMP_POINT=${{#1}}
read -ra COMP_WORDS <<<"$1"
[[ $1 == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_completion_loader "${{COMP_WORDS[0]}}"
function=$(complete -p "${{COMP_WORDS[0]}}" | sed 's/.* -F \([^ ]*\) .*/\1/')
"$function" "${{COMP_WORDS[0]}}" "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
printf '<%s>\n' "${{COMPREPLY[@]}}"
"#
        ),
    );
    for (line, expected) in LINES {
        // git has readline add no space, so that the completion has one.
        let space = if line.starts_with("git-") { "" } else { " " };
        let ran = place.run("bash", &["complete", line]);
        assert_eq!(ran.stdout, format!("<{expected}{space}>\n"), "{line}: {ran}");
    }
    for line in ["git session ", "git-session "] {
        let ran = place.run("bash", &["complete", line]);
        assert!(ran.stdout.contains("<capture") && ran.stdout.contains("<show"), "{line}: {ran}");
    }
}

#[test]
fn zsh_completes() {
    if !has("zsh", "completion in zsh") {
        return;
    }
    let (world, place) = installed(".local");
    let folder = world.home().join(".local/share/zsh/site-functions").display().to_string();
    // As it is typed at a terminal: Tab shows what the line has become.
    place.write(
        "complete",
        &format!(
            r#"zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "fpath=('{folder}' \$fpath)"
zpty -w shell 'autoload -U compinit; compinit -u -D'
zpty -w shell 'tell() {{ zle complete-word; print -r -- "<""$BUFFER"">" }}; zle -N tell; bindkey "^I" tell; PS1=; print rea""dy'
zpty -r -m shell found '*ready*' || exit 1
zpty -w -n shell "$1"$'\t'
zpty -r -m shell found '*<git*>*' || exit 1
print -r -- "<${{${{found##*<}}%%>*}}>"
"#
        ),
    );
    for (line, expected) in LINES {
        let ran = place.run("timeout", &["100", "zsh", "-f", "complete", line]);
        let before = line.rsplit_once(' ').expect("words").0;
        assert_eq!(ran.stdout.trim_end(), format!("<{before} {expected} >"), "{line}: {ran}");
    }
}

#[test]
fn fish_completes() {
    if !has("fish", "completion in fish") {
        return;
    }
    let (_world, place) = installed(".local");
    for (line, expected) in LINES {
        let ran = place.run("fish", &["-c", "complete -C $argv[1]", line]);
        let found: Vec<&str> = ran.stdout.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(found, [expected], "{line}: {ran}");
    }
}
