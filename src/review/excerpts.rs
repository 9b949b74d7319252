//! What was said and done in a session, short enough for a phone.

use serde::{Deserialize, Serialize};

use super::SessionDigest;
use crate::{
    git::Repository,
    hail::{Event, EventType, Lines, Reader, Record, cut},
    ledger::Listed,
};

/// How many characters of a question or an answer are kept.
const EXCERPT: usize = 280;
/// How many characters of a command are kept.
const COMMAND: usize = 160;
/// How many exchanges are kept at the beginning of a session, and as many at its end.
const EXCHANGES: usize = 4;
/// How many failed commands are kept.
const FAILURES: usize = 8;

/// What somebody asked, and what the agent answered at last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The question, cut.
    pub question: String,
    /// The answer, cut; `None` where there was none.
    pub answer: Option<String>,
}

/// A command that ended with another exit code than 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedCommand {
    /// The command line, cut.
    pub command: String,
    /// The exit code.
    pub exit_code: i32,
}

/// Reads a session for a digest. One that cannot be read is named, and the reason with it.
pub(super) fn of(repository: &Repository, listed: &Listed) -> SessionDigest {
    let meta = &listed.meta;
    let mut digest = SessionDigest {
        id: listed.key.to_string(),
        tool: meta.tool.clone(),
        model: meta.model.clone(),
        title: meta.title.clone(),
        created_at: meta.own.created_at,
        unread: None,
        exchanges: Vec::new(),
        exchanges_left_out: 0,
        failed_commands: Vec::new(),
        failed_left_out: 0,
        url: None,
        hail: None,
    };
    match listed.read(repository) {
        Ok(bytes) => {
            digest.hail = listed.hail;
            if let Err(fault) = read(&mut digest, &bytes) {
                digest.unread = Some(fault);
            }
        }
        Err(fault) => digest.unread = Some(fault.to_string()),
    }
    digest
}

/// Reads a session for a digest that has it already.
pub(super) fn again(digest: &mut SessionDigest, bytes: &[u8]) {
    forget(digest);
    digest.unread = read(digest, bytes).err();
}

/// Takes out of a digest what was said and done.
pub(super) fn forget(digest: &mut SessionDigest) {
    (digest.exchanges, digest.exchanges_left_out) = (Vec::new(), 0);
    (digest.failed_commands, digest.failed_left_out) = (Vec::new(), 0);
}

fn read(digest: &mut SessionDigest, bytes: &[u8]) -> Result<(), String> {
    let mut lines = Lines::new(bytes);
    let mut reader = Reader::new(&mut lines);
    let mut exchanges: Vec<Exchange> = Vec::new();
    while let Some((_, record)) = reader.next_record().map_err(|fault| fault.to_string())? {
        let Record::Event(event) = record else { continue };
        match &event.event_type {
            EventType::UserMessage => {
                exchanges.extend(said(&event).map(|question| Exchange { question, answer: None }));
            }
            EventType::AgentMessage => {
                // The last word before the next question is the answer.
                if let (Some(exchange), Some(answer)) = (exchanges.last_mut(), said(&event)) {
                    exchange.answer = Some(answer);
                }
            }
            EventType::ShellCommand { command, exit_code: Some(exit_code) } if *exit_code != 0 => {
                let failed = FailedCommand { command: excerpt(command, COMMAND), exit_code: *exit_code };
                if digest.failed_commands.len() == FAILURES {
                    digest.failed_left_out += 1;
                } else {
                    digest.failed_commands.push(failed);
                }
            }
            _ => {}
        }
    }
    if exchanges.len() > 2 * EXCHANGES {
        digest.exchanges_left_out = exchanges.len() - 2 * EXCHANGES;
        exchanges.drain(EXCHANGES..exchanges.len() - EXCHANGES);
    }
    digest.exchanges = exchanges;
    Ok(())
}

/// The beginning of what was said; `None` for nothing.
fn said(event: &Event) -> Option<String> {
    let text = excerpt(&event.content.to_text(), EXCERPT);
    (!text.is_empty()).then_some(text)
}

/// The beginning of a text, in one line.
fn excerpt(text: &str, most: usize) -> String {
    // Of a pasted file of megabytes, no more is looked at than can be shown.
    let text = text.trim_start();
    let end = text.char_indices().nth(most * 4).map_or(text.len(), |(end, _)| end);
    let line = text[..end].split_whitespace().collect::<Vec<_>>().join(" ");
    if end < text.len() { cut(&format!("{line}…"), most) } else { cut(&line, most) }
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn an_excerpt_is_one_line_and_says_that_it_was_cut() {
        assert_eq!(excerpt(" a\n b\t", 10), "a b");
        assert_eq!(excerpt("0123456789", 10), "0123456789");
        assert_eq!(excerpt("0123456789x", 10), "012345678…");
        assert!(excerpt(&" ".repeat(100), 10).is_empty());
        assert!(excerpt(&format!("a{}b", " ".repeat(100)), 10).ends_with('…'));
    }
}
