//! What is staged. The index is only ever read.

use std::{path::Path, time::UNIX_EPOCH};

use gix::bstr::ByteSlice;

use super::{GitError, ObjectId, Repository, error::During};

/// A path whose staged content differs from every parent of the commit being made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedPath {
    /// The path below the root of the work tree.
    pub path: String,
    /// The blob in the first parent.
    pub old: Option<ObjectId>,
    /// The staged blob; `None` when it is deleted.
    pub new: Option<ObjectId>,
}

impl Repository {
    /// Of `paths` (below the root of the work tree), those that are staged: their entry in the index
    /// differs from the trees of all `parents`. Without parents, whatever is in the index is staged.
    ///
    /// `GIT_INDEX_FILE`, which git sets for a partial commit, is honoured.
    ///
    /// # Errors
    /// When the index or a tree cannot be read.
    pub fn staged<'p>(
        &self,
        paths: impl Iterator<Item = &'p str>,
        parents: &[ObjectId],
    ) -> Result<Vec<StagedPath>, GitError> {
        let index = self.gix.index_or_empty().during("reading the index")?;
        let trees: Vec<ObjectId> = parents.iter().map(|parent| self.tree_of(*parent)).collect::<Result<_, _>>()?;
        let mut staged = Vec::new();
        for path in paths {
            let new = index.entry_by_path(path.as_bytes().as_bstr()).map(|entry| entry.id);
            let mut old = None;
            let mut changed = !trees.is_empty() || new.is_some();
            for (position, tree) in trees.iter().enumerate() {
                let before = self.find_in_tree(*tree, path)?;
                changed &= before != new;
                if position == 0 {
                    old = before;
                }
            }
            if changed {
                staged.push(StagedPath { path: path.to_owned(), old, new });
            }
        }
        Ok(staged)
    }

    /// Whether the index has `path` (below the root of the work tree) or something that stands for a folder
    /// on the way to it: a link or a submodule.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn tracks(&self, path: &str) -> Result<bool, GitError> {
        let index = self.gix.index_or_empty().during("reading the index")?;
        let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        let mut names = folders.chain([path]);
        if self.config_flag("core.ignoreCase") == Some(true) {
            let names: Vec<&str> = names.collect();
            let is_one = |found: &[u8]| names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(found));
            return Ok(index.entries().iter().any(|entry| is_one(entry.path(&index))));
        }
        Ok(names.any(|name| index.entry_index_by_path(name.as_bytes().as_bstr()).is_ok()))
    }

    /// Of `paths` (absolute), those whose file is as it was when it was staged: the index has its
    /// size and time, or neither has it.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn unchanged_since_staged<'p>(&self, paths: &[&'p Path]) -> Result<Vec<&'p Path>, GitError> {
        let Some(root) = self.work_tree() else { return Ok(Vec::new()) };
        let canonical = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        let index = self.gix.index_or_empty().during("reading the index")?;
        let is_unchanged = |path: &&&Path| {
            let relative = path.strip_prefix(root).or_else(|_| path.strip_prefix(&canonical)).ok();
            let Some(relative) = relative.and_then(Path::to_str) else { return false };
            let entry = index.entry_by_path(relative.as_bytes().as_bstr());
            match (entry, path.symlink_metadata()) {
                (Some(entry), Ok(metadata)) => {
                    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                    u64::from(entry.stat.size) == metadata.len() & u64::from(u32::MAX)
                        && modified.is_some_and(|time| {
                            u64::from(entry.stat.mtime.secs) == time.as_secs() & u64::from(u32::MAX)
                                && (entry.stat.mtime.nsecs == 0 || entry.stat.mtime.nsecs == time.subsec_nanos())
                        })
                }
                (None, Err(_)) => true,
                _ => false,
            }
        };
        Ok(paths.iter().filter(is_unchanged).copied().collect())
    }
}
