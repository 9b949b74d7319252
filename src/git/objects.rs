//! Blobs, trees and commits.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use gix::{
    bstr::{BString, ByteSlice},
    objs::{FindExt, tree::EntryKind as Kind},
};

use super::{GitError, ObjectId, Repository, error::During};

/// What an entry of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    Blob,
    /// A folder.
    Tree,
    /// An executable, a symbolic link or a submodule: nothing that this tool writes.
    Other,
}

/// An entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name.
    pub name: BString,
    /// What it is.
    pub kind: EntryKind,
    /// What it points at.
    pub id: ObjectId,
    mode: u16,
}

/// A blob that one tree has at a path and another does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBlob {
    /// The path.
    pub path: String,
    /// The blob.
    pub id: ObjectId,
    /// Its size in bytes.
    pub size: u64,
}

/// One change of a tree: a path and the blob that it gets, or `None` to remove it.
pub type TreeUpdate = (String, Option<ObjectId>);

/// The largest blob that is kept in memory for whoever reads it next, in bytes: a long session would push
/// everything else out.
const MAX_CACHED_BYTES: u64 = 1024 * 1024;

/// The largest tree that is read, in bytes: 32 MiB, some 400,000 entries.
const MAX_TREE_BYTES: u64 = 32 * 1024 * 1024;

/// The largest commit that is read, in bytes.
const MAX_COMMIT_BYTES: u64 = 16 * 1024 * 1024;

/// How many entries a walk over a tree and all below it looks at: the same small tree under many names, level
/// upon level, would go on for ever.
pub const MAX_ENTRIES: usize = 1_000_000;

/// How long a remote may take to send a blob that is to be shown.
const FETCH_LIMIT: Duration = Duration::from_secs(300);

impl Repository {
    /// Stores a blob; storing the same bytes again changes nothing.
    ///
    /// # Errors
    /// When the object store cannot be written.
    pub fn write_blob(&self, bytes: &[u8]) -> Result<ObjectId, GitError> {
        // gix writes again what is there already; a look is cheaper than a compressed write.
        let id = self.blob_id(bytes)?;
        if self.gix.has_object(id) {
            return Ok(id);
        }
        self.gix.write_blob(bytes).map(gix::Id::detach).during("writing a blob")
    }

    /// The id that a blob has or would have.
    ///
    /// # Errors
    /// When it cannot be hashed.
    pub fn blob_id(&self, bytes: &[u8]) -> Result<ObjectId, GitError> {
        gix::objs::compute_hash(self.gix.object_hash(), gix::objs::Kind::Blob, bytes).during("hashing a blob")
    }

    /// Reads a blob of at most `limit` bytes; its size is looked at before it is inflated.
    ///
    /// # Errors
    /// When it is missing, larger, or no blob.
    pub fn read_blob(&self, id: ObjectId, limit: u64) -> Result<Vec<u8>, GitError> {
        let size = self.checked_size(id, limit)?;
        self.inflated.set(self.inflated.get().saturating_add(size));
        if size <= MAX_CACHED_BYTES {
            let mut blob = self.gix.find_blob(id).during("reading a blob")?;
            return Ok(blob.take_data());
        }
        let mut objects = self.gix.objects.clone();
        objects.unset_object_cache();
        let mut bytes = Vec::new();
        objects.find_blob(&id, &mut bytes).during("reading a blob")?;
        Ok(bytes)
    }

    /// The size of an object, which is not inflated for it.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn object_size(&self, id: ObjectId) -> Result<u64, GitError> {
        let header = self.gix.try_find_header(id).during("looking at an object")?;
        Ok(header.ok_or_else(|| GitError::Missing { id: id.to_string() })?.size())
    }

    fn checked_size(&self, id: ObjectId, limit: u64) -> Result<u64, GitError> {
        let size = self.object_size(id)?;
        if size > limit { Err(GitError::TooLarge { id: id.to_string(), size, limit }) } else { Ok(size) }
    }

    /// How many bytes of blobs were read so far.
    #[must_use]
    pub fn inflated_bytes(&self) -> u64 {
        self.inflated.get()
    }

    /// Whether a blob is here. One that a partial clone left out is fetched first, where this repository was
    /// opened for that: see [`Repository::fetching_missing`].
    #[must_use]
    pub fn has_blob(&self, id: ObjectId) -> bool {
        if !self.has_object(id) && self.fetches_missing {
            self.fetch_missing(&[id], FETCH_LIMIT);
        }
        self.has_object(id)
    }

    /// Whether an object is here, without fetching it.
    #[must_use]
    pub fn has_object(&self, id: ObjectId) -> bool {
        self.gix.has_object(id)
    }

    /// Whether everything that `commit` has and `base` has not is here. In a partial clone nobody can
    /// tell: what is not here may be on the remote.
    #[must_use]
    pub fn is_whole(&self, commit: ObjectId, base: Option<ObjectId>) -> bool {
        if self.is_partial() {
            return true;
        }
        let tree = self.has_object(commit).then(|| self.tree_of(commit).ok()).flatten();
        let base = base.and_then(|base| self.tree_of(base).ok());
        tree.is_some_and(|tree| self.is_tree_whole(tree, base))
    }

    fn is_tree_whole(&self, tree: ObjectId, base: Option<ObjectId>) -> bool {
        if base == Some(tree) {
            return true;
        }
        // What was read lately is remembered, so that reading alone does not tell.
        let entries = self.has_object(tree).then(|| self.read_tree(tree).ok()).flatten();
        let Some(entries) = entries else { return false };
        let base = base.and_then(|base| self.read_tree(base).ok()).unwrap_or_default();
        let known: HashSet<ObjectId> = base.iter().map(|entry| entry.id).collect();
        entries.iter().filter(|entry| !known.contains(&entry.id)).all(|entry| match entry.kind {
            EntryKind::Tree => {
                let before = base.iter().find(|before| before.name == entry.name && before.kind == EntryKind::Tree);
                self.is_tree_whole(entry.id, before.map(|before| before.id))
            }
            _ => self.has_object(entry.id),
        })
    }

    /// The tree of a commit.
    ///
    /// # Errors
    /// When it is no commit that is here.
    pub fn tree_of(&self, commit: ObjectId) -> Result<ObjectId, GitError> {
        self.checked_size(commit, MAX_COMMIT_BYTES)?;
        let commit = self.gix.find_commit(commit).during("reading a commit")?;
        commit.tree_id().map(gix::Id::detach).during("reading a commit")
    }

    /// The entries of a tree, in git's order.
    ///
    /// # Errors
    /// When it is no tree that is here, or larger than any that this tool writes.
    pub fn read_tree(&self, tree: ObjectId) -> Result<Vec<Entry>, GitError> {
        self.check_tree(tree)?;
        let tree = self.gix.find_tree(tree).during("reading a tree")?;
        let decoded = tree.decode().during("reading a tree")?;
        Ok(decoded.entries.iter().map(|entry| Entry::of(entry.filename, entry.mode, entry.oid.to_owned())).collect())
    }

    /// Looks at a tree before it is inflated. The empty one need not be there.
    fn check_tree(&self, tree: ObjectId) -> Result<(), GitError> {
        let is_empty = tree == ObjectId::empty_tree(self.gix.object_hash());
        if !is_empty && !self.checked_trees.borrow().contains(&tree) {
            self.checked_size(tree, MAX_TREE_BYTES)?;
            self.checked_trees.borrow_mut().insert(tree);
        }
        Ok(())
    }

    /// The blobs of `tree` that `base` does not have at the same path, sorted by path. Those that a
    /// partial clone left out are passed over, as are paths that are no text.
    ///
    /// # Errors
    /// When a tree is not here, or there is no end of trees.
    pub fn new_blobs(&self, tree: ObjectId, base: Option<ObjectId>) -> Result<Vec<NewBlob>, GitError> {
        let mut found = Vec::new();
        let mut waiting = vec![(String::new(), tree, base)];
        let mut count = 0_usize;
        while let Some((folder, tree, base)) = waiting.pop() {
            let known = base.map(|base| self.read_tree(base)).transpose()?.unwrap_or_default();
            let known: BTreeMap<&[u8], &Entry> = known.iter().map(|entry| (entry.name.as_slice(), entry)).collect();
            let entries = self.read_tree(tree)?;
            count += entries.len();
            if count > MAX_ENTRIES {
                return Err(GitError::TooManyEntries { limit: MAX_ENTRIES });
            }
            for entry in entries {
                let before = known.get(entry.name.as_slice()).copied();
                let Some(name) = entry.name().filter(|_| before != Some(&entry)) else { continue };
                let path = format!("{folder}{name}");
                if entry.kind == EntryKind::Tree {
                    let same = before.filter(|before| before.kind == EntryKind::Tree);
                    waiting.push((format!("{path}/"), entry.id, same.map(|same| same.id)));
                } else if let Some(header) = self.gix.try_find_header(entry.id).during("looking at a blob")? {
                    found.push(NewBlob { path, id: entry.id, size: header.size() });
                }
            }
        }
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }

    /// The id of the blob or tree at `path`; `None` where there is nothing.
    ///
    /// # Errors
    /// When a tree on the way is not here.
    pub fn find_in_tree(&self, tree: ObjectId, path: &str) -> Result<Option<ObjectId>, GitError> {
        Ok(self.find_entry(tree, path)?.map(|entry| entry.id))
    }

    /// The entry at `path`; `None` where there is nothing.
    ///
    /// # Errors
    /// When a tree on the way is not here.
    pub fn find_entry(&self, tree: ObjectId, path: &str) -> Result<Option<Entry>, GitError> {
        const ACTION: &str = "reading a tree";
        let mut id = tree;
        let mut components = path.split('/').peekable();
        while let Some(component) = components.next() {
            self.check_tree(id)?;
            let tree = self.gix.find_tree(id).during(ACTION)?;
            let Some(entry) = tree.lookup_entry([component.as_bytes()]).during(ACTION)? else { return Ok(None) };
            if components.peek().is_none() {
                return Ok(Some(Entry::of(entry.filename(), entry.mode(), entry.object_id())));
            }
            // Below a submodule or a file there is nothing of this repository.
            if !entry.mode().is_tree() {
                return Ok(None);
            }
            id = entry.object_id();
        }
        Ok(None)
    }

    /// Applies `updates` to a tree (or to the empty one) and stores the result.
    ///
    /// # Errors
    /// When the object store cannot be read or written.
    pub fn edit_tree(&self, base: Option<ObjectId>, updates: &[TreeUpdate]) -> Result<ObjectId, GitError> {
        const ACTION: &str = "writing a tree";
        let base = base.unwrap_or_else(|| ObjectId::empty_tree(self.gix.object_hash()));
        let mut editor = self.gix.edit_tree(base).during(ACTION)?;
        for (path, blob) in updates {
            let path = path.as_str();
            match blob {
                Some(blob) => editor.upsert(path, Kind::Blob, *blob).during(ACTION)?,
                None => editor.remove(path).during(ACTION)?,
            };
        }
        editor.write().map(gix::Id::detach).during(ACTION)
    }

    /// Stores a tree of exactly these entries.
    ///
    /// # Errors
    /// When the object store cannot be written.
    pub fn write_tree(&self, entries: &[Entry]) -> Result<ObjectId, GitError> {
        let mut entries: Vec<gix::objs::tree::Entry> = entries
            .iter()
            .map(|entry| {
                let mode =
                    gix::objs::tree::EntryMode::try_from(u32::from(entry.mode)).unwrap_or_else(|_| Kind::Blob.into());
                gix::objs::tree::Entry { mode, filename: entry.name.clone(), oid: entry.id }
            })
            .collect();
        entries.sort();
        self.gix.write_object(gix::objs::Tree { entries }).map(gix::Id::detach).during("writing a tree")
    }

    /// Who commits here, as `Name <email>`.
    ///
    /// # Errors
    /// When no identity is configured.
    pub fn identity(&self) -> Result<String, GitError> {
        let identity = self.gix.committer().ok_or(GitError::NoIdentity)?.during("reading the identity")?;
        Ok(format!("{} <{}>", identity.name, identity.email))
    }

    /// Stores a commit with the user's own identity and the given time in seconds since 1970; no
    /// reference is touched. The committer of `GIT_COMMITTER_*`, which hooks inherit, counts.
    ///
    /// # Errors
    /// When no identity is configured or the object store cannot be written.
    pub fn write_commit(
        &self,
        tree: ObjectId,
        parents: &[ObjectId],
        message: &str,
        seconds: i64,
    ) -> Result<ObjectId, GitError> {
        let identity = self.gix.committer().ok_or(GitError::NoIdentity)?.during("reading the identity")?;
        let identity = gix::actor::Signature {
            name: identity.name.to_owned(),
            email: identity.email.to_owned(),
            time: gix::date::Time { seconds, offset: 0 },
        };
        let commit = gix::objs::Commit {
            tree,
            parents: parents.iter().copied().collect(),
            author: identity.clone(),
            committer: identity,
            encoding: None,
            message: message.into(),
            extra_headers: Vec::new(),
        };
        self.gix.write_object(&commit).map(gix::Id::detach).during("writing a commit")
    }
}

impl Entry {
    fn of(name: &gix::bstr::BStr, mode: gix::objs::tree::EntryMode, id: ObjectId) -> Self {
        let kind = match mode.kind() {
            Kind::Blob => EntryKind::Blob,
            Kind::Tree => EntryKind::Tree,
            Kind::BlobExecutable | Kind::Link | Kind::Commit => EntryKind::Other,
        };
        Self { name: name.to_owned(), kind, id, mode: mode.value() }
    }

    /// A regular file.
    #[must_use]
    pub fn blob(name: impl Into<BString>, id: ObjectId) -> Self {
        Self {
            name: name.into(),
            kind: EntryKind::Blob,
            id,
            mode: gix::objs::tree::EntryMode::from(Kind::Blob).value(),
        }
    }

    /// A folder.
    #[must_use]
    pub fn tree(name: impl Into<BString>, id: ObjectId) -> Self {
        Self {
            name: name.into(),
            kind: EntryKind::Tree,
            id,
            mode: gix::objs::tree::EntryMode::from(Kind::Tree).value(),
        }
    }

    /// git's mode, such as `0o100644`.
    #[must_use]
    pub fn mode(&self) -> u32 {
        u32::from(self.mode)
    }

    /// The name as text, where it is UTF-8.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.to_str().ok()
    }
}
