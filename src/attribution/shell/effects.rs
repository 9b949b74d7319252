//! What a command may have written, and whether it makes commits.

use super::{
    Commits,
    lexer::{Redirect, Word},
    parser::{Command, Script, below},
    programs::{READING, READING_TASKS, TASK_RUNNERS, UNLESS, WITH_OPTION},
};

/// A file that a command may have written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The path as the command has it; empty where it names none.
    pub path: String,
    /// The directory that it is meant from, below that of the call.
    pub directory: Option<String>,
    /// What may have been done.
    pub how: How,
}

/// What a command may have done to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It wrote this text.
    Lines {
        /// The text.
        text: String,
        /// Whether the file had other lines before.
        is_append: bool,
    },
    /// It changed the file in a way that the text does not tell.
    Changed,
    /// It removed it.
    Removed,
    /// It gave it this path, which was another before.
    Moved {
        /// The old path.
        from: String,
    },
    /// It may have changed any file.
    Anything,
}

/// git's options before the subcommand that have a value.
const GIT_WITH_VALUE: &[&str] = &["-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path"];
/// The subcommands that make commits.
const COMMITTING: &[&str] = &["commit", "merge", "cherry-pick", "revert", "rebase", "am", "pull", "ci", "cm", "cmt"];
/// The subcommands that make none, and write no file that has lines of their own.
const NOT_COMMITTING: &[&str] = &[
    "add",
    "stage",
    "status",
    "log",
    "diff",
    "show",
    "blame",
    "grep",
    "push",
    "fetch",
    "checkout",
    "switch",
    "restore",
    "reset",
    "stash",
    "branch",
    "tag",
    "remote",
    "config",
    "ls-files",
    "ls-tree",
    "cat-file",
    "rev-parse",
    "rev-list",
    "describe",
    "worktree",
    "clean",
    "mv",
    "rm",
    "apply",
    "init",
    "clone",
    "reflog",
    "shortlog",
    "notes",
    "bisect",
    "submodule",
    "diff-tree",
    "merge-base",
    "for-each-ref",
    "check-ignore",
    "hash-object",
    "update-index",
    "gc",
    "help",
    "symbolic-ref",
    "update-ref",
    "name-rev",
    "whatchanged",
    "range-diff",
    "format-patch",
    "session",
    "archive",
];

/// Lists what the commands of a script may have written.
#[must_use]
pub fn written(script: &Script) -> Vec<Written> {
    let mut found = Vec::new();
    let mut before: Option<&str> = None;
    for command in &script.commands {
        let mut add = |path: &str, how: How| {
            found.push(Written { path: path.to_owned(), directory: command.directory.clone(), how });
        };
        let body = body_of(command);
        redirected(command, body, &mut add);
        programs(command, body.or(before), &mut add);
        let is_shown = command.name() == "cat" && !command.redirects.iter().any(is_output);
        before = body.filter(|_| is_shown);
    }
    found
}

/// Whether a command makes commits.
pub(super) fn commits(command: &Command) -> Commits {
    let name = command.name();
    if name == "git" {
        let (subcommand, arguments, _) = git(command);
        let is_dry =
            arguments.iter().any(|word| ["--dry-run", "--help", "--abort", "--quit"].contains(&word.text.as_str()));
        return match subcommand {
            "commit" | "merge" | "revert" | "cherry-pick" | "rebase" | "am" if is_dry => Commits::No,
            subcommand if COMMITTING.contains(&subcommand) => Commits::Directly,
            subcommand if NOT_COMMITTING.contains(&subcommand) || subcommand.is_empty() => Commits::No,
            _ => Commits::Maybe,
        };
    }
    let is_reading = READING.contains(&name)
        || UNLESS.iter().chain(WITH_OPTION).any(|(known, _)| *known == name)
        || ["mv", "cp", "rm", "dd", "unlink", "rsync"].contains(&name)
        || (TASK_RUNNERS.contains(&name) && is_reading_task(command));
    if is_reading { Commits::No } else { Commits::Maybe }
}

impl Command {
    /// The name of the program.
    fn name(&self) -> &str {
        let program = self.words.first().map_or("", |word| word.text.as_str());
        match program.rsplit_once('/') {
            Some((folder, name)) if folder.ends_with("bin") => name,
            _ => program,
        }
    }

    /// What is no option.
    fn operands(&self) -> impl Iterator<Item = &Word> {
        self.words.iter().skip(1).filter(|word| !word.text.starts_with('-') && !word.text.is_empty())
    }

    fn has(&self, option: &str) -> bool {
        self.words.iter().skip(1).any(|word| word.text == option || word.text.starts_with(&format!("{option}=")))
    }
}

/// The subcommand of git, its arguments, and the directory that `-C` names.
fn git(command: &Command) -> (&str, &[Word], Option<&str>) {
    let (mut at, mut directory) = (1, None);
    while let Some(word) = command.words.get(at).filter(|word| word.text.starts_with('-')) {
        if word.text == "-C" {
            directory = command.words.get(at + 1).map(|word| word.text.as_str());
        }
        at += if GIT_WITH_VALUE.contains(&word.text.as_str()) { 2 } else { 1 };
    }
    let subcommand = command.words.get(at).map_or("", |word| word.text.as_str());
    (subcommand, command.words.get(at + 1..).unwrap_or_default(), directory)
}

fn is_output(redirect: &Redirect) -> bool {
    [">", ">>", ">|"].contains(&redirect.operator.as_str())
}

/// What a command reads from a here-document or a here-string.
fn body_of(command: &Command) -> Option<&str> {
    command.redirects.iter().find_map(|redirect| match redirect.operator.as_str() {
        "<<<" => Some(redirect.target.text.as_str()),
        _ => redirect.body.as_deref(),
    })
}

/// The files that the output of a command goes to.
fn redirected(command: &Command, body: Option<&str>, add: &mut impl FnMut(&str, How)) {
    for redirect in command.redirects.iter().filter(|redirect| is_output(redirect)) {
        let path = redirect.target.text.as_str();
        if path.is_empty() || path.starts_with("/dev/") || path.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        if redirect.target.is_dynamic {
            add("", How::Anything);
            continue;
        }
        let constant = match command.name() {
            "cat" if command.operands().next().is_none() => body.map(str::to_owned),
            "echo" => echoed(command),
            "printf" => printed(command),
            _ => None,
        };
        let is_append = redirect.operator == ">>";
        add(path, constant.map_or(How::Changed, |text| How::Lines { text, is_append }));
    }
}

fn echoed(command: &Command) -> Option<String> {
    let words = command.words.iter().skip(1).skip_while(|word| ["-n", "-e", "-ne", "-E"].contains(&word.text.as_str()));
    let words: Vec<&Word> = words.collect();
    if words.iter().any(|word| word.is_dynamic) {
        return None;
    }
    let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    let is_escaped = command.words.get(1).is_some_and(|word| ["-e", "-ne"].contains(&word.text.as_str()));
    Some(if is_escaped { unescaped(&text) } else { text })
}

fn printed(command: &Command) -> Option<String> {
    let words: Vec<&Word> = command.words.iter().skip(1).filter(|word| word.text != "--").collect();
    let (format, rest) = words.split_first()?;
    if words.iter().any(|word| word.is_dynamic) {
        return None;
    }
    let format = unescaped(&format.text);
    let mut rest = rest.iter();
    let mut text = String::new();
    loop {
        let mut pieces = format.split("%s");
        text.push_str(pieces.next().unwrap_or_default());
        let mut has_used = false;
        for piece in pieces {
            text.push_str(rest.next().map_or("", |word| word.text.as_str()));
            text.push_str(piece);
            has_used = true;
        }
        if rest.len() == 0 || !has_used || text.len() > 1 << 20 {
            return Some(text.replace("%%", "%"));
        }
    }
}

fn unescaped(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t").replace("\\\\", "\\")
}

/// The files that a program changes by itself.
fn programs(command: &Command, body: Option<&str>, add: &mut impl FnMut(&str, How)) {
    let name = command.name();
    let has_unknown = command.has_more_arguments || command.operands().any(|word| word.is_dynamic);
    match name {
        "" => {}
        "git" => of_git(command, add),
        "mv" => moves(&command.operands().collect::<Vec<_>>(), None, add),
        "cp" | "rsync" | "ln" | "install" => {
            let operands: Vec<&Word> = command.operands().collect();
            if let Some((target, sources)) = operands.split_last() {
                add(&target.text, How::Changed);
                for source in sources {
                    add(&within(&target.text, &source.text), How::Changed);
                }
            }
        }
        "rm" | "unlink" | "shred" => command.operands().for_each(|word| add(&word.text, How::Removed)),
        "dd" => {
            let target = command.words.iter().find_map(|word| word.text.strip_prefix("of="));
            if let Some(target) = target {
                add(target, How::Changed);
            }
        }
        "tee" => {
            let is_append = command.has("-a") || command.has("--append");
            for word in command.operands() {
                let text = body.map(str::to_owned);
                add(&word.text, text.map_or(How::Changed, |text| How::Lines { text, is_append }));
            }
        }
        _ if changes_named(command) => {
            for word in command.operands() {
                add(&word.text, How::Changed);
            }
            let is_folder = |word: &Word| !word.text.rsplit('/').next().unwrap_or("").trim_matches('.').contains('.');
            let takes_folders = !["sed", "gsed", "perl", "touch", "chmod", "truncate", "sort"].contains(&name);
            if has_unknown || (takes_folders && command.operands().all(is_folder)) || name == "patch" {
                add("", How::Anything);
            }
        }
        _ if READING.contains(&name) || UNLESS.iter().any(|(known, _)| *known == name) => {}
        _ if TASK_RUNNERS.contains(&name) && is_reading_task(command) => {}
        _ if is_reading_module(command) => {}
        _ => add("", How::Anything),
    }
}

/// Whether a program changes the files that it names.
fn changes_named(command: &Command) -> bool {
    let name = command.name();
    let is_set = |options: &&[&str]| {
        options.iter().any(|option| {
            let is_it = |word: &Word| {
                let is_suffixed = *option == "-i" && word.text.starts_with("-i") && !word.text.starts_with("--");
                word.text == *option || is_suffixed || word.text.starts_with(&format!("{option}="))
            };
            command.words.iter().skip(1).any(is_it)
        })
    };
    let with = WITH_OPTION.iter().find(|(known, _)| *known == name);
    let unless = UNLESS.iter().find(|(known, _)| *known == name);
    let is_check = ["--check", "--dry-run", "--diff"].iter().any(|option| command.has(option));
    with.is_some_and(|(_, options)| is_set(options) && !is_check) || unless.is_some_and(|(_, options)| !is_set(options))
}

fn of_git(command: &Command, add: &mut impl FnMut(&str, How)) {
    let (subcommand, arguments, directory) = git(command);
    let operands: Vec<&Word> = arguments.iter().filter(|word| !word.text.starts_with('-')).collect();
    match subcommand {
        "mv" => moves(&operands, directory, add),
        "rm" if !arguments.iter().any(|word| word.text == "--cached") => {
            for word in operands {
                add(&below(directory, &word.text), How::Removed);
            }
        }
        "apply" if !arguments.iter().any(|word| ["--check", "--stat"].contains(&word.text.as_str())) => {
            add("", How::Anything);
        }
        _ => {}
    }
}

/// `mv a b`, where `b` may be a folder.
fn moves(operands: &[&Word], directory: Option<&str>, add: &mut impl FnMut(&str, How)) {
    let Some((target, sources)) = operands.split_last() else { return };
    for source in sources {
        let from = below(directory, &source.text);
        let to = below(directory, &target.text);
        add(&within(&to, &source.text), How::Moved { from: from.clone() });
        if sources.len() == 1 && !target.text.ends_with('/') {
            add(&to, How::Moved { from });
        }
    }
}

fn within(folder: &str, path: &str) -> String {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
    format!("{}/{name}", folder.trim_end_matches('/'))
}

/// Whether a task only reads, tests or checks: `npm test`, `npm run lint`, `cargo clippy`, `make check`.
fn is_reading_task(command: &Command) -> bool {
    let words: Vec<&str> = command.operands().map(|word| word.text.as_str()).collect();
    if command.has("--fix") || command.has("-w") || command.has("--write") {
        return false;
    }
    let task = match words.as_slice() {
        ["run" | "run-script" | "exec" | "dlx" | "x", task, ..] => Some(task),
        words => words.first(),
    };
    let Some(task) = task else { return command.name() != "make" };
    let task = task.split(':').next().unwrap_or(task);
    let is_check = command.has("--check") || command.has("--dry-run");
    READING_TASKS.contains(&task) || (is_check && ["fmt", "format", "black", "prettier", "isort"].contains(&task))
}

/// `python -m pytest` and the like, and programs that say their version.
fn is_reading_module(command: &Command) -> bool {
    let words: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
    let is_version = matches!(words.as_slice(), [_, "--version" | "-V" | "--help" | "-h" | "version"]);
    let module = words.windows(2).find(|pair| pair[0] == "-m").map(|pair| pair[1]);
    let modules = ["pytest", "unittest", "mypy", "flake8", "pylint", "json.tool", "http.server", "pip", "coverage"];
    is_version || module.is_some_and(|module| modules.contains(&module))
}

#[cfg(test)]
mod tests {
    use super::{super::parse, How, written};
    use crate::attribution::shell::{Commits, commits};

    fn shown(command: &str) -> Vec<String> {
        let one = |written: super::Written| {
            let path = match &written.directory {
                Some(directory) => format!("{directory}/{}", written.path),
                None => written.path,
            };
            match written.how {
                How::Lines { text, is_append } => format!("{path} {} {text:?}", if is_append { ">>" } else { ">" }),
                How::Changed => format!("{path} changed"),
                How::Removed => format!("{path} removed"),
                How::Moved { from } => format!("{from} to {path}"),
                How::Anything => "anything".to_owned(),
            }
        };
        written(&parse(command)).into_iter().map(one).collect()
    }

    #[test]
    fn the_files_that_a_command_writes() {
        for (command, expected) in [
            (
                "cat > f.py <<'X'\nalpha = 17\n$x\nX\ngit add f.py && git commit -qm f",
                &["f.py > \"alpha = 17\\n$x\\n\""][..],
            ),
            ("cat <<EOF > a && cat <<-E >> b\none\nEOF\n\ttwo\n\tE\n", &["a > \"one\\n\"", "b >> \"two\\n\""]),
            ("cat <<EOF | tee -a log.txt\nx y z\nEOF", &["log.txt >> \"x y z\\n\""]),
            ("tee f <<EOF\nx\nEOF", &["f > \"x\\n\""]),
            ("echo 'a b' >> f; printf 'x\\ny\\n' > g", &["f >> \"a b\"", "g > \"x\\ny\\n\""]),
            ("printf '%s\\n' one two > h", &["h > \"one\\ntwo\\n\""]),
            ("echo $HOME > f", &["f changed"]),
            ("seq 100 140 > gen.txt; git add gen.txt", &["gen.txt changed"]),
            ("ls 2>/dev/null >&2", &[]),
            ("cd src && sed -i s/45/forty-five/ a.py", &["src/s/45/forty-five/ changed", "src/a.py changed"]),
            ("(cd a && touch x); touch y", &["a/x changed", "y changed"]),
            ("sed -i 's/a/b/' 'name with space.txt'", &["s/a/b/ changed", "name with space.txt changed"]),
            ("sed -n 1,4p a.py", &[]),
            ("grep -rl foo | xargs sed -i s/foo/bar/", &["s/foo/bar/ changed", "anything"]),
            ("find . -name '*.py' -exec sed -i s/a/b/ {} \\;", &["s/a/b/ changed", "anything"]),
            ("git mv a.py src/", &["a.py to src/a.py"]),
            ("mv a b", &["a to b/a", "a to b"]),
            ("git -C sub rm -q x.py", &["sub/x.py removed"]),
            ("rm -rf a 'b c'", &["a removed", "b c removed"]),
            ("make fmt", &["anything"]),
            ("python gen.py", &["anything"]),
            ("./tool.sh", &["anything"]),
            ("cargo fmt && npm run format", &["anything", "anything"]),
            ("bash -lc \"sed -i s/a/b/ x\"", &["s/a/b/ changed", "x changed"]),
            ("sudo env A=b timeout 5 tee f", &["f changed"]),
            ("if true; then rm x; fi", &["x removed"]),
            ("x=$(rm y)", &["y removed"]),
            ("prettier --write a.js", &["a.js changed"]),
            ("black .", &[". changed", "anything"]),
        ] {
            assert_eq!(shown(command), expected, "{command}");
        }
    }

    #[test]
    fn what_reads_writes_nothing() {
        for command in [
            "sleep 1; wc -l n.txt",
            "cat a | grep b | head -3",
            "rg foo src",
            "git status && git diff",
            "git add -A",
            "git checkout -- f",
            "cargo test a.rs",
            "npm test",
            "npm run lint",
            "pytest tests/a.py",
            "go vet ./...",
            "python -m pytest a.py",
            "make test",
            "make check",
            "npx tsc --noEmit",
            "black --check a.py",
            "ls -l > /dev/null",
            "prettier --check a.js",
            "eslint a.js",
            "jest a.test.js",
            "cargo clippy",
            "node --version",
            "",
            "# rm x",
            "echo 'rm x'",
        ] {
            assert_eq!(shown(command), [""; 0], "{command}");
        }
    }

    #[test]
    fn a_command_that_makes_a_commit_is_known() {
        for (command, expected) in [
            ("git commit -m x", Commits::Directly),
            ("cd a && git add . && git -c a=b -C d commit", Commits::Directly),
            ("sh -c 'git commit -qm x'", Commits::Directly),
            ("GIT_EDITOR=true git rebase --continue", Commits::Directly),
            ("git commit --dry-run", Commits::No),
            ("git rebase --abort", Commits::No),
            ("git log --grep commit", Commits::No),
            ("echo git commit", Commits::No),
            ("grep -r 'git commit' .", Commits::No),
            ("cargo test", Commits::No),
            ("make release", Commits::Maybe),
            ("./release.sh", Commits::Maybe),
            ("", Commits::No),
        ] {
            assert_eq!(commits(&parse(command)), expected, "{command}");
        }
    }

    #[test]
    fn nonsense_is_read_in_one_go() {
        for piece in
            ["$(", "`", "((", "<<E\n", "'", "\"", "\\", "a $(b ", "bash -c \"", "eval '", "cd a;", "&&", "$'", "${"]
        {
            let _ = written(&parse(&piece.repeat(20_000)));
        }
    }
}
