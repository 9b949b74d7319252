//! Loads the store of Cursor's command line: one session in a database of blobs.
//!
//! A blob is named by the hash of its bytes. Some are messages in JSON; one, the root, is protobuf and lists the
//! messages of the conversation as the model sees it now. The root was learned from public readers of such stores:
//! field 1 names the messages, 5 how much of the context is used, 9 the folders, 13 what was summarized, 21 the
//! work tree and its branch.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use super::{
    database::{self, time},
    wire::{self, Field},
};
use crate::{
    agents::{
        ParseError,
        database::{Database, modified, tables},
        records::{Record, text},
    },
    hail::Timestamp,
    system::files,
};

/// A message and the name of its blob.
pub(super) struct Message {
    pub(super) id: String,
    pub(super) record: Record,
}

/// A session with its messages, in order.
#[derive(Default)]
pub(super) struct Store {
    /// The facts in the database, then those of `meta.json` beside it.
    pub(super) meta: Record,
    pub(super) beside: Record,
    pub(super) messages: Vec<Message>,
    /// Blobs that the root names and that are gone, or hold no message.
    pub(super) missing: Vec<String>,
    pub(super) root: Root,
    /// When the database was last written.
    pub(super) modified: Option<Timestamp>,
}

/// What the root says.
#[derive(Default)]
pub(super) struct Root {
    messages: Vec<String>,
    archives: Vec<String>,
    pub(super) folder: Option<String>,
    pub(super) branch: Option<String>,
    pub(super) context_tokens: Option<u64>,
    /// The messages that stand for others, which were summarized.
    pub(super) summaries: Vec<String>,
}

/// Whether these are the tables of such a store.
pub(super) fn is_store(tables: &[String]) -> bool {
    ["blobs", "meta"].iter().all(|name| tables.iter().any(|table| table == name))
}

/// Whether a database is such a store.
pub(super) fn is_at(path: &Path) -> Result<bool, ParseError> {
    Database::read(path, |connection| Ok(is_store(&tables(connection)?)))
}

/// The store of another session of the same folder.
pub(super) fn sibling(path: &Path, id: &str) -> Option<PathBuf> {
    let is_name = !id.is_empty() && !id.starts_with('.') && !id.contains('/');
    let folder = path.parent()?.parent()?;
    Some(folder.join(id).join("store.db")).filter(|path| is_name && path.is_file())
}

/// Loads a store.
pub(super) fn load(path: &Path) -> Result<Store, ParseError> {
    let mut store = Database::read(path, read)?;
    let beside = files::read_text(&path.with_file_name("meta.json"), files::SMALL).ok();
    if let Some(Value::Object(beside)) = beside.and_then(|text| serde_json::from_str(&text).ok()) {
        store.beside = beside;
    }
    store.modified =
        path.metadata().and_then(|metadata| metadata.modified()).ok().map(|own| modified(path, own).into());
    Ok(store)
}

fn read(connection: &Connection) -> Result<Store, ParseError> {
    let mut store = Store { meta: meta(connection)?, ..Store::default() };
    let root = text(&store.meta, "latestRootBlobId").map(str::to_owned);
    if let Some(bytes) = root.map(|id| blob(connection, &id)).transpose()?.flatten() {
        store.root = Root::of(&bytes).unwrap_or_default();
    }
    // The instructions, which no summary takes the place of.
    let first = store.root.messages.first().map(|id| blob(connection, id)).transpose()?.flatten();
    let is_system = first.as_deref().and_then(message).is_some_and(|first| text(&first, "role") == Some("system"));
    let mut names: Vec<String> = store.root.messages.iter().take(usize::from(is_system)).cloned().collect();
    for archive in std::mem::take(&mut store.root.archives) {
        let Some(archived) = blob(connection, &archive)?.as_deref().and_then(archived) else { continue };
        names = joined(names, &archived.messages);
        store.root.summaries.extend(archived.summary);
    }
    names = joined(names, &std::mem::take(&mut store.root.messages));
    for id in names {
        match blob(connection, &id)?.as_deref().and_then(message) {
            Some(record) => store.messages.push(Message { id, record }),
            None => store.missing.push(id),
        }
    }
    // A root that cannot be read names no message: then all that are there count, in the order in which they came.
    if store.messages.is_empty() {
        store.messages = all(connection)?;
    }
    Ok(store)
}

/// Row `0` of `meta`: JSON in hexadecimal.
fn meta(connection: &Connection) -> Result<Record, ParseError> {
    let query = "SELECT value FROM meta ORDER BY key = '0' DESC, key LIMIT 1";
    let row = connection.query_row(query, [], |row| Ok(database::bytes(row.get_ref(0)?).map(<[u8]>::to_vec)));
    let bytes = row.optional()?.flatten().unwrap_or_default();
    let plain = if bytes.starts_with(b"{") { Some(bytes) } else { unhex(&bytes) };
    let meta = plain.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Ok(meta.unwrap_or_default())
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

fn blob(connection: &Connection, id: &str) -> Result<Option<Vec<u8>>, ParseError> {
    let mut statement = connection.prepare_cached("SELECT data FROM blobs WHERE id = ?1")?;
    let row = statement.query_row([id], |row| Ok(database::bytes(row.get_ref(0)?).map(<[u8]>::to_vec)));
    Ok(row.optional()?.flatten())
}

/// Every message in the database, by its row.
fn all(connection: &Connection) -> Result<Vec<Message>, ParseError> {
    let mut statement = connection.prepare("SELECT id, data FROM blobs ORDER BY rowid")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if let Some(record) = database::bytes(row.get_ref(1)?).and_then(message) {
            found.push(Message { id: row.get(0)?, record });
        }
    }
    Ok(found)
}

/// The message that a blob holds: files and results that were read are blobs, too.
fn message(bytes: &[u8]) -> Option<Record> {
    let record: Record = bytes.starts_with(b"{").then(|| serde_json::from_slice(bytes).ok())??;
    let is_said = matches!(text(&record, "role")?, "system" | "user" | "assistant" | "tool");
    (is_said && record.contains_key("content")).then_some(record)
}

impl Root {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut root = Self::default();
        for field in wire::fields(bytes)? {
            match field {
                (1, Field::Bytes(id)) => root.messages.extend(name(id)),
                (5, Field::Bytes(details)) => {
                    root.context_tokens = wire::fields(details)?.into_iter().find_map(|field| match field {
                        (1, Field::Number(used)) => Some(used),
                        _ => None,
                    });
                }
                (9, Field::Bytes(uri)) if root.folder.is_none() => root.folder = path_of(uri),
                (11 | 13, Field::Bytes(id)) => root.archives.extend(name(id)),
                (21, Field::Bytes(tree)) => {
                    root.folder = root.folder.or_else(|| string(tree, 1));
                    root.branch = string(tree, 2);
                }
                _ => {}
            }
        }
        Some(root)
    }
}

/// The text in a field of a message; an empty one counts as absent.
fn string(bytes: &[u8], wanted: u64) -> Option<String> {
    wire::fields(bytes)?.into_iter().find_map(|field| match field {
        (number, Field::Bytes(bytes)) if number == wanted => {
            String::from_utf8(bytes.to_vec()).ok().filter(|text| !text.is_empty())
        }
        _ => None,
    })
}

fn path_of(uri: &[u8]) -> Option<String> {
    let uri = std::str::from_utf8(uri).ok()?;
    database::path_of(uri).or_else(|| uri.starts_with('/').then(|| uri.to_owned()))
}

/// The name of a blob: its hash.
fn name(id: &[u8]) -> Option<String> {
    (id.len() == 32).then(|| id.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What was summarized: the messages that the model no longer sees, and the one that stands for them.
struct Archived {
    messages: Vec<String>,
    summary: Option<String>,
}

fn archived(bytes: &[u8]) -> Option<Archived> {
    let mut archived = Archived { messages: Vec::new(), summary: None };
    for field in wire::fields(bytes)? {
        match field {
            (1, Field::Bytes(id)) => archived.messages.extend(name(id)),
            (4, Field::Bytes(id)) => archived.summary = name(id),
            _ => {}
        }
    }
    Some(archived)
}

/// What was said before and what came after: behind what it has of its own, the instructions and the summary, a list
/// repeats the end of the one before.
fn joined(mut before: Vec<String>, after: &[String]) -> Vec<String> {
    let is_own = |id: &&String| before.first() == Some(*id) || !before.contains(*id);
    let (own, rest) = after.split_at(after.iter().take_while(is_own).count());
    let shared = (0..=rest.len().min(before.len())).rev().find(|count| before.ends_with(&rest[..*count])).unwrap_or(0);
    let new: Vec<String> = own.iter().filter(|id| !before.contains(id)).chain(&rest[shared..]).cloned().collect();
    before.extend(new);
    before
}

impl Store {
    /// A fact of the session, as text.
    pub(super) fn fact(&self, key: &str) -> Option<String> {
        text(&self.meta, key).or_else(|| text(&self.beside, key)).map(str::to_owned)
    }

    /// The times of the session: when it began and when it was last changed.
    pub(super) fn times(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let at = |record: &Record, key: &str| record.get(key).and_then(time);
        let began = at(&self.meta, "createdAt").or_else(|| at(&self.beside, "createdAtMs"));
        (began.or(self.modified), at(&self.beside, "updatedAtMs").or(self.modified))
    }
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn a_list_goes_on_where_it_repeats_what_the_one_before_ended_with() {
        let list = |ids: &str| ids.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (before, after, all) in [
            ("s u1 a1 u2 a2", "s z u2 a2 u3", "s u1 a1 u2 a2 z u3"),
            ("s u1 a1", "s z u2", "s u1 a1 z u2"),
            ("s", "s u1 a1", "s u1 a1"),
            ("s u1 a1", "s u1 a1 u1 a2", "s u1 a1 u1 a2"),
            ("s go a1", "s z go a2", "s go a1 z go a2"),
        ] {
            assert_eq!(joined(list(before), &list(after)), list(all), "{before} | {after}");
        }
    }
}
