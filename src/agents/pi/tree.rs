//! The tree of the entries: going back and on from there makes a branch.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

/// An entry of the tree, and the one it follows.
#[derive(Serialize, Deserialize)]
pub(super) struct Node {
    pub(super) id: String,
    pub(super) parent: Option<String>,
}

/// The ids of the entries that are on no way from the last entry to the root. The header tells them
/// rather than their events, which stay as they were when a branch is left.
pub(super) fn abandoned(tree: &[Node]) -> Vec<&str> {
    let nodes: HashMap<&str, &Node> = tree.iter().map(|node| (node.id.as_str(), node)).collect();
    let mut kept = HashSet::new();
    let mut at = tree.last();
    while let Some(node) = at {
        // A way that comes back to itself is no way.
        let is_new = kept.insert(node.id.as_str());
        at = node.parent.as_deref().filter(|_| is_new).and_then(|parent| nodes.get(parent).copied());
    }
    tree.iter().map(|node| node.id.as_str()).filter(|id| !kept.contains(id)).collect()
}
