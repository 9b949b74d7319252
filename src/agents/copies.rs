//! Copies of databases that an agent is just writing to, kept while several sessions of them are read.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use tempfile::TempDir;

use super::{
    ParseError,
    database::{State, beside, copy_file},
};

/// How often a database that changes while it is copied is copied anew.
const ATTEMPTS: usize = 5;

static KEPT: Mutex<Kept> = Mutex::new(Kept { keepers: 0, copies: BTreeMap::new() });

/// What is kept, by the path of the database.
struct Kept {
    keepers: usize,
    copies: BTreeMap<PathBuf, Arc<Copy>>,
}

/// A copy in a folder of its own, which goes with it.
#[derive(Debug)]
pub(super) struct Copy {
    folder: TempDir,
    original: Fingerprint,
}

/// What changes with every write to a database, its log or its journal.
#[derive(Debug, PartialEq)]
struct Fingerprint {
    state: State,
    beside: [Option<(u64, SystemTime)>; 2],
}

/// As long as one of these lives, a database that did not change is copied only once.
pub struct CopyKeeper(());

impl CopyKeeper {
    /// Begins to keep copies.
    #[must_use]
    pub fn new() -> Self {
        kept().keepers += 1;
        Self(())
    }
}

impl Default for CopyKeeper {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for CopyKeeper {
    fn drop(&mut self) {
        let mut kept = kept();
        kept.keepers -= 1;
        if kept.keepers == 0 {
            kept.copies.clear();
        }
    }
}

/// A panic elsewhere does not make a copy wrong.
fn kept() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fingerprint {
    fn of(path: &Path) -> io::Result<Self> {
        let look = |suffix: &str| {
            let metadata = beside(path, suffix).metadata().ok()?;
            Some((metadata.len(), metadata.modified().ok()?))
        };
        Ok(Self { state: State::of(path)?, beside: [look("-wal"), look("-journal")] })
    }
}

impl Copy {
    /// A copy of the database at `path`, which is canonical: one that is kept, if it is still true.
    ///
    /// # Errors
    /// When it cannot be read or keeps changing.
    pub(super) fn of(path: &Path) -> Result<Arc<Self>, ParseError> {
        // Held while copying, so that several readers do not copy the same.
        let mut kept = kept();
        if let Some(copy) = kept.copies.get(path)
            && copy.original == Fingerprint::of(path)?
        {
            return Ok(Arc::clone(copy));
        }
        let copy = Arc::new(Self::make(path)?);
        if kept.keepers > 0 {
            kept.copies.insert(path.to_owned(), Arc::clone(&copy));
        }
        Ok(copy)
    }

    fn make(path: &Path) -> Result<Self, ParseError> {
        let folder = tempfile::Builder::new().prefix("git-session-").tempdir()?;
        let copy = folder.path().join("copy.db");
        for _ in 0..ATTEMPTS {
            let original = Fingerprint::of(path)?;
            // The database goes first: whatever is written to it meanwhile is in its log or journal
            // by the time these are copied.
            for suffix in ["", "-wal", "-journal"] {
                copy_file(&beside(path, suffix), &beside(&copy, suffix), suffix.is_empty())?;
            }
            if original.state.is_of_one_moment_with(&State::of(path)?) {
                return Ok(Self { folder, original });
            }
        }
        Err(io::Error::other("the database changes too often to be copied; try again in a while").into())
    }

    /// The database in the copy.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("copy.db")
    }
}
