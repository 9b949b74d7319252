//! A branch with the sessions of a review, for whoever reads the comment.

use std::time::Duration;

use super::{Digest, Shape, markdown};
use crate::{
    error::{Error, Result},
    forge::{is_review_folder, review_folder},
    git::{Entry, Expected, ObjectId, PushSpec, Repository, TreeUpdate},
    hail::Timestamp,
};

/// How long a remote may take to answer.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a push is tried again when somebody else was faster.
const ATTEMPTS: u32 = 5;
/// The digest of a review on its branch, for people.
pub(super) const README: &str = "README.md";
/// The digest of a review, for programs.
pub(super) const DIGEST: &str = "review.json";
/// The folder of the sessions of a review.
pub(super) const SESSIONS: &str = "sessions";
/// What ends the name of a session's events there.
pub(super) const EVENTS: &str = ".hail.jsonl";
/// What a branch that keeps the sessions of many reviews has at its root besides them.
const ABOUT: &str = "The sessions of reviews, kept by git session. Each folder is one review.\n";

/// Where the sessions of a review are put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The remote.
    pub remote: String,
    /// The branch there.
    pub branch: String,
    /// The folder, where the branch keeps the sessions of many reviews.
    pub folder: Option<String>,
}

/// What publishing came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The commit that the branch is at.
    pub commit: ObjectId,
    /// Whether it was moved there.
    pub is_new: bool,
}

impl Target {
    /// The full name of the branch.
    fn reference(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }

    /// Where the file at `path` of the review is, below an address under which a host shows the files of
    /// its branches.
    #[must_use]
    pub fn url(&self, browse: &str, path: &str) -> String {
        let folder = self.folder.as_ref().map(|folder| format!("{folder}/")).unwrap_or_default();
        format!("{}/{}/{folder}{path}", browse.trim_end_matches('/'), self.branch)
    }

    /// What the branch is at.
    fn tip(&self, repository: &Repository) -> Result<Option<ObjectId>> {
        let reference = self.reference();
        let listed = repository.list_remote(&self.remote, &[&reference], PATIENCE)?;
        Ok(listed.into_iter().find(|(name, _)| *name == reference.as_str()).map(|(_, id)| id))
    }
}

/// Puts the sessions of a digest on the branch, with the digest itself. On a branch of its own they take
/// the place of what was there; on one that keeps many they take the place of their folder.
///
/// # Errors
/// When the remote refuses, or the branch has something that is not of reviews.
pub fn publish(repository: &Repository, target: &Target, digest: &Digest, now: Timestamp) -> Result<Published> {
    let files = files(repository, digest)?;
    let mut refusal = String::new();
    for _ in 0..ATTEMPTS {
        let tip = target.tip(repository)?;
        if let Some(tip) = tip.filter(|tip| !repository.has_object(*tip)) {
            repository.fetch(&target.remote, &[target.reference()], PATIENCE)?;
            if !repository.has_object(tip) {
                continue;
            }
        }
        let known = tip.map(|tip| repository.tree_of(tip)).transpose()?;
        let tree = tree(repository, target, known, &files)?;
        if let (Some(commit), true) = (tip, known == Some(tree)) {
            return Ok(Published { commit, is_new: false });
        }
        // A branch of its own has no history: what was there is in the ledgers.
        let parents: Vec<ObjectId> = tip.filter(|_| target.folder.is_some()).into_iter().collect();
        let message = format!("session: {}\n", target.folder.as_deref().unwrap_or(&target.branch));
        let commit = repository.write_commit(tree, &parents, &message, now.seconds())?;
        match push(repository, target, Some(commit), tip)? {
            Ok(()) => return Ok(Published { commit, is_new: true }),
            Err(reason) => refusal = reason,
        }
    }
    Err(Error::user(format!("{} rejected the branch {}: {refusal}", target.remote, target.branch))
        .hinted("the job needs the right to push branches: git session cleanup status"))
}

/// Deletes the branch; `false` where there is none.
///
/// # Errors
/// When the remote refuses.
pub fn unpublish(repository: &Repository, target: &Target) -> Result<bool> {
    let mut refusal = String::new();
    for _ in 0..ATTEMPTS {
        let Some(tip) = target.tip(repository)? else { return Ok(false) };
        match push(repository, target, None, Some(tip))? {
            Ok(()) => return Ok(true),
            Err(reason) => refusal = reason,
        }
    }
    Err(Error::user(format!("{} did not delete the branch {}: {refusal}", target.remote, target.branch))
        .hinted("the job needs the right to delete branches: git session cleanup status"))
}

fn push(
    repository: &Repository,
    target: &Target,
    new: Option<ObjectId>,
    tip: Option<ObjectId>,
) -> Result<std::result::Result<(), String>> {
    let expected = tip.map_or(Expected::Absent, Expected::Is);
    let spec = PushSpec { new, name: target.reference().into(), expected };
    let statuses = repository.push(&target.remote, &[spec], PATIENCE)?;
    Ok(statuses.into_iter().next().map_or(Ok(()), |status| status.result))
}

/// The digest for people and for programs.
pub(super) fn digest_files(repository: &Repository, digest: &Digest) -> Result<Vec<TreeUpdate>> {
    let text = markdown(digest, Shape { limit: usize::MAX, whole: None });
    let json = serde_json::to_vec_pretty(digest).expect("a digest has string keys only");
    Ok(vec![
        (README.to_owned(), Some(repository.write_blob(text.as_bytes())?)),
        (DIGEST.to_owned(), Some(repository.write_blob(&json)?)),
    ])
}

/// The files of a review: the digest, and the sessions.
fn files(repository: &Repository, digest: &Digest) -> Result<Vec<TreeUpdate>> {
    let mut files = digest_files(repository, digest)?;
    for session in &digest.sessions {
        files.extend(session.hail.map(|hail| (events_path(&session.id), Some(hail))));
    }
    Ok(files)
}

/// Where a session's events are in the files of a review.
#[must_use]
pub fn events_path(id: &str) -> String {
    format!("{SESSIONS}/{id}{EVENTS}")
}

fn tree(repository: &Repository, target: &Target, known: Option<ObjectId>, files: &[TreeUpdate]) -> Result<ObjectId> {
    let Some(folder) = &target.folder else { return Ok(repository.edit_tree(None, files)?) };
    let about = repository.write_blob(ABOUT.as_bytes())?;
    if let Some(foreign) = known.map(|tree| foreign(repository, tree)).transpose()?.flatten() {
        return Err(Error::user(format!("the branch {} contains {foreign}, which is not a review", target.branch))
            .hinted("keep sessions on a branch of their own: git session cleanup init --session-archive-branch NAME"));
    }
    let without = repository.edit_tree(known, &[(folder.clone(), None), (README.to_owned(), Some(about))])?;
    let placed: Vec<TreeUpdate> = files.iter().map(|(path, blob)| (format!("{folder}/{path}"), *blob)).collect();
    Ok(repository.edit_tree(Some(without), &placed)?)
}

/// What the root of a branch has that no branch has which keeps the sessions of many reviews.
fn foreign(repository: &Repository, root: ObjectId) -> Result<Option<String>> {
    let about = repository.blob_id(ABOUT.as_bytes())?;
    let is_of_reviews = |entry: &&Entry| match entry.name() {
        Some(README) => entry.id == about,
        Some(name) => is_review_folder(name),
        None => false,
    };
    let entries = repository.read_tree(root)?;
    Ok(entries.iter().find(|entry| !is_of_reviews(entry)).map(|entry| entry.name.to_string()))
}

/// What kind of branch sessions are published on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// That of one review, or one that keeps those of many and nothing else.
    Sessions,
    /// One that has something else, too: this.
    Mixed(String),
}

/// What kind of branch `branch` is, which is at `tip`; `None` where sessions are not published on it.
/// One that is said to keep the sessions of reviews is one, whatever else it has.
///
/// # Errors
/// When the tip is not here.
pub fn kind(repository: &Repository, branch: &str, tip: ObjectId, is_archive: bool) -> Result<Option<Kind>> {
    if review_folder(branch.as_bytes()).is_some() {
        return Ok(Some(Kind::Sessions));
    }
    let root = repository.tree_of(tip)?;
    if !is_archive && !repository.has_object(root) {
        // A partial clone may have commits alone.
        return Ok(None);
    }
    let has_about = repository.find_in_tree(root, README)? == Some(repository.blob_id(ABOUT.as_bytes())?);
    if !has_about && !is_archive {
        return Ok(None);
    }
    Ok(Some(foreign(repository, root)?.map_or(Kind::Sessions, Kind::Mixed)))
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn a_session_is_found_below_the_address_of_its_branch() {
        let mut target = Target { remote: "origin".to_owned(), branch: "b/c".to_owned(), folder: None };
        assert_eq!(target.url("https://h/o/r/blob/", "README.md"), "https://h/o/r/blob/b/c/README.md");
        target.folder = Some("pr-1".to_owned());
        assert_eq!(target.url("https://h/o/r/blob", "README.md"), "https://h/o/r/blob/b/c/pr-1/README.md");
    }
}
