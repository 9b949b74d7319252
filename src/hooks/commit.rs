//! The hooks of a commit: trailers before it, a capture in the background after it.

use std::{io::Write, path::Path};

use super::{
    pending::{Deferred, Pending, PendingSession},
    run::PATIENTLY,
};
use crate::{
    attribution::{self, Attribution, Comments, Encoding, FindError, Found, ScanContext, Store, TrailerKind},
    capture::{Job, JobSession, Queue},
    config::{Exclusions, Subject},
    context::Context,
    error::{Error, Result},
    git::{self, Repository},
    hail::SessionId,
    ledger::BranchName,
    system::{
        files,
        processes::{self, Process},
    },
};

/// Appends the trailers of the sessions that have a part in what is staged. `arguments` are git's: the
/// message file, the source of the message, a commit.
///
/// # Errors
/// When the repository or the message cannot be read or written.
pub fn prepare_commit_msg(context: &Context, arguments: &[String]) -> Result<()> {
    let Some(file) = arguments.first() else { return Ok(()) };
    let file = context.path(Path::new(file));
    let source = arguments.get(1).map_or("", String::as_str);
    let repository = context.repository()?;
    let message = files::read(&file, files::LARGE)?;
    let names_head = source == "commit" && arguments.get(2).is_some_and(|commit| commit == "HEAD");
    let is_amend = names_head || processes::ancestors().iter().any(is_amending);
    let found = find(context, repository, is_amend)?;
    let config = context.config()?;
    // git sets the editor to `:` for hooks where none is going to run.
    let has_editor = context.environment.variable("GIT_EDITOR").is_none_or(|editor| editor != ":");
    let comments = if has_editor { Comments::Prefix(repository.comment_prefix(&message)) } else { Comments::None };
    let mut squashed = squashed(repository);
    if is_amend && !names_head {
        let is_known = |session: &SessionId| squashed.iter().any(|known| known.session == *session);
        let of_head = of_head(repository)?.into_iter().filter(|head| !is_known(&head.session));
        squashed.extend(of_head.collect::<Vec<_>>());
    }
    let is_new = |credit: &&Attribution| !squashed.iter().any(|known| known.session == credit.session);
    let attributions: Vec<Attribution> =
        squashed.iter().chain(found.iter().map(|found| &found.attribution).filter(is_new)).cloned().collect();
    // An untouched template or an empty message makes git abort; our trailers must not change that.
    let waits = has_editor && (source == "template" || comments.body(&message).is_empty());
    let deferred = if waits {
        Deferred { attributions: attributions.clone(), found: message.clone() }
    } else {
        Deferred::default()
    };
    deferred.leave(repository)?;
    if !waits
        && let Some(new) =
            attribution::append(&message, &attributions, &config.trailers, &comments, encoding(repository))
    {
        replace(&file, &new)?;
    }
    let are_named = config.trailers.contains(&TrailerKind::Session);
    let mut sessions: Vec<PendingSession> = found.into_iter().map(pending_session).collect();
    for id in squashed.into_iter().map(|credit| credit.session).chain(attribution::sessions_in(&message)) {
        if !sessions.iter().any(|session| session.id == id) {
            sessions.push(PendingSession { id, logs: Vec::new(), evidence: "trailer".to_owned() });
        }
    }
    Pending { sessions, are_named }.leave(repository)?;
    Ok(())
}

/// Whether a process is `git commit --amend`: where the message is given, git does not tell the hook.
fn is_amending(process: &Process) -> bool {
    process.name() == "git" && process.arguments.iter().any(|word| word == "--amend")
}

/// The sessions that the commit names which is being amended with another message.
fn of_head(repository: &Repository) -> Result<Vec<Attribution>> {
    let Some(head) = repository.head()?.commit else { return Ok(Vec::new()) };
    let message = repository.commit(head)?.message;
    Ok(attribution::squashed(&message, &repository.comment_prefix(&message), encoding(repository)))
}

/// The sessions of the commits that this one takes the place of, where git collects their messages.
fn squashed(repository: &Repository) -> Vec<Attribution> {
    let files = ["SQUASH_MSG", "rebase-merge/message-squash"].map(|file| repository.git_dir().join(file));
    let collected = files.iter().find_map(|file| files::read(file, files::LARGE).ok());
    let attributions = |collected: Vec<u8>| {
        attribution::squashed(&collected, &repository.comment_prefix(&collected), encoding(repository))
    };
    collected.map(attributions).unwrap_or_default()
}

/// The encoding that commit messages have here.
fn encoding(repository: &Repository) -> Encoding {
    Encoding::of(repository.config("i18n.commitEncoding").as_deref())
}

fn find(context: &Context, repository: &Repository, is_amend: bool) -> Result<Vec<Found>> {
    let store = Store::open(&repository.state_dir())?;
    let scan = ScanContext {
        environment: &context.environment,
        repository,
        redactor: &|| context.redactor().ok(),
        now: context.now(),
    };
    let found = attribution::find_sessions(&scan, &store, is_amend);
    store.save()?;
    let mut found = found.map_err(|fault| match fault {
        FindError::Git(fault) => Error::from(fault),
        FindError::Store(fault) => Error::from(fault),
    })?;
    let exclude = context.config()?.exclude;
    found.retain(|found| !is_excluded(&exclude, found));
    Ok(found)
}

/// Whether `opensession.exclude` keeps a session out, as far as its logs were read by now.
fn is_excluded(exclude: &Exclusions, found: &Found) -> bool {
    let Attribution { tool, session, .. } = &found.attribution;
    let subject = Subject { agent: tool, session: Some(session), ..Subject::default() };
    exclude.covers(&subject)
        || found.logs.iter().any(|log| exclude.covers(&Subject { log: Some(log), ..subject }))
        || found.folders.iter().any(|folder| exclude.covers(&Subject { folder: Some(folder), ..subject }))
}

fn pending_session(found: Found) -> PendingSession {
    PendingSession { id: found.attribution.session, logs: found.logs, evidence: found.evidence.name().to_owned() }
}

/// Adds the trailers that waited for a message, now that a person wrote one.
///
/// # Errors
/// When the message cannot be read or written.
pub fn commit_msg(context: &Context, arguments: &[String]) -> Result<()> {
    let Some(file) = arguments.first() else { return Ok(()) };
    let file = context.path(Path::new(file));
    let repository = context.repository()?;
    let Some(deferred) = Deferred::take(repository) else { return Ok(()) };
    let message = files::read(&file, files::LARGE)?;
    let comments = Comments::Prefix(repository.comment_prefix(&message));
    if comments.body(&message) == comments.body(&deferred.found) {
        return Ok(());
    }
    if let Some(new) = attribution::append(
        &message,
        &deferred.attributions,
        &context.config()?.trailers,
        &comments,
        encoding(repository),
    ) {
        replace(&file, &new)?;
    }
    Ok(())
}

/// Writes the message as a whole or not at all: what a person wrote in the editor is nowhere else.
fn replace(message: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(message.parent().unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(message.metadata()?.permissions())?;
    file.persist(message).map_err(|fault| fault.error)?;
    Ok(())
}

/// Queues the sessions of the new commit and captures them in a process of its own.
///
/// # Errors
/// When the queue cannot be written.
pub fn post_commit(context: &Context) -> Result<()> {
    let repository = context.repository()?;
    let Some(pending) = Pending::read(repository) else { return Ok(()) };
    let head = repository.head()?;
    let Some(id) = head.commit else { return Ok(()) };
    let named = attribution::sessions_in(&repository.commit(id)?.message);
    // Trailers that still wait were not removed by a person: `--no-verify` skipped their hook.
    let are_named = pending.are_named && Deferred::take(repository).is_none();
    let sessions: Vec<PendingSession> =
        pending.sessions.into_iter().filter(|session| !are_named || named.contains(&session.id)).collect();
    if sessions.is_empty() {
        return Ok(Pending::remove(repository)?);
    }
    let commit = id.to_string();
    let branch = BranchName::current(repository, &head);
    Queue::of(repository).add(&Job::new(commit.clone(), &branch, sessions.iter().flat_map(job_sessions).collect()))?;
    // Only now, so that a crash at any moment leaves one of the two files.
    Pending::remove(repository)?;
    git::spawn_detached(&context.program()?, &["hook", "capture", PATIENTLY], &context.directory)?;
    Ok(())
}

fn job_sessions(session: &PendingSession) -> Vec<JobSession> {
    let with = |log| JobSession { id: session.id.clone(), log, evidence: session.evidence.clone() };
    if session.logs.is_empty() { vec![with(None)] } else { session.logs.iter().cloned().map(Some).map(with).collect() }
}
