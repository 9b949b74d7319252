//! The branches that sessions were published on: those of reviews, and one that keeps the sessions of
//! many. They are rewritten here and, when that is wanted, on a remote.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use serde::Serialize;

use super::{Erased, Erasure, Fate};
use crate::{
    error::Result,
    forge,
    git::{Expected, ObjectId, PushSpec, RefUpdate},
    review::{self, Kind, Retraction},
};

const HEADS: &str = "refs/heads/";
const TRACKING: &str = "refs/remotes/";
const ALL_HEADS: &str = "refs/heads/*";
/// How long a remote may take to answer.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is tried again when somebody else was faster.
const ATTEMPTS: u32 = 5;

/// A branch that sessions were published on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Publication {
    /// The branch.
    pub branch: String,
    /// The remote that has it; `None` for this repository's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
}

/// What became of the branches of a remote.
#[derive(Clone, Debug, Default)]
pub struct Retracted {
    /// Those that it took.
    pub published: Vec<Publication>,
    /// What did not work, in words.
    pub problems: Vec<String>,
}

/// A branch as it is somewhere.
struct Place {
    publication: Publication,
    /// Its full name here; of a remote that was asked, its full name there.
    reference: String,
    tip: ObjectId,
}

/// The past of a branch that holds what has to go.
struct Past {
    /// The commits that hold it, or are built upon one that does.
    gone: HashSet<ObjectId>,
    /// What those are built upon, and stays.
    kept: Vec<ObjectId>,
}

impl std::fmt::Display for Publication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.remote {
            Some(remote) => write!(f, "{} ({remote})", self.branch),
            None => f.write_str(&self.branch),
        }
    }
}

impl Erasure<'_> {
    /// The branches, here and as last seen on remotes, that hold what has to go.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn published(&self) -> Result<Vec<Publication>> {
        let retraction = self.retraction();
        let mut found = Vec::new();
        for (place, _) in self.places()? {
            if self.past(&retraction, place.tip)?.is_some() {
                found.push(place.publication);
            }
        }
        Ok(found)
    }

    /// The events of the session that those branches have or had, as they are.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn published_events(&self) -> Result<BTreeSet<ObjectId>> {
        let (retraction, mut found) = (self.retraction(), BTreeSet::new());
        let tips: Vec<ObjectId> = self.places()?.into_iter().map(|(place, _)| place.tip).collect();
        for commit in self.repository.commits(&tips, &[], usize::MAX)? {
            found.extend(retraction.events(self.repository.tree_of(commit)?)?);
        }
        Ok(found)
    }

    /// Rewrites the branches of this repository, and forgets what remotes have.
    pub(super) fn retract_here(&self, erased: &mut Erased) -> Result<()> {
        let retraction = self.retraction();
        for (place, kind) in self.places()? {
            let Some(past) = self.past(&retraction, place.tip)? else { continue };
            if let Some(reason) = self.obstacle(&place, &kind)? {
                erased.problems.push(reason);
                continue;
            }
            if place.publication.remote.is_some() {
                self.delete(&place.reference, place.tip)?;
                erased.forgotten.push(place.reference);
                erased.elsewhere.push(place.publication);
                continue;
            }
            let new = Some(self.rewritten(&retraction, place.tip, &past)?);
            let (name, expected) = (place.reference.as_str().into(), Expected::Is(place.tip));
            self.repository.update_reference(&RefUpdate { name, expected, new })?;
            self.repository.expire_reflogs(&[place.reference])?;
            self.repository.forget_heads(&past.gone)?;
            erased.published.push(place.publication);
        }
        Ok(())
    }

    /// Rewrites the branches of a remote, each under a lease; `known` are among them. What it does not
    /// take is a problem, and no error.
    ///
    /// # Errors
    /// When the repository cannot be read or written.
    pub fn retract_on(&self, remote: &str, known: &[Publication]) -> Result<Retracted> {
        let mut retracted = Retracted::default();
        let mut names: BTreeSet<String> = known.iter().map(|known| known.branch.clone()).collect();
        for _ in 0..ATTEMPTS {
            retracted.problems.clear();
            let (specs, mut problems) = match self.specs(remote, &names) {
                Ok(found) => found,
                Err(fault) => (Vec::new(), vec![format!("{remote} may still have published it: {fault}")]),
            };
            retracted.problems.append(&mut problems);
            // Whoever was faster made of them what is not here yet.
            names.extend(specs.iter().filter_map(|spec| branch_of(&spec.name)));
            if specs.is_empty() || self.send(remote, &specs, &mut retracted) {
                break;
            }
        }
        // What was fetched to be looked at, and was not replaced.
        self.retract_here(&mut Erased::default())?;
        Ok(retracted)
    }

    /// What the branches of a remote have to be, and which of them stay as they are.
    fn specs(&self, remote: &str, names: &BTreeSet<String>) -> Result<(Vec<PushSpec>, Vec<String>)> {
        let (mut specs, mut problems) = (Vec::new(), Vec::new());
        let retraction = self.retraction();
        for (place, kind) in self.places_on(remote, names)? {
            let Some(past) = self.past(&retraction, place.tip)? else { continue };
            if let Kind::Mixed(other) = kind {
                problems.push(mixed(&place.publication, &other));
                continue;
            }
            let new = Some(self.rewritten(&retraction, place.tip, &past)?);
            specs.push(PushSpec { new, name: place.reference.into(), expected: Expected::Is(place.tip) });
        }
        Ok((specs, problems))
    }

    /// Pushes once; whether the remote took everything.
    fn send(&self, remote: &str, specs: &[PushSpec], retracted: &mut Retracted) -> bool {
        let statuses = match self.repository.push(remote, specs, PATIENCE) {
            Ok(statuses) => statuses,
            Err(fault) => {
                retracted.problems.push(format!("{remote} rejected the review branches: {fault}"));
                return false;
            }
        };
        let mut is_done = true;
        for status in statuses {
            let Some(branch) = branch_of(&status.name) else { continue };
            if let Err(reason) = status.result {
                is_done = false;
                retracted.problems.push(format!("{remote} rejected the branch {branch}, which contains it: {reason}"));
            } else {
                retracted.published.push(Publication { branch, remote: Some(remote.to_owned()) });
            }
        }
        is_done
    }

    fn retraction(&self) -> Retraction<'_> {
        let redaction = match self.fate {
            Fate::Purged => None,
            Fate::Redacted(redaction) => Some(redaction),
        };
        Retraction::new(self.repository, self.session, redaction)
    }

    /// The branches that sessions are published on, here and as last seen on remotes.
    fn places(&self) -> Result<Vec<(Place, Kind)>> {
        let remotes = self.repository.remotes();
        let mut places = Vec::new();
        for (name, tip) in [self.repository.references(HEADS)?, self.repository.references(TRACKING)?].concat() {
            let Ok(reference) = std::str::from_utf8(&name).map(str::to_owned) else { continue };
            let publication = match reference.strip_prefix(TRACKING) {
                None => Publication { branch: reference[HEADS.len()..].to_owned(), remote: None },
                Some(below) => {
                    let of_remote =
                        |remote: &&String| below.strip_prefix(*remote).is_some_and(|rest| rest.starts_with('/'));
                    let known = remotes.iter().filter(of_remote).map(String::len).max();
                    let Some(end) = known.or_else(|| below.find('/')) else { continue };
                    Publication { branch: below[end + 1..].to_owned(), remote: Some(below[..end].to_owned()) }
                }
            };
            places.push(Place { publication, reference, tip });
        }
        self.of_sessions(places)
    }

    /// The branches of a remote that sessions are published on: those of reviews, the one that is
    /// configured, those of `names` and of a name that is known here, and what else is here and is one.
    fn places_on(&self, remote: &str, names: &BTreeSet<String>) -> Result<Vec<(Place, Kind)>> {
        let own = self.places()?.into_iter().map(|(place, _)| place.publication.branch);
        let known: BTreeSet<String> = own.chain(self.archive.map(str::to_owned)).chain(names.iter().cloned()).collect();
        let mut places = Vec::new();
        for (name, tip) in self.repository.list_remote(remote, &[ALL_HEADS], PATIENCE)? {
            let Some(branch) = branch_of(&name) else { continue };
            let reference = name.to_string();
            let is_wanted = known.contains(&branch) || forge::review_folder(branch.as_bytes()).is_some();
            if is_wanted && !self.repository.has_object(tip) {
                self.repository.fetch(remote, std::slice::from_ref(&reference), PATIENCE)?;
            }
            let publication = Publication { branch, remote: Some(remote.to_owned()) };
            places.push(Place { publication, reference, tip });
        }
        self.of_sessions(places)
    }

    fn of_sessions(&self, places: Vec<Place>) -> Result<Vec<(Place, Kind)>> {
        let mut found = Vec::new();
        for place in places.into_iter().filter(|place| self.repository.has_object(place.tip)) {
            let branch = place.publication.branch.as_str();
            let kind = review::kind(self.repository, branch, place.tip, self.archive == Some(branch))?;
            found.extend(kind.map(|kind| (place, kind)));
        }
        Ok(found)
    }

    /// What of the past of a branch that is at `tip` has to go; `None` where nothing has to.
    fn past(&self, retraction: &Retraction<'_>, tip: ObjectId) -> Result<Option<Past>> {
        let mut parents: HashMap<ObjectId, Vec<ObjectId>> = HashMap::new();
        let mut gone = HashSet::new();
        let ids = self.repository.commits(&[tip], &[], usize::MAX)?;
        for id in &ids {
            let commit = self.repository.commit(*id)?;
            if retraction.tree(commit.tree)? != commit.tree {
                gone.insert(*id);
            }
            parents.insert(*id, commit.parents);
        }
        let mut before = 0;
        while gone.len() > before {
            before = gone.len();
            // The oldest first, so that once is enough unless clocks were wrong.
            for id in ids.iter().rev() {
                if parents[id].iter().any(|parent| gone.contains(parent)) {
                    gone.insert(*id);
                }
            }
        }
        let mut kept: Vec<ObjectId> = Vec::new();
        for parent in ids.iter().filter(|id| gone.contains(*id)).flat_map(|id| &parents[id]) {
            // The rest of a shallow history may hold it, too.
            if !gone.contains(parent) && parents.contains_key(parent) && !kept.contains(parent) {
                kept.push(*parent);
            }
        }
        Ok((!gone.is_empty()).then_some(Past { gone, kept }))
    }

    /// What a branch that is at `tip` has to be: what never held the session stays behind it.
    fn rewritten(&self, retraction: &Retraction<'_>, tip: ObjectId, past: &Past) -> Result<ObjectId> {
        let tree = retraction.tree(self.repository.tree_of(tip)?)?;
        let message = format!("session: {} {}\n", self.verb(), self.session);
        Ok(self.repository.write_commit(tree, &past.kept, &message, self.now.seconds())?)
    }

    fn verb(&self) -> &'static str {
        match self.fate {
            Fate::Purged => "purge",
            Fate::Redacted(_) => "redact",
        }
    }

    /// Why a branch is left alone, and what to do.
    fn obstacle(&self, place: &Place, kind: &Kind) -> Result<Option<String>> {
        let branch = &place.publication.branch;
        if let Kind::Mixed(other) = kind {
            return Ok(Some(mixed(&place.publication, other)));
        }
        if place.publication.remote.is_some() {
            return Ok(None);
        }
        let Some(path) = self.repository.checked_out_at(&place.reference)? else { return Ok(None) };
        let other = self.another_branch(branch)?;
        let is_here = self.repository.work_tree().and_then(|root| root.canonicalize().ok()) == path.canonicalize().ok();
        let switch = match (is_here, other) {
            (true, Some(other)) => format!("git switch {other}"),
            (false, Some(other)) => format!("git -C '{}' switch --detach {other}", path.display()),
            (_, None) => "git switch --orphan main".to_owned(),
        };
        Ok(Some(format!(
            "the branch {branch} is checked out in {} and still contains it (leave it with {switch}, then run this again)",
            path.display()
        )))
    }

    /// A branch to be at instead.
    fn another_branch(&self, branch: &str) -> Result<Option<String>> {
        let heads = self.repository.references(HEADS)?;
        let names: Vec<String> = heads
            .iter()
            .map(|(name, _)| name[HEADS.len()..].to_vec())
            .filter_map(|name| String::from_utf8(name).ok())
            .collect();
        let usual = ["main", "master"].iter().find(|name| names.iter().any(|known| known == *name));
        let first = names.iter().find(|name| *name != branch && forge::review_folder(name.as_bytes()).is_none());
        Ok(usual.map(|name| (*name).to_owned()).or_else(|| first.cloned()))
    }
}

/// The branch of a reference's full name.
fn branch_of(name: &[u8]) -> Option<String> {
    std::str::from_utf8(name).ok()?.strip_prefix(HEADS).map(str::to_owned)
}

/// Why a branch that has more than sessions is left alone.
fn mixed(publication: &Publication, other: &str) -> String {
    format!(
        "the branch {publication} also contains {other}, which is not a review; not rewriting it, so it still contains the session"
    )
}
