//! The `redact` command.

use std::io::Read;

use super::removal::{self, Redaction};
use crate::{
    config,
    context::Context,
    erase::{Again, Count, Erasure, Fate},
    error::{Error, Result},
    git::{GitError, Repository},
    hail::{SessionId, Timestamp},
    ledger::{self, LedgerError, MAX_SESSION_BYTES, Redaction as _},
    redact::Settings,
    report::Report,
};

/// The shortest text that is taken, in bytes: a shorter one is everywhere.
const SHORTEST: usize = 4;

/// Remove secrets from a stored session
///
/// Applies the rules as they are now, and a text of yours, to every ledger, note, summary, artifact and
/// branch of a review that holds the session, here and, with --push, on the remote, and leaves a
/// tombstone, so that a clone that has the former version does not bring it back. The text is remembered
/// in this clone's git directory, so that it is taken out of whatever is captured from now on.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The session
    #[arg(value_name = "REF")]
    reference: String,
    /// Apply this rule only
    #[arg(long, value_name = "RULE", conflicts_with = "text")]
    rule: Option<String>,
    /// Also remove this text; - reads it from standard input, which keeps it out of the shell history
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Show what would be removed, without changing anything
    #[arg(long)]
    dry_run: bool,
    /// Rewrite the remote's copy as well
    #[arg(long, conflicts_with = "dry_run")]
    push: bool,
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
    let remote = arguments.push.then(|| removal::remote(context, &config)).transpose()?;
    if let Some(remote) = &remote {
        removal::fetch(context, &config, remote)?;
    }
    let session = removal::session(context, &arguments.reference, "redact")?;
    let again = Again::new(&redactor, text.as_deref());
    let archive = removal::archive(context)?;
    let now = ledger::time_for(repository, &session, context.now())?;
    let fate = Fate::Redacted(&again);
    let erasure = Erasure { repository, session: &session, fate, archive: archive.as_deref(), now };
    let redaction = Redaction { dry_run: arguments.dry_run, rules: found(&erasure, &again)? };
    if redaction.rules.is_empty() {
        return Ok(removal::untouched(&session, redaction, Vec::new()));
    }
    if redaction.dry_run {
        return Ok(removal::untouched(&session, redaction, erasure.published()?));
    }
    // Remembered first: what is captured in between is redacted, too.
    remember(repository, &session, text.as_deref(), now)?;
    let mut report = removal::carry_out(context, &config, &erasure, remote, Some(redaction))?;
    report.notes.extend(in_messages(repository, &session, text.as_deref())?);
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
        return Err(Error::usage(format!("the text is shorter than {SHORTEST} bytes and would match everywhere"))
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

fn remember(repository: &Repository, session: &SessionId, text: Option<&str>, now: Timestamp) -> Result<()> {
    let mut remembered = config::remembered(repository)?;
    if let Some(text) = text {
        remembered.add_text(text);
    }
    remembered.clear(session.clone(), now);
    Ok(remembered.save(&repository.state_dir())?)
}

/// What is found in the versions of a session, stored and published, each counted once. A home directory
/// is no secret.
fn found(erasure: &Erasure<'_>, again: &Again<'_>) -> Result<Count> {
    let (repository, session) = (erasure.repository, erasure.session);
    let mut blobs = erasure.published_events()?;
    for ledger in ledger::ALL {
        for tip in ledger.tips(repository)? {
            // One that cannot be read at all is named by whoever rewrites it.
            let sessions = ledger.sessions(repository, &tip).unwrap_or_default().into_iter();
            let sessions = sessions.chain(ledger.shares(repository, &tip).unwrap_or_default());
            let is_of = |id: &SessionId| id == session;
            let versions = sessions.filter(|listed| is_of(&listed.key.id) || is_of(&listed.meta.session_id));
            for listed in versions {
                listed.meta.look_at_texts(&|text| drop(again.text(text)));
                blobs.extend(listed.hail);
            }
        }
    }
    for blob in blobs {
        if !repository.has_object(blob) {
            return Err(GitError::Missing { id: blob.to_string() }.into());
        }
        let bytes = match repository.read_blob(blob, MAX_SESSION_BYTES) {
            Err(fault) if fault.is_damage() => {
                return Err(LedgerError::Unreadable { session: session.clone(), cause: fault.to_string() }.into());
            }
            bytes => bytes?,
        };
        again.session(&bytes)?;
    }
    let mut count = again.take_count();
    count.retain(|rule, _| rule != "home-directory");
    Ok(count)
}

/// The commits whose messages contain the text. Only the user may rewrite commits.
fn in_messages(repository: &Repository, session: &SessionId, text: Option<&str>) -> Result<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    let mut commits = std::collections::BTreeSet::new();
    for ledger in ledger::ALL {
        for tip in ledger.tips(repository)? {
            let found = ledger.find(repository, &tip, session).unwrap_or_default();
            commits.extend(found.into_iter().flat_map(|meta| meta.git.commits));
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
    Ok(Some(format!("these commit messages also contain it and are not rewritten: {}", found.join(", "))))
}
