//! The merge of ledgers does not depend on who merges what first.

use std::collections::BTreeMap;

use git_session::{
    git::{Expected, ObjectId, RefUpdate, Repository},
    hail::Timestamp,
    ledger::{Capture, Ledger, Link, Outcome, Tip, Tombstone, Tombstones},
};
use proptest::prelude::*;

use super::{ID, capture, main_branch, now, on_every_backend, session, stored_apart, tip_of};
use crate::support::Place;

/// What one clone has: of each session some events, a commit it is linked to, and what became of it
/// there, if anything: it was purged, redacted or expired at some second, before or after it went on.
type Side = BTreeMap<String, (Vec<&'static str>, Option<u8>, Option<(u8, i64, bool)>)>;

fn sides() -> impl Strategy<Value = [Side; 3]> {
    let events = prop::sample::subsequence(vec!["a", "b", "c"], 1..=3);
    let fate = prop::option::weighted(0.4, (0_u8..3, 0_i64..4, any::<bool>()));
    let entry = (events, prop::option::of(0_u8..3), fate);
    let side = prop::collection::btree_map(
        prop::sample::select(vec![ID.to_owned(), "11-other".to_owned(), "zz".to_owned()]),
        entry,
        1..=3,
    );
    [side.clone(), side.clone(), side]
}

fn second(number: i64) -> Timestamp {
    Timestamp::from_seconds(1_769_000_000 + number).expect("in range")
}

fn tombstone(id: &str, fate: Option<(u8, i64, bool)>) -> Option<Tombstone> {
    let id = id.parse().expect("an id");
    let (kind, at, _) = fate?;
    Some(match kind {
        0 => Tombstone::purged(id, second(at)),
        1 => Tombstone::redacted(id, second(at)),
        _ => Tombstone::expired(id, second(at), "session_ttl"),
    })
}

fn store(backend: &dyn Ledger, repository: &Repository, side: &Side) -> ObjectId {
    let captures: Vec<_> = side
        .iter()
        .map(|(id, (events, commit, fate))| {
            let id_of = |number: &u8| ObjectId::from_hex(&[b'0' + number; 40]).expect("40 hex digits");
            let links = commit.iter().map(|number| Link::new(id_of(number), "path")).collect();
            // Each event is a second after the one before.
            let mut session = session(id, events);
            session.header.context.updated_at = session.events.last().expect("an event").timestamp;
            let mut capture = capture(session, links);
            capture.cleared_at = fate.filter(|(.., is_cleared)| *is_cleared).map(|(_, at, _)| second(at));
            capture
        })
        .collect();
    let sessions = side.iter().filter_map(|(id, (.., fate))| tombstone(id, *fate)).collect();
    let tombstones = Tombstones { sessions, ledgers: Vec::new() };
    stored_and_removed(backend, repository, &captures, &tombstones)
}

/// Stores sessions and then removes some, as another clone would, and returns its tip.
fn stored_and_removed(
    backend: &dyn Ledger,
    repository: &Repository,
    captures: &[Capture],
    tombstones: &Tombstones,
) -> ObjectId {
    let tip = stored_apart(backend, repository, &main_branch(), captures);
    backend.merge(repository, &main_branch(), tip, now()).expect("a merge");
    backend.apply(repository, &main_branch(), tombstones, now()).expect("a removal");
    let Tip { id, reference, .. } = tip_of(backend, repository, &main_branch());
    delete(repository, reference, id);
    id
}

fn delete(repository: &Repository, reference: String, id: ObjectId) {
    let update = RefUpdate { name: reference.into(), expected: Expected::Is(id), new: None };
    repository.update_reference(&update).expect("a deletion");
}

/// Merges `tips` one after the other in a clone that has nothing else; returns the tip and its tree.
fn merged(backend: &dyn Ledger, work: &Place, repository: &Repository, tips: &[ObjectId]) -> (ObjectId, String) {
    for tip in tips {
        backend.merge(repository, &main_branch(), *tip, now()).expect("a merge");
    }
    let Tip { id: tip, reference, .. } = tip_of(backend, repository, &main_branch());
    work.git(&["update-ref", "-d", &reference]);
    (tip, work.git(&["rev-parse", &format!("{tip}^{{tree}}")]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_merge_is_commutative_associative_and_idempotent(sides in sides()) {
        on_every_backend(|backend, work, repository| {
            let [a, b, c] = [0, 1, 2].map(|index: usize| store(backend, repository, &sides[index]));
            let merge = |tips: &[ObjectId]| merged(backend, work, repository, tips);
            let (_, all) = merge(&[a, b, c]);
            assert_eq!(merge(&[c, b, a]).1, all, "{sides:?}");
            let (bc, _) = merge(&[b, c]);
            assert_eq!(merge(&[a, bc]).1, all, "{sides:?}");
            let (ab, _) = merge(&[a, b]);
            let (cb, _) = merge(&[c, b]);
            assert_eq!(merge(&[ab, cb, a, b]).1, all, "{sides:?}");
        });
    }
}

/// What every tip that is not known to be part of a merge's history brings back, it must not.
fn objects(work: &Place, tip: ObjectId) -> String {
    work.git(&["rev-list", "--objects", &tip.to_string()])
}

#[test]
fn what_a_ledger_removed_does_not_come_back_from_a_stale_clone() {
    on_every_backend(|backend, work, repository| {
        let branch = main_branch();
        let [secret, other] = ["aaaa", "bbbb"].map(|id| capture(session(id, &["one", id]), Vec::new()));
        let stale = stored_apart(backend, repository, &branch, &[secret.clone(), other]);
        let hail = work.tree(&stale.to_string()).into_iter().find(|path| path.contains("aaaa.hail")).expect("a path");
        let blob = work.git(&["rev-parse", &format!("{stale}:{hail}")]).trim().to_owned();
        backend.merge(repository, &branch, stale, now()).expect("a merge");
        let purged = Tombstone::purged("aaaa".parse().expect("an id"), now());
        let tombstones = Tombstones { sessions: vec![purged.clone()], ledgers: Vec::new() };
        let removal = backend.apply(repository, &branch, &tombstones, now()).expect("a removal");
        assert_eq!((removal.removed, removal.left), (1, 1));
        let first = tip_of(backend, repository, &branch);
        // Where one ledger serves all branches, a tombstone says which it was.
        let branches = (backend.name() == "git_notes").then(|| "main".to_owned()).into_iter().collect();
        let remembered = Tombstone { branches, ..purged.clone() };
        assert_eq!(backend.tombstone(repository, &first, &purged.session_id).expect("a look"), Some(remembered));
        // The stale clone goes on, and merges what it has with what was removed.
        delete(repository, first.reference.clone(), first.id);
        backend.merge(repository, &branch, stale, now()).expect("a merge");
        super::put(backend, repository, &[capture(session("cccc", &["new"]), Vec::new())]);
        let merged = backend.merge(repository, &branch, first.id, now()).expect("a merge");
        assert!(!objects(work, merged).contains(&blob), "the blob is still reachable");
        assert_eq!(super::read_all(backend, repository).len(), 2);
        assert_eq!(super::put(backend, repository, &[secret]), [Outcome::Removed]);
        // Burying again changes nothing.
        backend.apply(repository, &branch, &tombstones, now()).expect("a removal");
        assert_eq!(tip_of(backend, repository, &branch).id, merged);
    });
}

#[test]
fn of_a_redacted_session_only_the_redacted_version_stays_and_an_expired_one_may_go_on() {
    on_every_backend(|backend, _, repository| {
        let branch = main_branch();
        let stale = stored_apart(backend, repository, &branch, &[capture(session("aaaa", &["secret"]), Vec::new())]);
        let mut redacted = capture(session("aaaa", &["gone"]), Vec::new());
        redacted.cleared_at = Some(second(5));
        super::put(backend, repository, &[redacted]);
        let tombstones = Tombstones {
            sessions: vec![
                Tombstone::redacted("aaaa".parse().expect("an id"), second(5)),
                Tombstone::expired("bbbb".parse().expect("an id"), second(0), "session_ttl"),
            ],
            ledgers: Vec::new(),
        };
        backend.apply(repository, &branch, &tombstones, now()).expect("a removal");
        backend.merge(repository, &branch, stale, now()).expect("a merge");
        let stored = super::read_all(backend, repository);
        assert_eq!((stored.len(), stored[0].0.as_str()), (1, "aaaa"));
        assert!(!String::from_utf8_lossy(&stored[0].1).contains("secret"));
        let version = |events: &[&str]| {
            let mut session = session("bbbb", events);
            session.header.context.updated_at = session.events.last().expect("an event").timestamp;
            [capture(session, Vec::new())]
        };
        assert_eq!(super::put(backend, repository, &version(&["one"])), [Outcome::Removed]);
        assert_eq!(super::put(backend, repository, &version(&["one", "two"])), [Outcome::Added]);
    });
}

/// A version whose redaction was known stays, one that was not goes; what the one had of the other must not
/// depend on when a purge was heard of.
#[test]
fn a_purge_that_is_heard_of_late_leaves_what_one_heard_of_early_does() {
    let side = |events: &[&'static str], commit, fate| -> Side {
        [(ID.to_owned(), (events.to_vec(), commit, fate))].into_iter().collect()
    };
    let (redacted, expired, purged) = (Some((1, 0, true)), Some((2, 3, true)), Some((0, 3, true)));
    let commits = [side(&["b"], Some(0), None), side(&["b"], None, redacted), side(&["c"], None, Some((0, 0, false)))];
    let absorbed = [
        side(&["b"], None, Some((0, 0, false))),
        side(&["c"], None, Some((2, 0, true))),
        side(&["c", "d"], None, None),
    ];
    let titles = [side(&["c"], Some(0), None), side(&["c"], Some(0), expired), side(&["b"], Some(1), purged)];
    on_every_backend(|backend, work, repository| {
        for sides in [&commits, &titles, &absorbed] {
            let [a, b, c] = [0, 1, 2].map(|index: usize| store(backend, repository, &sides[index]));
            let (_, late) = merged(backend, work, repository, &[a, b, c]);
            let (_, early) = merged(backend, work, repository, &[c, b, a]);
            assert_eq!(early, late);
        }
    });
}
