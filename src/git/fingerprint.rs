//! What a commit is known by after its id has changed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{GitError, ObjectId, Repository};

/// How many of the blobs that a commit introduced are kept.
const MAX_BLOBS: usize = 50;

/// What makes two patches differ that are the same: all of it is set, so that no configuration
/// counts and no program of a configuration runs.
const PATCH: [&str; 17] = [
    "-c",
    "core.quotePath=true",
    "diff-tree",
    "--stdin",
    "--root",
    "-p",
    "-U3",
    "--full-index",
    "--no-renames",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--diff-algorithm=myers",
    "--indent-heuristic",
    "--submodule=short",
    "--src-prefix=a/",
    "--dst-prefix=b/",
];

/// A commit's content; all hex, and nothing of it where nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fingerprint {
    /// What `git patch-id --stable` says of it; a merge and an empty commit have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch_id: Option<String>,
    /// Its tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// The blobs that it introduced, at most 50; none of a merge.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blobs: Vec<String>,
}

impl Repository {
    /// The fingerprints of those of `commits` that are here; without a patch id where a partial clone left
    /// out what the patch shows. Starts three git processes for all of them, which is too slow for the hooks of
    /// every commit.
    ///
    /// # Errors
    /// When git fails.
    pub fn fingerprints(&self, commits: &[ObjectId]) -> Result<BTreeMap<ObjectId, Fingerprint>, GitError> {
        let mut found = BTreeMap::new();
        for commit in commits.iter().copied().filter(|commit| self.has_object(*commit)) {
            let tree = Some(self.tree_of(commit)?.to_string());
            found.insert(commit, Fingerprint { tree, ..Fingerprint::default() });
        }
        if found.is_empty() {
            return Ok(found);
        }
        let list: Vec<u8> = found.keys().flat_map(|commit| format!("{commit}\n").into_bytes()).collect();
        let incomplete = self.add_blobs(list, &mut found)?;
        let whole = found.keys().filter(|commit| !incomplete.contains(*commit));
        let whole: Vec<u8> = whole.flat_map(|commit| format!("{commit}\n").into_bytes()).collect();
        self.add_patch_ids(whole, &mut found)?;
        Ok(found)
    }

    /// The patch ids of what leads from a commit to another, all commits in between taken together: what
    /// a squash merge of them has. Each pair is the later commit and the earlier one; what is found is
    /// listed by the later one.
    ///
    /// # Errors
    /// When git fails, as it does where an object is not here.
    pub fn patch_ids_between(
        &self,
        pairs: &[(ObjectId, ObjectId)],
    ) -> Result<BTreeMap<ObjectId, BTreeSet<String>>, GitError> {
        let mut found: BTreeMap<ObjectId, BTreeSet<String>> = BTreeMap::new();
        // `git diff-tree --stdin` takes a second commit for the parent of the first.
        let list: Vec<u8> =
            pairs.iter().flat_map(|(later, earlier)| format!("{later} {earlier}\n").into_bytes()).collect();
        for (commit, patch_id) in self.patch_ids(list)? {
            found.entry(commit).or_default().insert(patch_id);
        }
        Ok(found)
    }

    /// The patch id of each line of what `git diff-tree --stdin` reads, with the commit it begins with.
    fn patch_ids(&self, list: Vec<u8>) -> Result<Vec<(ObjectId, String)>, GitError> {
        if list.is_empty() {
            return Ok(Vec::new());
        }
        let patches = self.git(&PATCH).input(list);
        let answer = self.git(&["patch-id", "--stable"]).run_after(patches)?.require()?;
        let parse = |line: &str| {
            let (patch_id, commit) = line.split_once(' ')?;
            Some((self.parse_id(commit.trim())?, patch_id.to_owned()))
        };
        Ok(answer.stdout.lines().filter_map(parse).collect())
    }

    fn add_patch_ids(&self, list: Vec<u8>, found: &mut BTreeMap<ObjectId, Fingerprint>) -> Result<(), GitError> {
        for (commit, patch_id) in self.patch_ids(list)? {
            if let Some(fingerprint) = found.get_mut(&commit) {
                fingerprint.patch_id = Some(patch_id);
            }
        }
        Ok(())
    }

    /// Returns the commits of whose changes a partial clone left something out.
    fn add_blobs(
        &self,
        list: Vec<u8>,
        found: &mut BTreeMap<ObjectId, Fingerprint>,
    ) -> Result<BTreeSet<ObjectId>, GitError> {
        let is_partial = self.is_partial();
        let mut incomplete = BTreeSet::new();
        // A file that only got another name introduces nothing.
        let arguments = ["diff-tree", "--stdin", "--root", "-r", "-M100%", "--no-abbrev"];
        let answer = self.git(&arguments).input(list).run()?.require()?;
        let mut commit = None;
        for line in answer.stdout.lines() {
            match line.strip_prefix(':') {
                None => commit = self.parse_id(line.trim()),
                Some(change) => {
                    let is_missing = |id| self.parse_id(id).is_some_and(|id| !id.is_null() && !self.has_object(id));
                    if is_partial && blobs_of(change).any(is_missing) {
                        incomplete.extend(commit);
                    }
                    let fingerprint = commit.and_then(|commit| found.get_mut(&commit));
                    if let (Some(fingerprint), Some(blob)) = (fingerprint, introduced(change))
                        && fingerprint.blobs.len() < MAX_BLOBS
                        && !self.is_empty_blob(&blob)
                        && !fingerprint.blobs.contains(&blob)
                    {
                        fingerprint.blobs.push(blob);
                    }
                }
            }
        }
        Ok(incomplete)
    }

    /// Whether it is the blob of every empty file, which says nothing of where a commit came from.
    fn is_empty_blob(&self, blob: &str) -> bool {
        self.parse_id(blob).is_none_or(|id| id.is_empty_blob())
    }
}

/// The blobs that a raw line of git's names: before and after.
fn blobs_of(change: &str) -> impl Iterator<Item = &str> {
    let mut fields = change.split_whitespace();
    let modes = [fields.next(), fields.next()];
    modes
        .into_iter()
        .zip([fields.next(), fields.next()])
        .filter(|(mode, _)| *mode != Some("160000"))
        .filter_map(|(_, id)| id)
}

/// The blob that a raw line of git's, `<mode> <mode> <id> <id> <status>\t<path>`, introduces.
fn introduced(change: &str) -> Option<String> {
    let fields: Vec<&str> = change.split_whitespace().take(4).collect();
    let [_, mode, old, new] = fields.as_slice() else { return None };
    let is_blob = *mode != "160000" && new.bytes().any(|digit| digit != b'0');
    (is_blob && old != new).then(|| (*new).to_owned())
}

#[cfg(test)]
mod tests {
    use super::introduced;

    #[test]
    fn a_deletion_a_mode_a_new_name_and_a_submodule_introduce_no_blob() {
        assert_eq!(introduced("000000 100644 0000 abcd A\tf").as_deref(), Some("abcd"));
        assert_eq!(introduced("100644 100755 1234 abcd M\tf").as_deref(), Some("abcd"));
        for none in [
            "100644 000000 abcd 0000 D\tf",
            "100644 100755 abcd abcd M\tf",
            "100644 100644 abcd abcd R100\tf\tg",
            "000000 160000 0000 abcd A\tlibrary",
            "",
        ] {
            assert_eq!(introduced(none), None, "{none}");
        }
    }
}
