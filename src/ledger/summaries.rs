//! What OpenSession keeps beside the ledgers: summaries of sessions, all in one reference, and
//! handoff artifacts, each in a reference of its own. They are shown, carried and merged.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::{
    LedgerError, REMOTE_ROOT, Redaction, Tombstones, branch, merge,
    meta::clear,
    reader::{MAX_META_BYTES, content},
};
use crate::{
    git::{GitError, ObjectId, Repository, TreeUpdate},
    hail::{SessionId, Timestamp},
};

/// The reference of the summaries.
pub const SUMMARIES: &str = "refs/opensession/summaries";
/// The folder of the handoff artifacts' references.
pub const ARTIFACTS: &str = "refs/opensession/handoff/artifacts/";

const FOLDER: &str = "v1/summaries";
const SUMMARY: &str = ".summary.json";
const META: &str = ".summary.meta.json";
/// The key of what is said about a summary under which it says when it was redacted again.
const CLEARED_AT: &str = "git_session_cleared_at";

/// What somebody, mostly a model, said a session came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The summary as it is stored: an object with `changes`, or any other JSON.
    pub summary: Value,
    /// Who wrote it.
    pub provider: Option<String>,
    /// The model that wrote it.
    pub model: Option<String>,
    /// When it was written, as it is stored.
    pub generated_at: Option<String>,
}

impl Summary {
    /// The summary in a line.
    #[must_use]
    pub fn line(&self) -> String {
        let said = match &self.summary {
            Value::Object(fields) => fields.get("changes").and_then(Value::as_str).map(str::to_owned),
            Value::String(text) => Some(text.clone()),
            _ => None,
        };
        let text = said.unwrap_or_else(|| self.summary.to_string());
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The folder of the references that remember what `remote` has besides ledgers; what follows
/// `refs/opensession/` in a reference's name follows here too.
#[must_use]
pub fn extra_ref_root(remote: &str) -> String {
    format!("{REMOTE_ROOT}{}/", branch::remote_component(remote))
}

/// The summary of a session: this repository's own, else one that was fetched.
///
/// # Errors
/// When the references or their trees cannot be read.
pub fn summary_of(repository: &Repository, session: &SessionId) -> Result<Option<Summary>, LedgerError> {
    let own = repository.find_reference(SUMMARIES.as_bytes())?;
    let fetched = repository.references(REMOTE_ROOT)?.into_iter().filter(|(name, _)| name.ends_with(b"/summaries"));
    for tip in own.into_iter().chain(fetched.map(|(_, id)| id)) {
        let tree = repository.tree_of(tip)?;
        let Some(summary) = read(repository, tree, &path(session.as_str(), SUMMARY))? else { continue };
        let meta = read(repository, tree, &path(session.as_str(), META))?.unwrap_or(Value::Null);
        let text = |key: &str| meta.get(key).and_then(Value::as_str).map(str::to_owned);
        return Ok(Some(Summary {
            summary,
            provider: text("provider"),
            model: text("model"),
            generated_at: text("generated_at"),
        }));
    }
    Ok(None)
}

fn path(session: &str, ending: &str) -> String {
    let shard: String = session.chars().take(2).collect();
    format!("{FOLDER}/{shard}/{session}{ending}")
}

/// A JSON blob; `None` where there is none, it is not here, it is damaged, or it is no JSON.
fn read(repository: &Repository, tree: ObjectId, path: &str) -> Result<Option<Value>, GitError> {
    let Some(id) = repository.find_in_tree(tree, path)? else { return Ok(None) };
    if !repository.has_blob(id) {
        return Ok(None);
    }
    let bytes = content(repository, id, MAX_META_BYTES).ok().flatten();
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Merges two tips of the summaries and returns the commit that has both: of two summaries of one
/// session the later stays.
///
/// # Errors
/// When the repository cannot be read or written.
pub fn merge_summaries(
    repository: &Repository,
    [ours, theirs]: [ObjectId; 2],
    tombstones: &Tombstones,
    now: Timestamp,
) -> Result<ObjectId, LedgerError> {
    let applied = |tip| apply_tombstones_to_summaries(repository, tip, tombstones, now);
    if repository.is_ancestor(theirs, ours)? {
        return applied(ours);
    }
    if repository.is_ancestor(ours, theirs)? {
        return applied(theirs);
    }
    // What lost something is a commit of its own by now, without the history that holds it.
    let [ours, theirs] = [applied(ours)?, applied(theirs)?];
    if ours == theirs {
        return Ok(ours);
    }
    let sides = [repository.tree_of(ours)?, repository.tree_of(theirs)?];
    // No folder of this tree holds shards of sessions: whatever both have, the greater stays.
    let mut tree = merge::merge_trees(repository, "", sides[0], sides[1])?;
    let updates = choose(repository, sides, now)?;
    if !updates.is_empty() {
        tree = repository.edit_tree(Some(tree), &updates)?;
    }
    if tree == sides[1] {
        return Ok(theirs);
    }
    Ok(repository.write_commit(tree, &[ours, theirs], "summary: merge\n", now.seconds())?)
}

/// The summaries without those of sessions whose tombstones do not let them stay: `tip` where all may,
/// else a commit without parents.
///
/// # Errors
/// When the repository cannot be read or written.
pub fn apply_tombstones_to_summaries(
    repository: &Repository,
    tip: ObjectId,
    tombstones: &Tombstones,
    now: Timestamp,
) -> Result<ObjectId, LedgerError> {
    let tree = repository.tree_of(tip)?;
    let mut updates: Vec<TreeUpdate> = Vec::new();
    for tombstone in &tombstones.sessions {
        let id = tombstone.session_id.as_str();
        if repository.find_in_tree(tree, &path(id, SUMMARY))?.is_none() {
            continue;
        }
        let meta = read(repository, tree, &path(id, META))?.unwrap_or(Value::Null);
        let time = |key: &str| meta.get(key).and_then(Value::as_str).and_then(|time| time.parse::<Timestamp>().ok());
        if !tombstone.permits(time(CLEARED_AT), time("generated_at")) {
            updates.extend([SUMMARY, META].map(|ending| (path(id, ending), None)));
        }
    }
    rewritten(repository, tip, &updates, now)
}

/// Redacts the summary of a session again: `tip` where there is none, else a commit without parents.
///
/// # Errors
/// When the repository cannot be read or written.
pub fn redact_summary(
    repository: &Repository,
    tip: ObjectId,
    session: &SessionId,
    redaction: &dyn Redaction,
    now: Timestamp,
) -> Result<ObjectId, LedgerError> {
    let tree = repository.tree_of(tip)?;
    let mut updates: Vec<TreeUpdate> = Vec::new();
    for ending in [SUMMARY, META] {
        let path = path(session.as_str(), ending);
        if let Some(mut value) = read(repository, tree, &path)? {
            clear(&mut value, &|text| redaction.text(text));
            if let (META, Some(fields)) = (ending, value.as_object_mut()) {
                fields.insert(CLEARED_AT.to_owned(), now.to_string().into());
            }
            updates.push((path, Some(repository.write_blob(value.to_string().as_bytes())?)));
        }
    }
    rewritten(repository, tip, &updates, now)
}

fn rewritten(
    repository: &Repository,
    tip: ObjectId,
    updates: &[TreeUpdate],
    now: Timestamp,
) -> Result<ObjectId, LedgerError> {
    if updates.is_empty() {
        return Ok(tip);
    }
    let tree = repository.edit_tree(Some(repository.tree_of(tip)?), updates)?;
    Ok(repository.write_commit(tree, &[], "summary: rewrite\n", now.seconds())?)
}

/// A summary belongs together with what is said about it, so both come from one side.
fn choose(repository: &Repository, sides: [ObjectId; 2], now: Timestamp) -> Result<Vec<TreeUpdate>, LedgerError> {
    let mut names: [BTreeSet<String>; 2] = [BTreeSet::new(), BTreeSet::new()];
    for (names, tree) in names.iter_mut().zip(sides) {
        names.extend(sessions(repository, tree)?);
    }
    let mut updates = Vec::new();
    for session in names[0].intersection(&names[1]) {
        let mut rivals = Vec::new();
        for tree in sides {
            let meta = read(repository, tree, &path(session, META))?.unwrap_or(Value::Null);
            let time = meta.get("generated_at").and_then(Value::as_str).and_then(|time| time.parse::<Timestamp>().ok());
            // One that is yet to come would stay for good.
            let time = time.and_then(|time| time.unless_after(now));
            let find = |ending| repository.find_in_tree(tree, &path(session, ending));
            rivals.push((time, find(META)?, find(SUMMARY)?));
        }
        let Some((_, meta, summary)) = rivals.into_iter().max() else { continue };
        let blobs = [(META, meta), (SUMMARY, summary)].into_iter();
        updates.extend(blobs.filter_map(|(ending, blob)| Some((path(session, ending), Some(blob?)))));
    }
    Ok(updates)
}

/// The ids of the sessions that a tree has summaries of.
fn sessions(repository: &Repository, tree: ObjectId) -> Result<Vec<String>, LedgerError> {
    let leaves = super::reader::leaves(repository, tree)?;
    let of_path = |path: &str| {
        let below = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
        let (_, file) = below.split_once('/')?;
        file.strip_suffix(SUMMARY).filter(|id| self::path(id, SUMMARY) == path).map(str::to_owned)
    };
    Ok(leaves.iter().filter_map(|(path, _)| of_path(path)).collect())
}

/// Whether a reference of a remote is one that is carried along besides the ledgers.
#[must_use]
pub fn is_extra_ref(name: &str) -> bool {
    let artifact = name.strip_prefix(ARTIFACTS);
    name == SUMMARIES || artifact.is_some_and(|id| !id.is_empty() && !id.contains('/'))
}
