//! Which files a commit changed, and which one that is being made is going to change.

use std::collections::{BTreeMap, HashMap};

use gix::bstr::ByteSlice;

use super::{Entry, EntryKind, GitError, MAX_ENTRIES, ObjectId, Repository, error::During};

/// The mode of a submodule, which has no content here.
const SUBMODULE: u32 = 0o160_000;

/// A file as a tree has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileVersion {
    /// The path below the root of the work tree; what is not text in it is replaced.
    pub path: String,
    /// The blob.
    pub id: ObjectId,
    /// git's mode, such as `0o100644`.
    pub mode: u32,
}

/// A path whose content or mode a commit changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeChange {
    /// The file in each parent, in their order: under its old name where it was renamed, `None` where it was not
    /// there. Without parents there is one, `None`.
    pub old: Vec<Option<FileVersion>>,
    /// The file in the commit; `None` where it was deleted.
    pub new: Option<FileVersion>,
}

impl TreeChange {
    /// The path, as the commit has it where it has it.
    #[must_use]
    pub fn path(&self) -> &str {
        let version = self.new.as_ref().or_else(|| self.old.iter().flatten().next());
        version.map_or("", |version| version.path.as_str())
    }
}

impl Repository {
    /// The files that each of `commits` changed; of a merge, those that differ from every parent. Renames are
    /// found as git finds them.
    ///
    /// # Errors
    /// When a commit or one of its trees is not here.
    pub fn tree_changes(&self, commits: &[ObjectId]) -> Result<HashMap<ObjectId, Vec<TreeChange>>, GitError> {
        if commits.is_empty() {
            return Ok(HashMap::new());
        }
        let options = ["diff-tree", "--stdin", "-r", "-z", "-c", "--root", "-M", "-l1000", "--raw", "--no-abbrev"];
        let input: String = commits.iter().map(|commit| format!("{commit}\n")).collect();
        let listed = self.git(&options).input(input.into_bytes()).run()?.require()?;
        let mut found: HashMap<ObjectId, Vec<TreeChange>> = HashMap::new();
        let mut current = None;
        let mut fields = listed.raw_stdout.split(|byte| *byte == 0).filter(|field| !field.is_empty());
        while let Some(field) = fields.next() {
            let parents = field.iter().take_while(|byte| **byte == b':').count();
            if parents == 0 {
                current = ObjectId::from_hex(field.trim()).ok();
                continue;
            }
            let Some(raw) = Raw::parse(&field[parents..], parents) else { break };
            let Some(first) = fields.next().map(ByteSlice::to_str_lossy) else { break };
            let second = if raw.is_renamed { fields.next().map(ByteSlice::to_str_lossy) } else { None };
            if let Some(commit) = current {
                let path = second.as_deref().unwrap_or(&first);
                found.entry(commit).or_default().push(raw.change(&first, path));
            }
        }
        Ok(found)
    }

    /// The files that the commit being made is going to change: their entries in the index differ from the trees of
    /// all `parents`. Renames are not looked for.
    ///
    /// `GIT_INDEX_FILE`, which git sets for a partial commit, is honoured.
    ///
    /// # Errors
    /// When the index or a tree cannot be read.
    pub fn staged_changes(&self, parents: &[ObjectId]) -> Result<Vec<TreeChange>, GitError> {
        let index = self.gix.index_or_empty().during("reading the index")?;
        // git wrote the tree of the index before it ran the hook, so that only what differs has to be read.
        let whole = index.tree().filter(|tree| tree.num_entries.is_some()).map(|tree| tree.id);
        let whole = whole.filter(|tree| self.has_object(*tree));
        let mut by_path: BTreeMap<String, TreeChange> = BTreeMap::new();
        let bases: Vec<Option<ObjectId>> = match parents {
            [] => vec![None],
            parents => parents.iter().map(|parent| self.tree_of(*parent).map(Some)).collect::<Result<_, _>>()?,
        };
        for (position, base) in bases.iter().enumerate() {
            let changes = match whole {
                Some(tree) => self.changes_between(*base, tree)?,
                None => self.changes_of_index(*base, &index)?,
            };
            let mut common = BTreeMap::new();
            for (old, new) in changes {
                let path = new.as_ref().or(old.as_ref()).map(|version| version.path.clone()).unwrap_or_default();
                let known = by_path.remove(&path);
                let mut change = match known {
                    Some(known) => known,
                    None if position == 0 => TreeChange { old: Vec::new(), new },
                    None => continue,
                };
                change.old.push(old);
                common.insert(path, change);
            }
            by_path = common;
        }
        Ok(by_path.into_values().collect())
    }

    /// The files in which a tree differs from another one, or from none.
    fn changes_between(&self, base: Option<ObjectId>, tree: ObjectId) -> Result<Vec<Versions>, GitError> {
        let mut found = Vec::new();
        let mut waiting = vec![(String::new(), base, Some(tree))];
        let mut count = 0_usize;
        while let Some((folder, base, tree)) = waiting.pop() {
            if base == tree {
                continue;
            }
            let entries = |tree: Option<ObjectId>| match tree {
                Some(tree) => self.read_tree(tree),
                None => Ok(Vec::new()),
            };
            let (old, new) = (entries(base)?, entries(tree)?);
            count += old.len() + new.len();
            if count > MAX_ENTRIES {
                return Err(GitError::TooManyEntries { limit: MAX_ENTRIES });
            }
            let mut pairs: BTreeMap<&[u8], (Option<&Entry>, Option<&Entry>)> = BTreeMap::new();
            for entry in &old {
                pairs.entry(entry.name.as_slice()).or_default().0 = Some(entry);
            }
            for entry in &new {
                pairs.entry(entry.name.as_slice()).or_default().1 = Some(entry);
            }
            for (name, (old, new)) in pairs.into_iter().filter(|(_, (old, new))| old != new) {
                let path = format!("{folder}{}", name.to_str_lossy());
                let tree = |entry: Option<&Entry>| entry.filter(|entry| entry.kind == EntryKind::Tree).map(|it| it.id);
                if tree(old).or(tree(new)).is_some() {
                    waiting.push((format!("{path}/"), tree(old), tree(new)));
                }
                let file = |entry: Option<&Entry>| version(&path, entry.filter(|it| it.kind != EntryKind::Tree)?);
                let versions = (file(old), file(new));
                if versions != (None, None) {
                    found.push(versions);
                }
            }
        }
        Ok(found)
    }

    /// The files in which the index differs from a tree, where git left no tree of the index.
    fn changes_of_index(&self, base: Option<ObjectId>, index: &gix::index::File) -> Result<Vec<Versions>, GitError> {
        let empty = ObjectId::empty_tree(self.gix.object_hash());
        let mut old: BTreeMap<String, FileVersion> = BTreeMap::new();
        if let Some(base) = base {
            let all = self.changes_between(None, base)?.into_iter().filter_map(|(_, new)| new);
            old.extend(all.map(|version| (version.path.clone(), version)));
        }
        let mut found = Vec::new();
        for entry in index.entries() {
            let path = entry.path(index).to_str_lossy().into_owned();
            // An entry that `git add --intent-to-add` made has nothing staged.
            let is_intent = entry.flags.contains(gix::index::entry::Flags::INTENT_TO_ADD);
            if is_intent || entry.id == empty || entry.stage_raw() != 0 {
                continue;
            }
            if entry.mode.is_sparse() {
                // What a sparse index does not list is as it was.
                let folder = format!("{}/", path.trim_end_matches('/'));
                old.retain(|path, _| !path.starts_with(&folder));
                continue;
            }
            let before = old.remove(&path);
            let now = FileVersion { path, id: entry.id, mode: entry.mode.bits() };
            if now.mode != SUBMODULE && before.as_ref() != Some(&now) {
                found.push((before, Some(now)));
            }
        }
        found.extend(old.into_values().map(|gone| (Some(gone), None)));
        Ok(found)
    }
}

/// A file before and after.
type Versions = (Option<FileVersion>, Option<FileVersion>);

fn version(path: &str, entry: &Entry) -> Option<FileVersion> {
    let mode = entry.mode();
    (mode != SUBMODULE).then(|| FileVersion { path: path.to_owned(), id: entry.id, mode })
}

/// One line of git's raw format.
struct Raw {
    /// The modes and ids of the parents, and then those of the commit.
    versions: Vec<(u32, ObjectId)>,
    is_renamed: bool,
}

impl Raw {
    /// Reads what comes after the colons.
    fn parse(line: &[u8], parents: usize) -> Option<Self> {
        let words: Vec<&str> = line.to_str().ok()?.split(' ').collect();
        let (modes, rest) = words.split_at_checked(parents + 1)?;
        let (ids, status) = rest.split_at_checked(parents + 1)?;
        let mode = |word: &&str| u32::from_str_radix(word, 8).ok();
        let id = |word: &&str| ObjectId::from_hex(word.as_bytes()).ok();
        let modes = modes.iter().map(mode).collect::<Option<Vec<_>>>()?;
        let ids = ids.iter().map(id).collect::<Option<Vec<_>>>()?;
        let is_renamed = parents == 1 && status.first().is_some_and(|status| status.starts_with(['R', 'C']));
        Some(Self { versions: modes.into_iter().zip(ids).collect(), is_renamed })
    }

    fn change(mut self, old_path: &str, path: &str) -> TreeChange {
        let file = |path: &str, (mode, id): (u32, ObjectId)| {
            let is_there = mode != 0 && mode != SUBMODULE && !id.is_null();
            is_there.then(|| FileVersion { path: path.to_owned(), id, mode })
        };
        let new = self.versions.pop().and_then(|version| file(path, version));
        TreeChange { old: self.versions.into_iter().map(|version| file(old_path, version)).collect(), new }
    }
}
