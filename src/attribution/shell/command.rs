//! The commands of a script.

use std::sync::Arc;

use super::token::{Kind, Redirect, Word};

/// The commands of a command line, in order.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The commands, those of substitutions before the command that has them.
    pub(super) commands: Vec<Command>,
    /// Whether all of the text was read: it is not where it is too long or too deep.
    pub(super) is_whole: bool,
}

/// A directory, as seen from that of the call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Place {
    /// That of the call.
    #[default]
    Same,
    /// A path, relative to that of the call or absolute.
    At(Arc<str>),
    /// Only running the script would tell.
    Unknown,
}

/// A simple command.
#[derive(Clone, Debug, Default)]
pub(super) struct Command {
    /// The program and its arguments, without what goes before it, such as `sudo` or `A=b`.
    pub(super) words: Vec<Word>,
    /// Where its input comes from, and its output goes.
    pub(super) redirects: Vec<Redirect>,
    /// Where it runs.
    pub(super) place: Place,
    /// Whether arguments are added that the text does not tell, as `xargs` does.
    pub(super) has_more_arguments: bool,
    /// Whether it is the end of a group, whose redirections these are.
    pub(super) is_group: bool,
    /// The command whose output it reads: its place in the script.
    pub(super) input: Option<usize>,
}

impl Command {
    /// The name of the program; a path where it is no installed one.
    pub(super) fn name(&self) -> &str {
        let program = self.words.first().map_or("", |word| word.text.as_str());
        let name = match program.rsplit_once('/') {
            Some((folder, name)) if folder.ends_with("bin") => name,
            Some((_, "gradlew")) => "gradle",
            Some((_, "mvnw")) => "mvn",
            _ => program,
        };
        let is_version = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        for known in ["python", "pip", "ruby", "perl", "node", "php", "clang-format"] {
            if name.strip_prefix(known).is_some_and(|rest| is_version(rest.trim_start_matches('-'))) {
                return known;
            }
        }
        name
    }

    /// The arguments.
    pub(super) fn arguments(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }

    /// The arguments that are no options, nor values of these options.
    pub(super) fn operands(&self, with_value: &[&str]) -> Vec<&Word> {
        operands(self.arguments(), with_value)
    }

    /// Whether an option is given, alone or as `--option=value`.
    pub(super) fn has(&self, option: &str) -> bool {
        let is_it = |word: &Word| match word.text.strip_prefix(option) {
            Some(rest) => rest.is_empty() || (option.starts_with("--") && rest.starts_with('=')),
            None => false,
        };
        self.arguments().iter().take_while(|word| word.text != "--").any(is_it)
    }

    /// Whether any of some options is given.
    pub(super) fn has_any(&self, options: &[&str]) -> bool {
        options.iter().any(|option| self.has(option))
    }

    /// Whether a letter is among the short options, alone or with others.
    pub(super) fn has_letter(&self, letter: char) -> bool {
        self.arguments().iter().take_while(|word| word.text != "--").any(|word| {
            let text = word.text.as_str();
            text.starts_with('-') && !text.starts_with("--") && text.contains(letter)
        })
    }

    /// The value of an option: the word after it, or what follows it in the same word.
    pub(super) fn value(&self, option: &str) -> Option<&str> {
        let at = self.words.iter().skip(1).position(|word| word.text.starts_with(option))? + 1;
        match self.words[at].text[option.len()..].trim_start_matches('=') {
            "" => self.words.get(at + 1).map(|word| word.text.as_str()),
            value => Some(value),
        }
    }

    /// What it reads from a here-document or a here-string.
    pub(super) fn body(&self) -> Option<&str> {
        self.redirects.iter().rev().find_map(|redirect| match redirect.kind {
            Kind::Document => redirect.body.as_deref(),
            Kind::Text if !redirect.target.is_open() => Some(redirect.target.text.as_str()),
            _ => None,
        })
    }
}

/// The words that are no options, nor values of some options.
pub(super) fn operands<'a>(words: &'a [Word], with_value: &[&str]) -> Vec<&'a Word> {
    let (mut found, mut at, mut is_over) = (Vec::new(), 0, false);
    while let Some(word) = words.get(at) {
        at += 1;
        match word.text.as_str() {
            "--" if !is_over => is_over = true,
            "" => {}
            option if !is_over && option.len() > 1 && option.starts_with('-') => {
                at += usize::from(with_value.contains(&option));
            }
            _ => found.push(word),
        }
    }
    found
}
