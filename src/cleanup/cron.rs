//! When a schedule of cron comes next.

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};

use crate::hail::Timestamp;

/// The limits of minute, hour, day of the month, month and day of the week.
const LIMITS: [(u32, u32); 5] = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)];

/// How far ahead is looked: there is a 29 February within eight years of any day.
const YEARS: i64 = 9;

/// A schedule in UTC, as cron writes it: five fields of numbers, ranges, lists and steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    fields: [Vec<bool>; 5],
    is_day_given: [bool; 2],
}

impl Cron {
    /// Reads a schedule; `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = words.as_slice() else { return None };
        let words = [minute, hour, day, month, weekday];
        let mut fields: [Vec<bool>; 5] = std::array::from_fn(|_| Vec::new());
        for ((field, word), limits) in fields.iter_mut().zip(words).zip(LIMITS) {
            *field = set(word, limits)?;
        }
        // Sunday is 0 and 7.
        fields[4][0] |= fields[4][7];
        Some(Self { fields, is_day_given: [!day.starts_with('*'), !weekday.starts_with('*')] })
    }

    /// The next time after `now`; `None` where there is none, such as on a 31 February.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let now: DateTime<Utc> = now.to_chrono().with_timezone(&Utc);
        let mut time = now.with_second(0)?.with_nanosecond(0)? + TimeDelta::minutes(1);
        let end = now + TimeDelta::days(366 * YEARS);
        while time < end {
            if !self.has_day(time) {
                // On to the next midnight.
                time = time.with_hour(0)?.with_minute(0)? + TimeDelta::days(1);
            } else if !self.has(1, time.hour()) {
                time = time.with_minute(0)? + TimeDelta::hours(1);
            } else if !self.has(0, time.minute()) {
                time += TimeDelta::minutes(1);
            } else {
                return Timestamp::from_seconds(time.timestamp());
            }
        }
        None
    }

    fn has(&self, field: usize, value: u32) -> bool {
        self.fields[field].get(value as usize).copied().unwrap_or(false)
    }

    /// As cron has it: where both days are given, either will do.
    fn has_day(&self, time: DateTime<Utc>) -> bool {
        let (day, weekday) = (self.has(2, time.day()), self.has(4, time.weekday().num_days_from_sunday()));
        let is_day = if self.is_day_given == [true, true] { day || weekday } else { day && weekday };
        self.has(3, time.month()) && is_day
    }
}

/// The values of a field, such as `*/15`, `1-5` or `0,30`.
fn set(word: &str, (least, most): (u32, u32)) -> Option<Vec<bool>> {
    let mut values = vec![false; most as usize + 1];
    for part in word.split(',') {
        let (range, step) = part.split_once('/').map_or((part, Some(1)), |(range, step)| (range, step.parse().ok()));
        let step: usize = step.filter(|step| *step > 0)?;
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (from.parse().ok()?, to.parse().ok()?),
            None if range == "*" => (least, most),
            None => (range.parse().ok()?, if part.contains('/') { most } else { range.parse().ok()? }),
        };
        if from < least || to > most || from > to {
            return None;
        }
        (from..=to).step_by(step).for_each(|value| values[value as usize] = true);
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::Cron;

    #[test]
    fn the_next_time_is_after_now() {
        for (cron, now, next) in [
            ("17 3 * * *", "2026-02-01T12:00:00Z", "2026-02-02T03:17:00Z"),
            ("17 3 * * *", "2026-02-01T03:17:00Z", "2026-02-02T03:17:00Z"),
            ("*/15 * * * *", "2026-02-01T12:07:30Z", "2026-02-01T12:15:00Z"),
            ("0 0 29 2 *", "2026-02-01T12:00:00Z", "2028-02-29T00:00:00Z"),
            ("30 4 1 * 1", "2026-02-01T12:00:00Z", "2026-02-02T04:30:00Z"),
            ("5 5 * * 7", "2026-02-02T12:00:00Z", "2026-02-08T05:05:00Z"),
            ("0 22-23,1 * 12 *", "2026-02-01T12:00:00Z", "2026-12-01T01:00:00Z"),
        ] {
            let found = Cron::parse(cron).expect(cron).next(now.parse().expect("a time"));
            assert_eq!(found, Some(next.parse().expect("a time")), "{cron} after {now}");
        }
        assert_eq!(
            Cron::parse("0 0 31 2 *").expect("cron").next("2026-02-01T12:00:00Z".parse().expect("a time")),
            None
        );
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in ["", "* * * *", "60 * * * *", "* * 0 * *", "a * * * *", "5-1 * * * *", "*/0 * * * *", "@daily"] {
            assert_eq!(Cron::parse(text), None, "{text}");
        }
    }
}
