//! Who wrote the lines of a file: which session, asked for what.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::sources::Sources;
use crate::{
    attribution::{self, Evidence, Sessions},
    context::Context,
    error::Result,
    git::{BlamedLine, ObjectId, TreeChange},
    hail::{SessionId, Timestamp},
    redact::{Redactor, Summary},
};

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Writer {
    /// A session of an agent.
    Agent,
    /// A person: no session wrote the line, and its commit has none.
    Person,
    /// The commit has a session, which is not known to have written the line; or the line is not committed.
    Unknown,
}

/// A line and where it comes from.
#[derive(Clone, Debug, Serialize)]
pub struct Origin {
    /// The 1-based number of the line.
    pub line: usize,
    /// The line.
    pub text: String,
    /// The commit; none where the line is not committed.
    pub commit: Option<String>,
    /// The first line of the commit's message.
    pub subject: Option<String>,
    /// The commit's author.
    pub author: Option<String>,
    /// The session.
    pub session: Option<SessionId>,
    /// Who wrote it.
    pub kind: Writer,
    /// The event of the edit.
    pub event: Option<String>,
    /// What the person had asked for.
    pub prompt: Option<String>,
    /// What the agent said before the edit.
    pub answer: Option<String>,
    /// How it is known.
    pub evidence: Option<Evidence>,
    /// The agent.
    pub tool: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// When the session wrote it; else when the commit was written.
    pub at: Option<Timestamp>,
}

/// Finds out who wrote the lines of a file: all, or those of `ranges` in the form of `git blame -L`. `path` begins at
/// the root of the work tree.
///
/// # Errors
/// When git has no such file or lines, or a ledger cannot be read.
pub fn blame(context: &Context, path: &str, ranges: &[String]) -> Result<Vec<Origin>> {
    let repository = context.repository()?;
    let lines = repository.blame(path, ranges)?;
    let mut by_commit: BTreeMap<ObjectId, Vec<usize>> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate() {
        if let Some(commit) = line.commit {
            by_commit.entry(commit).or_default().push(at);
        }
    }
    let mut found: Vec<Origin> = lines.iter().map(uncommitted).collect();
    if by_commit.is_empty() {
        return Ok(found);
    }
    let commits: Vec<ObjectId> = by_commit.keys().copied().collect();
    let (sessions, _) = Sources::list(context, true)?.read_for(&commits)?;
    let redactor = context.redactor()?;
    let changes = repository.tree_changes(&commits)?;
    for (id, places) in by_commit {
        let commit = repository.commit(id)?;
        let facts = attribution::facts(repository, &commit);
        let is_wanted = |change: &TreeChange| places.iter().any(|at| lines[*at].path == change.path());
        let all = changes.get(&id).map(Vec::as_slice).unwrap_or_default();
        let diff = attribution::read_diff(repository, all, is_wanted)?;
        let parts = sessions.parts(&facts, &diff);
        let files = diff.files.iter().zip(&parts.files);
        let edits: HashMap<(&str, usize), usize> = files
            .flat_map(|(file, matched)| {
                matched.added.iter().filter_map(|line| Some(((file.path.as_str(), line.number), line.edit?)))
            })
            .collect();
        let has_session = !parts.parts.is_empty() || !attribution::sessions_in(&commit.message).is_empty();
        for at in places {
            let line = &lines[at];
            let edit = edits.get(&(line.path.as_str(), line.original)).copied();
            let origin = &mut found[at];
            origin.commit = Some(id.to_string());
            (origin.subject, origin.author) = (Some(facts.subject.clone()), Some(commit.author.clone()));
            origin.at = Some(facts.author_time);
            origin.kind = if has_session { Writer::Unknown } else { Writer::Person };
            if let Some(edit) = edit {
                fill(origin, &sessions, edit, redactor);
            }
        }
    }
    Ok(found)
}

fn uncommitted(line: &BlamedLine) -> Origin {
    Origin {
        line: line.number,
        text: line.text.clone(),
        commit: None,
        subject: None,
        author: None,
        session: None,
        kind: Writer::Unknown,
        event: None,
        prompt: None,
        answer: None,
        evidence: None,
        tool: None,
        model: None,
        at: None,
    }
}

/// Notes the edit that wrote a line. What a log on this machine says is redacted here.
fn fill(origin: &mut Origin, sessions: &Sessions, edit: usize, redactor: &Redactor) {
    let Some(detail) = sessions.edit(edit) else { return };
    let known = &sessions.all()[detail.session];
    let redacted = |text: &str| redactor.title(text, &mut Summary::default());
    origin.kind = Writer::Agent;
    origin.session = Some(known.id.clone());
    origin.event = Some(redacted(&detail.event));
    origin.prompt = detail.prompt.as_ref().and_then(|prompt| prompt.redacted(Some(redactor)));
    origin.answer = detail.answer.as_deref().map(redacted);
    origin.evidence = Some(Evidence::Lines);
    origin.tool = Some(known.header.agent.tool.clone());
    origin.model = Some(known.header.agent.model.clone());
    origin.at = Some(detail.at);
}
