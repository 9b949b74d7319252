//! Looks into ledgers that are here: whose they are, how old they are, what is in them.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, HashMap, HashSet},
};

use super::{
    Artifact, LedgerFacts, OnDefault, Policy, SessionFacts, Sessions,
    examine::Found,
    plan::{age, is_due},
};
use crate::{
    git::{ObjectId, Repository},
    hail::{SessionId, Timestamp},
    ledger::{Ledger, LedgerError, Listed, Tip},
    link,
};

/// What the default branch has.
#[derive(Default)]
struct Trunk {
    commits: HashSet<ObjectId>,
    /// The sessions that messages of its commits name.
    named: HashSet<SessionId>,
    /// Whether that is all.
    is_whole: bool,
}

/// The commits of sessions, and when they were linked.
type Linked = HashMap<SessionId, Vec<(ObjectId, Timestamp)>>;

/// A look into a repository.
pub(super) struct Look<'a> {
    repository: &'a Repository,
    policy: &'a Policy,
    /// The tips of the default branch, where there is one.
    tips: Vec<ObjectId>,
    is_shallow: bool,
    trunk: OnceCell<Trunk>,
}

impl<'a> Look<'a> {
    pub(super) fn new(repository: &'a Repository, policy: &'a Policy, tips: Vec<ObjectId>, is_shallow: bool) -> Self {
        Self { repository, policy, tips, is_shallow, trunk: OnceCell::new() }
    }

    /// What is known of a branch with the sessions of a review.
    pub(super) fn artifact(&self, reference: String, id: ObjectId) -> Artifact {
        Artifact { reference, id, last_activity: self.written_at(id) }
    }

    /// The committer's time; unknown when the commit is not here.
    fn written_at(&self, id: ObjectId) -> Option<Timestamp> {
        Timestamp::from_seconds(self.repository.commit(id).ok()?.seconds)
    }

    /// What is known of a ledger. What cannot matter is not looked at.
    pub(super) fn at(&self, found: &Found, now: Timestamp) -> LedgerFacts {
        let written_at = self.written_at(found.id);
        let mut facts = LedgerFacts {
            reference: found.reference.clone(),
            id: found.id,
            branch: None,
            last_activity: written_at,
            sessions: Sessions::NotLookedAt,
        };
        let tip = match found.tip(self.repository) {
            Ok(Some(tip)) => tip,
            Ok(None) => return facts,
            // Whose it is may show in what cannot be read.
            Err(fault) => {
                facts.sessions = Sessions::Unreadable(fault.to_string());
                return facts;
            }
        };
        facts.branch = Some(tip.branch.clone());
        let days = self.policy.hidden_ttl_days;
        let is_wanted = match written_at {
            _ if found.is_alive => self.policy.limits_sessions(),
            Some(written) => is_due(age(now, written), days),
            None => false,
        };
        if is_wanted {
            let sessions = self.sessions(found, &tip);
            let youngest = sessions.as_ref().ok().and_then(|all| all.iter().filter_map(|one| one.last_activity).max());
            facts.last_activity = written_at.max(youngest);
            facts.sessions = sessions.map_or_else(|fault| Sessions::Unreadable(fault.to_string()), Sessions::Known);
        }
        facts
    }

    fn sessions(&self, found: &Found, tip: &Tip) -> Result<Vec<SessionFacts>, LedgerError> {
        let listed = found.ledger.sessions(self.repository, tip)?;
        if let Some(damage) = listed.iter().find_map(|one| one.damage.clone()) {
            // Neither its age nor its commits can be believed.
            return Err(damage.into());
        }
        let is_linked = if found.is_alive { self.policy.max_ledger_size.is_some() } else { self.policy.promote };
        let links = if listed.is_empty() { HashMap::new() } else { self.links(found.ledger, tip)? };
        let sizes = self.sizes(tip)?;
        let mut sessions: BTreeMap<SessionId, SessionFacts> = BTreeMap::new();
        for one in listed {
            let on_default = if is_linked { self.on_default(&one, &links) } else { OnDefault::No };
            let size = |id: Option<ObjectId>| id.map_or(Some(0), |id| sizes.get(&id).copied());
            let bytes = size(one.hail).zip(size(one.described_by)).map(|(events, meta)| events.saturating_add(meta));
            let own = &one.meta.own;
            let stored_at = links.get(&one.key.id).into_iter().flatten().map(|(_, stored_at)| *stored_at).max();
            let last_activity = own.updated_at.max(own.created_at).max(stored_at);
            let known = sessions.entry(one.key.id.clone()).or_insert_with(|| SessionFacts {
                id: one.key.id,
                last_activity,
                bytes: Some(0),
                on_default,
            });
            // Of several versions, the youngest and all of their bytes.
            known.last_activity = known.last_activity.max(last_activity);
            known.bytes = known.bytes.zip(bytes).map(|(sum, more)| sum.saturating_add(more));
            known.on_default = known.on_default.max(on_default);
        }
        Ok(sessions.into_values().collect())
    }

    /// The commits of each session by the links of its ledger, and when they were linked.
    fn links(&self, ledger: &dyn Ledger, tip: &Tip) -> Result<Linked, LedgerError> {
        let mut links = Linked::new();
        for (commit, entry) in ledger.links(self.repository, tip)?.entries {
            links.entry(entry.session_id).or_default().push((commit, entry.stored_at));
        }
        Ok(links)
    }

    /// How many bytes each blob has; nothing where nobody asks.
    fn sizes(&self, tip: &Tip) -> Result<HashMap<ObjectId, u64>, LedgerError> {
        if self.policy.max_ledger_size.is_none() {
            return Ok(HashMap::new());
        }
        let blobs = self.repository.new_blobs(self.repository.tree_of(tip.id)?, None)?;
        Ok(blobs.into_iter().map(|blob| (blob.id, blob.size)).collect())
    }

    fn on_default(&self, listed: &Listed, links: &Linked) -> OnDefault {
        let trunk = self.trunk.get_or_init(|| self.walk());
        let known = listed.meta.git.commits.iter().filter_map(|commit| self.repository.parse_id(commit));
        let linked = links.get(&listed.key.id).into_iter().flatten().map(|(commit, _)| *commit);
        let has_commit = known.chain(linked).any(|commit| trunk.commits.contains(&commit));
        match (has_commit || trunk.named.contains(&listed.key.id), trunk.is_whole) {
            (true, _) => OnDefault::Yes,
            (false, true) => OnDefault::No,
            (false, false) => OnDefault::Unknown,
        }
    }

    /// Walks the default branch.
    fn walk(&self) -> Trunk {
        let mut trunk = Trunk { is_whole: !self.is_shallow, ..Trunk::default() };
        let is_here = |id: &&ObjectId| self.repository.has_object(**id);
        trunk.is_whole &= self.tips.iter().all(|tip| is_here(&tip));
        if !trunk.is_whole || self.tips.is_empty() {
            return trunk;
        }
        let Ok(commits) = self.repository.commits(&self.tips, &[], usize::MAX) else {
            trunk.is_whole = false;
            return trunk;
        };
        for id in commits {
            match self.repository.commit(id) {
                Ok(commit) => trunk.named.extend(link::sessions_in(&commit.message)),
                Err(_) => trunk.is_whole = false,
            }
            trunk.commits.insert(id);
        }
        trunk
    }
}
