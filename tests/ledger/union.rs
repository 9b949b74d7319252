//! The union of ledgers does not depend on who merges what first.

use std::collections::BTreeMap;

use git_session::{
    git::{ObjectId, Repository},
    ledger::{Ledger, Link, Tip},
};
use proptest::prelude::*;

use super::{ID, capture, main_branch, now, on_every_backend, session, stored_apart, tip_of};
use crate::support::Place;

/// What one clone has: of each session some events, a commit it is linked to.
type Side = BTreeMap<String, (Vec<&'static str>, Option<u8>)>;

fn sides() -> impl Strategy<Value = [Side; 3]> {
    let events = prop::sample::subsequence(vec!["a", "b", "c"], 1..=3);
    let entry = (events, prop::option::of(0_u8..3));
    let side = prop::collection::btree_map(
        prop::sample::select(vec![ID.to_owned(), "11-other".to_owned(), "zz".to_owned()]),
        entry,
        1..=3,
    );
    [side.clone(), side.clone(), side]
}

fn store(backend: &dyn Ledger, repository: &Repository, side: &Side) -> ObjectId {
    let captures: Vec<_> = side
        .iter()
        .map(|(id, (events, commit))| {
            let id_of = |number: &u8| ObjectId::from_hex(&[b'0' + number; 40]).expect("40 hex digits");
            let links = commit.iter().map(|number| Link::new(id_of(number), "path")).collect();
            capture(session(id, events), links)
        })
        .collect();
    stored_apart(backend, repository, &main_branch(), &captures)
}

/// Unites `tips` one after the other in a clone that has nothing else; returns the tip and its tree.
fn united(backend: &dyn Ledger, work: &Place, repository: &Repository, tips: &[ObjectId]) -> (ObjectId, String) {
    for tip in tips {
        backend.unite(repository, &main_branch(), *tip, now()).expect("a union");
    }
    let Tip { id: tip, reference, .. } = tip_of(backend, repository, &main_branch());
    work.git(&["update-ref", "-d", &reference]);
    (tip, work.git(&["rev-parse", &format!("{tip}^{{tree}}")]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_union_is_commutative_associative_and_idempotent(sides in sides()) {
        on_every_backend(|backend, work, repository| {
            let [a, b, c] = [0, 1, 2].map(|index: usize| store(backend, repository, &sides[index]));
            let unite = |tips: &[ObjectId]| united(backend, work, repository, tips);
            let (_, all) = unite(&[a, b, c]);
            assert_eq!(unite(&[c, b, a]).1, all, "{sides:?}");
            let (bc, _) = unite(&[b, c]);
            assert_eq!(unite(&[a, bc]).1, all, "{sides:?}");
            let (ab, _) = unite(&[a, b]);
            let (cb, _) = unite(&[c, b]);
            assert_eq!(unite(&[ab, cb, a, b]).1, all, "{sides:?}");
        });
    }
}
