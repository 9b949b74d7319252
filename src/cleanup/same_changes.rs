//! Whether the commits of a ledger live on under other ids: a squash merge, a rebase or a cherry-pick whose
//! message names no session.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{
    Need,
    needed::{History, Living},
};
use crate::{
    git::{Fingerprint, GitError, ObjectId},
    hail::{SessionId, Timestamp},
};

/// How many living commits are compared with, and how many at once.
const MAX_COMPARED: usize = 20_000;
const BATCH: usize = 1000;

/// How many commits of one ledger are looked at, and how far back from each.
const MAX_OF_LEDGER: usize = 100;
const MAX_STEPS: usize = 20_000;

/// How many commits with the same tree are looked at.
const MAX_SAME_TREE: usize = 16;

/// How much later than in truth a commit may be dated by a clock that was ahead.
const SLACK: i64 = 30 * 86_400;

/// A commit of a session.
#[derive(Clone, Debug, Default)]
pub(super) struct Linked {
    /// What is known of its content; nothing in a link of another tool.
    pub(super) fingerprint: Fingerprint,
    /// When it was linked, or what is known to be about that time.
    pub(super) linked_at: Option<Timestamp>,
}

/// Commits of sessions.
pub(super) type Commits = BTreeMap<ObjectId, Linked>;

/// The sessions of one ledger, each with its commits.
pub(super) type SessionCommits = BTreeMap<SessionId, Commits>;

/// Finds out for each session of each ledger who needs it. The changes of commits are only looked at where their
/// ids do not keep a ledger's sessions already, and not of ledgers that have a branch: `is_alive`.
pub(super) fn needs(
    history: &dyn History,
    living: &Living,
    ledgers: &[(bool, SessionCommits)],
    now: Timestamp,
) -> Vec<BTreeMap<SessionId, Need>> {
    let by_id = |(_, sessions): &(bool, SessionCommits)| -> BTreeMap<SessionId, Need> {
        let need = |(id, commits): (&SessionId, &Commits)| (id.clone(), living.need(id, commits.keys().copied()));
        sessions.iter().map(need).collect()
    };
    let mut found: Vec<BTreeMap<SessionId, Need>> = ledgers.iter().map(by_id).collect();
    let gone = |((is_alive, sessions), needs): (&(bool, SessionCommits), &BTreeMap<SessionId, Need>)| {
        if *is_alive || needs.values().all(|need| *need != Need::None) {
            return Commits::new();
        }
        let all = sessions.values().flatten().filter(|(id, _)| !living.has(**id));
        all.map(|(id, linked)| (*id, linked.clone())).collect()
    };
    let mut gone: Vec<Commits> = ledgers.iter().zip(&found).map(gone).collect();
    for (needs, need) in found.iter_mut().zip(compare(history, living, &mut gone, now)) {
        for known in needs.values_mut() {
            *known = std::mem::replace(known, Need::None).stronger(need.clone());
        }
    }
    found
}

/// What the living commits since some time changed.
#[derive(Default)]
struct Changes {
    patches: HashMap<String, ObjectId>,
    /// The blobs that commits introduced whose messages name no session.
    blobs: HashMap<String, ObjectId>,
}

/// Compares the commits of each of `ledgers` with the living ones: who needs it, if anybody does. One commit
/// with the same patch or the same tree is enough for the whole ledger, and so is one with the same patch as
/// several commits of the ledger taken together. Of a commit that is not here, one blob in common with a
/// commit that names no session is enough.
fn compare(history: &dyn History, living: &Living, ledgers: &mut [Commits], now: Timestamp) -> Vec<Need> {
    let comparison = Comparison { history, living };
    comparison.complete(ledgers);
    let mut needs = comparison.same_trees(ledgers);
    let open: Vec<usize> =
        (0..ledgers.len()).filter(|place| needs[*place] == Need::None && !ledgers[*place].is_empty()).collect();
    let is_dated = |place: &usize| comparison.oldest(&ledgers[*place], now).is_some();
    let (dated, undated): (Vec<usize>, Vec<usize>) = open.into_iter().partition(is_dated);
    for places in [dated, undated].into_iter().filter(|places| !places.is_empty()) {
        let open: Vec<&Commits> = places.iter().map(|place| &ledgers[*place]).collect();
        for (place, need) in places.into_iter().zip(comparison.same_patches(&open, now)) {
            needs[place] = need;
        }
    }
    needs
}

struct Comparison<'a> {
    history: &'a dyn History,
    living: &'a Living,
}

fn failed(fault: &GitError) -> String {
    format!("its commits could not be compared with the living ones: {fault}")
}

impl Comparison<'_> {
    /// Finds out what links do not say of the commits that are still here. What fails stays unknown.
    fn complete(&self, ledgers: &mut [Commits]) {
        let is_open = |gone: &Linked| gone.fingerprint == Fingerprint::default();
        let open = ledgers.iter().flatten().filter(|(_, gone)| is_open(gone)).map(|(id, _)| *id);
        let here: Vec<ObjectId> = open.filter(|id| self.history.commit(*id).is_some()).collect();
        let found = self.history.fingerprints(&here).unwrap_or_default();
        for (id, gone) in ledgers.iter_mut().flatten() {
            if let Some(fingerprint) = found.get(id).filter(|_| is_open(gone)) {
                gone.fingerprint = fingerprint.clone();
            }
        }
    }

    /// For each ledger, who has a commit with the tree of one of its commits.
    fn same_trees(&self, ledgers: &[Commits]) -> Vec<Need> {
        let wanted: HashSet<&str> =
            ledgers.iter().flatten().filter_map(|(_, gone)| gone.fingerprint.tree.as_deref()).collect();
        let mut there: HashMap<String, Vec<ObjectId>> = HashMap::new();
        if !wanted.is_empty() {
            for (id, commit) in &self.living.commits {
                let tree = commit.tree.to_string();
                if wanted.contains(tree.as_str()) {
                    there.entry(tree).or_default().push(*id);
                }
            }
        }
        let of = |id: &ObjectId, gone: &Linked| {
            let same = gone.fingerprint.tree.as_ref().and_then(|tree| there.get(tree));
            self.best(same.into_iter().flatten().copied().filter(|found| {
                // What a commit is built upon is not what became of it, though a revert brings its tree back.
                same.is_some_and(|same| same.len() > MAX_SAME_TREE) || !self.history.is_ancestor(*found, *id)
            }))
        };
        ledgers.iter().map(|gone| gone.iter().map(|(id, one)| of(id, one)).fold(Need::None, Need::stronger)).collect()
    }

    /// Who has the first of `commits`, the default branch before all others.
    fn best(&self, commits: impl Iterator<Item = ObjectId>) -> Need {
        commits.map(|commit| self.living.need_for(commit)).fold(Need::None, Need::stronger)
    }

    /// For each ledger, who has a commit with the patch of its commits.
    fn same_patches(&self, ledgers: &[&Commits], now: Timestamp) -> Vec<Need> {
        let dates: Option<Vec<i64>> = ledgers.iter().map(|gone| self.oldest(gone, now)).collect();
        let changes = match self.changes_since(dates.and_then(|dates| dates.into_iter().min())) {
            Ok(changes) => changes,
            Err(reason) => return vec![Need::Unknown(reason); ledgers.len()],
        };
        let pairs: Vec<Result<Vec<_>, &str>> = ledgers.iter().map(|gone| self.ranges(gone)).collect();
        let squashed = self.squashed(&pairs.iter().flatten().flatten().copied().collect::<Vec<_>>());
        let decide = |(gone, pairs): (&&Commits, &Result<Vec<_>, &str>)| match (pairs, &squashed) {
            (Err(reason), _) => {
                self.decide(gone, &BTreeMap::new(), &changes).stronger(Need::Unknown((*reason).to_owned()))
            }
            (Ok(pairs), Err(reason)) if !pairs.is_empty() => Need::Unknown(reason.clone()),
            (Ok(_), squashed) => {
                let none = BTreeMap::new();
                self.decide(gone, squashed.as_ref().unwrap_or(&none), &changes)
            }
        };
        ledgers.iter().zip(&pairs).map(decide).collect()
    }

    /// The time from which on living commits can be made of those of a ledger; `None` where a date is missing
    /// or yet to come.
    fn oldest(&self, gone: &Commits, now: Timestamp) -> Option<i64> {
        let date = |(id, gone): (&ObjectId, &Linked)| {
            let written = self.history.commit(*id).map(|commit| commit.seconds);
            written.or(gone.linked_at.map(Timestamp::seconds)).filter(|seconds| *seconds <= now.seconds())
        };
        let dates: Option<Vec<i64>> = gone.iter().map(date).collect();
        Some(dates?.into_iter().min()?.saturating_sub(SLACK))
    }

    /// What the living commits changed that are not older than `oldest`.
    fn changes_since(&self, oldest: Option<i64>) -> Result<Changes, String> {
        let is_late = |seconds: i64| oldest.is_none_or(|oldest| seconds >= oldest);
        let late = self.living.commits.iter().filter(|(_, commit)| !commit.is_merge && is_late(commit.seconds));
        let mut late: Vec<ObjectId> = late.map(|(id, _)| *id).collect();
        if late.len() > MAX_COMPARED {
            return Err(format!("more than {MAX_COMPARED} commits to compare its own with"));
        }
        late.sort();
        let mut changes = Changes::default();
        for batch in late.chunks(BATCH) {
            for (id, fingerprint) in self.history.fingerprints(batch).map_err(|fault| failed(&fault))? {
                if fingerprint.patch_id.is_none() && self.changes_something(id, &fingerprint) {
                    return Err("some files of the living commits are missing here".to_owned());
                }
                self.note(&mut changes.patches, fingerprint.patch_id, id);
                if !self.living.commits[&id].names_sessions {
                    for blob in fingerprint.blobs {
                        self.note(&mut changes.blobs, Some(blob), id);
                    }
                }
            }
        }
        Ok(changes)
    }

    /// Whether a living commit changes anything: then it has a patch, which is only unknown where files are
    /// missing, as in a partial clone.
    fn changes_something(&self, id: ObjectId, fingerprint: &Fingerprint) -> bool {
        let tree = |id: ObjectId| self.history.commit(id).map(|commit| commit.tree);
        let parent = self.history.commit(id).and_then(|commit| commit.parents.first().copied());
        !fingerprint.blobs.is_empty() || parent.is_some_and(|parent| tree(parent) != tree(id))
    }

    /// Of several commits with one change, that of the default branch is kept.
    fn note(&self, known: &mut HashMap<String, ObjectId>, change: Option<String>, id: ObjectId) {
        let Some(change) = change else { return };
        let best = known.entry(change).or_insert(id);
        if self.living.is_on_default(id) && !self.living.is_on_default(*best) {
            *best = id;
        }
    }

    /// For each commit of a ledger that is here, where its branch began.
    fn ranges(&self, gone: &Commits) -> Result<Vec<(ObjectId, ObjectId)>, &'static str> {
        let here: Vec<ObjectId> = gone.keys().copied().filter(|id| self.history.commit(*id).is_some()).collect();
        if here.len() > MAX_OF_LEDGER {
            return Err("too many of its commits are in no branch to compare them all");
        }
        let (mut pairs, mut steps) = (Vec::new(), 0);
        for id in here {
            let beginnings = self.beginnings(id, &mut steps);
            let beginnings = beginnings.ok_or("the history of its commits is too long or incomplete")?;
            pairs.extend(beginnings.into_iter().map(|beginning| (id, beginning)));
        }
        Ok(pairs)
    }

    /// The patch ids of all that leads to a commit from where its branch began.
    fn squashed(&self, pairs: &[(ObjectId, ObjectId)]) -> Result<BTreeMap<ObjectId, BTreeSet<String>>, String> {
        let mut found: BTreeMap<ObjectId, BTreeSet<String>> = BTreeMap::new();
        for batch in pairs.chunks(BATCH) {
            for (id, patches) in self.history.patch_ids_between(batch).map_err(|fault| failed(&fault))? {
                found.entry(id).or_default().extend(patches);
            }
        }
        Ok(found)
    }

    /// The living commits that the branch of `id` began at, and those of the default branch; `None` where
    /// that cannot be found out.
    fn beginnings(&self, id: ObjectId, steps: &mut usize) -> Option<BTreeSet<ObjectId>> {
        let mut found = BTreeSet::new();
        for is_end in [Living::has, Living::is_on_default] {
            let (mut pending, mut seen) = (vec![id], HashSet::new());
            while let Some(next) = pending.pop() {
                if !seen.insert(next) {
                    continue;
                }
                if is_end(self.living, next) {
                    found.insert(next);
                    continue;
                }
                *steps += 1;
                let commit = self.history.commit(next).filter(|_| *steps <= MAX_STEPS)?;
                pending.extend(commit.parents);
            }
        }
        Some(found)
    }

    fn decide(&self, gone: &Commits, squashed: &BTreeMap<ObjectId, BTreeSet<String>>, changes: &Changes) -> Need {
        let together = gone.keys().filter_map(|id| squashed.get(id)).flatten();
        let patches = gone.values().filter_map(|one| one.fingerprint.patch_id.as_ref()).chain(together);
        let by_patch = self.best(patches.filter_map(|patch| changes.patches.get(patch)).copied());
        if by_patch != Need::None {
            return by_patch;
        }
        let away = || gone.iter().filter(|(id, _)| self.history.commit(**id).is_none());
        let blobs = away().flat_map(|(_, one)| &one.fingerprint.blobs);
        let by_blob = self.best(blobs.filter_map(|blob| changes.blobs.get(blob)).copied());
        if by_blob != Need::None {
            return by_blob;
        }
        match away().find(|(_, one)| one.fingerprint == Fingerprint::default()) {
            Some((id, _)) => {
                Need::Unknown(format!("commit {} is missing, and its changes were not recorded", id.to_hex_with_len(8)))
            }
            None => Need::None,
        }
    }
}

#[cfg(test)]
#[path = "needed_tests.rs"]
mod tests;
