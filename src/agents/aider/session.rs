//! Reads one session, line by line.

use std::io;

use serde_json::{Value, json};

use super::{
    super::{
        Warning, diff, field,
        message::{self, Message, Part, Speaker},
        transcript::{Tokens, Transcript},
    },
    Chat, blocks, marked,
    notice::{self, Notice},
};
use crate::hail::{Block, Content, Event, EventType, Sink, Timestamp, attribute, title_of};

/// The shape of the native records, as events name it.
const SCHEMA: &str = "aider-chat-history";
/// What stands before the model's reasoning, and after it.
const THINKING: [&str; 2] = ["► **THINKING**", "► **ANSWER**"];

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Voice {
    Person,
    Program,
    Model,
}

/// Reads the session into events.
pub(super) fn parse(chat: &Chat<'_>, folder: Option<&str>, sink: &mut dyn Sink) -> io::Result<Vec<Warning>> {
    let mut transcript = message::transcript("aider", SCHEMA, sink);
    transcript.facts.began = chat.began;
    transcript.facts.cwd = folder.map(str::to_owned);
    transcript.facts.attributes.insert("time_zone", json!("unknown, local time taken as UTC"));
    let mut reader = Reader {
        transcript,
        time: chat.began,
        answer: None,
        said: String::new(),
        is_counted: false,
        is_asked: [false; 2],
    };
    let mut group: Option<(Voice, u64, Vec<&str>)> = None;
    for (index, line) in chat.text.lines().enumerate().skip(1) {
        let (voice, text) = voice_of(line);
        match &mut group {
            Some((open, _, lines)) if *open == voice => lines.push(text),
            // A blank line is of the model only where its text goes on.
            _ if voice == Voice::Model && text.is_empty() => reader.send(group.take())?,
            _ => {
                reader.send(group.take())?;
                group = Some((voice, chat.line + index as u64, vec![text]));
            }
        }
    }
    reader.send(group)?;
    reader.settle(Tokens::default())?;
    reader.transcript.finish(chat.id.clone())
}

fn voice_of(line: &str) -> (Voice, &str) {
    let line = line.strip_suffix('\r').unwrap_or(line);
    match (marked(line, "####"), marked(line, ">")) {
        (Some(text), _) => (Voice::Person, text),
        (_, Some(text)) => (Voice::Program, text),
        _ => (Voice::Model, line),
    }
}

struct Reader<'s> {
    transcript: Transcript<'s>,
    time: Option<Timestamp>,
    /// The answer, which waits for the line that says what it used.
    answer: Option<Message>,
    /// What the model said in its last answer: the edits are in it.
    said: String,
    /// Whether that answer was counted, so that what the model says next is another one.
    is_counted: bool,
    /// Whether the program asked to run a command, and to create a file.
    is_asked: [bool; 2],
}

impl Reader<'_> {
    fn send(&mut self, group: Option<(Voice, u64, Vec<&str>)>) -> io::Result<()> {
        let Some((voice, line, lines)) = group else { return Ok(()) };
        match voice {
            Voice::Person => self.prompt(line, &lines.join("\n")),
            Voice::Program => self.notices(line, &lines),
            Voice::Model => {
                let text = lines.join("\n");
                if std::mem::take(&mut self.is_counted) {
                    self.said.clear();
                }
                self.said += &(text.clone() + "\n");
                self.settle(Tokens::default())?;
                self.answer = Some(self.answer_of(line, text.trim_matches('\n')));
                Ok(())
            }
        }
    }

    fn prompt(&mut self, line: u64, text: &str) -> io::Result<()> {
        self.settle(Tokens::default())?;
        // An answer to a question of the program is recorded like a prompt, with the question.
        let is_answer = text.contains("? (Y)es/(N)o");
        let speaker = if is_answer { Speaker::Program("confirmation") } else { Speaker::Person };
        if !is_answer {
            (self.said, self.is_asked) = (String::new(), [false; 2]);
            let is_command = text.starts_with(['/', '!']);
            if !is_command && self.transcript.facts.title.is_none() {
                self.transcript.facts.title = Some(title_of(text)).filter(|title| !title.is_empty());
            }
        }
        let mut message = Message::new(format!("line-{line}"), self.time, speaker);
        message.say(Content::text(text));
        message.send(&mut self.transcript)
    }

    fn answer_of(&self, line: u64, text: &str) -> Message {
        let mut message = Message::new(format!("line-{line}"), self.time, Speaker::Agent);
        message.model = Some(self.transcript.facts.model.clone()).filter(|model| model != "unknown");
        let said = match text.split_once(THINKING[0]) {
            Some((_, rest)) => {
                let (thought, said) = rest.split_once(THINKING[1]).unwrap_or((rest, ""));
                let is_rule = |c: char| c == '-' || c.is_whitespace();
                message.parts.push(Part::Thought(thought.trim().trim_end_matches(is_rule).to_owned()));
                said.trim()
            }
            None => text,
        };
        message.say(Content::text(said));
        message
    }

    /// Sends the answer, with what it used.
    fn settle(&mut self, tokens: Tokens) -> io::Result<()> {
        let Some(mut answer) = self.answer.take() else { return Ok(()) };
        answer.tokens = tokens;
        answer.send(&mut self.transcript)
    }

    /// Reads what the program said. All of it is kept as one text, after which comes what it did.
    fn notices(&mut self, line: u64, lines: &[&str]) -> io::Result<()> {
        let notices: Vec<Notice<'_>> = lines.iter().map(|line| notice::read(line)).collect();
        let used =
            notices.iter().find_map(|notice| if let Notice::Usage(tokens) = notice { Some(*tokens) } else { None });
        self.is_counted |= used.is_some();
        let is_unanswered = self.answer.is_none();
        self.settle(used.unwrap_or_default())?;
        let mut message = Message::new(format!("line-{line}"), self.time, Speaker::Program("aider"));
        message.say(Content::text(lines.join("\n")));
        if let Some(tokens) = used.filter(|_| is_unanswered) {
            message.tokens = tokens;
        }
        message.send(&mut self.transcript)?;
        for (index, notice) in notices.iter().enumerate() {
            self.act(&format!("line-{}-done", line + index as u64), notice)?;
        }
        Ok(())
    }

    fn act(&mut self, id: &str, notice: &Notice<'_>) -> io::Result<()> {
        match notice {
            Notice::Version(version) => self.transcript.facts.version = Some((*version).to_owned()),
            Notice::Model(model) => {
                (*model).clone_into(&mut self.transcript.facts.model);
                let by_name = field::provider_of(model);
                let maker = model.split_once('/').map_or(by_name, |(provider, _)| provider);
                maker.clone_into(&mut self.transcript.facts.provider);
            }
            Notice::AsksToRun => self.is_asked[0] = true,
            Notice::AsksToCreate => self.is_asked[1] = true,
            Notice::Running(command) if self.is_asked[0] => {
                let kind = EventType::ShellCommand { command: (*command).to_owned(), exit_code: None };
                return self.did(id, kind, Content::default(), "shell");
            }
            Notice::Applied(path) => return self.edit(id, path),
            Notice::Commit { id: commit, message } => {
                let kind = EventType::Custom { kind: "commit".to_owned() };
                let event = self.transcript.event(id, self.time, kind, "commit");
                let data = json!({ "commit": commit, "message": message });
                return self.transcript.push(event.with_content(Content::json(data)));
            }
            Notice::Usage(_) | Notice::Running(_) | Notice::Other => {}
        }
        Ok(())
    }

    /// An edit that was applied, with the blocks of the answer that are about the file.
    fn edit(&mut self, id: &str, path: &str) -> io::Result<()> {
        let named =
            |name: &str| name == path || path.ends_with(&format!("/{name}")) || name.ends_with(&format!("/{path}"));
        let edits: Vec<blocks::Edit> = blocks::edits(&self.said).into_iter().filter(|edit| named(&edit.path)).collect();
        let is_new = self.is_asked[1] && edits.iter().all(|edit| edit.old.is_empty()) && !edits.is_empty();
        if is_new {
            let content: String = edits.iter().map(|edit| edit.new.as_str()).collect();
            let file = Block::File { path: path.to_owned(), content: Some(content) };
            let kind = EventType::FileCreate { path: path.to_owned() };
            return self.did(id, kind, Content { blocks: vec![file] }, "edit");
        }
        let hunks: String = edits.iter().map(|edit| diff::hunks(&edit.old, &edit.new)).collect();
        let diff = Some(diff::with_header(path, &hunks)).filter(|diff| !diff.is_empty());
        self.did(id, EventType::FileEdit { path: path.to_owned(), diff }, Content::default(), "edit")
    }

    fn did(&mut self, id: &str, kind: EventType, content: Content, group: &str) -> io::Result<()> {
        let event: Event = self.transcript.event(id, self.time, kind, "notice").with_content(content);
        self.transcript.push(event.with(attribute::TOOL_KIND, Value::from(group)))
    }
}
