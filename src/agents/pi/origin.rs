//! The session that another one was branched off, with the entries that it copied from there.

use std::{collections::HashSet, path::Path};

use serde::{Deserialize, Serialize};

use crate::system::files;

/// What is known of that session.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Origin {
    /// Its id, until the first copy was met.
    pub(super) parent: Option<String>,
    /// The times of its entries, as they are written, until an entry is none of them.
    times: HashSet<String>,
}

/// The time of an entry.
#[derive(Deserialize)]
struct Entry {
    timestamp: Option<String>,
    r#type: Option<String>,
}

impl Origin {
    /// Looks for the log that `named` was, where it was or beside `log`. Only that log tells what was copied.
    pub(super) fn of(log: Option<&Path>, named: &Path, id: Option<&str>) -> Self {
        let beside = log.and_then(|log| Some(log.with_file_name(named.file_name()?)));
        let places = [Some(named.to_owned()), beside];
        let place = places.into_iter().flatten().find(|place| place.is_file() && log != Some(place.as_path()));
        let known = place.and_then(|place| files::read(&place, files::LARGE).ok()).unwrap_or_default();
        let entries = known.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Entry>(line).ok());
        let times =
            entries.filter(|entry| entry.r#type.as_deref() != Some("session")).filter_map(|entry| entry.timestamp);
        Self { parent: id.map(str::to_owned), times: times.collect() }
    }

    /// Whether an entry is one of that session: they come first, with their times.
    pub(super) fn is_copy(&mut self, time: &str) -> bool {
        let is_copy = self.times.contains(time);
        if !is_copy {
            self.times = HashSet::new();
        }
        is_copy
    }
}
