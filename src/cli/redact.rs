//! The `redact` command.

use std::io::Read;

use serde::Serialize;

use super::{erasing, purge};
use crate::{
    config,
    context::Context,
    erase::{Again, Count, Erased, Erasure, Fate},
    error::{Error, Result},
    git::Repository,
    hail::SessionId,
    ledger::{self, MAX_SESSION_BYTES, Redaction},
    redact::Settings,
    report::{Describe, Report, View},
};

/// The shortest text that is taken, in bytes: a shorter one is everywhere.
const SHORTEST: usize = 4;

/// Take secrets out of a session that is stored
///
/// Applies the rules as they are now, and a text of yours, to every ledger, note, summary and artifact
/// that holds the session, here and, with --push, on the remote, and leaves a tombstone, so that a
/// clone that has the former version does not bring it back. The text is remembered in this clone's
/// git directory, so that it is taken out of whatever is captured from now on.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The session
    #[arg(value_name = "REF")]
    reference: String,
    /// Apply this rule only
    #[arg(long, value_name = "RULE", conflicts_with = "text")]
    rule: Option<String>,
    /// Take this text out, too; - reads it from standard input, so that no shell remembers it
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Say what would be taken out, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Rewrite what the remote has as well
    #[arg(long, conflicts_with = "dry_run")]
    push: bool,
}

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    session: String,
    dry_run: bool,
    /// How often each rule hit.
    rules: Count,
    #[serde(flatten)]
    erased: Erased,
    /// The remote that was pushed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<String>,
    pushed: Vec<String>,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let rules: Vec<String> = self.rules.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
        let said = match (rules.is_empty(), self.dry_run) {
            (true, _) => format!("nothing to take out of session {}", self.session),
            (_, true) => format!("would be taken out of session {}: {}", self.session, rules.join(", ")),
            (_, false) => format!("taken out of session {}: {}", self.session, rules.join(", ")),
        };
        let rows = purge::erased(&self.erased).into_iter().chain([("pushed", self.pushed.join(", "))]);
        View::default().paragraph(said).pairs(rows)
    }
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let repository = context.repository()?;
    let config = context.config()?;
    let text = arguments.text.as_deref().map(read_text).transpose()?;
    let settings = settings(repository, arguments, text.as_deref())?;
    let redactor = context.redactor_of(&settings)?;
    if let Some(rule) = arguments.rule.as_ref().filter(|rule| !redactor.has_rule(rule)) {
        return Err(Error::usage(format!("there is no rule '{rule}'"))
            .hinted(format!("git session scan {} names the rules that hit", arguments.reference)));
    }
    let remote = arguments.push.then(|| erasing::remote(context, &config)).transpose()?;
    if let Some(remote) = &remote {
        erasing::fetch(context, &config, remote)?;
    }
    let session = erasing::session(context, &arguments.reference, "redact")?;
    let again = Again::new(&redactor, text.as_deref());
    let rules = found(repository, &again, &session)?;
    let is_applied = !arguments.dry_run && !rules.is_empty();
    let (mut erased, mut pushed, mut notes) = (Erased::default(), Vec::new(), Vec::new());
    let mut is_good = true;
    if is_applied {
        // Remembered first: what is captured in between is redacted, too.
        remember(context, &session, text.as_deref())?;
        erased = Erasure { repository, session: &session, fate: Fate::Redacted(&again), now: context.now() }.run()?;
        if let Some(remote) = &remote {
            (pushed, notes) = erasing::push(context, &config, remote)?;
            is_good = notes.is_empty();
        } else if !repository.remotes().is_empty() {
            notes.push("the remote still has it until the next push: git session sync".to_owned());
        }
        notes.extend(erasing::ADVICE.map(str::to_owned));
        notes.extend(in_messages(repository, &session, text.as_deref())?);
    }
    let (session, dry_run) = (session.to_string(), arguments.dry_run);
    let mut report = Report::new(Answer { schema_version: 1, session, dry_run, rules, erased, remote, pushed });
    (report.notes, report.is_good) = (notes, is_good);
    Ok(report)
}

/// The text as it was given, or standard input without its last line break.
fn read_text(text: &str) -> Result<String> {
    let mut text = text.to_owned();
    if text == "-" {
        text.clear();
        std::io::stdin().lock().read_to_string(&mut text)?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        text.truncate(line.strip_suffix('\r').unwrap_or(line).len());
    }
    if text.len() < SHORTEST {
        return Err(Error::usage(format!("a text of fewer than {SHORTEST} bytes would be found everywhere"))
            .hinted("git session redact REF --text - reads a longer one from standard input"));
    }
    Ok(text)
}

fn settings(repository: &Repository, arguments: &Args, text: Option<&str>) -> Result<Settings> {
    let mut settings = config::redaction(repository)?;
    settings.only.clone_from(&arguments.rule);
    if let Some(text) = text {
        let mut remembered = crate::redact::Remembered::default();
        remembered.add_text(text);
        remembered.apply(&mut settings)?;
    }
    Ok(settings)
}

fn remember(context: &Context, session: &SessionId, text: Option<&str>) -> Result<()> {
    let repository = context.repository()?;
    let mut remembered = config::remembered(repository)?;
    if let Some(text) = text {
        remembered.add_text(text);
    }
    remembered.clear(session.clone(), context.now());
    Ok(remembered.save(&repository.state_dir())?)
}

/// What is found in the versions of a session, each counted once. A home directory is no secret.
fn found(repository: &Repository, again: &Again<'_>, session: &SessionId) -> Result<Count> {
    let mut seen = std::collections::HashSet::new();
    for ledger in ledger::ALL {
        for tip in ledger.tips(repository)? {
            let sessions = ledger.sessions(repository, &tip)?.into_iter().chain(ledger.shares(repository, &tip)?);
            let is_of = |id: &SessionId| id == session;
            for listed in sessions.filter(|listed| is_of(&listed.key.id) || is_of(&listed.meta.session_id)) {
                if let Some(hail) = listed.hail.filter(|hail| seen.insert(*hail)) {
                    again.session(&repository.read_blob(hail, MAX_SESSION_BYTES)?)?;
                }
            }
        }
    }
    let mut count = again.take_count();
    count.retain(|rule, _| rule != "home-directory");
    Ok(count)
}

/// The commits whose messages have the text: they are nobody's to rewrite but the user's.
fn in_messages(repository: &Repository, session: &SessionId, text: Option<&str>) -> Result<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    let mut commits = std::collections::BTreeSet::new();
    for ledger in ledger::ALL {
        for tip in ledger.tips(repository)? {
            commits.extend(ledger.find(repository, &tip, session)?.into_iter().flat_map(|meta| meta.git.commits));
        }
    }
    let has_text = |commit: &&String| {
        let id = repository.parse_id(commit).filter(|id| repository.has_object(*id));
        let message = id.and_then(|id| repository.commit(id).ok()).map(|commit| commit.message);
        message.is_some_and(|message| memchr::memmem::find(&message, text.as_bytes()).is_some())
    };
    let found: Vec<&str> = commits.iter().filter(has_text).map(|commit| &commit[..10]).collect();
    if found.is_empty() {
        return Ok(None);
    }
    Ok(Some(format!("the messages of these commits have it, too, and stay as they are: {}", found.join(", "))))
}
