//! How a remote keeps its sessions, and so a clone that was not told how.

use super::{Exchange, GitResult};
use crate::{
    config::{self, Config},
    error::Result,
    git::Repository,
    hail::Timestamp,
    ledger::{self, Ledger, extra_ref_root, switch::Switch},
};

impl Exchange<'_> {
    /// Fetches the ledgers of a remote of which nothing is known yet, where it keeps them in another way than this
    /// clone would.
    ///
    /// # Errors
    /// When the remote cannot be reached, or the repository cannot be written.
    pub fn meet(&self) -> GitResult<()> {
        if !self.repository.references(&extra_ref_root(&self.known_as()))?.is_empty() {
            return Ok(());
        }
        let patterns: Vec<&str> = ledger::ALL.iter().map(|ledger| ledger.pattern()).collect();
        let listed = self.repository.list_remote(self.address(), &patterns, self.left())?;
        let is_of = |ledger: &dyn Ledger, name: &str| ledger::is_of(ledger, name);
        if listed.iter().any(|(name, _)| is_of(self.ledger, &name.to_string())) {
            return Ok(());
        }
        for ledger in ledger::all_from(self.ledger).skip(1) {
            let of_ledger = listed.iter().filter(|(name, _)| is_of(ledger, &name.to_string()));
            let of_ledger: Vec<_> = of_ledger.cloned().collect();
            let names: Vec<String> = of_ledger.iter().map(|(name, _)| name.to_string()).collect();
            Exchange { ledger, ..*self }.update_known(&of_ledger, &names)?;
        }
        Ok(())
    }
}

/// Takes up the mode of the remotes in a clone that was not told one: what it has stored before is moved there.
/// Returns the ledger from now on and what to say of it, which is said once: from then on it is what is in use.
///
/// # Errors
/// When a ledger cannot be read or written.
pub fn follow(
    repository: &Repository,
    config: &Config,
    remote: &str,
    now: Timestamp,
) -> Result<Option<(&'static dyn Ledger, String)>> {
    if config.is_ledger_set {
        return Ok(None);
    }
    let (from, to) = (config.ledger, ledger::in_use(repository)?);
    if to.name() == from.name() {
        return Ok(None);
    }
    let switch = Switch { repository, from, to, now };
    // Where remotes have both kinds, what is here stays as it is: it is read and pushed, too.
    if from.tips(repository)?.iter().all(|tip| tip.remote.is_none()) {
        switch.copy()?;
        switch.release()?;
    }
    let line = format!(
        "{remote} keeps its sessions in {}, and so does this clone from now on (to choose: git config {} {})",
        to.name(),
        config::FANOUT_MODE,
        to.name()
    );
    Ok(Some((to, line)))
}
