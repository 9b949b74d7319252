//! The tree of notes. git spreads notes over folders as they grow in number, `<hex>`, `ab/<rest>`,
//! `ab/cd/<rest>`, …, reads any mixture, and joins the texts of two entries for one commit. So every
//! depth is read here, and one is written, `ab/<rest>`, with whatever is at another depth removed.

use std::collections::BTreeMap;

use super::{LedgerError, note::Note, reader::MAX_META_BYTES};
use crate::git::{Entry, EntryKind, GitError, MAX_ENTRIES, ObjectId, Repository, TreeUpdate};

/// Where the note of `commit` is written.
fn path(commit: ObjectId) -> String {
    let hex = commit.to_string();
    let (folder, rest) = hex.split_at(2);
    format!("{folder}/{rest}")
}

/// The commit whose note is at `path`; `None` where git sees no note.
pub(super) fn commit_at(repository: &Repository, path: &str) -> Option<ObjectId> {
    let (folders, last) = path.rsplit_once('/').unwrap_or(("", path));
    let is_fanned = folders.is_empty() || folders.split('/').all(|folder| folder.len() == 2);
    let is_lower = !path.bytes().any(|byte| byte.is_ascii_uppercase());
    if is_fanned && is_lower && !last.is_empty() { repository.parse_id(&path.replace('/', "")) } else { None }
}

/// Every note of `commit`, with its path.
fn find(repository: &Repository, tree: ObjectId, commit: ObjectId) -> Result<Vec<(String, ObjectId)>, LedgerError> {
    let hex = commit.to_string();
    let mut found = Vec::new();
    let (mut folder, mut tree, mut rest) = (String::new(), tree, hex.as_str());
    loop {
        if let Some(note) = repository.find_entry(tree, rest)?.filter(|entry| entry.kind == EntryKind::Blob) {
            found.push((format!("{folder}{rest}"), note.id));
        }
        let (digits, below) = rest.split_at(2);
        let next = repository.find_entry(tree, digits)?.filter(|entry| entry.kind == EntryKind::Tree);
        let Some(next) = next.filter(|_| !below.is_empty()) else { return Ok(found) };
        folder.push_str(digits);
        folder.push('/');
        (tree, rest) = (next.id, below);
    }
}

/// What the notes of `commit` say together, or why one of them cannot be read.
pub(super) fn read(
    repository: &Repository,
    tree: ObjectId,
    commit: ObjectId,
) -> Result<Result<Note, String>, LedgerError> {
    let blobs: Vec<ObjectId> = find(repository, tree, commit)?.into_iter().map(|(_, id)| id).collect();
    Ok(read_all(repository, &blobs))
}

fn read_all(repository: &Repository, blobs: &[ObjectId]) -> Result<Note, String> {
    let mut note = Note::default();
    for blob in blobs {
        let text = repository.read_blob(*blob, MAX_META_BYTES).map_err(|fault| fault.to_string())?;
        note = note.merged(Note::parse(&text));
    }
    Ok(note)
}

/// Whether the notes of `commit` are one, and that as it would be written.
pub(super) fn is_sound(repository: &Repository, tree: ObjectId, commit: ObjectId) -> Result<bool, LedgerError> {
    let [(_, blob)] = find(repository, tree, commit)?[..] else { return Ok(false) };
    let text = repository.read_blob(blob, MAX_META_BYTES)?;
    Ok(Note::parse(&text).to_bytes() == text)
}

/// The changes that make `note` the only one of `commit`.
pub(super) fn write(
    repository: &Repository,
    tree: Option<ObjectId>,
    commit: ObjectId,
    note: &Note,
) -> Result<Vec<TreeUpdate>, LedgerError> {
    let mut updates = Vec::new();
    if let Some(tree) = tree {
        updates.extend(find(repository, tree, commit)?.into_iter().map(|(path, _)| (path, None)));
    }
    if *note != Note::default() {
        updates.push((path(commit), Some(repository.write_blob(&note.to_bytes())?)));
    }
    Ok(updates)
}

/// The notes of a tree.
#[derive(Default)]
pub(super) struct Notes {
    /// What can be read.
    pub(super) sound: BTreeMap<ObjectId, Note>,
    /// The commits whose notes cannot be read, each with the reason.
    pub(super) damaged: Vec<(ObjectId, String)>,
}

/// Every note of a tree.
pub(super) fn all(repository: &Repository, tree: ObjectId) -> Result<Notes, LedgerError> {
    let mut notes = Notes::default();
    for (commit, blobs) in strip(repository, tree)?.1 {
        match read_all(repository, &blobs) {
            Ok(note) => drop(notes.sound.insert(commit, note)),
            Err(cause) => notes.damaged.push((commit, cause)),
        }
    }
    Ok(notes)
}

/// The blobs of each commit's notes.
type Blobs = BTreeMap<ObjectId, Vec<ObjectId>>;

/// Parts a tree into what is no note, and the notes.
fn strip(repository: &Repository, tree: ObjectId) -> Result<(ObjectId, Blobs), LedgerError> {
    let mut notes = Blobs::new();
    let rest = strip_folder(repository, tree, "", &mut notes, &mut 0)?;
    let rest = match rest {
        Some(rest) => rest,
        None => repository.write_tree(&[])?,
    };
    Ok((rest, notes))
}

/// Parts one folder, whose digits so far are `prefix`; `None` where only notes were.
fn strip_folder(
    repository: &Repository,
    tree: ObjectId,
    prefix: &str,
    notes: &mut Blobs,
    count: &mut usize,
) -> Result<Option<ObjectId>, LedgerError> {
    let mut rest: Vec<Entry> = Vec::new();
    let entries = repository.read_tree(tree)?;
    *count += entries.len();
    if *count > MAX_ENTRIES {
        return Err(GitError::TooManyEntries { limit: MAX_ENTRIES }.into());
    }
    for entry in entries {
        let name = entry.name().filter(|name| name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        let digits = name.map(|name| format!("{prefix}{name}"));
        let is_folder = entry.kind == EntryKind::Tree && entry.name.len() == 2;
        let commit = digits.as_deref().and_then(|hex| repository.parse_id(hex));
        match (commit, digits) {
            (Some(commit), _) if entry.kind == EntryKind::Blob => notes.entry(commit).or_default().push(entry.id),
            // A full id has 64 digits at most.
            (_, Some(digits)) if is_folder && digits.len() < 64 => {
                let left = strip_folder(repository, entry.id, &digits, notes, count)?;
                rest.extend(left.map(|left| Entry::tree(entry.name, left)));
            }
            _ => rest.push(entry),
        }
    }
    Ok(if rest.is_empty() { None } else { Some(repository.write_tree(&rest)?) })
}

/// Merges two trees: the notes of each commit by session, everything else with `merge`.
pub(super) fn merge(
    repository: &Repository,
    ours: ObjectId,
    theirs: ObjectId,
    merge: impl Fn(ObjectId, ObjectId) -> Result<ObjectId, LedgerError>,
) -> Result<ObjectId, LedgerError> {
    if ours == theirs {
        return Ok(ours);
    }
    let (our_rest, mut notes) = strip(repository, ours)?;
    let (their_rest, their_notes) = strip(repository, theirs)?;
    for (commit, blobs) in their_notes {
        notes.entry(commit).or_default().extend(blobs);
    }
    let mut updates = Vec::new();
    for (commit, mut blobs) in notes {
        blobs.sort_unstable();
        blobs.dedup();
        let blob = match blobs.as_slice() {
            [same] => *same,
            several => {
                let is_sound = |blob: &ObjectId| read_all(repository, &[*blob]).is_ok();
                let sound: Vec<ObjectId> = several.iter().copied().filter(is_sound).collect();
                match (sound.as_slice(), several) {
                    // Of those that cannot be read, any that does not depend on the side.
                    ([], [.., last]) => *last,
                    ([only], _) => *only,
                    (sound, _) => {
                        let note = read_all(repository, sound).unwrap_or_default();
                        repository.write_blob(&note.to_bytes())?
                    }
                }
            }
        };
        updates.push((path(commit), Some(blob)));
    }
    Ok(repository.edit_tree(Some(merge(our_rest, their_rest)?), &updates)?)
}

/// Whether all of the note at `path` shows in its entries.
pub(super) fn is_plain(repository: &Repository, path: &str, entry: &Entry) -> Result<bool, LedgerError> {
    if entry.kind != EntryKind::Blob || commit_at(repository, path).is_none() {
        return Ok(false);
    }
    let text = repository.read_blob(entry.id, MAX_META_BYTES);
    Ok(text.is_ok_and(|text| Note::parse(&text).remarks.is_empty()))
}
