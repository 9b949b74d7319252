//! The commands of a script, each with the directory it runs in.

use super::lexer::{Redirect, Token, Word, tokens};

/// How deep a script in a script is read.
const MAX_DEPTH: usize = 6;
/// The longest script that is read, in bytes: 1 MiB.
const MAX_BYTES: usize = 1 << 20;

/// The commands of a command line, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    pub(super) commands: Vec<Command>,
}

/// A simple command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// The program and its arguments, without what goes before it, such as `sudo` or `A=b`.
    pub(super) words: Vec<Word>,
    /// What its output and input are.
    pub(super) redirects: Vec<Redirect>,
    /// Where it runs, below the directory of the call, where a `cd` before it says so.
    pub(super) directory: Option<String>,
    /// Whether its arguments come from its input, so that the text does not tell all of them.
    pub(super) has_more_arguments: bool,
}

/// Reads a command line. What is no shell is read as well as it can be.
#[must_use]
pub fn parse(command: &str) -> Script {
    let mut script = Script::default();
    let length = (0..=command.len().min(MAX_BYTES)).rev().find(|at| command.is_char_boundary(*at)).unwrap_or(0);
    read(&command[..length], None, 0, &mut script.commands);
    script
}

fn read(text: &str, directory: Option<String>, depth: usize, commands: &mut Vec<Command>) {
    if depth > MAX_DEPTH {
        return;
    }
    let mut directory = directory;
    let mut outer: Vec<Option<String>> = Vec::new();
    let mut current = Command::default();
    let mut scripts: Vec<String> = Vec::new();
    for token in tokens(text).into_iter().chain([Token::End]) {
        match token {
            Token::Word(word) => {
                scripts.extend(word.scripts.iter().cloned());
                current.words.push(word);
            }
            Token::Redirect(redirect) => current.redirects.push(redirect),
            Token::End | Token::Open | Token::Close => {
                let whole = std::mem::take(&mut current);
                for script in scripts.drain(..) {
                    read(&script, directory.clone(), depth + 1, commands);
                }
                directory = finish(whole, directory, depth, commands);
                match token {
                    Token::Open => outer.push(directory.clone()),
                    Token::Close => directory = outer.pop().unwrap_or(directory),
                    _ => {}
                }
            }
        }
    }
}

/// Adds a command, and those that it runs. Returns the directory of the next one.
fn finish(
    mut command: Command,
    directory: Option<String>,
    depth: usize,
    commands: &mut Vec<Command>,
) -> Option<String> {
    strip(&mut command);
    let text = |at: usize, command: &Command| command.words.get(at).map(|word| word.text.clone()).unwrap_or_default();
    let name = text(0, &command);
    command.directory.clone_from(&directory);
    match name.as_str() {
        "cd" | "pushd" => {
            let target = command.words.iter().skip(1).find(|word| !word.text.starts_with('-') || word.is_quoted);
            return target.map_or(directory.clone(), |target| Some(below(directory.as_deref(), &target.text)));
        }
        "eval" => {
            let words: Vec<&str> = command.words.iter().skip(1).map(|word| word.text.as_str()).collect();
            read(&words.join(" "), directory.clone(), depth + 1, commands);
        }
        "sh" | "bash" | "zsh" | "dash" | "ksh" | "/bin/sh" | "/bin/bash" | "/usr/bin/bash" => {
            let is_option =
                |word: &Word| word.text.starts_with('-') && !word.text.starts_with("--") && word.text.contains('c');
            if let Some(at) = command.words.iter().skip(1).position(is_option) {
                read(&text(at + 2, &command), directory.clone(), depth + 1, commands);
                return directory;
            }
            let input = command.redirects.iter().find_map(|redirect| redirect.body.clone());
            if let Some(script) = input.filter(|_| command.words.len() == 1) {
                read(&script, directory.clone(), depth + 1, commands);
                return directory;
            }
            commands.push(command);
        }
        "xargs" | "parallel" => {
            let with_value = ["-I", "-n", "-P", "-L", "-d", "-s", "-a", "-E", "-j"];
            let mut at = 1;
            while at < command.words.len() && text(at, &command).starts_with('-') {
                at += if with_value.contains(&text(at, &command).as_str()) { 2 } else { 1 };
            }
            let rest: Vec<Word> = command.words.drain(at.min(command.words.len())..).collect();
            if !rest.is_empty() {
                let inner =
                    Command { words: rest, has_more_arguments: true, redirects: command.redirects, directory: None };
                return finish(inner, directory, depth, commands);
            }
        }
        "find" => {
            let is_exec = |word: &Word| ["-exec", "-execdir", "-ok"].contains(&word.text.as_str());
            if let Some(at) = command.words.iter().position(is_exec) {
                let rest = command.words[at + 1..].iter().take_while(|word| word.text != ";" && word.text != "+");
                let words: Vec<Word> = rest.filter(|word| word.text != "{}").cloned().collect();
                let inner = Command { words, has_more_arguments: true, ..Command::default() };
                finish(inner, directory.clone(), depth, commands);
            }
            commands.push(command);
        }
        "" if command.redirects.is_empty() => {}
        _ => commands.push(command),
    }
    directory
}

/// Takes away what goes before a command: reserved words, assignments, and programs that run others.
fn strip(command: &mut Command) {
    loop {
        let Some(first) = command.words.first().filter(|first| !first.is_quoted) else { return };
        let name = first.text.as_str();
        let is_reserved =
            ["if", "then", "else", "elif", "fi", "do", "done", "while", "until", "!", "{", "}", "esac"].contains(&name);
        let is_prefix =
            ["sudo", "env", "time", "nohup", "nice", "command", "exec", "builtin", "stdbuf", "doas"].contains(&name);
        let assignment = name.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        let takes_number = ["timeout", "gtimeout"].contains(&name);
        if !(is_reserved || is_prefix || assignment || takes_number) {
            return;
        }
        command.words.remove(0);
        if is_prefix || takes_number {
            while command.words.first().is_some_and(|word| word.text.starts_with('-') && !word.is_quoted) {
                command.words.remove(0);
            }
        }
        if takes_number && !command.words.is_empty() {
            command.words.remove(0);
        }
    }
}

/// A path as seen from a directory.
pub(super) fn below(directory: Option<&str>, path: &str) -> String {
    match directory {
        Some(directory) if !path.starts_with(['/', '~']) => format!("{directory}/{path}"),
        _ => path.to_owned(),
    }
}
