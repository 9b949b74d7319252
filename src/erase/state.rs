//! What this clone remembers of a session outside of the ledgers.

use crate::{
    attribution::{Store, store_path},
    capture::{Checkpoints, Job, Queue},
    error::Result,
    git::Repository,
    hail::SessionId,
};

/// Forgets the prompts and lines of a session, and the captures of it that wait. Its log is read
/// again at the next look.
pub(super) fn clear(repository: &Repository, session: &SessionId) -> Result<()> {
    Checkpoints::clear(repository)?;
    let folder = repository.state_dir();
    if store_path(&folder).exists() {
        let store = Store::open(&folder)?;
        store.forget_session(session)?;
        store.save()?;
    }
    let queue = Queue::of(repository);
    for (path, job) in queue.jobs() {
        if job.sessions.iter().any(|waiting| waiting.id == *session) {
            let others: Vec<_> = job.sessions.iter().filter(|waiting| waiting.id != *session).cloned().collect();
            if !others.is_empty() {
                queue.add(&Job::new(job.commit.clone(), &job.branch(), others))?;
            }
            queue.done(&path, false)?;
        }
    }
    Ok(())
}
