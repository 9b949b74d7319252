//! References: listing, and compare-and-swap writes.

use std::{
    collections::HashSet,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use gix::{
    bstr::{BString, ByteSlice},
    lock,
    refs::{
        FullName, Target,
        transaction::{Change, PreviousValue, RefEdit},
    },
};

use super::{GitError, ObjectId, Repository, error::During};
use crate::system::files;

/// What a reference must be for a write to go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It must not exist.
    Absent,
    /// It must be exactly this.
    Is(ObjectId),
}

impl Expected {
    pub(super) fn id(self) -> Option<ObjectId> {
        match self {
            Self::Absent => None,
            Self::Is(id) => Some(id),
        }
    }
}

/// One compare-and-swap write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// The full name.
    pub name: BString,
    /// The value it must have.
    pub expected: Expected,
    /// The value it gets; `None` deletes it.
    pub new: Option<ObjectId>,
}

/// Whether git lets a branch have this name.
#[must_use]
pub fn is_branch_name(name: &str) -> bool {
    !name.starts_with('-') && gix::validate::reference::name(format!("refs/heads/{name}").as_str().into()).is_ok()
}

/// How long a lock of another process is waited for.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);

impl Repository {
    /// The object a reference points at; `None` where there is no such reference.
    ///
    /// # Errors
    /// When the reference store cannot be read.
    pub fn find_reference(&self, name: &[u8]) -> Result<Option<ObjectId>, GitError> {
        if self.uses_reftable {
            let name = name.to_str_lossy();
            let found = self.git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &name]).run()?;
            return Ok(self.parse_id(found.stdout.trim()));
        }
        let found = self.gix.try_find_reference(name.as_bstr()).during("reading a reference")?;
        Ok(found.and_then(|reference| reference.try_id().map(gix::Id::detach)))
    }

    /// Every reference whose full name begins with `prefix` (a folder, ending in `/`), sorted.
    ///
    /// # Errors
    /// When the reference store cannot be read.
    pub fn references(&self, prefix: &str) -> Result<Vec<(BString, ObjectId)>, GitError> {
        let mut found = if self.uses_reftable {
            let listed = self.git(&["for-each-ref", "--format=%(objectname) %(refname)", prefix]).run()?.require()?;
            let parse = |line: &[u8]| {
                let (id, name) = line.split_once_str(" ")?;
                Some((BString::from(name), ObjectId::from_hex(id).ok()?))
            };
            listed.raw_stdout.lines().filter_map(parse).collect()
        } else {
            self.references_by_gix(prefix)?
        };
        found.sort();
        Ok(found)
    }

    fn references_by_gix(&self, prefix: &str) -> Result<Vec<(BString, ObjectId)>, GitError> {
        const ACTION: &str = "listing references";
        let platform = self.gix.references().during(ACTION)?;
        let iter = platform.prefixed(prefix.as_bytes()).during(ACTION)?;
        let mut found = Vec::new();
        for reference in iter {
            let reference = reference.map_err(|fault| GitError::Failed { action: ACTION, cause: fault.to_string() })?;
            if let Some(id) = reference.try_id() {
                found.push((reference.name().as_bstr().to_owned(), id.detach()));
            }
        }
        Ok(found)
    }

    /// Writes one reference if it still has its expected value. A lock of another process is waited
    /// for, half a second at most.
    ///
    /// # Errors
    /// [`GitError::Conflict`] when it has another value, [`GitError::Locked`] when the lock stays.
    pub fn update_reference(&self, update: &RefUpdate) -> Result<(), GitError> {
        self.update_reference_when(update, &|| true)
    }

    /// The same, if `is_ready` still says so once the reference is locked.
    ///
    /// # Errors
    /// [`GitError::Missing`] when it does not say so, and the errors of [`Self::update_reference`].
    pub fn update_reference_when(&self, update: &RefUpdate, is_ready: &dyn Fn() -> bool) -> Result<(), GitError> {
        let started = std::time::Instant::now();
        loop {
            let result = match update.new {
                Some(new) if self.uses_reftable && !is_ready() => Err(GitError::Missing { id: new.to_string() }),
                _ if self.uses_reftable => self.update_by_process(update),
                Some(new) => self.replace_loose(update, new, is_ready),
                None => self.delete_by_gix(update),
            };
            if result.is_ok() && (self.uses_reftable || update.new.is_none()) {
                self.settle_kept_tip(&update.name, update.new);
            }
            match result {
                Err(GitError::Locked { .. }) if started.elapsed() < LOCK_PATIENCE => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                other => return other,
            }
        }
    }

    /// Deletes references that still have the given values: all in one go, or where that does not work
    /// one by one. Returns what became of each.
    pub fn delete_references(&self, all: &[(BString, ObjectId)]) -> Vec<Result<(), GitError>> {
        let mut lines = Vec::new();
        for (name, id) in all {
            lines.extend_from_slice(b"delete ");
            lines.extend_from_slice(name);
            lines.extend_from_slice(format!("\0{id}\0").as_bytes());
        }
        let arguments = ["update-ref", "--no-deref", "--stdin", "-z"];
        let is_worth_it = all.len() > 1;
        if is_worth_it && self.git(&arguments).input(lines).run().is_ok_and(|finished| finished.success()) {
            for (name, _) in all {
                self.settle_kept_tip(name, None);
            }
            return all.iter().map(|_| Ok(())).collect();
        }
        let delete = |(name, id): &(BString, ObjectId)| {
            self.update_reference(&RefUpdate { name: name.clone(), expected: Expected::Is(*id), new: None })
        };
        all.iter().map(delete).collect()
    }

    /// The stashed commits, each of which has what was checked out as its parent.
    ///
    /// # Errors
    /// When the references cannot be read.
    pub fn stashes(&self) -> Result<Vec<ObjectId>, GitError> {
        if self.find_reference(b"refs/stash")?.is_none() {
            return Ok(Vec::new());
        }
        let listed = self.git(&["rev-list", "--walk-reflogs", "refs/stash", "--"]).run()?.require()?;
        Ok(listed.stdout.lines().filter_map(|id| self.parse_id(id)).collect())
    }

    /// The full name that the symbolic reference `name` stands for.
    #[must_use]
    pub fn symbolic_target(&self, name: &str) -> Option<String> {
        let finished = self.git(&["symbolic-ref", "--quiet", name]).run().ok()?;
        finished.success().then(|| finished.stdout.trim().to_owned())
    }

    /// Forgets the former values of references: git keeps them where it was told to, and those of notes.
    ///
    /// # Errors
    /// When git does not run.
    pub fn expire_reflogs(&self, names: &[String]) -> Result<(), GitError> {
        let logged: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .filter(|name| self.uses_reftable || self.common_dir().join("logs").join(name).exists())
            .collect();
        if logged.is_empty() {
            return Ok(());
        }
        let mut arguments = vec!["reflog", "expire", "--expire=now", "--expire-unreachable=now"];
        arguments.extend(&logged);
        self.git(&arguments).run().map(drop)
    }

    /// Takes out of the former values of HEAD, in every work tree, those that are among `ids`; the others
    /// stay.
    ///
    /// # Errors
    /// When git does not run.
    pub fn forget_heads(&self, ids: &HashSet<ObjectId>) -> Result<(), GitError> {
        let common = self.common_dir();
        let linked = std::fs::read_dir(common.join("worktrees")).into_iter().flatten().flatten();
        let mut folders: Vec<(String, PathBuf)> = linked
            .filter_map(|entry| Some((format!("worktrees/{}/HEAD", entry.file_name().to_str()?), entry.path())))
            .collect();
        folders.push(("main-worktree/HEAD".to_owned(), common));
        folders.iter().try_for_each(|(name, folder)| self.forget_values(name, &folder.join("logs/HEAD"), ids))
    }

    fn forget_values(&self, name: &str, log: &Path, ids: &HashSet<ObjectId>) -> Result<(), GitError> {
        let values: Vec<String> = if self.uses_reftable {
            let listed = self.git(&["rev-list", "--walk-reflogs", name, "--"]).run()?;
            listed.stdout.lines().map(str::to_owned).collect()
        } else {
            // `<old> <new> <who> …`, the latest last; git would pass over what is not here any more.
            let log = files::read(log, files::LARGE).unwrap_or_default();
            let new = |line: &[u8]| line.split(|byte| *byte == b' ').nth(1).map(|id| id.to_str_lossy().into_owned());
            log.lines().rev().map(|line| new(line).unwrap_or_default()).collect()
        };
        let is_one = |value: &str| self.parse_id(value).is_some_and(|id| ids.contains(&id));
        let places = values.iter().enumerate().filter(|(_, value)| is_one(value));
        // What is deleted counts no more: the highest first.
        let entries: Vec<String> = places.map(|(place, _)| format!("{name}@{{{place}}}")).collect();
        if entries.is_empty() {
            return Ok(());
        }
        let mut arguments = vec!["reflog", "delete", "--rewrite"];
        arguments.extend(entries.iter().rev().map(String::as_str));
        self.git(&arguments).run().map(drop)
    }

    /// The root of the work tree that has the branch `name` checked out, where one has.
    ///
    /// # Errors
    /// When git does not run.
    pub fn checked_out_at(&self, name: &str) -> Result<Option<PathBuf>, GitError> {
        let listed = self.git(&["for-each-ref", "--format=%(worktreepath)", name]).run()?.require()?;
        let path = listed.stdout.lines().next().unwrap_or_default();
        Ok((!path.is_empty()).then(|| PathBuf::from(path)))
    }

    /// How many bytes on the disk nothing but `tips`, which no reference is at any more, needs; `None`
    /// where this git cannot tell.
    #[must_use]
    pub fn disk_usage(&self, tips: &[ObjectId]) -> Option<u64> {
        let input: String = tips.iter().map(|id| format!("{id}\n")).collect();
        let arguments = ["rev-list", "--objects", "--disk-usage", "--ignore-missing", "--stdin", "--not", "--all"];
        let finished = self.git(&arguments).input(input.into_bytes()).run().ok()?;
        finished.success().then(|| finished.stdout.trim().parse().ok()).flatten()
    }

    /// The lock files of references below `prefix`: each is either just being used or was left by a
    /// process that was killed.
    #[must_use]
    pub fn locks(&self, prefix: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.common_dir().join(prefix)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "lock") {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }

    /// Writes a loose file as git does, under the lock of this one reference. gix would hold
    /// `packed-refs.lock` too, which stands in git's way and would stay behind after a crash.
    fn replace_loose(&self, update: &RefUpdate, new: ObjectId, is_ready: &dyn Fn() -> bool) -> Result<(), GitError> {
        const ACTION: &str = "writing a reference";
        FullName::try_from(update.name.clone()).during("naming a reference")?;
        let path = self.common_dir().join(update.name.to_path_lossy());
        let boundary = Some(self.common_dir().join("refs"));
        let mut lock = lock::File::acquire_to_update_resource(path, lock::acquire::Fail::Immediately, boundary, 0)
            .map_err(|fault| self.explain(update, &fault))?;
        if self.find_reference(&update.name)? != update.expected.id() {
            return Err(GitError::Conflict { name: update.name.to_string() });
        }
        if !is_ready() {
            return Err(GitError::Missing { id: new.to_string() });
        }
        lock.with_mut(|file| file.write_all(format!("{new}\n").as_bytes())).during(ACTION)?;
        // Under the lock, so that of two writers the later one's stays.
        self.keep_tip(&update.name, Some(new));
        lock.commit().map(drop).map_err(|fault| GitError::failed(ACTION, &fault.error))
    }

    fn delete_by_gix(&self, update: &RefUpdate) -> Result<(), GitError> {
        let name = FullName::try_from(update.name.clone()).during("naming a reference")?;
        let expected = match update.expected {
            Expected::Absent => PreviousValue::MustNotExist,
            Expected::Is(id) => PreviousValue::MustExistAndMatch(Target::Object(id)),
        };
        let change = Change::Delete { expected, log: gix::refs::transaction::RefLog::AndReference };
        match self.gix.edit_reference(RefEdit { change, name, deref: false }) {
            Ok(_) => Ok(()),
            Err(fault) => Err(self.explain(update, &fault)),
        }
    }

    /// gix tells a lost race, a lock and a broken disk apart in prose only, so the store is asked.
    fn explain(&self, update: &RefUpdate, fault: &dyn std::error::Error) -> GitError {
        let name = update.name.to_string();
        if self.find_reference(&update.name).ok().flatten() != update.expected.id() {
            return GitError::Conflict { name };
        }
        let mut lock = self.common_dir().join(update.name.to_path_lossy()).into_os_string();
        lock.push(".lock");
        let lock = PathBuf::from(lock);
        let packed = self.common_dir().join("packed-refs.lock");
        if !lock.exists() && update.new.is_none() && packed.exists() {
            return GitError::locked(name, packed);
        }
        let folder = lock.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(&lock).to_owned();
        if let Some(cause) = refusal_to_write(&folder) {
            return GitError::NotWritable { name, folder, cause: cause.to_string() };
        }
        // The holder may have released it between the attempt and this look.
        if lock.exists() || fault.to_string().contains("lock") {
            return GitError::locked(name, lock);
        }
        GitError::failed("writing a reference", fault)
    }

    fn update_by_process(&self, update: &RefUpdate) -> Result<(), GitError> {
        let null = self.null_id();
        let old = update.expected.id().unwrap_or(null);
        let name = update.name.to_str_lossy();
        let line = match update.new {
            Some(new) => format!("update {name}\0{new}\0{old}\0"),
            None => format!("delete {name}\0{old}\0"),
        };
        let finished = self.git(&["update-ref", "--no-deref", "--stdin", "-z"]).input(line.into_bytes()).run()?;
        if finished.success() {
            return Ok(());
        }
        if self.find_reference(&update.name)? == update.expected.id() {
            finished.require().map(drop)
        } else {
            Err(GitError::Conflict { name: name.into_owned() })
        }
    }
}

/// Why nothing can be written to a folder, where it is not to be written to at all.
fn refusal_to_write(folder: &Path) -> Option<std::io::Error> {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    tempfile::tempfile_in(folder).err().filter(|fault| matches!(fault.kind(), PermissionDenied | ReadOnlyFilesystem))
}
