//! The commands of a script: which programs run, and where.

use std::{collections::HashMap, sync::Arc};

use super::{
    command::{Command, Place, Script},
    lexer::tokens,
    token::{Token, Word},
    wrappers::{Inner, unwrap},
};

/// How deep a script in an argument is read: `bash -c "eval '…'"`.
const MAX_DEPTH: usize = 6;
/// The longest script that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// How much text variables and directories may add to a script, in bytes: `a=$a$a` doubles each time.
const MAX_ADDED: usize = 256 << 10;
/// The most values of a variable that are followed: `for f in a b c`.
const MAX_VALUES: usize = 64;
/// How many commands loops may add.
const MAX_REPEATED: usize = 1024;

/// Reads a command line as bash does. What is no shell is read as well as it can be.
#[must_use]
pub fn parse(command: &str) -> Script {
    let mut length = command.len().min(MAX_BYTES);
    while !command.is_char_boundary(length) {
        length -= 1;
    }
    let mut reader = Reader { added: MAX_ADDED, repeated: MAX_REPEATED, ..Reader::default() };
    reader.script.is_whole = length == command.len();
    reader.text(&command[..length]);
    reader.script
}

#[derive(Default)]
struct Reader {
    script: Script,
    place: Place,
    /// What `cd -` goes back to.
    previous: Place,
    /// What `popd` goes back to.
    pushed: Vec<Place>,
    /// The values that a variable may have.
    variables: HashMap<String, Vec<String>>,
    depth: usize,
    added: usize,
    repeated: usize,
}

impl Reader {
    fn text(&mut self, text: &str) {
        if self.depth >= MAX_DEPTH {
            self.script.is_whole = false;
            return;
        }
        self.depth += 1;
        let (tokens, is_whole) = tokens(text);
        self.script.is_whole &= is_whole;
        self.tokens(tokens);
        self.depth -= 1;
    }

    fn tokens(&mut self, tokens: Vec<Token>) {
        let mut outer: Vec<Place> = Vec::new();
        let mut current = Command::default();
        for token in tokens.into_iter().chain([Token::End { is_pipe: false }]) {
            match token {
                Token::Word(word) => current.words.push(word),
                Token::Redirect(redirect) => current.redirects.push(redirect),
                Token::Pattern => current = Command::default(),
                Token::Open => {
                    self.finish(std::mem::take(&mut current));
                    outer.push(self.place.clone());
                }
                Token::Close => {
                    self.finish(std::mem::take(&mut current));
                    self.place = outer.pop().unwrap_or_else(|| self.place.clone());
                    current.is_group = true;
                }
                Token::End { is_pipe } => {
                    let before = self.script.commands.len();
                    self.finish(std::mem::take(&mut current));
                    let last = self.script.commands.len();
                    current.input = if is_pipe && last > before { Some(last - 1) } else { None };
                }
            }
        }
    }

    /// Adds a command, and those that it runs.
    fn finish(&mut self, mut command: Command) {
        let place = self.place.clone();
        for script in command.words.iter_mut().flat_map(|word| std::mem::take(&mut word.scripts)) {
            self.tokens(script);
            self.place.clone_from(&place);
        }
        let targets = command.redirects.iter_mut().flat_map(|redirect| std::mem::take(&mut redirect.target.scripts));
        for script in targets.collect::<Vec<_>>() {
            self.tokens(script);
            self.place.clone_from(&place);
        }
        self.without_reserved(&mut command);
        self.assignments(&mut command);
        if command.words.is_empty() && command.redirects.is_empty() {
            return;
        }
        for command in self.expanded(command) {
            self.run(command);
        }
    }

    /// Takes away reserved words; what heads a loop or a `case` runs nothing.
    fn without_reserved(&mut self, command: &mut Command) {
        let mut taken = 0;
        while let Some(word) = command.words.get(taken).filter(|word| !word.is_quoted && !word.is_open()) {
            match word.text.as_str() {
                "if" | "then" | "else" | "elif" | "while" | "until" | "do" | "!" | "{" | "coproc" => {}
                "fi" | "done" | "esac" | "}" => command.is_group = true,
                "for" | "select" => {
                    self.values_of_loop(&command.words[taken + 1..]);
                    taken = command.words.len();
                    break;
                }
                "case" | "function" => {
                    let is_body = |word: &Word| word.text == "{" && !word.is_quoted;
                    let body = command.words.iter().skip(taken).position(is_body);
                    taken = body.map_or(command.words.len(), |ahead| taken + ahead);
                    continue;
                }
                _ => break,
            }
            taken += 1;
        }
        command.words.drain(..taken);
    }

    fn values_of_loop(&mut self, words: &[Word]) {
        let Some((name, rest)) = words.split_first() else { return };
        let values = rest.get(1..).unwrap_or_default();
        let length: usize = values.iter().map(|word| word.text.len()).sum();
        let is_known = !values.is_empty() && values.len() <= MAX_VALUES && !values.iter().any(Word::is_open);
        if is_known && length <= self.added {
            self.added -= length;
            self.variables.insert(name.text.clone(), values.iter().map(|word| word.text.clone()).collect());
        } else {
            self.variables.remove(&name.text);
        }
    }

    /// Takes away `A=b` before a command, and notes it where there is no command.
    fn assignments(&mut self, command: &mut Command) {
        let count = command.words.iter().take_while(|word| assigned(word).is_some()).count();
        let is_export = |word: &Word| ["export", "local", "declare", "readonly"].contains(&word.text.as_str());
        if count == command.words.len() || command.words.first().is_some_and(is_export) {
            for word in &mut command.words {
                self.expand(word);
                let Some((name, value)) = assigned(word) else { continue };
                if word.holes.is_empty() && value.len() <= self.added {
                    self.added -= value.len();
                    self.variables.insert(name.to_owned(), vec![value.to_owned()]);
                } else {
                    self.variables.remove(name);
                }
            }
        }
        command.words.drain(..count);
    }

    /// Puts the values of variables into a command: one command for each value that a loop gives.
    fn expanded(&mut self, command: Command) -> Vec<Command> {
        let names = |command: &Command| {
            let targets = command.redirects.iter().map(|redirect| &redirect.target);
            let holes = command.words.iter().chain(targets).flat_map(|word| &word.holes);
            holes.filter_map(|hole| hole.name.clone()).collect::<Vec<_>>()
        };
        let looped = names(&command).into_iter().find(|name| self.variables.get(name).is_some_and(|all| all.len() > 1));
        let values = looped.as_ref().and_then(|name| self.variables.get(name)).cloned().unwrap_or_default();
        let length: usize = command.words.iter().map(|word| word.text.len()).sum();
        if values.len() > self.repeated || values.len() * length > self.added {
            // Its holes stay open.
            return vec![command];
        }
        let Some(name) = looped else { return vec![self.filled(command)] };
        self.repeated -= values.len();
        self.added -= values.len() * length;
        let mut found = Vec::new();
        for value in &values {
            self.variables.insert(name.clone(), vec![value.clone()]);
            found.push(self.filled(command.clone()));
        }
        self.variables.insert(name, values);
        found
    }

    fn filled(&mut self, mut command: Command) -> Command {
        let targets = command.redirects.iter_mut().map(|redirect| &mut redirect.target);
        for word in command.words.iter_mut().chain(targets) {
            self.expand(word);
        }
        command
    }

    /// Puts the values of variables into a word.
    fn expand(&mut self, word: &mut Word) {
        if word.holes.iter().all(|hole| hole.name.is_none()) {
            return;
        }
        let (mut text, mut holes, mut at) = (String::new(), Vec::new(), 0);
        for mut hole in std::mem::take(&mut word.holes) {
            text.push_str(&word.text[at..hole.start]);
            at = hole.end;
            match hole.name.as_ref().and_then(|name| self.variables.get(name)).map(Vec::as_slice) {
                Some([value]) if value.len() <= self.added => {
                    self.added -= value.len();
                    text.push_str(value);
                }
                _ => {
                    let start = text.len();
                    text.push_str(&word.text[hole.start..hole.end]);
                    (hole.start, hole.end) = (start, text.len());
                    holes.push(hole);
                }
            }
        }
        text.push_str(&word.text[at..]);
        (word.text, word.holes) = (text, holes);
    }
}

/// The name and the value of `A=b`.
fn assigned(word: &Word) -> Option<(&str, &str)> {
    let (name, value) = word.text.split_once('=')?;
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_start = name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
    let is_constant = word.holes.first().is_none_or(|hole| hole.start > name.len());
    (is_start && is_name(name) && is_constant).then_some((name, value))
}

impl Reader {
    /// Adds what a command line of words runs.
    fn run(&mut self, command: Command) {
        let Some(inner) = unwrap(command) else {
            self.script.is_whole = false;
            return;
        };
        for Inner { directories, mut command, script } in inner {
            let outside = self.place.clone();
            for directory in &directories {
                self.place = self.below(Some(directory));
            }
            command.place = self.place.clone();
            if script.is_none() {
                self.change_directory(&command, &outside);
            }
            let keeps_directory = command.name() == "eval" || script.is_none();
            if let Some(text) = script {
                self.text(&text);
                command = Command { words: Vec::new(), is_group: true, ..command };
            }
            if !command.words.is_empty() || !command.redirects.is_empty() {
                self.script.commands.push(command);
            }
            if !directories.is_empty() || !keeps_directory {
                self.place = outside;
            }
        }
    }

    fn change_directory(&mut self, command: &Command, from: &Place) {
        let target = command.operands(&[]).first().copied();
        match (command.name(), target) {
            ("popd", _) => self.place = self.pushed.pop().unwrap_or(Place::Unknown),
            ("cd", Some(word)) if word.text == "-" => {
                self.place.clone_from(&self.previous);
                self.previous.clone_from(from);
            }
            (name @ ("cd" | "pushd" | "chdir"), target) => {
                if name == "pushd" {
                    self.pushed.push(from.clone());
                }
                self.previous.clone_from(from);
                self.place = self.below(Some(target.unwrap_or(&Word::of("~"))));
            }
            _ => {}
        }
    }

    /// A directory as seen from the present one.
    fn below(&mut self, target: Option<&Word>) -> Place {
        let Some(target) = target.filter(|word| !word.is_open()) else { return Place::Unknown };
        let path = target.text.trim_end_matches('/');
        let joined = match (&self.place, path) {
            _ if target.text.starts_with(['/', '~']) => if path.is_empty() { "/" } else { path }.to_owned(),
            (place, "." | "") => return place.clone(),
            (Place::Same, path) => path.to_owned(),
            (Place::At(directory), path) => format!("{}/{path}", directory.trim_end_matches('/')),
            (Place::Unknown, _) => return Place::Unknown,
        };
        if joined.len() > self.added {
            return Place::Unknown;
        }
        self.added -= joined.len();
        Place::At(Arc::from(joined))
    }
}
