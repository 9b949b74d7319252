//! What was redacted by hand in this clone, so that a session that goes on is redacted again.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{RulesError, Settings};
use crate::{
    hail::{SessionId, Timestamp},
    system::files,
};

/// The id of the rule that stands in placeholders for a text given by hand.
pub const TEXT: &str = "text";
/// The file in the state's folder.
const FILE: &str = "remembered.json";

/// How many texts are looked for at once.
const TOGETHER: usize = 32;

/// What was redacted by hand. It never leaves the git directory.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    version: u32,
    /// The texts, as they were given.
    texts: Vec<String>,
    /// The sessions, and when.
    cleared: BTreeMap<SessionId, Timestamp>,
}

impl Remembered {
    /// Reads the file in `folder`; nothing where there is none.
    ///
    /// # Errors
    /// When it cannot be read or is damaged: then nothing may be stored.
    pub fn load(folder: &Path) -> io::Result<Self> {
        match files::read(&folder.join(FILE), files::LARGE) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|fault| {
                // Its own words could quote what is in it.
                io::Error::new(io::ErrorKind::InvalidData, format!("{FILE} is damaged at line {}", fault.line()))
            }),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(fault) => Err(fault),
        }
    }

    /// Writes the file, readable by its owner only.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(&Self { version: 1, ..self.clone() })?)?;
        file.persist(folder.join(FILE)).map(drop).map_err(|fault| fault.error)
    }

    /// Remembers a text.
    pub fn add_text(&mut self, text: &str) {
        if !self.texts.iter().any(|known| known == text) {
            self.texts.push(text.to_owned());
        }
    }

    /// Remembers that a session was redacted, or that it may be stored again.
    pub fn clear(&mut self, session: SessionId, at: Timestamp) {
        self.cleared.insert(session, at);
    }

    /// When this was last done to a session.
    #[must_use]
    pub fn cleared_at(&self, session: &SessionId) -> Option<Timestamp> {
        self.cleared.get(session).copied()
    }

    /// Adds the texts to what is redacted.
    ///
    /// # Errors
    /// When one is too long for a pattern.
    pub fn apply(&self, settings: &mut Settings) -> Result<(), RulesError> {
        let mut texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        // Where one begins another, the longer one has to be tried first.
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts.chunks(TOGETHER).try_for_each(|texts| {
            let patterns: Vec<String> = texts.iter().map(|text| pattern(text)).collect();
            settings.add_pattern(TEXT, &patterns.join("|"))
        })
    }
}

/// The forms that a text has in a session: as it is, and as JSON in a string writes it, once and twice.
#[must_use]
pub fn forms(text: &str) -> Vec<String> {
    let escaped = |text: &str| {
        let quoted = serde_json::Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let once = escaped(text);
    let mut forms = vec![escaped(&once), once, text.to_owned()];
    forms.dedup();
    forms
}

/// A pattern for a text, the longest form first.
fn pattern(text: &str) -> String {
    forms(text).iter().map(|form| regex::escape(form)).collect::<Vec<_>>().join("|")
}

#[cfg(test)]
mod tests {
    use super::{Remembered, Settings, forms};
    use crate::redact::Redactor;

    #[test]
    fn a_text_is_found_as_it_is_and_as_json_writes_it() {
        assert_eq!(forms("plain"), ["plain"]);
        let mut remembered = Remembered::default();
        remembered.add_text("a \"b\".*");
        let mut settings = Settings::default();
        remembered.apply(&mut settings).expect("a pattern");
        let redactor = Redactor::new(&settings, b"key", &[]).expect("the rules load");
        for form in forms("a \"b\".*") {
            let (text, summary) = redactor.text(&form);
            assert!(text.starts_with("[REDACTED:text:") && text.ends_with(']'), "{form}: {text}");
            assert_eq!(summary.rules.get("text"), Some(&1), "{form}");
        }
    }
}
