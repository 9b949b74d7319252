//! Looks into ledgers that are here: whose they are, how old they are, what is in them.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, HashMap},
};

use super::{
    Artifact, LedgerFacts, Need, Policy, SessionFacts, Sessions,
    model::{age, is_due},
    needed::{Living, LivingRef},
    same_changes::{self, Linked, SessionCommits},
};
use crate::{
    git::{ObjectId, Repository},
    hail::{SessionId, Timestamp},
    ledger::{IndexEntry, Ledger, LedgerError, Listed, Tip},
};

/// The links of sessions to commits.
type Links = HashMap<SessionId, Vec<(ObjectId, IndexEntry)>>;

/// The branches and tags that are there.
pub(super) struct Refs {
    /// All of them.
    pub(super) living: Vec<LivingRef>,
    /// What of their history is known to be missing.
    pub(super) gap: Option<String>,
}

/// A reference of the place that may be a ledger.
pub(super) struct Found {
    pub(super) reference: String,
    pub(super) id: ObjectId,
    /// Whether the branch lives; a ledger of all branches does.
    pub(super) is_alive: bool,
    pub(super) ledger: &'static dyn Ledger,
}

impl Found {
    /// The ledger, where it is one.
    pub(super) fn tip(&self, repository: &Repository) -> std::result::Result<Option<Tip>, LedgerError> {
        self.ledger.tip_at(repository, &self.reference, self.id)
    }
}

/// A look into a repository.
pub(super) struct Look<'a> {
    repository: &'a Repository,
    policy: &'a Policy,
    now: Timestamp,
    refs: Refs,
    living: OnceCell<Living>,
}

impl<'a> Look<'a> {
    pub(super) fn new(repository: &'a Repository, policy: &'a Policy, now: Timestamp, refs: Refs) -> Self {
        Self { repository, policy, now, refs, living: OnceCell::new() }
    }

    /// What is known of all ledgers of the place.
    pub(super) fn ledgers(&self, found: &[Found]) -> Vec<LedgerFacts> {
        let (mut all, commits): (Vec<LedgerFacts>, Vec<_>) = found.iter().map(|one| self.at(one)).unzip();
        if commits.iter().all(|(_, sessions)| sessions.is_empty()) {
            return all;
        }
        let needs = same_changes::needs(self.repository, self.living(), &commits, self.now);
        for (facts, mut needs) in all.iter_mut().zip(needs) {
            let Sessions::Known(sessions) = &mut facts.sessions else { continue };
            for session in sessions {
                let need = needs.remove(&session.id).unwrap_or(Need::None);
                session.need = std::mem::replace(&mut session.need, Need::None).stronger(need);
            }
        }
        all
    }

    fn living(&self) -> &Living {
        self.living.get_or_init(|| Living::walk(self.repository, self.refs.living.clone(), self.refs.gap.clone()))
    }

    /// What is known of a branch with the sessions of a review.
    pub(super) fn artifact(&self, reference: String, id: ObjectId) -> Artifact {
        Artifact { reference, id, last_activity: self.written_at(id) }
    }

    /// The committer's time; unknown when the commit is not here.
    fn written_at(&self, id: ObjectId) -> Option<Timestamp> {
        Timestamp::from_seconds(self.repository.commit(id).ok()?.seconds)
    }

    /// What is known of a ledger, with the commits of its sessions where it matters who needs those. What cannot
    /// matter is not looked at.
    fn at(&self, found: &Found) -> (LedgerFacts, (bool, SessionCommits)) {
        let written_at = self.written_at(found.id);
        let mut facts = LedgerFacts {
            reference: found.reference.clone(),
            id: found.id,
            branch: None,
            last_activity: written_at,
            sessions: Sessions::NotLookedAt,
            damage: None,
        };
        let mut commits = BTreeMap::new();
        match found.tip(self.repository) {
            Ok(Some(tip)) => {
                facts.branch = Some(tip.branch.clone());
                if self.is_wanted(found, written_at) {
                    let damage = found.ledger.damage(self.repository, &tip);
                    match damage.and_then(|damage| Ok((damage, self.sessions(found, &tip)?))) {
                        Ok((damage, (sessions, of_sessions))) => {
                            facts.damage = damage.first().map(ToString::to_string);
                            let youngest = sessions.iter().filter_map(|one| one.last_activity).max();
                            facts.last_activity = written_at.max(youngest);
                            facts.sessions = Sessions::Known(sessions);
                            commits = of_sessions;
                        }
                        Err(fault) => facts.sessions = Sessions::Unreadable(fault.to_string()),
                    }
                }
            }
            Ok(None) => {}
            // Whose it is may show in what cannot be read.
            Err(fault) => facts.sessions = Sessions::Unreadable(fault.to_string()),
        }
        (facts, (found.is_alive, commits))
    }

    fn is_wanted(&self, found: &Found, written_at: Option<Timestamp>) -> bool {
        if found.is_alive {
            return self.policy.limits_sessions();
        }
        written_at.is_some_and(|written| is_due(age(self.now, written), self.policy.hidden_ttl_days))
    }

    fn sessions(&self, found: &Found, tip: &Tip) -> Result<(Vec<SessionFacts>, SessionCommits), LedgerError> {
        let listed = found.ledger.sessions(self.repository, tip)?;
        let links = if listed.is_empty() { HashMap::new() } else { self.links(found.ledger, tip)? };
        let sizes = self.sizes(tip)?;
        let mut sessions: BTreeMap<SessionId, SessionFacts> = BTreeMap::new();
        let mut commits = SessionCommits::new();
        for one in listed {
            let size = |id: Option<ObjectId>| id.map_or(Some(0), |id| sizes.get(&id).copied());
            let bytes = size(one.hail).zip(size(one.described_by)).map(|(events, meta)| events.saturating_add(meta));
            let own = &one.meta.own;
            let stored_at = links.get(&one.key.id).into_iter().flatten().map(|(_, entry)| entry.stored_at).max();
            let last_activity = own.updated_at.max(own.created_at).max(stored_at);
            let need = one.damage.as_ref().map_or(Need::None, |damage| Need::Unknown(damage.to_string()));
            if !found.is_alive || self.policy.max_ledger_size.is_some() {
                commits.entry(one.key.id.clone()).or_default().extend(self.commits(&one, &links));
            }
            let known = sessions.entry(one.key.id.clone()).or_insert_with(|| SessionFacts {
                id: one.key.id,
                last_activity,
                bytes: Some(0),
                need: Need::None,
            });
            known.need = std::mem::replace(&mut known.need, Need::None).stronger(need);
            // Of several versions, the youngest and all of their bytes.
            known.last_activity = known.last_activity.max(last_activity);
            known.bytes = known.bytes.zip(bytes).map(|(sum, more)| sum.saturating_add(more));
        }
        // Of one that is damaged, neither its age nor its commits can be believed: it stays.
        for session in sessions.values_mut().filter(|session| session.need != Need::None) {
            session.last_activity = None;
        }
        Ok((sessions.into_values().collect(), commits))
    }

    /// The commits of a session by its links and by what it says itself.
    fn commits(&self, listed: &Listed, links: &Links) -> BTreeMap<ObjectId, Linked> {
        let own = &listed.meta.own;
        let told = listed.meta.git.commits.iter().filter_map(|commit| self.repository.parse_id(commit));
        let told = told.map(|id| {
            let linked_at = own.updated_at.or(own.created_at);
            (id, Linked { linked_at, ..Linked::default() })
        });
        let linked = links.get(&listed.key.id).into_iter().flatten().map(|(id, entry)| {
            let (fingerprint, linked_at) = (entry.fingerprint.clone(), Some(entry.stored_at));
            (*id, Linked { fingerprint, linked_at })
        });
        // What a link says of a commit counts more than that the session names it.
        told.chain(linked).collect()
    }

    /// The links of each session of the ledger.
    fn links(&self, ledger: &dyn Ledger, tip: &Tip) -> Result<Links, LedgerError> {
        let mut links = Links::new();
        for (commit, entry) in ledger.links(self.repository, tip)?.entries {
            links.entry(entry.session_id.clone()).or_default().push((commit, entry));
        }
        Ok(links)
    }

    /// How many bytes each blob has; empty without a size budget.
    fn sizes(&self, tip: &Tip) -> Result<HashMap<ObjectId, u64>, LedgerError> {
        if self.policy.max_ledger_size.is_none() {
            return Ok(HashMap::new());
        }
        let blobs = self.repository.new_blobs(self.repository.tree_of(tip.id)?, None)?;
        Ok(blobs.into_iter().map(|blob| (blob.id, blob.size)).collect())
    }
}
