//! Where ledgers are rewritten: those of this repository where they are, those of a remote in a
//! scratch repository, so that nothing of them gets into this one.

use super::{Place, examine::PATIENCE};
use crate::{
    error::Result,
    git::{Expected, ObjectId, RefUpdate, Repository, Scratch},
    ledger::Ledger,
};

/// A repository to write ledgers in.
pub(super) enum Staging {
    /// This one, in which whoever runs the janitor can commit.
    Own(Box<Repository>),
    /// One beside it.
    Scratch(Box<Scratch>),
}

impl Staging {
    pub(super) fn new(repository: &Repository, place: &Place) -> Result<Self> {
        Ok(match place {
            Place::Here => Self::Own(Box::new(repository.with_committer()?)),
            Place::Remote(_) => Self::Scratch(Box::new(repository.scratch()?)),
        })
    }

    pub(super) fn repository(&self) -> &Repository {
        match self {
            Self::Own(repository) => repository,
            Self::Scratch(scratch) => &scratch.repository,
        }
    }

    pub(super) fn scratch(&self) -> Option<&Scratch> {
        match self {
            Self::Own(_) => None,
            Self::Scratch(scratch) => Some(scratch),
        }
    }

    /// Fetches what is not here of `references`; with `filter`, without what that leaves out.
    pub(super) fn bring(
        &self,
        repository: &Repository,
        place: &Place,
        references: &[(String, ObjectId)],
        filter: Option<&str>,
    ) -> Result<()> {
        let (Self::Scratch(scratch), Place::Remote(remote)) = (self, place) else { return Ok(()) };
        let missing = references.iter().filter(|(_, id)| !repository.has_object(*id));
        let names: Vec<String> = missing.map(|(name, _)| name.clone()).collect();
        if !names.is_empty() {
            repository.fetch_into(scratch, (remote, &names), filter, PATIENCE)?;
        }
        Ok(())
    }

    /// Lays out the ledger `reference` of the remote, so that it is written upon.
    pub(super) fn lay_out(&self, ledger: &dyn Ledger, place: &Place, (reference, id): (&str, ObjectId)) -> Result<()> {
        let (Self::Scratch(scratch), Place::Remote(remote)) = (self, place) else { return Ok(()) };
        let component = reference.rsplit('/').next().unwrap_or_default();
        let name = format!("{}{component}", ledger.known_root(remote)).into();
        let update = RefUpdate { name, expected: Expected::Absent, new: Some(id) };
        Ok(scratch.repository.update_reference(&update)?)
    }
}
