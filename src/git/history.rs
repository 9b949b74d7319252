//! Commits: resolving names, walking history.

use std::collections::{HashMap, HashSet};

use gix::bstr::{BString, ByteSlice};

use super::{GitError, ObjectId, Repository, error::During};
use crate::{hail::Timestamp, system::files};

/// A commit, as much of it as anybody here needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: ObjectId,
    /// Its parents.
    pub parents: Vec<ObjectId>,
    /// Its tree.
    pub tree: ObjectId,
    /// The whole message.
    pub message: BString,
    /// The committer's time in seconds since 1970.
    pub seconds: i64,
    /// The author's name.
    pub author: String,
    /// The author's time in seconds since 1970, which stays when a commit is rewritten.
    pub author_seconds: i64,
}

/// A file that a commit changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// Its path; what is no text in it is replaced.
    pub path: String,
    /// git's letter for what happened to it: `A`, `M`, `D` or `T`.
    pub status: char,
}

/// An unfinished operation, during which a commit is not simply a person's next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A merge.
    Merge,
    /// A cherry-pick.
    CherryPick,
    /// A revert.
    Revert,
    /// A rebase or `git am`.
    Rebase,
}

impl Repository {
    /// Resolves any revision of git's syntax to a commit.
    ///
    /// # Errors
    /// When it names none, or more than one.
    pub fn resolve(&self, spec: &str) -> Result<ObjectId, GitError> {
        let unknown = || GitError::UnknownRevision { spec: spec.to_owned() };
        if self.uses_reftable {
            let spec = format!("{spec}^{{commit}}");
            let found = self.git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &spec]).run()?;
            return self.parse_id(found.stdout.trim()).ok_or_else(unknown);
        }
        let id = self.gix.rev_parse_single(spec.as_bytes().as_bstr()).map_err(|_| unknown())?;
        let object = id.object().map_err(|_| unknown())?;
        object.peel_to_commit().map(|commit| commit.id).map_err(|_| unknown())
    }

    /// Reads a commit.
    ///
    /// # Errors
    /// When it is not here or no commit.
    pub fn commit(&self, id: ObjectId) -> Result<Commit, GitError> {
        const ACTION: &str = "reading a commit";
        let commit = self.gix.find_commit(id).during(ACTION)?;
        let decoded = commit.decode().during(ACTION)?;
        let committer = decoded.committer().during(ACTION)?;
        let author = decoded.author().during(ACTION)?;
        Ok(Commit {
            id,
            parents: decoded.parents().collect(),
            tree: decoded.tree(),
            message: decoded.message.to_owned(),
            seconds: committer.seconds(),
            author: author.name.to_str_lossy().into_owned(),
            author_seconds: author.seconds(),
        })
    }

    /// The commit that `id` is or that a tag at `id` names; `None` where that is something else.
    ///
    /// # Errors
    /// When it is not here.
    pub fn peel_to_commit(&self, id: ObjectId) -> Result<Option<ObjectId>, GitError> {
        let object = self.gix.find_object(id).during("reading a tag")?;
        let peeled = object.peel_tags_to_end().during("reading a tag")?;
        Ok((peeled.kind == gix::object::Kind::Commit).then_some(peeled.id))
    }

    /// The commits reachable from `tips` and not from `hidden`, newest first, at most `limit`.
    ///
    /// # Errors
    /// When history cannot be walked.
    pub fn commits(&self, tips: &[ObjectId], hidden: &[ObjectId], limit: usize) -> Result<Vec<ObjectId>, GitError> {
        const ACTION: &str = "walking history";
        let hidden = hidden.iter().copied().filter(|id| self.has_object(*id));
        let sorting =
            gix::revision::walk::Sorting::ByCommitTime(gix::traverse::commit::simple::CommitTimeOrder::NewestFirst);
        let walk = self.gix.rev_walk(tips.iter().copied()).sorting(sorting).with_hidden(hidden).all().during(ACTION)?;
        let mut found = Vec::new();
        for info in walk.take(limit) {
            found.push(info.during(ACTION)?.id);
        }
        Ok(found)
    }

    /// Whether a commit of this branch changed `path`, which begins at the root of the work tree, at `time` or later,
    /// as far as git can tell.
    #[must_use]
    pub fn is_committed_since(&self, path: &str, time: Timestamp) -> bool {
        let since = format!("--max-age={}", time.seconds());
        let walk = self.git(&["rev-list", "--max-count=1", &since, "HEAD", "--", path]);
        let found = walk.env("GIT_LITERAL_PATHSPECS", "1").run();
        found.is_ok_and(|finished| finished.success() && !finished.stdout.is_empty())
    }

    /// Those of `commits` that none of `tips` reaches. All are here.
    ///
    /// # Errors
    /// When git cannot walk the history.
    pub fn unreached(&self, commits: &[ObjectId], tips: &[ObjectId]) -> Result<HashSet<ObjectId>, GitError> {
        let wanted = commits.iter().map(|id| format!("{id}\n"));
        let input: String = wanted.chain(tips.iter().map(|id| format!("^{id}\n"))).collect();
        let listed = self.git(&["rev-list", "--stdin"]).input(input.into_bytes()).run()?.require()?;
        Ok(listed.stdout.lines().filter_map(|line| self.parse_id(line)).collect())
    }

    /// The commits of every branch, tag and remote that have `text` in one line of their message, newest first.
    ///
    /// # Errors
    /// When git does not run.
    pub fn commits_saying(&self, text: &str) -> Result<Vec<ObjectId>, GitError> {
        let pattern = format!("--grep={text}");
        let ours = ["--exclude=refs/opensession*", "--exclude=refs/notes/*", "--exclude=refs/stash"];
        let arguments = [&["rev-list", "--fixed-strings", "--regexp-ignore-case", &pattern], &ours[..], &["--all"]];
        let listed = self.git(&arguments.concat()).run()?.require()?;
        Ok(listed.stdout.lines().filter_map(|line| self.parse_id(line)).collect())
    }

    /// The files that each of `commits` changed against its parent; of a merge, none. A file that got
    /// another name was deleted and added.
    ///
    /// # Errors
    /// When a commit or one of its trees is not here.
    pub fn changed_files(&self, commits: &[ObjectId]) -> Result<HashMap<ObjectId, Vec<ChangedFile>>, GitError> {
        let options = ["diff-tree", "--stdin", "-r", "-z", "--root", "--no-renames", "--name-status"];
        let input: String = commits.iter().map(|commit| format!("{commit}\n")).collect();
        let listed = self.git(&options).input(input.into_bytes()).run()?.require()?;
        let mut found: HashMap<ObjectId, Vec<ChangedFile>> = HashMap::new();
        let mut current = None;
        let mut fields = listed.raw_stdout.split(|byte| *byte == 0).filter(|field| !field.is_empty());
        while let Some(field) = fields.next() {
            if let ([status], Some(commit)) = (field, current) {
                let Some(path) = fields.next() else { break };
                let file = ChangedFile { path: path.to_str_lossy().into_owned(), status: char::from(*status) };
                found.entry(commit).or_default().push(file);
            } else {
                current = ObjectId::from_hex(field).ok();
            }
        }
        Ok(found)
    }

    /// Whether `ancestor` is `descendant` or reachable from it.
    ///
    /// # Errors
    /// When history cannot be walked.
    pub fn is_ancestor(&self, ancestor: ObjectId, descendant: ObjectId) -> Result<bool, GitError> {
        if ancestor == descendant {
            return Ok(true);
        }
        Ok(self.merge_base(ancestor, descendant)? == Some(ancestor))
    }

    /// The best common ancestor of two commits, where there is one.
    ///
    /// # Errors
    /// When a commit is not here.
    pub fn merge_base(&self, one: ObjectId, other: ObjectId) -> Result<Option<ObjectId>, GitError> {
        for id in [one, other] {
            if !self.has_object(id) {
                return Err(GitError::Missing { id: id.to_string() });
            }
        }
        // Both commits are here, so what can go wrong is that they have nothing in common.
        Ok(self.gix.merge_base(one, other).ok().flatten().map(gix::Id::detach))
    }

    /// The operation that is under way in this work tree, with the commit it applies.
    #[must_use]
    pub fn operation(&self) -> Option<(Operation, Option<ObjectId>)> {
        let git_dir = self.git_dir();
        if git_dir.join("rebase-merge").is_dir() || git_dir.join("rebase-apply").is_dir() {
            return Some((Operation::Rebase, None));
        }
        let heads = [
            ("MERGE_HEAD", Operation::Merge),
            ("CHERRY_PICK_HEAD", Operation::CherryPick),
            ("REVERT_HEAD", Operation::Revert),
        ];
        heads.into_iter().find_map(|(file, operation)| {
            let content = files::read_text(&git_dir.join(file), files::SMALL).ok()?;
            Some((operation, content.lines().next().and_then(|line| self.parse_id(line.trim()))))
        })
    }

    /// The branch that a rebase in progress is rewriting, without `refs/heads/`.
    #[must_use]
    pub fn branch_being_rebased(&self) -> Option<BString> {
        ["rebase-merge/head-name", "rebase-apply/head-name"].into_iter().find_map(|file| {
            let name = files::read(&self.git_dir().join(file), files::SMALL).ok()?;
            let name = name.trim_end();
            name.strip_prefix(b"refs/heads/").map(BString::from)
        })
    }
}

/// Reads a time as a person or git writes it, such as `2026-01-31` or `2 weeks ago`.
#[must_use]
pub fn parse_time(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    let now = std::time::SystemTime::from(now.to_chrono());
    Timestamp::from_seconds(gix::date::parse(text, gix::date::Zoned::try_from(now).ok()).ok()?.seconds)
}
