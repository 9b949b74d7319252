//! Programs that run others: what they run.

use super::{
    command::Command,
    token::{Hole, Word},
};

/// How many programs before the one that is meant are followed: `sudo env nice …`.
const MAX_WRAPPERS: usize = 32;

/// A program, or a script, that a command line of words runs.
pub(super) struct Inner {
    /// The directories to go to first, each seen from the one before.
    pub(super) directories: Vec<Word>,
    /// The program with its arguments.
    pub(super) command: Command,
    /// The script, where a shell reads one.
    pub(super) script: Option<String>,
}

/// A program that runs the words after its options.
struct Wrapper {
    words: &'static [&'static str],
    /// The options that have a value in the next word.
    with_value: &'static [&'static str],
    /// How many operands come before the program.
    operands: usize,
}

const fn plain(words: &'static [&'static str]) -> Wrapper {
    Wrapper { words, with_value: &[], operands: 0 }
}

const fn with(words: &'static [&'static str], with_value: &'static [&'static str]) -> Wrapper {
    Wrapper { words, with_value, operands: 0 }
}

const XARGS: &[&str] =
    &["-n", "-I", "-P", "-L", "-d", "-s", "-a", "-E", "-R", "-S", "-J", "-j", "--max-args", "--max-procs"];

static WRAPPERS: &[Wrapper] = &[
    with(&["sudo"], &["-u", "-g", "-h", "-p", "-C", "-r", "-t", "-U", "-D"]),
    with(&["doas"], &["-u", "-C"]),
    with(&["env"], &["-u", "--unset", "-C", "--chdir"]),
    with(&["time"], &["-f", "-o"]),
    with(&["gtime"], &["-f", "-o"]),
    plain(&["nohup"]),
    plain(&["setsid"]),
    plain(&["builtin"]),
    plain(&["command"]),
    plain(&["chronic"]),
    plain(&["unbuffer"]),
    plain(&["caffeinate"]),
    plain(&["busybox"]),
    with(&["exec"], &["-a"]),
    with(&["nice"], &["-n"]),
    with(&["ionice"], &["-c", "-n"]),
    with(&["stdbuf"], &["-i", "-o", "-e"]),
    Wrapper { words: &["timeout"], with_value: &["-s", "-k", "--signal", "--kill-after"], operands: 1 },
    Wrapper { words: &["gtimeout"], with_value: &["-s", "-k", "--signal", "--kill-after"], operands: 1 },
    Wrapper { words: &["flock"], with_value: &["-w", "-E", "--timeout"], operands: 1 },
    Wrapper { words: &["direnv", "exec"], with_value: &[], operands: 1 },
    with(&["mise", "exec"], &["-C", "--cd"]),
    with(&["xargs"], XARGS),
    with(&["gxargs"], XARGS),
    with(&["parallel"], XARGS),
    with(&["npx"], &["-p", "--package"]),
    with(&["bunx"], &["-p", "--package"]),
    with(&["npm", "exec"], &["-p", "--package"]),
    with(&["pnpm", "exec"], &["-C", "--dir", "--filter", "-F"]),
    with(&["pnpm", "dlx"], &["--package"]),
    plain(&["yarn", "exec"]),
    plain(&["yarn", "dlx"]),
    plain(&["bun", "x"]),
    with(&["uv", "run"], &["--with", "--python", "-p", "--extra", "--group", "--project", "--directory"]),
    with(&["uvx"], &["--with", "--from", "--python", "-p"]),
    with(&["pipx", "run"], &["--spec"]),
    with(&["poetry", "run"], &["-C", "--directory"]),
    plain(&["pipenv", "run"]),
    plain(&["pdm", "run"]),
    plain(&["rye", "run"]),
    plain(&["hatch", "run"]),
    plain(&["bundle", "exec"]),
    plain(&["python", "-m"]),
    plain(&["composer", "exec"]),
    plain(&["rustup", "run"]),
];

/// Options that name the directory to work in.
static DIRECTORY: &[(&str, &[&str])] = &[
    ("git", &["-C"]),
    ("make", &["-C", "--directory"]),
    ("gmake", &["-C", "--directory"]),
    ("ninja", &["-C"]),
    ("env", &["-C", "--chdir"]),
    ("sudo", &["-D", "--chdir"]),
    ("npm", &["--prefix", "-C"]),
    ("pnpm", &["-C", "--dir"]),
    ("yarn", &["--cwd"]),
    ("bun", &["--cwd"]),
    ("go", &["-C"]),
    ("cargo", &["-C"]),
    ("just", &["-d", "--working-directory"]),
    ("task", &["-d", "--dir"]),
    ("uv", &["--directory"]),
    ("poetry", &["-C", "--directory"]),
    ("tar", &["-C", "--directory"]),
    ("patch", &["-d", "--directory"]),
    ("mise", &["-C", "--cd"]),
];

/// git's other options before the subcommand that have a value.
const GIT: &[&str] =
    &["-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env", "--super-prefix"];
/// Programs that run others for each file they find, and the options that say so.
static EXECUTING: &[(&str, &[&str])] = &[
    ("find", &["-exec", "-execdir", "-ok", "-okdir"]),
    ("gfind", &["-exec", "-execdir", "-ok", "-okdir"]),
    ("fd", &["-x", "-X", "--exec", "--exec-batch"]),
    ("fdfind", &["-x", "-X", "--exec", "--exec-batch"]),
];
const SHELLS: &[&str] = &["sh", "bash", "zsh", "dash", "ksh", "ash", "rbash", "fish"];

/// Lists what a command line of words runs; `None` where that is too deep.
pub(super) fn unwrap(command: Command) -> Option<Vec<Inner>> {
    let (mut found, mut left) = (Vec::new(), MAX_WRAPPERS);
    let mut pending = vec![Inner { directories: Vec::new(), command, script: None }];
    while let Some(mut inner) = pending.pop() {
        loop {
            left = left.checked_sub(1)?;
            inner.directories.extend(directory(&mut inner.command));
            if !without_wrapper(&mut inner.command) {
                break;
            }
        }
        let name = inner.command.name();
        if name == "eval" {
            let words: Vec<&str> = inner.command.arguments().iter().map(|word| word.text.as_str()).collect();
            inner.script = Some(words.join(" "));
        } else if SHELLS.contains(&name) {
            inner.script = script_of(&inner.command);
        } else if let Some(options) = EXECUTING.iter().find(|(known, _)| *known == name).map(|(_, options)| *options) {
            for command in executed(&mut inner.command, options) {
                pending.push(Inner { directories: inner.directories.clone(), command, script: None });
            }
        }
        found.push(inner);
    }
    Some(found)
}

/// Takes away the option that names the directory to work in; for git, all options before the subcommand.
fn directory(command: &mut Command) -> Vec<Word> {
    let name = command.name().to_owned();
    let Some((_, options)) = DIRECTORY.iter().find(|(known, _)| *known == name) else { return Vec::new() };
    let (mut found, mut at) = (Vec::new(), 0);
    let ends_at_operand = ["git", "env", "sudo"].contains(&name.as_str());
    let mut kept: Vec<Word> = command.words.drain(..1).collect();
    let words = std::mem::take(&mut command.words);
    while let Some(word) = words.get(at) {
        let text = word.text.as_str();
        if text == "--" || (ends_at_operand && !text.starts_with('-')) {
            break;
        }
        let joined = options.iter().find_map(|option| {
            let value = text.strip_prefix(option)?;
            if option.starts_with("--") {
                value.strip_prefix('=')
            } else {
                Some(value).filter(|value| !value.is_empty())
            }
        });
        if options.contains(&text) {
            found.extend(words.get(at + 1).cloned());
            at += 2;
        } else if let Some(value) = joined {
            found.push(Word { text: value.to_owned(), ..word.clone() });
            at += 1;
        } else if name == "git" {
            at += if GIT.contains(&text) { 2 } else { 1 };
        } else {
            kept.push(word.clone());
            at += 1;
        }
    }
    kept.extend(words.into_iter().skip(at));
    command.words = kept;
    found
}

/// Takes away a program that runs the words after it, with its options.
fn without_wrapper(command: &mut Command) -> bool {
    let name = command.name().to_owned();
    let asks = command.arguments().first().is_some_and(|word| ["-v", "-V"].contains(&word.text.as_str()));
    let is_it = |wrapper: &&Wrapper| {
        let rest = &wrapper.words[1..];
        let given = command.arguments().iter().map(|word| word.text.as_str());
        wrapper.words[0] == name
            && command.words.len() > rest.len()
            && given.zip(rest).all(|(given, known)| given == *known)
    };
    let Some(wrapper) = WRAPPERS.iter().find(is_it).filter(|_| !(name == "command" && asks)) else { return false };
    let takes_names = wrapper.with_value == XARGS;
    let placeholder = command.value("-I").filter(|_| takes_names).map(str::to_owned);
    let mut at = wrapper.words.len();
    while let Some(word) = command.words.get(at).filter(|word| word.text.starts_with('-')) {
        at += if wrapper.with_value.contains(&word.text.as_str()) { 2 } else { 1 };
        if word.text == "--" {
            break;
        }
    }
    at += wrapper.operands;
    if name == "env" {
        at += command.words.iter().skip(at).take_while(|word| word.text.contains('=')).count();
    }
    command.words.drain(..at.min(command.words.len()));
    command.has_more_arguments |= takes_names;
    match placeholder.as_deref().filter(|text| !text.is_empty()) {
        Some(placeholder) => with_variable(command, placeholder),
        None if name == "parallel" => with_variable(command, "{}"),
        None => {}
    }
    // `prettier@3`
    if let Some(word) = command.words.first_mut()
        && let Some(at) = word.text.rfind('@').filter(|at| *at > 0)
    {
        word.text.truncate(at);
    }
    !command.words.is_empty()
}

/// Puts a variable where `xargs -I` puts a name, so that a script in an argument has one there, too.
fn with_variable(command: &mut Command, placeholder: &str) {
    for word in command.words.iter_mut().filter(|word| word.text.contains(placeholder)) {
        word.text = word.text.replace(placeholder, "$_");
        word.holes.push(Hole { start: 0, end: word.text.len(), name: None });
    }
}

/// The script that a shell reads from an argument or from a here-document.
fn script_of(command: &Command) -> Option<String> {
    let mut words = command.arguments().iter();
    let mut is_argument = false;
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "-o" | "+o" | "-O" | "--rcfile" | "--init-file" => {
                words.next();
            }
            "-" | "-s" | "--" => {}
            option if option.starts_with("--") => {}
            option if option.starts_with(['-', '+']) => is_argument |= option.contains('c'),
            script if is_argument => return Some(script.to_owned()),
            _ => return None,
        }
    }
    command.body().map(str::to_owned)
}

/// Takes the commands of `-exec` out of a `find`.
fn executed(command: &mut Command, options: &[&str]) -> Vec<Command> {
    let mut found: Vec<Command> = Vec::new();
    let mut is_inside = false;
    for word in std::mem::take(&mut command.words) {
        if is_inside && [";", "+"].contains(&word.text.as_str()) {
            is_inside = false;
        } else if !is_inside && options.contains(&word.text.as_str()) {
            is_inside = true;
            found.push(Command { has_more_arguments: true, ..Command::default() });
        } else if let Some(inner) = found.last_mut().filter(|_| is_inside) {
            if word.text != "{}" {
                inner.words.push(word);
            }
        } else {
            command.words.push(word);
        }
    }
    found.reverse();
    found
}
