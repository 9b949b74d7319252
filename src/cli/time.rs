//! Times for people.

use chrono::Local;

use crate::hail::Timestamp;

/// Date and minute in local time.
pub(super) fn minute(time: Timestamp) -> String {
    time.to_chrono().with_timezone(&Local).format("%Y-%m-%d %H:%M").to_string()
}

/// Hour, minute and second in local time.
pub(super) fn second(time: Timestamp) -> String {
    time.to_chrono().with_timezone(&Local).format("%H:%M:%S").to_string()
}

/// A duration such as `1 h 05 min`, `7 min` or `40 s`.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Bytes such as `4.2 MB`.
pub(super) fn bytes(count: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", count / unit, count % unit / (unit / 10));
    match count {
        0..1000 => format!("{count} B"),
        1000..1_000_000 => format!("{} kB", tenths(1000)),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(1_000_000)),
        _ => format!("{} GB", tenths(1_000_000_000)),
    }
}
