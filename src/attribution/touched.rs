//! What a stretch of a log says about files.

use std::{collections::HashMap, io, path::Path, time::Duration};

use crate::{
    hail::{Event, EventType, Header, Sink, Timestamp, attribute, title_of},
    redact::{Redactor, Summary},
};

/// How far the clocks of a log and of a file system may differ.
const SLACK: Duration = Duration::from_secs(2);
/// The most words of a command that are looked at.
const MAX_WORDS: usize = 200;

/// A prompt on its way into the state file.
#[derive(Clone)]
pub(super) enum Prompt {
    /// It comes from there.
    Kept(String),
    /// It comes from the log.
    Raw(String),
}

impl Prompt {
    /// The prompt without secrets; without a redactor nothing is kept.
    pub(super) fn redacted(&self, redactor: Option<&Redactor>) -> Option<String> {
        match self {
            Self::Kept(text) => Some(text.clone()),
            Self::Raw(line) => redactor.map(|redactor| redactor.title(line, &mut Summary::default())),
        }
    }
}

/// A file that the session changed, or may have changed.
pub(super) struct Change {
    /// The path as the log has it.
    pub(super) path: String,
    /// When.
    pub(super) at: Timestamp,
    /// The prompt that led here.
    pub(super) prompt: Option<Prompt>,
    /// The command that names the path, where no tool for files says that it was changed.
    pub(super) ran: Option<Ran>,
}

/// When a command ran.
#[derive(Clone)]
pub(super) struct Ran {
    from: Timestamp,
    to: Timestamp,
}

impl Ran {
    /// Whether a file was last written while the command ran: then the command wrote it.
    pub(super) fn covers(&self, path: &Path) -> bool {
        let modified = path.metadata().ok().filter(std::fs::Metadata::is_file).and_then(|file| file.modified().ok());
        let Some(modified) = modified.map(Timestamp::from) else { return false };
        let slack = i64::try_from(SLACK.as_millis()).unwrap_or(0);
        modified.millis() + slack >= self.from.millis() && modified.millis() <= self.to.millis() + slack
    }
}

/// Collects what a stretch of a log says about files.
pub(super) struct Touched {
    /// What is known of the session.
    pub(super) header: Option<Header>,
    /// The last prompt.
    pub(super) prompt: Option<Prompt>,
    /// The files, in the order of the log.
    pub(super) paths: Vec<Change>,
    /// The commands that have not come back, by their calls: when they began, and what they name.
    commands: HashMap<String, Vec<(Timestamp, Vec<String>)>>,
}

impl Touched {
    /// Goes on from what an earlier stretch told.
    pub(super) fn new(header: Option<Header>, prompt: Option<Prompt>) -> Self {
        Self { header, prompt, paths: Vec::new(), commands: HashMap::new() }
    }

    fn changed(&mut self, path: String, at: Timestamp, ran: Option<Ran>) {
        self.paths.push(Change { path, at, prompt: self.prompt.clone(), ran });
    }

    /// A command came back, or all that one call ran: what they name they may have written.
    fn returned(&mut self, call: &str, at: Timestamp) {
        for (from, words) in self.commands.remove(call).unwrap_or_default() {
            for word in words {
                self.changed(word, at, Some(Ran { from, to: at }));
            }
        }
    }
}

impl Sink for Touched {
    fn header(&mut self, header: Header) -> io::Result<()> {
        self.header = Some(header);
        Ok(())
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        let at = event.timestamp;
        match &event.event_type {
            EventType::UserMessage => {
                let title = title_of(&event.content.to_text());
                if !title.is_empty() {
                    self.prompt = Some(Prompt::Raw(title));
                }
            }
            EventType::ShellCommand { command, .. } => {
                let call = event.attributes.get(attribute::CALL_ID).and_then(serde_json::Value::as_str);
                if let Some(call) = call {
                    self.commands.entry(call.to_owned()).or_default().push((at, words(command)));
                }
            }
            EventType::ToolResult { call_id: Some(call), .. } => self.returned(call, at),
            other => {
                if let Some(path) = other.changed_path() {
                    self.changed(path.to_owned(), at, None);
                }
            }
        }
        Ok(())
    }
}

/// The words of a command line that may name a file.
fn words(command: &str) -> Vec<String> {
    let is_separator = |character: char| character.is_whitespace() || "<>|;&()'\"`=".contains(character);
    let is_name = |word: &&str| !word.starts_with('-') && word.chars().any(char::is_alphanumeric) && word.len() < 1024;
    let mut words: Vec<String> =
        command.split(is_separator).filter(is_name).take(MAX_WORDS).map(str::to_owned).collect();
    words.sort();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn finds_the_names_in_a_command_line() {
        assert_eq!(
            words("cat > 'src/a.txt' <<EOF && sed -i s/x/y/ b.txt"),
            ["EOF", "b.txt", "cat", "s/x/y/", "sed", "src/a.txt"]
        );
    }
}
