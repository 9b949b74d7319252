//! What a user decides about redaction.

use std::{fmt, str::FromStr};

use super::rules::{RulesError, UserPattern};
use crate::hail::Images;

/// How much is redacted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// What is a secret beyond reasonable doubt.
    #[default]
    Default,
    /// Also what may be one: finds more, and takes more that is none.
    Strict,
    /// Nothing.
    Off,
}

impl Profile {
    /// Every profile, the usual one first.
    pub const ALL: [Self; 3] = [Self::Default, Self::Strict, Self::Off];

    /// The name, as it is written in a setting.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Strict => "strict",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no profile has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{name}' is no profile of redaction; there are default, strict and off")]
pub struct UnknownProfile {
    name: String,
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|profile| profile.name() == name);
        known.ok_or_else(|| UnknownProfile { name: name.to_owned() })
    }
}

/// What a user decides about redaction.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How much is redacted.
    pub profile: Profile,
    /// Whether e-mail addresses are.
    pub emails: bool,
    /// Whether IP addresses are.
    pub ip_addresses: bool,
    /// The id of the only rule that counts, home directories aside; every rule where there is none.
    pub only: Option<String>,
    /// What is kept of pictures, sounds and films.
    pub images: Images,
    patterns: Vec<UserPattern>,
}

impl Settings {
    /// The settings with `profile` and nothing beside it.
    #[must_use]
    pub fn of(profile: Profile) -> Self {
        Self { profile, ..Self::default() }
    }

    /// Adds a pattern of the user's, of the `regex` crate, without Unicode classes; `id` names what it
    /// finds in placeholders.
    ///
    /// # Errors
    /// When it does not compile, matches the empty text, or `id` has other characters than a-z, 0-9
    /// and `-`.
    pub fn add_pattern(&mut self, id: &str, pattern: &str) -> Result<(), RulesError> {
        self.patterns.push(UserPattern::new(id, pattern)?);
        Ok(())
    }

    /// Adds the patterns of a local file: TOML, `[[pattern]]` tables with an `id` and a `pattern` each.
    ///
    /// # Errors
    /// Those of [`Self::add_pattern`], and when the file is none of that form.
    pub fn add_file(&mut self, text: &str) -> Result<(), RulesError> {
        let UserTable { pattern } = toml::from_str(text).map_err(|fault| RulesError::new(fault.to_string()))?;
        pattern.iter().try_for_each(|entry| self.add_pattern(&entry.id, &entry.pattern))
    }

    pub(super) fn patterns(&self) -> &[UserPattern] {
        &self.patterns
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct UserTable {
    #[serde(default)]
    pattern: Vec<UserEntry>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct UserEntry {
    id: String,
    pattern: String,
}

#[cfg(test)]
mod tests {
    use super::{Profile, Settings};

    #[test]
    fn profiles_are_read_as_they_are_written() {
        for profile in Profile::ALL {
            assert_eq!(profile.to_string().parse(), Ok(profile));
        }
        assert!("none".parse::<Profile>().is_err());
    }

    #[test]
    fn patterns_that_mean_nothing_are_refused() {
        let mut settings = Settings::default();
        assert!(settings.add_pattern("ticket", "T-[0-9]+").is_ok());
        for (id, pattern) in [("ticket", "("), ("ticket", ""), ("ticket", "x*"), ("A ticket", "x"), ("", "x")] {
            assert!(settings.add_pattern(id, pattern).is_err(), "{id}: {pattern}");
        }
        assert!(settings.add_file("[[pattern]]\nid = 'x'\npattern = 'y'").is_ok());
        for file in ["pattern = 1", "[[pattern]]\nid = 'x'", "[[pattern]]\nid = 'x'\npattern = '('", "profile = 'off'"]
        {
            assert!(settings.add_file(file).is_err(), "{file}");
        }
        assert_eq!(settings.patterns().len(), 2);
    }
}
