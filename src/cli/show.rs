//! The `show` command.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    log::Row,
    reference::{self, Named},
    time,
};
use crate::{
    context::Context,
    error::{Error, Result},
    git::GitError,
    hail::{Event, EventType, Header, Session, Stats, cut},
    ledger::{self, LedgerError, Listed, Summary},
    report::{Describe, Report, View},
};

/// How many characters of an event a timeline shows.
const EXCERPT: usize = 100;

/// Show a session: head, timeline, files, commits
///
/// REF is HEAD (the latest), HEAD~N (the latest N), HEAD^N (the Nth most recent, from 0), an id or
/// the beginning of one, a commit or a range of commits (with commit: before it where it could be
/// something else, as in commit:HEAD), a file, or - for standard input.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The session
    #[arg(value_name = "REF", default_value = "HEAD")]
    reference: String,
    /// Show everything that was said, done and returned
    #[arg(long)]
    full: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    One(Box<Shown>),
    Several(Vec<Shown>),
}

#[derive(Serialize)]
struct Shown {
    schema_version: u32,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger: Option<Row>,
    header: Header,
    stats: Stats,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
    commits: Vec<String>,
    files: Vec<FileAction>,
    events: Vec<Event>,
    #[serde(skip)]
    is_full: bool,
}

#[derive(Serialize)]
struct FileAction {
    path: String,
    action: &'static str,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        match self {
            Self::One(shown) => describe(View::default(), shown),
            Self::Several(all) => all.iter().fold(View::default(), describe),
        }
    }
}

fn describe(view: View, shown: &Shown) -> View {
    let (header, stats) = (&shown.header, &shown.stats);
    let agent = &header.agent;
    let version = agent.tool_version.as_deref().unwrap_or_default();
    let mut view = view.heading(&header.context.title).pairs([
        ("session", shown.id.clone()),
        ("agent", format!("{} {version}", agent.tool)),
        ("model", agent.model.clone()),
        ("began", time::minute(header.context.created_at)),
        ("lasted", time::span(stats.duration_seconds)),
        ("directory", header.cwd().unwrap_or_default().to_owned()),
        ("branch", header.attribute("git_branch").unwrap_or_default().to_owned()),
        ("messages", format!("{}, {} of them yours", stats.message_count, stats.user_message_count)),
        ("tool calls", stats.tool_call_count.to_string()),
        ("tokens", format!("{} in, {} out", stats.total_input_tokens, stats.total_output_tokens)),
        ("commits", shown.commits.iter().filter_map(|commit| commit.get(..10)).collect::<Vec<_>>().join(" ")),
    ]);
    if let Some(summary) = &shown.summary {
        view = view.pairs([("summary", excerpt(&summary.line()))]);
    }
    if !shown.files.is_empty() {
        let lines = format!("Files (+{} -{})", stats.lines_added, stats.lines_removed);
        view = view
            .heading(lines)
            .list(shown.files.iter().map(|file| format!("{:7} {}", file.action, file.path)).collect());
    }
    view = view.heading("Timeline");
    if shown.is_full {
        return shown.events.iter().fold(view, full_event);
    }
    let rows = shown.events.iter().filter_map(|event| {
        let (kind, text) = summary(event)?;
        Some(vec![time::second(event.timestamp), kind.to_owned(), excerpt(&text)])
    });
    view.table(&["time", "what", ""], rows.collect())
}

/// One event in a line; records of the harness are left out.
fn summary(event: &Event) -> Option<(&'static str, String)> {
    let text = || event.content.to_text();
    Some(match &event.event_type {
        EventType::UserMessage => ("you", text()),
        EventType::AgentMessage => ("agent", text()),
        EventType::Thinking => ("thinks", text()),
        EventType::ToolCall { name } => ("calls", name.clone()),
        EventType::ToolResult { is_error: true, name, .. } => ("failed", format!("{name}: {}", text())),
        EventType::FileRead { path } => ("reads", path.clone()),
        EventType::CodeSearch { query } | EventType::WebSearch { query } => ("searches", query.clone()),
        EventType::FileSearch { pattern } => ("searches", pattern.clone()),
        EventType::FileEdit { path, .. } => ("edits", path.clone()),
        EventType::FileCreate { path } => ("creates", path.clone()),
        EventType::FileDelete { path } => ("deletes", path.clone()),
        EventType::ShellCommand { command, exit_code } => {
            let failed = exit_code.filter(|code| *code != 0).map(|code| format!(" (exit code {code})"));
            ("runs", format!("{command}{}", failed.unwrap_or_default()))
        }
        EventType::WebFetch { url } => ("fetches", url.clone()),
        EventType::ImageGenerate { prompt }
        | EventType::VideoGenerate { prompt }
        | EventType::AudioGenerate { prompt } => ("makes", prompt.clone()),
        EventType::TaskStart { title: Some(title) } => ("task", title.clone()),
        EventType::TaskEnd { summary: Some(summary) } => ("done", summary.clone()),
        EventType::ToolResult { .. }
        | EventType::SystemMessage
        | EventType::TaskStart { .. }
        | EventType::TaskEnd { .. }
        | EventType::Custom { .. } => return None,
    })
}

fn excerpt(text: &str) -> String {
    cut(&text.split_whitespace().collect::<Vec<_>>().join(" "), EXCERPT)
}

fn full_event(view: View, event: &Event) -> View {
    let (kind, text) = match (&event.event_type, summary(event)) {
        (EventType::ToolResult { name, .. }, None) => ("returned", name.clone()),
        (EventType::Custom { kind }, _) => ("record", kind.clone()),
        (_, Some((kind, text))) => (kind, text),
        (_, None) => ("system", String::new()),
    };
    let is_prose = matches!(event.event_type, EventType::UserMessage | EventType::AgentMessage | EventType::Thinking);
    let head = if is_prose { kind.to_owned() } else { format!("{kind} {}", excerpt(&text)) };
    let view = view.heading(format!("{} {head}", time::second(event.timestamp)));
    let view = match &event.event_type {
        EventType::FileEdit { diff: Some(diff), .. } => view.code("diff", diff),
        _ => view,
    };
    event.content.blocks.iter().fold(view, |view, block| match block {
        crate::hail::Block::Text { text } if is_prose => view.paragraph(text.as_str()),
        crate::hail::Block::Text { text } => view.code("", text.as_str()),
        crate::hail::Block::Code { code, .. } => view.code("", code),
        crate::hail::Block::File { path, content } => view.code("", content.as_ref().unwrap_or(path)),
        crate::hail::Block::Json { data } => view.code("json", serde_json::to_string_pretty(data).unwrap_or_default()),
        crate::hail::Block::Image { url, mime, .. }
        | crate::hail::Block::Video { url, mime }
        | crate::hail::Block::Audio { url, mime } => view.paragraph(format!("[{}]", crate::hail::shown(url, mime))),
        crate::hail::Block::Reference { uri, .. } => view.paragraph(format!("[{uri}]")),
    })
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let mut shown = Vec::new();
    let mut bytes = Vec::new();
    for named in reference::resolve(context, &arguments.reference)? {
        let (session, ledger) = match named {
            Named::File(session) => {
                bytes.extend(session.to_bytes());
                (*session, None)
            }
            Named::Stored(listed) => {
                let repository = &context.repository()?.fetching_missing();
                let stored = listed.read(repository).map_err(|fault| unread(fault, &listed))?;
                let session = reference::read_stored(&stored)?;
                bytes.extend(stored);
                (session, Some(Row::of(repository, &listed)).zip(Some(listed)))
            }
        };
        let mut one = make(session, ledger, arguments.full);
        if one.ledger.is_some() {
            // The session can be shown whatever became of the summaries.
            one.summary = ledger::summary_of(&context.repository()?.fetching_missing(), &one.header.session_id)
                .unwrap_or_default();
        }
        shown.push(one);
    }
    let answer = if shown.len() == 1 { Answer::One(Box::new(shown.remove(0))) } else { Answer::Several(shown) };
    let mut report = Report::new(answer).with_hail(Box::new(move |out| Ok(out.write_all(&bytes)?)));
    report.is_long = true;
    Ok(report)
}

/// Says how to get a session that a partial clone left out.
fn unread(fault: LedgerError, listed: &Listed) -> Error {
    let is_missing = matches!(fault, LedgerError::Git(GitError::Missing { .. }));
    let error = Error::from(fault);
    if is_missing { error.hinted(format!("git session hydrate {}", listed.key)) } else { error }
}

fn make(session: Session, ledger: Option<(Row, Box<Listed>)>, is_full: bool) -> Shown {
    let mut files: BTreeMap<String, &'static str> = BTreeMap::new();
    for event in &session.events {
        if let Some(path) = event.event_type.changed_path() {
            let action = match event.event_type {
                EventType::FileCreate { .. } => "created",
                EventType::FileDelete { .. } => "deleted",
                _ => "edited",
            };
            // A file that was created and then edited was created.
            let known = files.entry(path.to_owned()).or_insert(action);
            if action == "deleted" || *known == "deleted" {
                *known = action;
            }
        }
    }
    let (row, listed) = ledger.map_or((None, None), |(row, listed)| (Some(row), Some(listed)));
    Shown {
        schema_version: 1,
        id: listed.as_ref().map_or_else(|| session.header.session_id.to_string(), |listed| listed.key.to_string()),
        commits: listed.map(|listed| listed.meta.git.commits).unwrap_or_default(),
        ledger: row,
        summary: None,
        header: session.header,
        stats: session.stats,
        files: files.into_iter().map(|(path, action)| FileAction { path, action }).collect(),
        events: session.events,
        is_full,
    }
}
