//! The hooks, from the side of a person who commits and pushes.

mod attribution;
mod by_hand;
mod choices;
mod codex;
mod commit;
mod configured;
mod crash;
mod destination;
mod elsewhere;
mod fanout;
mod global;
mod install;
mod managers;
mod ours;
mod publishing;
mod push;
mod queue;
mod relink;
mod remotes;
mod rewriting;
mod surroundings;

use std::{io::Write, process::Stdio};

use crate::support::Place;

/// Installs on a terminal, where `answer` is typed.
fn install_on_a_terminal(work: &Place, answer: &str) -> String {
    let mut command = work.command("script");
    let line = format!("{} hooks install", env!("CARGO_BIN_EXE_git-session"));
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("script, of util-linux");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(answer.as_bytes()).expect("an answer");
    let output = child.wait_with_output().expect("an end");
    drop(stdin);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    said
}
