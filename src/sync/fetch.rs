//! Gets what a remote has, and remembers it.

use std::collections::BTreeMap;

use super::{Exchange, ExtraRefs, GitResult, Pair};
use crate::{
    error::Result,
    git::{Expected, GitError, ObjectId, RefUpdate, RemoteRef},
    ledger::{self, BranchName, SUMMARIES},
};

/// What begins the names of branches.
const HEADS: &str = "refs/heads/";
/// How many branches a remote is asked for by name; else it is asked for all.
const MAX_PATTERNS: usize = 100;
/// How many fetches it may take to find the ledgers that cannot be fetched.
const MAX_FETCHES: usize = 100;

/// What a fetch came to.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The branches whose ledger on the remote had changed.
    pub branches: Vec<BranchName>,
    /// The branches themselves that the remote has, of those whose ledgers are here, with their tips.
    pub heads: Vec<(BranchName, ObjectId)>,
    /// The ledgers that could not be fetched, with the reason, in words.
    pub problems: Vec<String>,
    /// What the remote has beside the ledgers, for [`Exchange::exchange_extra_refs`].
    pub extra_refs: ExtraRefs,
}

impl Exchange<'_> {
    /// Fetches every ledger of the remote and merges it with the one here, where there is one.
    ///
    /// # Errors
    /// When the remote cannot be reached, or the repository cannot be written.
    pub fn fetch_all(&self) -> Result<Fetched> {
        let artifacts = ExtraRefs::artifacts();
        // To ask once for everything is half of the time when nothing is new.
        let heads = self.head_patterns()?;
        let mut patterns = vec![SUMMARIES, artifacts.as_str()];
        patterns.extend(ledger::ALL.iter().map(|ledger| ledger.pattern()));
        patterns.extend(heads.iter().map(String::as_str));
        let all = self.repository.list_remote(self.address(), &patterns, self.left())?;
        let (heads, all): (Vec<RemoteRef>, Vec<RemoteRef>) =
            all.into_iter().partition(|(name, _)| name.starts_with(HEADS.as_bytes()));
        let heads = heads.into_iter().map(|(name, id)| (BranchName::from(&name[HEADS.len()..]), id)).collect();
        let (extra_refs, listed) = ExtraRefs::take(all);
        let (mut branches, mut problems): (Vec<BranchName>, Vec<String>) = (Vec::new(), Vec::new());
        for exchange in self.of_each_backend() {
            // A pattern matches the end of a name, too.
            let is_own = |name: &str| ledger::is_of(exchange.ledger, name);
            let own: Vec<RemoteRef> = listed.iter().filter(|(name, _)| is_own(&name.to_string())).cloned().collect();
            let (changed, failed) = exchange.fetch_listed(&own)?;
            branches.extend(changed.into_iter().filter(|branch| !branches.contains(branch)).collect::<Vec<_>>());
            problems.extend(failed);
        }
        Ok(Fetched { branches, heads, problems, extra_refs })
    }

    /// Fetches the ledgers of one backend, which the remote listed, and merges each with the one here. Returns the
    /// branches whose ledger had changed, and what could not be fetched.
    fn fetch_listed(&self, listed: &[RemoteRef]) -> Result<(Vec<BranchName>, Vec<String>)> {
        let folder = self.ledger.pattern().rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut names: Vec<String> = listed.iter().map(|(name, _)| name.to_string()).collect();
        let root = self.ledger.known_root(&self.known_as());
        for (known, _) in self.repository.references(&root)? {
            let name = format!("{folder}/{}", ledger::plain(&known.to_string()[root.len()..]));
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let (changed, problems) = self.update_known_singly(listed, &names)?;
        for pair in self.all_pairs()? {
            if let Some(known) = self.known(&pair.remote)? {
                self.ledger.merge(self.repository, &pair.local, known, self.now)?;
            }
        }
        self.apply_to_tracking(&self.all_pairs()?)?;
        let changed: Vec<String> = changed.iter().map(|name| self.known_name(name)).collect();
        let tips = self.ledger.tips(self.repository)?.into_iter();
        Ok((tips.filter(|tip| changed.contains(&tip.reference)).map(|tip| tip.branch).collect(), problems))
    }

    /// What the branches match whose ledgers are here: each by its name, where they are few.
    fn head_patterns(&self) -> Result<Vec<String>> {
        let mut pairs = Vec::new();
        for exchange in self.of_each_backend() {
            pairs.extend(exchange.all_pairs()?);
        }
        let names = pairs.iter().map(|pair| std::str::from_utf8(pair.remote.as_bytes()));
        let is_plain = |name: &str| !name.contains(['*', '?', '[', '\\']);
        let names: Option<Vec<String>> =
            names.map(|name| name.ok().filter(|name| is_plain(name)).map(|name| format!("{HEADS}{name}"))).collect();
        Ok(names.filter(|names| names.len() <= MAX_PATTERNS).unwrap_or_else(|| vec![format!("{HEADS}*")]))
    }

    /// Fetches the ledgers of `pairs`; returns the branches whose ledger on the remote is not what
    /// it was known to be.
    pub(super) fn fetch(&self, pairs: &[Pair]) -> GitResult<Vec<BranchName>> {
        let names: Vec<String> = pairs.iter().map(|pair| self.ledger.reference(&pair.remote)).collect();
        let patterns: Vec<&str> = names.iter().map(String::as_str).collect();
        let listed = self.repository.list_remote(self.address(), &patterns, self.left())?;
        let moved = self.update_known(&listed, &names)?;
        Ok(pairs
            .iter()
            .map(|pair| pair.remote.clone())
            .filter(|branch| moved.contains(&self.ledger.reference(branch)))
            .collect())
    }

    /// Brings what is remembered of `names` to what `listed` says the remote has; returns the names
    /// of those that had changed.
    pub(super) fn update_known(&self, listed: &[RemoteRef], names: &[String]) -> GitResult<Vec<String>> {
        let there: BTreeMap<String, ObjectId> = listed.iter().map(|(name, id)| (name.to_string(), *id)).collect();
        let mut changed = Vec::new();
        for name in names {
            if self.repository.find_reference(self.known_name(name).as_bytes())? != there.get(name).copied() {
                changed.push(name.clone());
            }
        }
        let (new, gone): (Vec<&String>, Vec<&String>) = changed.iter().partition(|name| there.contains_key(*name));
        let known: Vec<String> = new.iter().map(|name| self.known_name(name)).collect();
        let known = ledger::names_here(self.repository, &known)?;
        let refspecs: Vec<String> = new.iter().zip(known).map(|(name, known)| format!("+{name}:{known}")).collect();
        if !refspecs.is_empty() {
            self.repository.fetch(self.address(), &refspecs, self.left())?;
        }
        gone.iter().try_for_each(|name| self.remember(name, None))?;
        Ok(changed)
    }

    /// The same, but one ledger that cannot be fetched, since an object of it is broken, leaves the others alone:
    /// they are fetched in ever smaller groups. Returns what changed, and what could not be fetched.
    fn update_known_singly(&self, listed: &[RemoteRef], names: &[String]) -> Result<(Vec<String>, Vec<String>)> {
        let (mut changed, mut problems) = (Vec::new(), Vec::new());
        let mut waiting = vec![names];
        let mut fetches = 0;
        while let Some(group) = waiting.pop() {
            fetches += 1;
            match self.update_known(listed, group) {
                Ok(moved) => changed.extend(moved),
                Err(fault @ GitError::Process { .. }) if !self.left().is_zero() => {
                    if fetches >= MAX_FETCHES {
                        let count = group.len() + waiting.iter().map(|group| group.len()).sum::<usize>();
                        problems.push(format!(
                            "{count} more ledgers of {} were not fetched: too many are broken",
                            self.remote
                        ));
                        break;
                    }
                    if group.len() == 1 {
                        let problem = format!("the sessions of {} were not fetched", branch_of(&group[0]));
                        problems.push(format!("{problem} from {}: {}", self.remote, reason(&fault)));
                        continue;
                    }
                    // A remote that cannot be reached need not be asked again for every part.
                    if fetches == 1 && self.repository.list_remote(self.address(), &["HEAD"], self.left()).is_err() {
                        return Err(fault.into());
                    }
                    let (first, second) = group.split_at(group.len() / 2);
                    waiting.extend([second, first]);
                }
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok((changed, problems))
    }

    /// Notes what the remote has under `name`.
    pub(super) fn remember(&self, name: &str, id: Option<ObjectId>) -> GitResult<()> {
        self.note(self.known_name(name), id)
    }

    /// Writes the reference `name`, which remembers what the remote has.
    pub(super) fn note(&self, name: String, id: Option<ObjectId>) -> GitResult<()> {
        let current = self.repository.find_reference(name.as_bytes())?;
        if current == id {
            return Ok(());
        }
        let expected = current.map_or(Expected::Absent, Expected::Is);
        match self.repository.update_reference(&RefUpdate { name: name.into(), expected, new: id }) {
            // Somebody else noted something newer.
            Err(GitError::Conflict { .. }) => Ok(()),
            other => other,
        }
    }
}

/// The branch whose ledger is called `name`, for people.
fn branch_of(name: &str) -> String {
    let decoded = name.rsplit('/').next().and_then(BranchName::decode);
    decoded.map_or_else(|| name.to_owned(), |branch| branch.to_string())
}

/// The line of git's that says why: what is broken, rather than what git gave up for that.
fn reason(fault: &GitError) -> String {
    let text = fault.to_string();
    let line = text.lines().find_map(|line| line.find("error: ").map(|at| &line[at..]));
    line.or_else(|| text.lines().next()).unwrap_or_default().to_owned()
}
