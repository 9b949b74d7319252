//! Takes a session out of what was published of reviews, or redacts it there.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
};

use super::{
    Digest, MissingSession, excerpts,
    publish::{DIGEST, EVENTS, README, SESSIONS, digest_files, events_path},
};
use crate::{
    error::Result,
    forge::is_review_folder,
    git::{EntryKind, ObjectId, Repository, TreeUpdate},
    hail::{Lines, Reader, Record, SessionId},
    ledger::{LedgerError, MAX_SESSION_BYTES, Redaction, SessionKey},
};

/// How many characters of a session's id a digest shows.
const SHOWN: usize = 8;

/// What has to become of a session wherever it was published.
pub struct Retraction<'a> {
    repository: &'a Repository,
    session: &'a SessionId,
    /// What it becomes; nothing of it stays where there is none.
    redaction: Option<&'a dyn Redaction>,
    /// What was made of the folders of reviews: a history has most of them many times.
    done: RefCell<HashMap<ObjectId, ObjectId>>,
}

/// The files of a session's events, and what they become.
type Events = BTreeMap<String, Option<Vec<u8>>>;

impl<'a> Retraction<'a> {
    /// Redacts `session`, or takes it out where there is no `redaction`.
    #[must_use]
    pub fn new(repository: &'a Repository, session: &'a SessionId, redaction: Option<&'a dyn Redaction>) -> Self {
        Self { repository, session, redaction, done: RefCell::default() }
    }

    /// What the root of a branch has to be; the same where nothing has to go. What is of no review
    /// stays as it is.
    ///
    /// # Errors
    /// When the repository cannot be read or written, or `redaction` fails.
    pub fn tree(&self, root: ObjectId) -> Result<ObjectId> {
        let mut tree = root;
        for (name, folder) in self.reviews(root)? {
            let new = self.review(folder)?;
            if new != folder && name.is_empty() {
                return Ok(new);
            }
            if new != folder {
                let mut entries = self.repository.read_tree(tree)?;
                entries.iter_mut().filter(|entry| entry.name() == Some(&name)).for_each(|entry| entry.id = new);
                tree = self.repository.write_tree(&entries)?;
            }
        }
        Ok(tree)
    }

    /// The events of the session in the tree of a branch, as they are.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn events(&self, root: ObjectId) -> Result<Vec<ObjectId>> {
        let mut found = Vec::new();
        for (_, folder) in self.reviews(root)? {
            found.extend(self.files(folder)?.into_iter().map(|(_, blob)| blob));
        }
        Ok(found)
    }

    /// The folders of reviews, with their names; the root itself, without a name, where it is one.
    fn reviews(&self, root: ObjectId) -> Result<Vec<(String, ObjectId)>> {
        let entries = self.repository.read_tree(root)?;
        if entries.iter().any(|entry| matches!(entry.name(), Some(DIGEST | SESSIONS))) {
            return Ok(vec![(String::new(), root)]);
        }
        let folders = entries.iter().filter(|entry| entry.kind == EntryKind::Tree);
        let named = folders.filter_map(|entry| Some((entry.name()?.to_owned(), entry.id)));
        Ok(named.filter(|(name, _)| is_review_folder(name)).collect())
    }

    fn review(&self, folder: ObjectId) -> Result<ObjectId> {
        if let Some(done) = self.done.borrow().get(&folder) {
            return Ok(*done);
        }
        let mut updates: Vec<TreeUpdate> = Vec::new();
        let mut events = Events::new();
        for (path, blob) in self.files(folder)? {
            let bytes = self.redaction.map(|redaction| self.redacted(redaction, blob)).transpose()?;
            let new = bytes.as_ref().map(|bytes| self.repository.write_blob(bytes)).transpose()?;
            if new != Some(blob) {
                updates.push((path.clone(), new));
            }
            events.insert(path, bytes);
        }
        updates.extend(self.digest(folder, &events)?);
        let new = if updates.is_empty() { folder } else { self.repository.edit_tree(Some(folder), &updates)? };
        self.done.borrow_mut().insert(folder, new);
        Ok(new)
    }

    fn redacted(&self, redaction: &dyn Redaction, blob: ObjectId) -> Result<Vec<u8>> {
        Ok(redaction.session(&self.read(blob)?)?.value().to_bytes().map_err(LedgerError::Spool)?)
    }

    /// The files of the session's events in the folder of a review.
    fn files(&self, folder: ObjectId) -> Result<Vec<(String, ObjectId)>> {
        let mut found = Vec::new();
        let Some(sessions) = self.repository.find_entry(folder, SESSIONS)? else { return Ok(found) };
        if sessions.kind != EntryKind::Tree {
            return Ok(found);
        }
        for entry in self.repository.read_tree(sessions.id)?.into_iter().filter(|entry| entry.kind == EntryKind::Blob) {
            let Some(name) = entry.name() else { continue };
            let key = name.strip_suffix(EVENTS).and_then(SessionKey::parse);
            if key.map_or(Ok(false), |key| self.is_of(&key, entry.id))? {
                found.push((format!("{SESSIONS}/{name}"), entry.id));
            }
        }
        Ok(found)
    }

    /// Whether a file is of the session. One that was shared goes by a hash, so its header tells.
    fn is_of(&self, key: &SessionKey, blob: ObjectId) -> Result<bool> {
        let name = key.id.as_str();
        if key.id == *self.session || name.len() != 64 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(key.id == *self.session);
        }
        let bytes = self.read(blob)?;
        let first = Reader::new(&mut Lines::new(bytes.as_slice())).next_record();
        Ok(matches!(first, Ok(Some((_, Record::Header(header)))) if header.session_id == *self.session))
    }

    /// The changes of the digest of a review, for programs and for people.
    fn digest(&self, folder: ObjectId, events: &Events) -> Result<Vec<TreeUpdate>> {
        let known = self.repository.find_in_tree(folder, DIGEST)?.map(|blob| self.read(blob)).transpose()?;
        let read = known.and_then(|bytes| serde_json::from_slice::<Digest>(&bytes).ok());
        let Some(old) = read.filter(|digest| digest.schema_version == 1) else { return self.unread(folder) };
        let mut new = old.clone();
        match self.redaction {
            None => self.take_out(&mut new, events),
            Some(redaction) => self.redact(&mut new, events, redaction),
        }
        if new == old { Ok(Vec::new()) } else { digest_files(self.repository, &new) }
    }

    /// Of what cannot be read, what names the session goes: it quotes it.
    fn unread(&self, folder: ObjectId) -> Result<Vec<TreeUpdate>> {
        let shown: String = self.session.as_str().chars().take(SHOWN).collect();
        let mut updates: Vec<TreeUpdate> = Vec::new();
        for name in [README, DIGEST] {
            let Some(entry) = self.repository.find_entry(folder, name)? else { continue };
            let is_file = entry.kind == EntryKind::Blob;
            if is_file && memchr::memmem::find(&self.read(entry.id)?, shown.as_bytes()).is_some() {
                updates.push((name.to_owned(), None));
            }
        }
        Ok(updates)
    }

    /// Whether the digest means the session by `id`.
    fn is_meant(&self, id: &str, events: &Events) -> bool {
        SessionKey::parse(id).is_some_and(|key| key.id == *self.session) || events.contains_key(&events_path(id))
    }

    fn take_out(&self, digest: &mut Digest, events: &Events) {
        digest.sessions.retain(|session| !self.is_meant(&session.id, events));
        for commit in &mut digest.commits {
            let (gone, left) = commit.sessions.drain(..).partition(|id| self.is_meant(id, events));
            commit.sessions = left;
            let missing = |id| MissingSession { id, fate: Some("was purged".to_owned()) };
            commit.missing_sessions.extend(Vec::into_iter(gone).map(missing));
        }
    }

    fn redact(&self, digest: &mut Digest, events: &Events, redaction: &dyn Redaction) {
        for commit in &mut digest.commits {
            if commit.sessions.iter().any(|id| self.is_meant(id, events)) {
                commit.subject = redaction.text(&commit.subject);
            }
        }
        for session in digest.sessions.iter_mut().filter(|session| self.is_meant(&session.id, events)) {
            session.title = redaction.text(&session.title);
            // An excerpt may have a part of what has to go, which nothing would find.
            match events.get(&events_path(&session.id)) {
                Some(Some(bytes)) => excerpts::again(session, bytes),
                _ if session.exchanges.is_empty() && session.failed_commands.is_empty() => {}
                _ => {
                    excerpts::forget(session);
                    session.unread = Some("it was redacted".to_owned());
                }
            }
        }
    }

    fn read(&self, blob: ObjectId) -> Result<Vec<u8>> {
        Ok(self.repository.read_blob(blob, MAX_SESSION_BYTES)?)
    }
}
