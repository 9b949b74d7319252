//! The hook of an amend or a rebase: the new commits have the sessions of the old ones.

use crate::{
    capture::{Job, Queue},
    context::Context,
    error::Result,
    git::{self, ObjectId, Repository},
    hail::SessionId,
    ledger::{BranchName, Link},
};

/// Links the sessions of rewritten commits to what they became. `list` is git's standard input:
/// lines `<old> <new>`, with more after them one day.
///
/// # Errors
/// When the repository cannot be read or written.
pub fn post_rewrite(context: &Context, list: &[u8]) -> Result<()> {
    let list = String::from_utf8_lossy(list);
    let repository = context.repository()?;
    let pairs: Vec<(ObjectId, ObjectId)> = list.lines().filter_map(|line| pair(repository, line)).collect();
    if pairs.is_empty() {
        return Ok(());
    }
    let ledger = context.config()?.ledger;
    for tip in ledger.tips(repository)?.into_iter().filter(|tip| tip.remote.is_none()) {
        let mut links: Vec<(SessionId, Link)> = Vec::new();
        for (old, new) in &pairs {
            // A ledger that cannot be read keeps no other from being linked.
            for entry in ledger.linked(repository, &tip, *old).unwrap_or_default() {
                links.push((entry.session_id, Link::new(*new, "rewrite")));
            }
        }
        fingerprint(repository, &mut links);
        ledger.link(repository, &tip.branch, &links, context.now())?;
    }
    requeue(context, repository, &pairs)
}

/// Notes what the new commits are known by. A link without that is still a link.
fn fingerprint(repository: &Repository, links: &mut [(SessionId, Link)]) {
    let commits: Vec<ObjectId> = links.iter().map(|(_, link)| link.commit).collect();
    let fingerprints = repository.fingerprints(&commits).unwrap_or_default();
    for (_, link) in links {
        link.fingerprint = fingerprints.get(&link.commit).cloned().unwrap_or_default();
    }
}

/// What still waits to be captured for an old commit waits for the new one too.
fn requeue(context: &Context, repository: &Repository, pairs: &[(ObjectId, ObjectId)]) -> Result<()> {
    let queue = Queue::of(repository);
    let branch = BranchName::current(repository, &repository.head()?);
    let mut has_new = false;
    for (_, job) in queue.jobs() {
        let commit = repository.parse_id(&job.commit);
        for (_, new) in pairs.iter().filter(|(old, _)| Some(*old) == commit) {
            queue.add(&Job::new(new.to_string(), &branch, job.sessions.clone()))?;
            has_new = true;
        }
    }
    if has_new {
        git::spawn_detached(&context.program()?, &["hook", "capture", super::run::PATIENTLY], &context.directory)?;
    }
    Ok(())
}

fn pair(repository: &Repository, line: &str) -> Option<(ObjectId, ObjectId)> {
    let mut fields = line.split_whitespace();
    Some((repository.parse_id(fields.next()?)?, repository.parse_id(fields.next()?)?))
}
