//! Which repository a remote stands for: fetches from it and pushes to it may go to different ones.

use gix::bstr::ByteSlice;

use super::{GitError, ObjectId, Repository};
use crate::system::files;

/// The largest log of a reference that is looked through, in bytes.
const MAX_LOG_BYTES: u64 = 64 << 20;

/// A repository to fetch from or push to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// The remote's name, or what git takes in place of one.
    pub remote: &'a str,
    /// The URL, as git resolved it, of one of several repositories that the remote stands for; `None`
    /// for the one that is fetched from.
    pub url: Option<&'a str>,
}

impl<'a> Address<'a> {
    /// What git is given as the repository.
    pub fn operand(&self) -> &'a str {
        self.url.unwrap_or(self.remote)
    }
}

impl<'a> From<&'a str> for Address<'a> {
    fn from(remote: &'a str) -> Self {
        Self { remote, url: None }
    }
}

impl<'a> From<&'a String> for Address<'a> {
    fn from(remote: &'a String) -> Self {
        Self { remote, url: None }
    }
}

impl Repository {
    /// The repositories that a push to `remote` goes to: each a URL, `None` for the one that is fetched
    /// from.
    ///
    /// # Errors
    /// When git does not know the remote.
    pub fn push_urls(&self, remote: &str) -> Result<Vec<Option<String>>, GitError> {
        if !self.may_push_elsewhere(remote) {
            return Ok(vec![None]);
        }
        let fetched = self.fetch_url(remote)?;
        let listed = self.git(&["remote", "get-url", "--push", "--all", "--", remote]).run()?.require()?;
        let mut found: Vec<Option<String>> = Vec::new();
        for url in listed.stdout.lines() {
            let url = Some(url.to_owned()).filter(|url| *url != fetched);
            if !found.contains(&url) {
                found.push(url);
            }
        }
        Ok(found)
    }

    /// `url`, which a push to `remote` goes to, where fetches ask another repository.
    ///
    /// # Errors
    /// When git does not know the remote.
    pub fn separate_push_url(&self, remote: &str, url: &str) -> Result<Option<String>, GitError> {
        if !self.may_push_elsewhere(remote) {
            return Ok(None);
        }
        let fetched = self.fetch_url(remote)?;
        Ok(Some(url.to_owned()).filter(|url| *url != fetched))
    }

    /// Whether any setting sends pushes to another repository than fetches, without asking git.
    fn may_push_elsewhere(&self, remote: &str) -> bool {
        let snapshot = self.gix.config_snapshot();
        let mut rewritten = snapshot.plumbing().sections_by_name("url").into_iter().flatten();
        !self.config_all(&format!("remote.{remote}.pushurl")).is_empty()
            || self.config_all(&format!("remote.{remote}.url")).len() > 1
            || rewritten.any(|section| section.value("pushInsteadOf").is_some())
    }

    fn fetch_url(&self, remote: &str) -> Result<String, GitError> {
        let told = self.git(&["remote", "get-url", "--", remote]).run()?.require()?;
        Ok(told.stdout.lines().next().unwrap_or_default().to_owned())
    }

    /// The options of git that make it take the URL of `address` as it is: `url.*.insteadOf` was applied to
    /// it already.
    pub(super) fn verbatim(&self, address: Address<'_>) -> Vec<String> {
        // git ends the name of a setting at the first `=`.
        let Some(url) = address.url.filter(|url| !url.contains('=')) else { return Vec::new() };
        let rewritten = self.gix.config_snapshot().plumbing().sections_by_name("url").is_some();
        let settings = ["insteadOf", "pushInsteadOf"].into_iter().filter(|_| rewritten);
        settings.flat_map(|key| ["-c".to_owned(), format!("url.{url}.{key}={url}")]).collect()
    }

    /// The option `--<program>`, such as `--receive-pack`, that the remote of `address` is configured with;
    /// git reads it itself where it is given the remote's name.
    pub(super) fn program_option(&self, address: Address<'_>, program: &str) -> Option<String> {
        address.url?;
        let key = program.replace('-', "");
        let set = self.config(&format!("remote.{}.{key}", address.remote))?;
        Some(format!("--{program}={set}"))
    }

    /// Of the name of a remote-tracking branch, without `refs/remotes/`: the remote, of which one may be
    /// called like the beginning of another, and the branch.
    #[must_use]
    pub fn split_tracking_name(&self, name: &[u8]) -> Option<(String, Vec<u8>)> {
        let of_remote = |remote: String| {
            let branch = name.strip_prefix(remote.as_bytes())?.strip_prefix(b"/")?.to_vec();
            Some((remote, branch))
        };
        self.remotes().into_iter().filter_map(of_remote).max_by_key(|(remote, _)| remote.len())
    }

    /// The branches of `remote` as last fetched: their names there and their tips.
    ///
    /// # Errors
    /// When the references cannot be read.
    pub fn tracking_branches(&self, remote: &str) -> Result<Vec<(Vec<u8>, ObjectId)>, GitError> {
        let folder = "refs/remotes/";
        let mut found = Vec::new();
        for (name, id) in self.references(&format!("{folder}{remote}/"))? {
            let split = self.split_tracking_name(name[folder.len()..].as_bytes());
            found.extend(split.filter(|(of, _)| of == remote).map(|(_, branch)| (branch, id)));
        }
        Ok(found)
    }

    /// Whether git renamed the remote `old` to `new`: it says so in the log of each branch that it renamed with
    /// it.
    #[must_use]
    pub fn was_renamed_from(&self, new: &str, old: &str) -> bool {
        let mut folders = vec![self.common_dir().join("logs/refs/remotes").join(new)];
        let note = format!("\tremote: renamed refs/remotes/{old}/");
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(entry.path());
                } else if files::read(&entry.path(), MAX_LOG_BYTES).is_ok_and(|log| log.contains_str(&note)) {
                    return true;
                }
            }
        }
        false
    }
}
