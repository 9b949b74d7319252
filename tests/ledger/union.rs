//! The union of ledgers does not depend on who merges what first.

use std::collections::BTreeMap;

use git_session::{
    git::{ObjectId, Repository},
    ledger::{BranchName, Ledger, Link},
};
use proptest::prelude::*;

use super::{ID, capture, now, on_every_backend, session};
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

fn store(backend: &dyn Ledger, repository: &Repository, side: &Side, name: &str) -> ObjectId {
    let captures: Vec<_> = side
        .iter()
        .map(|(id, (events, commit))| {
            let id_of = |number: &u8| ObjectId::from_hex(&[b'0' + number; 40]).expect("40 hex digits");
            let links =
                commit.iter().map(|number| Link { commit: id_of(number), evidence: "path".to_owned() }).collect();
            capture(session(id, events), links)
        })
        .collect();
    let branch = BranchName::from(name);
    backend.store(repository, &branch, &captures, now()).expect("a store");
    tip(backend, repository, name)
}

fn tip(backend: &dyn Ledger, repository: &Repository, name: &str) -> ObjectId {
    let tips = backend.tips(repository).expect("tips");
    tips.into_iter().find(|tip| tip.branch == BranchName::from(name)).expect("a tip").id
}

/// Unites `tips` one after the other into a ledger of their own; returns its tree.
fn united(
    backend: &dyn Ledger,
    work: &Place,
    repository: &Repository,
    name: &str,
    tips: &[ObjectId],
) -> (ObjectId, String) {
    for tip in tips {
        backend.unite(repository, &BranchName::from(name), *tip, now()).expect("a union");
    }
    let tip = tip(backend, repository, name);
    (tip, work.git(&["rev-parse", &format!("{tip}^{{tree}}")]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_union_is_commutative_associative_and_idempotent(sides in sides()) {
        on_every_backend(|backend, work, repository| {
            let [a, b, c] = [0, 1, 2].map(|index: usize| store(backend, repository, &sides[index], &format!("side-{index}")));
            let unite = |name: &str, tips: &[ObjectId]| united(backend, work, repository, name, tips);
            let (_, all) = unite("abc", &[a, b, c]);
            assert_eq!(unite("cba", &[c, b, a]).1, all, "{sides:?}");
            let (bc, _) = unite("bc", &[b, c]);
            assert_eq!(unite("a(bc)", &[a, bc]).1, all, "{sides:?}");
            let (ab, _) = unite("ab", &[a, b]);
            let (cb, _) = unite("cb", &[c, b]);
            assert_eq!(unite("(ab)(cb)", &[ab, cb, a, b]).1, all, "{sides:?}");
        });
    }
}
