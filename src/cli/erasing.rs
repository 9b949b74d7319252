//! What `redact` and `purge` have in common.

use std::time::{Duration, Instant};

use super::{
    reference::{self, Named},
    remotes,
};
use crate::{
    config::Config,
    context::Context,
    error::{Error, Result},
    hail::SessionId,
    ledger::SessionKey,
    sync::{Exchange, Guard},
};

/// How long a remote may take to answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What to say whenever something was taken out of what may have been seen.
pub(super) const ADVICE: [&str; 2] = [
    "other clones and caches of the host may still have it: a secret that was in there has to be rotated",
    "the objects stay in this clone until git takes them away: git gc --prune=now",
];

/// The one stored session that `reference` names.
pub(super) fn session(context: &Context, reference: &str, command: &str) -> Result<SessionId> {
    if let Some(SessionKey { id, variant: Some(_) }) = SessionKey::parse(reference) {
        return Err(Error::user(format!("{reference} is one version of a session; {command} takes them all"))
            .hinted(format!("git session {command} {id}")));
    }
    let mut ids: Vec<SessionId> = Vec::new();
    for named in reference::resolve(context, reference)? {
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
    exchange.fetch_all().map_err(|fault| fault.during(format!("fetching from {remote}")))?;
    exchange.exchange_companions(false)?;
    Ok(())
}

/// Pushes every ledger that changed, in one go and under leases, and what lies beside them. Returns the
/// branches and what did not work.
pub(super) fn push(context: &Context, config: &Config, remote: &str) -> Result<(Vec<String>, Vec<String>)> {
    let guard = Guard::new(context.redactor()?);
    let exchange = exchange(context, config, remote, Some(&guard).filter(|guard| guard.is_needed()))?;
    let outcome = exchange.push(&exchange.all_pairs()?)?;
    let carried = exchange.exchange_companions(true)?;
    let pushed = outcome.pushed.iter().map(ToString::to_string).chain(carried.pushed).collect();
    Ok((pushed, outcome.problems.into_iter().chain(carried.problems).collect()))
}

fn exchange<'a>(
    context: &'a Context,
    config: &Config,
    remote: &'a str,
    guard: Option<&'a Guard<'a>>,
) -> Result<Exchange<'a>> {
    let (repository, deadline) = (context.repository()?, Instant::now() + PATIENCE);
    Ok(Exchange { repository, ledger: config.ledger, remote, deadline, now: context.now(), guard })
}
