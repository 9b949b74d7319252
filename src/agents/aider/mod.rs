//! Aider: `.aider.chat.history.md` in a repository, one Markdown file for all of its sessions.
//!
//! A session begins with `# aider chat started at <local time>`. What the person typed is marked with
//! `#### `, what the program said with `> `, and every such line ends with two spaces, which tells it
//! from a heading or a quotation of the model, whose text has no mark at all.

mod blocks;
mod notice;
mod session;

use std::path::{Component, Path, PathBuf};

use super::{Agent, Log, LogFile, ParseError, Sample, Scope, Warning, field, identity};
use crate::{
    environment::Environment,
    hail::{SessionId, Sink, Timestamp},
};

/// The file's name, unless a setting moves it.
const NAME: &str = ".aider.chat.history.md";
/// How a session begins.
const START: &str = "# aider chat started at ";

/// The Aider parser.
pub(super) struct Aider;

impl Agent for Aider {
    fn name(&self) -> &'static str {
        "aider"
    }

    fn title(&self) -> &'static str {
        "Aider"
    }

    fn is_local(&self) -> bool {
        true
    }

    /// The file in the scope's folder and those above it: there is no list of the repositories in
    /// which Aider ran.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let moved = environment.variable("AIDER_CHAT_HISTORY_FILE").map(PathBuf::from);
        let mut paths: Vec<PathBuf> =
            scope.folder.into_iter().flat_map(Path::ancestors).map(|f| f.join(NAME)).collect();
        paths.extend(moved.into_iter().filter_map(|path| match scope.folder {
            Some(folder) => Some(folder.join(path)),
            None => path.is_absolute().then_some(path),
        }));
        let found = paths.into_iter().filter_map(LogFile::at);
        found.filter(|log| scope.since.is_none_or(|since| log.modified >= since)).collect()
    }

    fn recognises(&self, sample: &Sample) -> bool {
        let text = sample.text.trim_start_matches('\u{feff}').trim_start();
        text.strip_prefix(START).is_some_and(|time| time.starts_with(|c: char| c.is_ascii_digit()))
    }

    fn sessions(&self, log: &LogFile) -> Result<Vec<LogFile>, ParseError> {
        let (text, _) = read(&mut Log::open(&log.path)?)?;
        let chats = wanted(split(&text, Some(&log.path)));
        // A session ended at the latest when the next one began; only the last one may go on.
        let ends = chats.iter().skip(1).map(|chat| chat.began).chain([None]).collect::<Vec<_>>();
        Ok(chats.iter().zip(ends).map(|(chat, end)| log.part(chat.id.as_str(), end)).collect())
    }

    fn working_directory<'s>(&self, _: &'s Sample) -> Option<&'s str> {
        None
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let (path, part) = (log.path, log.part);
        let (text, mut warnings) = read(log)?;
        let all = split(&text, path);
        let mut chats = match part {
            Some(part) => all.into_iter().filter(|chat| chat.id.as_str() == part).collect(),
            None => wanted(all),
        };
        if chats.len() > 1 {
            let parts = chats.iter().map(|chat| chat.id.to_string()).collect();
            return Err(ParseError::SeveralSessions { parts });
        }
        let chat = chats.pop();
        let refuse = || ParseError::NoRecord { line: 1, cause: "no session of Aider, or none of that id".to_owned() };
        warnings.extend(session::parse(&chat.ok_or_else(refuse)?, path.and_then(folder).as_deref(), sink)?);
        Ok(warnings)
    }
}

/// One session in the file.
#[derive(Debug)]
struct Chat<'t> {
    id: SessionId,
    began: Option<Timestamp>,
    /// The number of its first line in the file.
    line: u64,
    text: &'t str,
}

impl Chat<'_> {
    /// Whether anybody asked for anything: a start alone is no session.
    fn has_prompt(&self) -> bool {
        self.text.lines().any(|line| marked(line, "####").is_some())
    }
}

/// Reads the file. What is not UTF-8 was pasted into a terminal, and does not spoil the rest; a last
/// line that breaks off is left out.
fn read(log: &mut Log<'_>) -> Result<(String, Vec<Warning>), ParseError> {
    let bytes = log.rest()?;
    let mut warnings = Vec::new();
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let line_of = |end: usize| memchr::memchr_iter(b'\n', &bytes[..end]).count() as u64 + 1;
    if let Err(fault) = std::str::from_utf8(&bytes[..end]) {
        let line = line_of(fault.valid_up_to());
        warnings.push(Warning { line, cause: "not UTF-8: what cannot be read was replaced".to_owned() });
    }
    if !bytes[end..].is_empty() {
        warnings.push(Warning { line: line_of(end), cause: "the last line breaks off and was left out".to_owned() });
    }
    let text = String::from_utf8_lossy(&bytes[..end]);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
    if bytes.trim_ascii().is_empty() { Err(ParseError::Empty) } else { Ok((text, warnings)) }
}

/// Splits the file into sessions.
fn split<'t>(text: &'t str, path: Option<&Path>) -> Vec<Chat<'t>> {
    let mut starts: Vec<(usize, u64, &str)> = Vec::new();
    let mut offset = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let time = line.trim_end().strip_prefix(START).filter(|time| field::zoneless(time).is_some());
        starts.extend(time.map(|time| (offset, number as u64 + 1, time)));
        offset += line.len();
    }
    let folder = path.and_then(folder).unwrap_or_default();
    let mut times = std::collections::HashMap::new();
    let ends = starts.iter().skip(1).map(|(offset, ..)| *offset).chain([text.len()]);
    let chats = starts.iter().zip(ends).map(|((offset, line, time), end)| {
        // Two sessions may begin in the same second.
        let twin: &mut u32 = times.entry(*time).or_default();
        *twin += 1;
        let native = if *twin == 1 { format!("{folder}\n{time}") } else { format!("{folder}\n{time}\n{twin}") };
        let id = identity::hashed_id("aider", &native);
        Chat { id, began: field::zoneless(time), line: *line, text: &text[*offset..end] }
    });
    chats.collect()
}

/// The sessions in which somebody asked for something; where there is none, every start.
fn wanted(chats: Vec<Chat<'_>>) -> Vec<Chat<'_>> {
    if chats.iter().any(Chat::has_prompt) { chats.into_iter().filter(Chat::has_prompt).collect() } else { chats }
}

/// The folder of the file, which is the repository's, as one path however it was reached.
fn folder(path: &Path) -> Option<String> {
    let mut folder = PathBuf::new();
    for component in path.parent()?.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(folder.pop()),
            other => folder.push(other),
        }
    }
    folder.to_str().filter(|folder| !folder.is_empty()).map(str::to_owned)
}

/// What stands on a line with a mark, such as `####`: `None` where it has none.
fn marked<'l>(line: &'l str, mark: &str) -> Option<&'l str> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let rest = line.strip_suffix("  ")?.strip_prefix(mark)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(' ') }
}
