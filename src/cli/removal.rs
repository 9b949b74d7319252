//! What `redact` and `purge` have in common.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{
    reference::{self, Named},
    remotes,
};
use crate::{
    attribution::{self, PROMPT_TRAILER},
    cleanup,
    config::Config,
    context::Context,
    erase::{Count, Erased, Erasure, Fate, Publication},
    error::{Error, Result},
    git::Repository,
    hail::SessionId,
    ledger::SessionKey,
    report::{Describe, Report, View},
    sync::{Exchange, Outcome, SecretCheck, Selection},
};

/// How long a remote may take to answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What to say whenever something was taken out of what may have been seen.
pub(super) const ADVICE: [&str; 2] = [
    "other clones and the host's caches may still have it: rotate any secret it contained",
    "the objects stay in this clone until they are pruned: git gc --prune=now",
];

/// What both commands answer.
#[derive(Serialize)]
pub(super) struct Answer {
    schema_version: u32,
    session: String,
    #[serde(flatten)]
    redaction: Option<Redaction>,
    #[serde(flatten)]
    erased: Erased,
    /// The remote that was pushed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<String>,
    pushed: Vec<String>,
    /// The commits whose messages quote its prompt.
    quoted_by: Vec<String>,
}

/// What only `redact` answers.
#[derive(Serialize)]
pub(super) struct Redaction {
    pub(super) dry_run: bool,
    /// How often each rule hit.
    pub(super) rules: Count,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let Erased { ledgers, forgotten, artifacts, published, .. } = &self.erased;
        let summaries = if self.erased.summaries { "rewritten" } else { "" };
        let published: Vec<String> = published.iter().map(ToString::to_string).collect();
        View::default().paragraph(self.said()).pairs([
            ("ledgers", ledgers.join(", ")),
            ("forgotten", forgotten.join(", ")),
            ("summaries", summaries.to_owned()),
            ("artifacts", artifacts.join(", ")),
            ("published", published.join(", ")),
            ("pushed", self.pushed.join(", ")),
            ("quoted by", shortened(&self.quoted_by)),
        ])
    }
}

impl Answer {
    fn said(&self) -> String {
        let session = &self.session;
        let Some(Redaction { dry_run, rules }) = &self.redaction else { return format!("removed session {session}") };
        let rules: Vec<String> = rules.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
        match (rules.is_empty(), dry_run) {
            (true, _) => format!("nothing to remove from session {session}"),
            (_, true) => format!("would be removed from session {session}: {}", rules.join(", ")),
            (_, false) => format!("removed from session {session}: {}", rules.join(", ")),
        }
    }
}

/// What to do about messages that quote the session.
fn how_to_rewrite() -> String {
    format!(
        "the messages of some commits quote its prompt, and stay as they are; to take {PROMPT_TRAILER} out of every \
         message, which gives the commits new ids: git filter-branch --msg-filter \"sed '/^{PROMPT_TRAILER}: /d'\" \
         -- --branches --tags"
    )
}

/// The branch that keeps the sessions of reviews, where one is configured.
pub(super) fn archive(context: &Context) -> Result<Option<String>> {
    Ok(cleanup::Config::load(context.repository()?)?.config.session_archive_branch)
}

/// The answer where nothing was done.
pub(super) fn untouched(session: &SessionId, redaction: Redaction, published: Vec<Publication>) -> Report {
    let erased = Erased { published, ..Erased::default() };
    let (session, redaction) = (session.to_string(), Some(redaction));
    Report::new(Answer {
        schema_version: 1,
        session,
        redaction,
        erased,
        remote: None,
        pushed: Vec::new(),
        quoted_by: Vec::new(),
    })
}

/// How many commits are listed in words.
const LISTED: usize = 20;

fn shortened(commits: &[String]) -> String {
    let mut list: Vec<String> = commits.iter().take(LISTED).map(|commit| commit[..10].to_owned()).collect();
    list.extend((commits.len() > LISTED).then(|| format!("and {} more", commits.len() - LISTED)));
    list.join(", ")
}

/// The commits whose messages quote the prompt of a session. A commit is not ours to rewrite.
fn quoted_by(repository: &Repository, session: &SessionId) -> Result<Vec<String>> {
    let mut found = repository.commits_saying(&format!("{}: {session}", attribution::SESSION_TRAILER))?;
    found.retain(|commit| repository.commit(*commit).is_ok_and(|commit| attribution::quotes(&commit.message, session)));
    Ok(found.iter().map(ToString::to_string).collect())
}

/// Does it, here and on the remote where there is one.
pub(super) fn carry_out(
    context: &Context,
    config: &Config,
    erasure: &Erasure<'_>,
    remote: Option<String>,
    redaction: Option<Redaction>,
) -> Result<Report> {
    let mut erased = erasure.run()?;
    let mut notes = std::mem::take(&mut erased.problems);
    let mut pushed = Vec::new();
    if let Some(remote) = &remote {
        let (ledgers, problems) = push(context, config, remote)?;
        let retracted = erasure.retract_on(remote, &erased.elsewhere)?;
        pushed = ledgers;
        notes.extend(problems.into_iter().chain(retracted.problems));
        erased.published.extend(retracted.published);
    }
    let is_good = notes.is_empty();
    // What is left alone may be so as last seen, and on the remote.
    let mut seen = std::collections::HashSet::new();
    notes.retain(|note| seen.insert(note.clone()));
    if remote.is_none() && !context.repository()?.remotes().is_empty() {
        notes.push("the remote has it until the next push: git session sync".to_owned());
    }
    let is_left = |place: &&Publication| remote.is_none() || place.remote != remote;
    notes.extend(erased.elsewhere.iter().filter(is_left).map(|place| {
        let remote = place.remote.as_deref().unwrap_or_default();
        format!("{remote} still has it on the branch {}, until the same is done with --push", place.branch)
    }));
    if !erased.published.is_empty() {
        notes.push("comments on a host that a review wrote may quote it until its job runs again".to_owned());
    }
    let quoted_by = quoted_by(context.repository()?, erasure.session)?;
    notes.extend((!quoted_by.is_empty()).then(how_to_rewrite));
    notes.extend(ADVICE.map(str::to_owned));
    let session = erasure.session.to_string();
    let mut report = Report::new(Answer { schema_version: 1, session, redaction, erased, remote, pushed, quoted_by });
    (report.notes, report.is_good) = (notes, is_good);
    Ok(report)
}

/// The session of exactly the id `reference` that is in no ledger, and was purged or is still published:
/// what was done by half can be done again.
fn left_behind(context: &Context, reference: &str, command: &str) -> Result<Option<SessionId>> {
    let Ok(session) = reference.parse::<SessionId>() else { return Ok(None) };
    let repository = context.repository()?;
    let tombstone = reference::tombstone(repository, context.config()?.ledger, reference)?;
    let is_purged = tombstone.is_some_and(|tombstone| tombstone.session_id == session && tombstone.purged_at.is_some());
    let archive = archive(context)?;
    let (fate, archive) = (Fate::Purged, archive.as_deref());
    let erasure = Erasure { repository, session: &session, fate, archive, now: context.now() };
    let is_left = (is_purged && command == "purge") || !erasure.published()?.is_empty();
    Ok(is_left.then_some(session))
}

/// The one session that `reference` names: one that is stored, or was left behind.
pub(super) fn session(context: &Context, reference: &str, command: &str) -> Result<SessionId> {
    if let Some(SessionKey { id, variant: Some(_) }) = SessionKey::parse(reference) {
        return Err(Error::user(format!("{reference} is one version of a session; {command} takes them all"))
            .hinted(format!("git session {command} {id}")));
    }
    let mut ids: Vec<SessionId> = Vec::new();
    let found = match reference::resolve(context, reference) {
        Ok(found) => found,
        Err(fault) => return left_behind(context, reference, command)?.ok_or(fault),
    };
    for named in found {
        match named {
            Named::File(_) => {
                return Err(Error::user(format!("{reference} is a file; {command} is about what is stored"))
                    .hinted(format!("git session log; git session {command} ID")));
            }
            Named::Stored(listed) if listed.is_share => ids.push(listed.meta.session_id),
            Named::Stored(listed) => ids.push(listed.key.id),
        }
    }
    ids.sort();
    ids.dedup();
    match ids.as_slice() {
        [only] => Ok(only.clone()),
        several => {
            let names: Vec<&str> = several.iter().map(SessionId::as_str).collect();
            Err(Error::user(format!("'{reference}' names {} sessions: {}", names.len(), names.join(", ")))
                .hinted(format!("git session {command} {}", names.first().unwrap_or(&"ID"))))
        }
    }
}

/// The remote that `--push` means.
pub(super) fn remote(context: &Context, config: &Config) -> Result<String> {
    remotes::default_remote(context.repository()?, config)
}

/// Gets all that the remote has, so that nothing of it is missed.
pub(super) fn fetch(context: &Context, config: &Config, remote: &str) -> Result<()> {
    let exchange = exchange(context, config, remote, None)?;
    let fetched = exchange.fetch_all().map_err(|fault| fault.during(format!("fetching from {remote}")))?;
    exchange.exchange_extra_refs(fetched.extra_refs, false)?;
    Ok(())
}

/// Pushes the ledgers that the remote has, in one go and under leases, and what lies beside them: to each
/// repository that it is pushed to. Returns the branches and what did not work.
pub(super) fn push(context: &Context, config: &Config, remote: &str) -> Result<(Vec<String>, Vec<String>)> {
    let secret_check = SecretCheck::new(context.redactor()?);
    let secret_check = Some(&secret_check).filter(|secret_check| secret_check.is_needed());
    let selection = Selection::new(Vec::new(), vec![remote.to_owned()]);
    let selection = Some(&selection).filter(|_| !config.push_unlinked);
    let (mut pushed, mut problems) = (Vec::new(), Vec::new());
    for url in context.repository()?.push_urls(remote)? {
        let exchange = exchange(context, config, remote, secret_check)?;
        let exchange = Exchange { push_url: url.as_deref(), selection, ..exchange };
        let fetched = match exchange.fetch_all() {
            Ok(fetched) => fetched,
            Err(fault) => {
                problems.push(format!("{remote} may still have it: {fault}"));
                continue;
            }
        };
        let mut outcome = Outcome::default();
        for exchange in exchange.of_each_backend() {
            let mut pairs = Vec::new();
            for pair in exchange.all_pairs()? {
                if exchange.has_ledger(&pair.remote)? {
                    pairs.push(pair);
                }
            }
            outcome.add(exchange.push(&pairs)?);
        }
        let carried = exchange.exchange_extra_refs(fetched.extra_refs, true)?;
        pushed.extend(outcome.pushed.iter().map(ToString::to_string).chain(carried.pushed));
        problems.extend(outcome.problems.into_iter().chain(carried.problems));
    }
    Ok((pushed, problems))
}

fn exchange<'a>(
    context: &'a Context,
    config: &Config,
    remote: &'a str,
    secret_check: Option<&'a SecretCheck<'a>>,
) -> Result<Exchange<'a>> {
    let (repository, deadline) = (context.repository()?, Instant::now() + PATIENCE);
    Ok(Exchange {
        repository,
        ledger: config.ledger,
        remote,
        push_url: None,
        deadline,
        now: context.now(),
        secret_check,
        selection: None,
        watch: None,
    })
}
