//! What a reviewer should know of the commits of a range: which sessions made them, what was asked and
//! answered, which files and tests changed, which commands failed.
//!
//! [`digest`] finds it out, [`markdown`] writes it for the comment of a host, and [`publish`] puts it with
//! the sessions on a branch of its own.

mod comment;
mod escape;
mod excerpts;
mod markdown;
mod publish;
mod test_paths;
mod unpublish;

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use serde::{Deserialize, Serialize};

pub use comment::{MARKER, Sought, find_comment, user_name};
pub use excerpts::{Exchange, FailedCommand};
pub use markdown::{GITHUB_LIMIT, Shape, markdown};
pub use publish::{Kind, Published, Target, events_path, kind, publish, unpublish};
pub use unpublish::Retraction;

use crate::{
    attribution,
    error::Result,
    git::{ObjectId, Repository},
    hail::{SessionId, Timestamp},
    ledger::Listed,
};

/// The digest of a range of commits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Digest {
    /// The version of this shape.
    pub schema_version: u32,
    /// The range as it was asked for.
    pub range: String,
    /// Its commits, the oldest first.
    pub commits: Vec<CommitDigest>,
    /// Their sessions, each once, in the order in which the commits name them.
    pub sessions: Vec<SessionDigest>,
}

/// One commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommitDigest {
    /// Its id.
    pub id: String,
    /// The first line of its message.
    pub subject: String,
    /// Its author's name.
    pub author: String,
    /// The sessions that had a part in it.
    pub sessions: Vec<String>,
    /// Sessions that its trailers name and that are not here.
    pub missing_sessions: Vec<MissingSession>,
    /// The files that it changed.
    pub files: Vec<FileChange>,
}

/// A session that is not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingSession {
    /// Its id.
    pub id: String,
    /// What became of it, for the end of a sentence, where that is known.
    pub fate: Option<String>,
}

/// A file that a commit changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Its path.
    pub path: String,
    /// `added`, `changed` or `deleted`.
    pub action: Cow<'static, str>,
    /// Whether it is a test, to judge by its path.
    pub is_test: bool,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionDigest {
    /// Its id.
    pub id: String,
    /// The agent.
    pub tool: String,
    /// The model.
    pub model: String,
    /// Its title.
    pub title: String,
    /// When it began.
    pub created_at: Option<Timestamp>,
    /// Why what was said in it is not shown; `None` where it is.
    pub unread: Option<String>,
    /// What was asked and answered.
    pub exchanges: Vec<Exchange>,
    /// How many more there are between the first and the last of them.
    pub exchanges_left_out: usize,
    /// The commands that failed.
    pub failed_commands: Vec<FailedCommand>,
    /// How many more there are.
    pub failed_left_out: usize,
    /// Where its events can be read, where that is known.
    pub url: Option<String>,
    /// Its events, where they are here.
    #[serde(skip)]
    pub hail: Option<ObjectId>,
}

impl Digest {
    /// The sessions of `commit` that are here.
    pub fn sessions_of<'d>(&'d self, commit: &'d CommitDigest) -> impl Iterator<Item = &'d SessionDigest> {
        commit.sessions.iter().filter_map(|id| self.sessions.iter().find(|session| session.id == *id))
    }

    /// The distinct files of all commits, each as it was last changed.
    #[must_use]
    pub fn files(&self) -> Vec<&FileChange> {
        let mut seen = HashSet::new();
        let newest_first = self.commits.iter().rev().flat_map(|commit| &commit.files);
        newest_first.filter(|file| seen.insert(file.path.as_str())).collect()
    }

    /// The sessions that are not here, for somebody to say what became of them.
    pub fn missing(&mut self) -> impl Iterator<Item = &mut MissingSession> {
        self.commits.iter_mut().flat_map(|commit| &mut commit.missing_sessions)
    }

    /// Says where each session can be read.
    pub fn link(&mut self, url: impl Fn(&str) -> String) {
        for session in self.sessions.iter_mut().filter(|session| session.hail.is_some()) {
            session.url = Some(url(&session.id));
        }
    }
}

/// Makes the digest of `commits`, the newest first, of a range called `range`, from the sessions that are
/// here.
///
/// # Errors
/// When a commit or one of its trees is not here.
pub fn digest(repository: &Repository, range: &str, commits: &[ObjectId], sessions: &[Listed]) -> Result<Digest> {
    let links = Links::of(sessions);
    let mut files = repository.changed_files(commits)?;
    let mut digest = Digest { schema_version: 1, range: range.to_owned(), commits: Vec::new(), sessions: Vec::new() };
    let mut read = HashSet::new();
    for id in commits.iter().rev() {
        let commit = repository.commit(*id)?;
        let named = attribution::sessions_in(&commit.message);
        let (found, missing) = links.find(&id.to_string(), &named);
        let message = String::from_utf8_lossy(&commit.message);
        let changed = files.remove(id).unwrap_or_default();
        digest.commits.push(CommitDigest {
            id: id.to_string(),
            subject: message.lines().next().unwrap_or_default().to_owned(),
            author: commit.author,
            sessions: found.iter().map(|listed| listed.key.to_string()).collect(),
            missing_sessions: missing.iter().map(|id| MissingSession { id: id.to_string(), fate: None }).collect(),
            files: changed.into_iter().map(test_paths::judged).collect(),
        });
        for listed in found {
            if read.insert(listed.key.clone()) {
                digest.sessions.push(excerpts::of(repository, listed));
            }
        }
    }
    Ok(digest)
}

/// Which sessions are linked to which commits.
struct Links<'a> {
    by_commit: HashMap<&'a str, Vec<&'a Listed>>,
    by_id: HashMap<&'a SessionId, Vec<&'a Listed>>,
}

impl<'a> Links<'a> {
    fn of(sessions: &'a [Listed]) -> Self {
        let mut links = Self { by_commit: HashMap::new(), by_id: HashMap::new() };
        for listed in sessions {
            for commit in &listed.meta.git.commits {
                links.by_commit.entry(commit).or_default().push(listed);
            }
            links.by_id.entry(&listed.key.id).or_default().push(listed);
        }
        links
    }

    /// The sessions of a commit, and those that it names and that are not here.
    fn find<'n>(
        &self,
        commit: &str,
        named: impl IntoIterator<Item = &'n SessionId>,
    ) -> (Vec<&'a Listed>, Vec<&'n SessionId>) {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for id in named {
            match self.by_id.get(id) {
                Some(known) => found.extend(known.iter().copied()),
                None => missing.push(id),
            }
        }
        found.extend(self.by_commit.get(commit).into_iter().flatten().copied());
        let mut seen = HashSet::new();
        found.retain(|listed| seen.insert(&listed.key));
        (found, missing)
    }
}
