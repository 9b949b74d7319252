//! Who needs a session, and what the plan makes of it, against the plainest way to find out, on histories made
//! up at random.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Commits, History, Linked, Living, Need, SessionCommits, needs};
use crate::{
    cleanup::{Facts, LedgerFacts, Policy, SessionFacts, Sessions, needed::LivingRef, plan},
    git::{Commit, Fingerprint, GitError, ObjectId},
    hail::{SessionId, Timestamp},
    ledger::BranchName,
};

const DAY: i64 = 86_400;

/// The number is all that there is of the id.
fn id(number: i64) -> ObjectId {
    ObjectId::from_hex(format!("{number:040}").as_bytes()).expect("40 digits")
}

fn session(number: usize) -> SessionId {
    format!("session-{number}").parse().expect("an id")
}

/// A commit. The whole content of a repository is one number, to which each commit adds its own.
#[derive(Clone, Debug)]
struct Made {
    parents: Vec<usize>,
    adds: i64,
    message: String,
    is_here: bool,
}

/// A history, in which the parents of a commit come before it.
#[derive(Clone, Debug, Default)]
struct Model(Vec<Made>);

impl Model {
    fn number(&self, commit: ObjectId) -> Option<usize> {
        (0..self.0.len()).find(|number| id(i64::try_from(*number).expect("small")) == commit)
    }

    fn content(&self, number: usize) -> i64 {
        let made = &self.0[number];
        made.adds + made.parents.first().map_or(0, |parent| self.content(*parent))
    }

    fn patch(from: i64, to: i64) -> Option<String> {
        (from != to).then(|| format!("adds {}", to - from))
    }

    fn fingerprint(&self, number: usize) -> Fingerprint {
        let made = &self.0[number];
        let content = self.content(number);
        let before = made.parents.first().map_or(0, |parent| self.content(*parent));
        let is_merge = made.parents.len() > 1;
        let blobs = if is_merge || before == content { Vec::new() } else { vec![format!("file {}", content % 3)] };
        let patch_id = Self::patch(before, content).filter(|_| !is_merge);
        Fingerprint { patch_id, tree: Some(id(1000 + content).to_string()), blobs }
    }

    /// It and all that it is built upon.
    fn reachable(&self, number: usize) -> BTreeSet<usize> {
        let before = self.0[number].parents.iter().flat_map(|parent| self.reachable(*parent));
        before.chain([number]).collect()
    }
}

impl History for Model {
    fn commit(&self, commit: ObjectId) -> Option<Commit> {
        let number = self.number(commit)?;
        let made = self.0[number].clone();
        made.is_here.then(|| Commit {
            id: commit,
            parents: made.parents.iter().map(|parent| id(i64::try_from(*parent).expect("small"))).collect(),
            tree: id(1000 + self.content(number)),
            message: made.message.into(),
            seconds: 0,
            author: String::new(),
            author_seconds: 0,
        })
    }

    fn fingerprints(&self, commits: &[ObjectId]) -> Result<BTreeMap<ObjectId, Fingerprint>, GitError> {
        Ok(commits.iter().filter_map(|commit| Some((*commit, self.fingerprint(self.number(*commit)?)))).collect())
    }

    fn patch_ids_between(
        &self,
        pairs: &[(ObjectId, ObjectId)],
    ) -> Result<BTreeMap<ObjectId, BTreeSet<String>>, GitError> {
        let mut found: BTreeMap<ObjectId, BTreeSet<String>> = BTreeMap::new();
        for (later, earlier) in pairs {
            let content = |commit| self.content(self.number(commit).expect("it is known"));
            found.entry(*later).or_default().extend(Self::patch(content(*earlier), content(*later)));
        }
        Ok(found)
    }

    fn is_ancestor(&self, ancestor: ObjectId, descendant: ObjectId) -> bool {
        let (ancestor, descendant) = (self.number(ancestor), self.number(descendant));
        ancestor
            .zip(descendant)
            .is_some_and(|(one, other)| self.0[other].is_here && self.reachable(other).contains(&one))
    }
}

/// A repository, and the ledger of a branch that was deleted, merged, squashed or renamed.
#[derive(Clone, Debug)]
struct Case {
    model: Model,
    /// Branches and tags with the number of their commit; the first is the default branch, if there is one.
    refs: Vec<(&'static str, usize)>,
    has_default: bool,
    /// The commits of the sessions of each ledger; those behind the end are in no repository.
    ledgers: Vec<Vec<(usize, bool)>>,
    is_shallow: bool,
}

impl Case {
    fn living_refs(&self) -> Vec<LivingRef> {
        let one = |(place, (name, number)): (usize, &(&str, usize))| LivingRef {
            name: (*name).to_owned(),
            tip: id(i64::try_from(*number).expect("small")),
            is_default: self.has_default && place == 0,
        };
        self.refs.iter().enumerate().map(one).collect()
    }

    /// The sessions of a ledger, one for each of its commits.
    fn sessions(&self, ledger: usize) -> SessionCommits {
        let of = |(number, is_noted): &(usize, bool)| {
            let is_known = *number < self.model.0.len();
            let fingerprint =
                if *is_noted && is_known { self.model.fingerprint(*number) } else { Fingerprint::default() };
            let linked = Linked { fingerprint, linked_at: Timestamp::from_seconds(0) };
            (session(*number), Commits::from([(id(i64::try_from(*number).expect("small")), linked)]))
        };
        self.ledgers[ledger].iter().map(of).collect()
    }

    /// What can be reached, and whether all of it is here.
    fn living(&self) -> (BTreeSet<usize>, bool) {
        let all: BTreeSet<usize> = self.refs.iter().flat_map(|(_, tip)| self.model.reachable(*tip)).collect();
        // Behind a commit that is not here nothing can be seen.
        let seen = |number: &usize| self.refs.iter().any(|(_, tip)| self.is_seen(*tip, *number));
        let seen: BTreeSet<usize> = all.iter().copied().filter(|number| seen(number)).collect();
        let is_whole = !self.is_shallow && all.iter().all(|number| self.model.0[*number].is_here);
        (seen, is_whole)
    }

    fn is_seen(&self, from: usize, number: usize) -> bool {
        self.model.0[from].is_here
            && (from == number || self.model.0[from].parents.iter().any(|parent| self.is_seen(*parent, number)))
    }

    /// Whether a living commit names the session or is linked to it.
    fn is_needed(&self, number: usize) -> bool {
        let (living, _) = self.living();
        let name = session(number).to_string();
        let names = |message: &str| message.split([' ', '\n', '`', ',']).any(|word| word == name);
        living.contains(&number) || living.iter().any(|one| names(&self.model.0[*one].message))
    }

    /// Whether what the ledger's lost commits changed is in a living commit; `None` where that is unknown.
    fn lives_on(&self, ledger: usize) -> Option<bool> {
        let (living, _) = self.living();
        let of_default: BTreeSet<usize> =
            if self.has_default { self.model.reachable(self.refs[0].1) } else { BTreeSet::new() };
        let made = |number: &usize| self.model.fingerprint(*number);
        let (mut lives, mut is_known) = (false, true);
        for (number, is_noted) in self.ledgers[ledger].iter().filter(|(number, _)| !living.contains(number)) {
            let is_here = self.model.0.get(*number).is_some_and(|made| made.is_here);
            let is_noted = is_here || *is_noted && *number < self.model.0.len();
            is_known &= is_noted;
            if !is_noted {
                continue;
            }
            let own = made(number);
            let before = if is_here { self.model.reachable(*number) } else { BTreeSet::new() };
            lives |= living.iter().any(|one| made(one).tree == own.tree && !before.contains(one));
            lives |= living.iter().any(|one| own.patch_id.is_some() && made(one).patch_id == own.patch_id);
            let names_none = |one: &usize| !self.model.0[*one].message.contains("ession");
            lives |= !is_here
                && living
                    .iter()
                    .any(|one| names_none(one) && own.blobs.iter().any(|blob| made(one).blobs.contains(blob)));
            for ends in [&living, &of_default] {
                let lost: Vec<usize> = before.iter().copied().filter(|one| self.leads(*number, *one, ends)).collect();
                is_known &= lost.iter().all(|one| self.model.0[*one].is_here);
                let bases =
                    lost.iter().flat_map(|one| &self.model.0[*one].parents).filter(|parent| ends.contains(parent));
                for base in bases {
                    let patch = Model::patch(self.model.content(*base), self.model.content(*number));
                    lives |= patch.is_some() && living.iter().any(|one| made(one).patch_id == patch);
                }
            }
        }
        if lives { Some(true) } else { is_known.then_some(false) }
    }

    /// Whether `number` is reached from `from` without a commit of `ends`.
    fn leads(&self, from: usize, number: usize, ends: &BTreeSet<usize>) -> bool {
        !ends.contains(&from)
            && (from == number || self.model.0[from].parents.iter().any(|parent| self.leads(*parent, number, ends)))
    }

    /// What the planner is told, found out by the code that is tested.
    fn facts(&self) -> Facts {
        let all: Vec<(bool, SessionCommits)> = (0..self.ledgers.len()).map(|one| (false, self.sessions(one))).collect();
        let living = Living::walk(&self.model, self.living_refs(), self.is_shallow.then(|| "shallow".to_owned()));
        let now = Timestamp::from_seconds(100 * DAY).expect("in range");
        let ledgers = needs(&self.model, &living, &all, now).into_iter().enumerate().map(|(place, needs)| {
            let last_activity = Timestamp::from_seconds(0);
            let facts = |(id, need): (SessionId, Need)| SessionFacts { id, last_activity, bytes: Some(1), need };
            LedgerFacts {
                reference: format!("ledger-{place}"),
                id: id(0),
                branch: Some(BranchName::from(format!("gone-{place}").as_str())),
                last_activity,
                sessions: Sessions::Known(needs.into_iter().map(facts).collect()),
                damage: None,
            }
        });
        let main = BranchName::from("main");
        Facts {
            branches: Some([main.clone()].into()),
            default_branch: self.has_default.then_some(main),
            ledgers: ledgers.collect(),
            artifacts: Vec::new(),
        }
    }
}

/// How messages name sessions: not at all, in a trailer, and as merges, forges and people collect them.
fn message(style: u8, sessions: &[usize]) -> String {
    let ids: Vec<String> = sessions.iter().map(|number| session(*number).to_string()).collect();
    let line = |prefix: &str, id: &String| format!("{prefix}AI-Session: {id}\n");
    let lines = |prefix: &str| ids.iter().map(|id| line(prefix, id)).collect::<String>();
    match style {
        0 => "Change it (#1)\n".to_owned(),
        1 => format!("Change it\n\n{}", lines("")),
        2 => format!("Change it (#1)\n\n* One\n\n{}AI-Tool: x\n\n* Two\n\nProse at the end.\n", lines("")),
        3 => format!("Squashed commit of the following:\n\n    One\n\n{}", lines("    ")),
        4 => format!("Change it\n\n{}\n\nProse.\n", lines("* ")),
        _ => format!("Change it\n\n- **AI-Session**: `{}`\n", ids.join(",")),
    }
}

fn any_case() -> impl Strategy<Value = Case> {
    let commit = (
        proptest::collection::vec(any::<proptest::sample::Index>(), 0..3),
        -3_i64..4,
        (0_u8..12, proptest::collection::vec(0_usize..10, 1..3)),
        proptest::bool::weighted(0.97),
    );
    let refs = proptest::collection::vec(any::<proptest::sample::Index>(), 1..5);
    let ledger = proptest::collection::vec((0_usize..12, proptest::bool::weighted(0.8)), 1..4);
    (
        proptest::collection::vec(commit, 1..11),
        refs,
        proptest::bool::weighted(0.7),
        proptest::collection::vec(ledger, 1..4),
        proptest::bool::weighted(0.1),
    )
        .prop_map(|(commits, refs, has_default, ledgers, is_shallow)| {
            let made = commits.into_iter().enumerate().map(|(number, (parents, adds, (style, named), is_here))| {
                let parents: BTreeSet<usize> =
                    parents.iter().filter(|_| number > 0).map(|parent| parent.index(number)).collect();
                let message = message(if style > 5 { 0 } else { style }, &named);
                Made { parents: parents.into_iter().rev().collect(), adds, message, is_here }
            });
            let model = Model(made.collect());
            let names = ["refs/heads/main", "refs/heads/renamed", "refs/heads/release", "refs/tags/v1"];
            let refs = names.into_iter().zip(refs.iter().map(|tip| tip.index(model.0.len()))).collect();
            // A commit is in a ledger once.
            let once =
                |ledger: Vec<(usize, bool)>| ledger.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect();
            let ledgers = ledgers.into_iter().map(once).collect();
            Case { model, refs, has_default, ledgers, is_shallow }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn nothing_needed_or_unknown_goes_and_what_is_neither_does(case in any_case(), promote in any::<bool>()) {
        let facts = case.facts();
        let now = Timestamp::from_seconds(100 * DAY).expect("in range");
        let plan = plan(now, &Policy { promote, ..Policy::default() }, &facts);
        let (_, is_whole) = case.living();
        for (place, ledger) in facts.ledgers.iter().enumerate() {
            let numbers: BTreeSet<usize> = case.ledgers[place].iter().map(|(number, _)| *number).collect();
            let needed: BTreeSet<usize> = numbers.iter().copied().filter(|number| case.is_needed(*number)).collect();
            // With every session needed, nothing is compared.
            let lives_on = if needed.len() == numbers.len() { Some(false) } else { case.lives_on(place) };
            let is_unknown = needed.len() < numbers.len() && (!is_whole || lives_on.is_none());
            let candidate = plan.hidden_candidates.iter().find(|one| one.reference == ledger.reference);
            let Some(candidate) = candidate else {
                let stays = is_unknown || !needed.is_empty() || lives_on == Some(true);
                prop_assert!(stays, "{} has nothing that anybody needs", ledger.reference);
                // Only what the default branch does not have, or cannot get, keeps a ledger.
                let has_default_all = needed.iter().all(|number| on_default(&case, *number));
                let only_named = lives_on == Some(false) && !is_unknown && has_default_all;
                prop_assert!(!(only_named && promote && case.has_default), "{} can be moved", ledger.reference);
                continue;
            };
            prop_assert!(!is_unknown, "what is unknown stays");
            let moved: BTreeSet<SessionId> = candidate.promotes.iter().cloned().collect();
            prop_assert!(moved.is_empty() || case.has_default && promote);
            for number in numbers {
                let must_stay = needed.contains(&number) || lives_on == Some(true);
                prop_assert_eq!(moved.contains(&session(number)), must_stay, "session {} of {}", number, place);
            }
        }
    }
}

/// Whether the default branch itself has a commit of the session.
fn on_default(case: &Case, number: usize) -> bool {
    case.has_default && {
        let only = Case { refs: case.refs[..1].to_vec(), ..case.clone() };
        only.is_needed(number)
    }
}
