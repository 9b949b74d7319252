//! Sessions that OpenSession's `share --git` put into a ledger as files of their own:
//! `sessions/<sha256>.jsonl`, without metadata. They are read and carried along, never written.

use super::{Damage, LedgerError, Listed, Meta, SessionKey, Tip, reader};
use crate::{
    git::{EntryKind, Repository},
    hail::SessionId,
};

/// The folder of the files.
const FOLDER: &str = "sessions";

/// Where a shared session is.
pub(super) fn path(key: &SessionKey) -> String {
    format!("{FOLDER}/{key}.jsonl")
}

/// The shared sessions of a ledger. One that cannot be read is listed by its name.
pub(super) fn list(repository: &Repository, tip: &Tip) -> Result<Vec<Listed>, LedgerError> {
    let tree = repository.tree_of(tip.id)?;
    let folder = repository.find_entry(tree, FOLDER)?.filter(|entry| entry.kind == EntryKind::Tree);
    let Some(folder) = folder else { return Ok(Vec::new()) };
    let mut bodies = reader::Bodies::new(repository);
    let mut found = Vec::new();
    for entry in repository.read_tree(folder.id)?.into_iter().filter(|entry| entry.kind == EntryKind::Blob) {
        let Some(id) = entry.name().and_then(hash_of) else { continue };
        let key = SessionKey::from(id);
        let is_here = repository.has_object(entry.id);
        let described = if is_here { bodies.describe(None, entry.id) } else { Ok(Meta::unknown(&key.id)) };
        let (meta, damage) = match described {
            Ok(meta) => (meta, None),
            Err(cause) => {
                let damage = Damage { reference: tip.reference.clone(), path: path(&key), cause };
                (Meta::unknown(&key.id), Some(damage))
            }
        };
        let branch = tip.branch.clone();
        found.push(Listed { key, meta, hail: Some(entry.id), described_by: None, branch, is_share: true, damage });
    }
    Ok(found)
}

fn hash_of(file: &str) -> Option<SessionId> {
    let hash = file.strip_suffix(".jsonl")?;
    let is_hash = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hash.then(|| hash.parse().ok()).flatten()
}
