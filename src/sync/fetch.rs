//! Gets what a remote has, and remembers it.

use std::collections::BTreeMap;

use super::{Companions, Exchange, GitResult, Pair};
use crate::{
    error::Result,
    git::{Expected, GitError, ObjectId, RefUpdate, RemoteRef},
    ledger::{self, BranchName, SUMMARIES},
};

/// What a fetch came to.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The branches whose ledger on the remote had changed.
    pub branches: Vec<BranchName>,
    /// What the remote has beside the ledgers, for [`Exchange::exchange_companions`].
    pub companions: Companions,
}

impl Exchange<'_> {
    /// Fetches every ledger of the remote and unites it with the one here, where there is one.
    ///
    /// # Errors
    /// When the remote cannot be reached, or the repository cannot be written.
    pub fn fetch_all(&self) -> Result<Fetched> {
        let artifacts = Companions::artifacts();
        // To ask once for everything is half of the time when nothing is new.
        let patterns = [self.ledger.pattern(), SUMMARIES, &artifacts];
        let all = self.repository.list_remote(self.address(), &patterns, self.left())?;
        let (companions, listed) = Companions::take(all);
        let folder = self.ledger.pattern().rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut names: Vec<String> = listed.iter().map(|(name, _)| name.to_string()).collect();
        let root = self.ledger.known_root(&self.known_as());
        for (known, _) in self.repository.references(&root)? {
            let name = format!("{folder}/{}", ledger::plain(&known.to_string()[root.len()..]));
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let changed = self.update_known(&listed, &names)?;
        for pair in self.all_pairs()? {
            if let Some(known) = self.known(&pair.remote)? {
                self.ledger.unite(self.repository, &pair.local, known, self.now)?;
            }
        }
        self.bury_known(&self.all_pairs()?)?;
        let changed: Vec<String> = changed.iter().map(|name| self.known_name(name)).collect();
        let tips = self.ledger.tips(self.repository)?.into_iter();
        let branches = tips.filter(|tip| changed.contains(&tip.reference)).map(|tip| tip.branch).collect();
        Ok(Fetched { branches, companions })
    }

    /// Fetches the ledgers of `pairs`; returns the branches whose ledger on the remote is not what
    /// it was known to be.
    pub(super) fn fetch(&self, pairs: &[Pair]) -> GitResult<Vec<BranchName>> {
        let names: Vec<String> = pairs.iter().map(|pair| self.ledger.reference(&pair.remote)).collect();
        let patterns: Vec<&str> = names.iter().map(String::as_str).collect();
        let listed = self.repository.list_remote(self.address(), &patterns, self.left())?;
        let moved = self.update_known(&listed, &names)?;
        Ok(pairs
            .iter()
            .map(|pair| pair.remote.clone())
            .filter(|branch| moved.contains(&self.ledger.reference(branch)))
            .collect())
    }

    /// Brings what is remembered of `names` to what `listed` says the remote has; returns the names
    /// of those that had changed.
    fn update_known(&self, listed: &[RemoteRef], names: &[String]) -> GitResult<Vec<String>> {
        let there: BTreeMap<String, ObjectId> = listed.iter().map(|(name, id)| (name.to_string(), *id)).collect();
        let mut changed = Vec::new();
        for name in names {
            if self.repository.find_reference(self.known_name(name).as_bytes())? != there.get(name).copied() {
                changed.push(name.clone());
            }
        }
        let (new, gone): (Vec<&String>, Vec<&String>) = changed.iter().partition(|name| there.contains_key(*name));
        let known: Vec<String> = new.iter().map(|name| self.known_name(name)).collect();
        let known = ledger::names_here(self.repository, &known)?;
        let refspecs: Vec<String> = new.iter().zip(known).map(|(name, known)| format!("+{name}:{known}")).collect();
        if !refspecs.is_empty() {
            self.repository.fetch(self.address(), &refspecs, self.left())?;
        }
        gone.iter().try_for_each(|name| self.remember(name, None))?;
        Ok(changed)
    }

    /// Notes what the remote has under `name`.
    pub(super) fn remember(&self, name: &str, id: Option<ObjectId>) -> GitResult<()> {
        self.note(self.known_name(name), id)
    }

    /// Writes the reference `name`, which remembers what the remote has.
    pub(super) fn note(&self, name: String, id: Option<ObjectId>) -> GitResult<()> {
        let current = self.repository.find_reference(name.as_bytes())?;
        if current == id {
            return Ok(());
        }
        let expected = current.map_or(Expected::Absent, Expected::Is);
        match self.repository.update_reference(&RefUpdate { name: name.into(), expected, new: id }) {
            // Somebody else noted something newer.
            Err(GitError::Conflict { .. }) => Ok(()),
            other => other,
        }
    }
}
