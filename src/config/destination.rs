//! Where the sessions of a push go.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// Where the sessions of a push go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Destination {
    /// To the remote that is pushed to, where it is enabled.
    #[default]
    SameRemote,
    /// To this remote, whichever is pushed to.
    Remote(String),
    /// Nowhere.
    Local,
}

/// A value that is no destination.
#[derive(Debug, Error)]
#[error("'{value}' is not same-remote, remote:<name> or local")]
pub struct UnknownDestination {
    value: String,
}

impl FromStr for Destination {
    type Err = UnknownDestination;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        match value {
            "same-remote" => Ok(Self::SameRemote),
            "local" => Ok(Self::Local),
            _ => match value.strip_prefix("remote:") {
                Some(name) if !name.is_empty() => Ok(Self::Remote(name.to_owned())),
                _ => Err(UnknownDestination { value: value.to_owned() }),
            },
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameRemote => f.write_str("same-remote"),
            Self::Remote(name) => write!(f, "remote:{name}"),
            Self::Local => f.write_str("local"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Destination;

    #[test]
    fn a_destination_is_read_as_it_is_written_and_nothing_else_is_one() {
        for value in ["same-remote", "local", "remote:private", "remote:team/private"] {
            assert_eq!(value.parse::<Destination>().expect(value).to_string(), value);
        }
        for value in ["", "remote:", "remote", "origin", "Local", "same-remote "] {
            assert!(value.parse::<Destination>().is_err(), "{value}");
        }
    }
}
