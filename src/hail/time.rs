//! Instants, always in UTC and always printed in the one canonical way.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// An instant in UTC, printed as RFC 3339 with `Z` and the fewest of 0, 3, 6 or 9 fraction digits
/// that are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

/// A text that is not an RFC 3339 time.
#[derive(Debug, Error)]
#[error("'{text}' is not an RFC 3339 time")]
pub struct InvalidTimestamp {
    text: String,
}

impl Timestamp {
    /// The first second of 1970, used where a log holds no time at all.
    pub const EPOCH: Self = Self(DateTime::UNIX_EPOCH);

    /// The last second that RFC 3339 can write.
    pub const LAST: Self = match DateTime::from_timestamp(253_402_300_799, 0) {
        Some(last) => Self(last),
        None => Self::EPOCH,
    };

    /// Converts milliseconds since 1970; `None` outside chrono's range.
    #[must_use]
    pub fn from_millis(millis: i64) -> Option<Self> {
        DateTime::from_timestamp_millis(millis).and_then(writable)
    }

    /// Converts seconds since 1970; `None` outside chrono's range.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        DateTime::from_timestamp(seconds, 0).and_then(writable)
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.timestamp()
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// The time from `earlier` to `self`, negative when `earlier` is the later one.
    #[must_use]
    pub fn since(self, earlier: Self) -> TimeDelta {
        self.0 - earlier.0
    }

    /// The same, but never later than `now`: what a clock that was ahead has stored counts as now wherever
    /// it is compared.
    #[must_use]
    pub fn clamped(self, now: Self) -> Self {
        self.min(now)
    }

    /// The same, or just after the latest of `stored` where a clock that was ahead stored a later one: what is
    /// done now is done in the knowledge of what is stored, and must not be taken for what came before.
    #[must_use]
    pub fn after(self, stored: impl IntoIterator<Item = Self>) -> Self {
        let next = |stored: Self| writable(stored.0 + TimeDelta::seconds(1)).unwrap_or(Self::LAST);
        stored.into_iter().map(next).fold(self, Self::max)
    }

    /// The same, unless it is yet to come: such a time says nothing.
    #[must_use]
    pub fn unless_after(self, now: Self) -> Option<Self> {
        Some(self).filter(|time| *time <= now)
    }

    fn text(self) -> String {
        self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }

    /// The chrono value, for calendars and for people.
    #[must_use]
    pub fn to_chrono(self) -> DateTime<Utc> {
        self.0
    }
}

/// RFC 3339 has four digits for the year.
fn writable(time: DateTime<Utc>) -> Option<Timestamp> {
    (0..=9999).contains(&time.year()).then_some(Timestamp(time))
}

impl From<DateTime<Utc>> for Timestamp {
    /// A time that RFC 3339 cannot write counts as the epoch.
    fn from(value: DateTime<Utc>) -> Self {
        writable(value).unwrap_or(Self::EPOCH)
    }
}

impl From<std::time::SystemTime> for Timestamp {
    fn from(value: std::time::SystemTime) -> Self {
        DateTime::from(value).into()
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        DateTime::parse_from_rfc3339(text)
            .ok()
            .and_then(|time| writable(time.with_timezone(&Utc)))
            .ok_or_else(|| InvalidTimestamp { text: text.chars().take(40).collect() })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn prints_the_fewest_exact_fraction_digits_in_utc() {
        for (input, canonical) in [
            ("2026-02-27T09:30:25Z", "2026-02-27T09:30:25Z"),
            ("2026-02-27T09:30:25.000Z", "2026-02-27T09:30:25Z"),
            ("2026-02-27T09:30:25.5Z", "2026-02-27T09:30:25.500Z"),
            ("2026-02-27T09:30:25.602100Z", "2026-02-27T09:30:25.602100Z"),
            ("2026-02-27T11:30:25.000000001+02:00", "2026-02-27T09:30:25.000000001Z"),
        ] {
            let time: Timestamp = input.parse().expect("valid");
            assert_eq!(time.to_string(), canonical);
        }
        assert_eq!(Timestamp::from_millis(1_745_343_730_123_000), None, "a year of five digits cannot be written");
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn a_time_that_is_ahead_counts_as_now_or_not_at_all_and_is_outdone() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let (now, past, ahead) =
            (time("2026-02-01T12:00:00Z"), time("2026-01-01T12:00:00Z"), time("2036-02-01T12:00:00Z"));
        assert_eq!((past.clamped(now), now.clamped(now), ahead.clamped(now)), (past, now, now));
        assert_eq!(
            (past.unless_after(now), now.unless_after(now), ahead.unless_after(now)),
            (Some(past), Some(now), None)
        );
        assert_eq!(now.after([]), now);
        assert_eq!(now.after([past]), now);
        assert_eq!(now.after([past, ahead]), time("2036-02-01T12:00:01Z"));
        assert_eq!(now.after([now]), time("2026-02-01T12:00:01Z"));
        assert_eq!(now.after([Timestamp::LAST]), Timestamp::LAST);
    }
}
