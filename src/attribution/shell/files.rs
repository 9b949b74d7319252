//! What programs do to files.

use std::sync::Arc;

use super::{
    command::{Command, operands},
    effect::{Effect, How},
    git,
    lists::{READING, READING_UNLESS},
    paths::{is_device, is_folder, moves, named, patched, within},
    programs::{EDITORS, Editor},
    tasks::{CHECKING, FIXING, READING_TASKS, TASK_RUNNERS},
    token::Word,
};

/// What a command does to files when it reads this.
pub(super) fn effect(command: &Command, input: Option<&Arc<str>>) -> Effect {
    let name = command.name();
    let anything = || Effect::Files(vec![(String::new(), How::Anything)]);
    if name.is_empty() || says_its_version(command) {
        return Effect::Nothing;
    }
    if let Some(files) = of_file_tool(command, input) {
        return Effect::Files(files);
    }
    if let Some(effect) =
        EDITORS.iter().find(|editor| is_meant(name, command, editor)).map(|editor| edited(command, editor))
    {
        return effect;
    }
    if let Some((_, options)) = READING_UNLESS.iter().find(|(known, _)| *known == name) {
        return if command.has_any(options) { anything() } else { Effect::Nothing };
    }
    match name {
        "git" => git::effect(command),
        "source" | "." => sourced(command),
        "sh" | "bash" | "zsh" | "dash" | "ksh" if command.has("-n") => Effect::Nothing,
        _ if READING.contains(&name) || is_reading_subcommand(command) || is_check(command) => Effect::Nothing,
        _ => Effect::Runs,
    }
}

/// Programs that copy, move and remove files.
fn of_file_tool(command: &Command, input: Option<&Arc<str>>) -> Option<Vec<(String, How)>> {
    let each = |words: Vec<&Word>, how: How| {
        let mut found: Vec<_> = words.into_iter().map(|word| named(word, how.clone())).collect();
        found.extend(command.has_more_arguments.then(|| (String::new(), How::Anything)));
        found
    };
    let first = command.arguments().first().map(|word| word.text.as_str());
    let target = || command.value("--target-directory").or_else(|| command.value("-t"));
    Some(match command.name() {
        "mv" | "gmv" => moves(&command.operands(&["-t", "-S"]), target(), command.has_more_arguments),
        "cp" | "gcp" | "ln" | "install" | "ditto" => {
            if command.name() == "install" && command.has("-d") {
                return Some(Vec::new());
            }
            copies(command, &["-t", "-S", "-m", "-o", "-g"], target())
        }
        "rsync" | "scp" => copies(command, &["-e", "-f", "-P", "-i", "--exclude", "--include", "--filter"], None),
        "rm" | "unlink" | "shred" | "trash" | "rmtrash" | "grm" => each(command.operands(&[]), How::Removed),
        "tee" => {
            let is_append = command.has_letter('a') || command.has("--append");
            let text = input.map(ToString::to_string);
            each(command.operands(&[]), text.map_or(How::Changed, |text| How::Lines { text, is_append }))
                .into_iter()
                .filter(|(path, how)| *how == How::Anything || !is_device(path))
                .collect()
        }
        "dd" => command.arguments().iter().filter_map(target_of_dd).collect(),
        "sort" => {
            let target = command.value("-o").or_else(|| command.value("--output"));
            target.map(|path| named(&Word::of(path), How::Changed)).into_iter().collect()
        }
        "patch" if command.has("--dry-run") => Vec::new(),
        "patch" => match command.operands(&["-p", "-i", "-o", "-F", "-r"]).first() {
            Some(word) => vec![named(word, How::Changed)],
            None => patched(command.body()),
        },
        "apply_patch" | "applypatch" => patched(command.body().or(first)),
        _ => return None,
    })
}

/// `dd of=…`
fn target_of_dd(word: &Word) -> Option<(String, How)> {
    let path = word.text.strip_prefix("of=").filter(|path| !is_device(path))?;
    let target = if word.is_open() { word.clone() } else { Word::of(path) };
    Some(named(&target, How::Changed))
}

fn copies(command: &Command, with_value: &[&str], folder: Option<&str>) -> Vec<(String, How)> {
    let operands = command.operands(with_value);
    let (target, sources) = match (folder, operands.split_last()) {
        (Some(folder), _) => (Word::of(folder), operands.as_slice()),
        (None, Some((target, sources))) => ((*target).clone(), sources),
        (None, None) => return Vec::new(),
    };
    if target.is_open() || command.has_more_arguments || sources.iter().any(|word| word.is_open()) {
        return vec![(String::new(), How::Anything)];
    }
    let is_folder = folder.is_some() || sources.len() > 1 || is_folder(&target.text);
    let at = |source: &&Word| if is_folder { within(&target.text, &source.text) } else { target.text.clone() };
    let mut found: Vec<_> = sources.iter().map(|source| named(&Word::of(&at(source)), How::Changed)).collect();
    if sources.is_empty() {
        found.push(named(&Word::of(within("", &target.text).trim_start_matches('/')), How::Changed));
    }
    found
}

fn is_meant(name: &str, command: &Command, editor: &Editor) -> bool {
    name == editor.name
        && editor.subcommand.is_none_or(|known| command.arguments().first().is_some_and(|word| word.text == known))
}

/// What an editor, a formatter or a tool like `touch` does to the files that it is given.
fn edited(command: &Command, editor: &Editor) -> Effect {
    let is_with = |option: &&str| match option.strip_prefix("-*") {
        Some(letters) => letters.chars().any(|letter| command.has_letter(letter)),
        None => command.has(option) || (editor.takes_suffix && has_suffixed(command, option)),
    };
    // After `--`, too: `cargo fmt -- --check`.
    if command.arguments().iter().any(|word| editor.not_with.contains(&word.text.as_str())) {
        return Effect::Nothing;
    }
    let with = editor.only_with;
    if !with.is_empty() && !with.iter().any(is_with) {
        return if editor.runs_otherwise { Effect::Runs } else { Effect::Nothing };
    }
    let skipped = usize::from(editor.subcommand.is_some());
    let has_script = command.has_any(editor.script_options)
        || editor.script_options.iter().any(|option| !option.starts_with("--") && script_letter(command, option));
    let files = operands(command.arguments().get(skipped..).unwrap_or_default(), editor.with_value);
    let leading = if has_script { 0 } else { editor.leading };
    let files = files.into_iter().skip(leading).filter(|word| word.text != "-");
    let mut found: Vec<_> = files
        .map(|word| {
            let (path, how) = named(word, How::Changed);
            let is_folder = editor.takes_folders && is_folder_like(&path);
            if is_folder { (String::new(), How::Anything) } else { (path, how) }
        })
        .collect();
    if (found.is_empty() && editor.takes_folders) || command.has_more_arguments {
        found.push((String::new(), How::Anything));
    }
    Effect::Files(found)
}

/// `-i.bak`, `-Ei`, `-pi`: an option among others, with what follows it.
fn has_suffixed(command: &Command, option: &str) -> bool {
    let Some(letter) = option.strip_prefix('-').and_then(|rest| rest.chars().next()) else { return false };
    command.arguments().iter().take_while(|word| word.text != "--").any(|word| {
        let letters = word.text.strip_prefix('-').filter(|rest| !rest.starts_with('-')).unwrap_or_default();
        // What follows `-e` or `-I` is its value.
        letters.chars().take_while(|letter| !"efIMm".contains(*letter)).any(|known| known == letter)
    })
}

/// `-pie`, `-ne`: the script follows in the next word.
fn script_letter(command: &Command, option: &str) -> bool {
    command.arguments().iter().any(|word| {
        word.text.len() > 2
            && word.text.starts_with('-')
            && !word.text.starts_with("--")
            && word.text.ends_with(&option[1..])
    })
}

fn is_folder_like(path: &str) -> bool {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    path.ends_with('/') || path.ends_with("...") || !name.trim_start_matches('.').contains('.')
}

/// `. .venv/bin/activate` sets variables; another script may do anything.
fn sourced(command: &Command) -> Effect {
    let path = command.operands(&[]).first().map_or("", |word| word.text.as_str());
    let name = path.rsplit('/').next().unwrap_or_default();
    let sets_variables = name.starts_with("activate") || name.ends_with("rc") || name.ends_with("profile");
    let is_known = sets_variables || name.contains("env") || ["nvm.sh", "conda.sh", "asdf.sh"].contains(&name);
    if is_known { Effect::Nothing } else { Effect::Runs }
}

/// `node --version`, `make --help`.
fn says_its_version(command: &Command) -> bool {
    let asks = |word: &Word| matches!(word.text.as_str(), "--version" | "-V" | "--help" | "-version");
    command.arguments().first().is_some_and(asks) && command.words.len() <= 2
}

/// `docker ps`, `cargo tree`.
fn is_reading_subcommand(command: &Command) -> bool {
    let Some((_, tasks)) = READING_TASKS.iter().find(|(known, _)| *known == command.name()) else { return false };
    let words = command.operands(&["--manifest-path", "-p", "--package", "-n", "--namespace", "-f", "--filter", "-w"]);
    let task = words.iter().map(|word| word.text.as_str()).find(|word| !word.starts_with('+')).unwrap_or_default();
    tasks.contains(&task) && !command.has_any(FIXING)
}

/// Tests and checks, run by name: `npm run lint`, `make test`, `just check`.
fn is_check(command: &Command) -> bool {
    if !TASK_RUNNERS.contains(&command.name()) || command.has_any(FIXING) {
        return false;
    }
    if command.has_any(&["--dry-run", "--just-print", "--list", "--summary"])
        || (command.name() != "npm" && command.has("-n"))
    {
        return true;
    }
    let words = command.operands(&["-f", "--file", "-j", "-w", "--workspace", "--filter", "-F", "--dir", "-p"]);
    let is_filler = |word: &&&Word| {
        word.text.contains('=') || ["run", "run-script", "workspace", "workspaces", "-r"].contains(&word.text.as_str())
    };
    let mut tasks: Vec<&str> = words.iter().filter(|word| !is_filler(word)).map(|word| word.text.as_str()).collect();
    if !["make", "gmake", "gradle", "mvn", "ninja", "rake"].contains(&command.name()) {
        // What follows the task is for the task.
        tasks.truncate(1);
    }
    !tasks.is_empty() && tasks.iter().all(|task| is_checking(task))
}

fn is_checking(task: &str) -> bool {
    let mut pieces = task.split([':', '-', '_', '.', '/']).filter(|piece| !piece.is_empty());
    let words: Vec<&str> = pieces.by_ref().collect();
    let writes = ["fix", "write", "update", "format", "fmt", "gen", "generate", "snapshot", "release", "publish"];
    words.iter().any(|word| CHECKING.contains(word)) && !words.iter().any(|word| writes.contains(word))
}
