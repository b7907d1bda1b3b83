//! The tables, and the UTC days they are cut into.

use model::{TimeRange, Timestamp};
use storage::{Resolution, Signal};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Samples,
    Logs,
    Spans,
    Histograms,
    Exemplars,
    /// Of samples. Never in memory or in the WAL.
    Rollup(Resolution),
}

impl Table {
    pub const ALL: [Table; 7] = [
        Table::Samples,
        Table::Logs,
        Table::Spans,
        Table::Histograms,
        Table::Exemplars,
        Table::Rollup(Resolution::FiveMinutes),
        Table::Rollup(Resolution::OneHour),
    ];

    /// Those that rows come for from outside.
    pub const APPENDED: [Table; 5] =
        [Table::Samples, Table::Logs, Table::Spans, Table::Histograms, Table::Exemplars];

    /// The name of its folder.
    pub const fn as_str(self) -> &'static str {
        match self {
            Table::Rollup(Resolution::FiveMinutes) => "samples_5m",
            Table::Rollup(Resolution::OneHour) => "samples_1h",
            table => table.signal().as_str(),
        }
    }

    /// What it holds, as it came or in outline.
    pub const fn signal(self) -> Signal {
        match self {
            Table::Samples | Table::Rollup(_) => Signal::Samples,
            Table::Logs => Signal::Logs,
            Table::Spans => Signal::Spans,
            Table::Histograms => Signal::Histograms,
            Table::Exemplars => Signal::Exemplars,
        }
    }

    /// Its number in files.
    pub const fn tag(self) -> u8 {
        match self {
            Table::Samples => 1,
            Table::Logs => 2,
            Table::Spans => 3,
            Table::Rollup(Resolution::FiveMinutes) => 4,
            Table::Rollup(Resolution::OneHour) => 5,
            Table::Histograms => 6,
            Table::Exemplars => 7,
        }
    }
}

impl From<Signal> for Table {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Samples => Table::Samples,
            Signal::Logs => Table::Logs,
            Signal::Spans => Table::Spans,
            Signal::Histograms => Table::Histograms,
            Signal::Exemplars => Table::Exemplars,
        }
    }
}

const DAY_SECS: i64 = 86_400;
const DAY_NANOS: i64 = DAY_SECS * 1_000_000_000;

/// A UTC day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

impl Day {
    pub fn of(at: Timestamp) -> Self {
        Self(at.as_nanos().div_euclid(DAY_NANOS))
    }

    /// `2026-11-23`. All days that a timestamp can name have four-digit years, so names
    /// sort as days do.
    pub fn folder(self) -> String {
        self.start().to_rfc3339()[..10].to_owned()
    }

    /// Its first instant, or the first instant there is.
    pub fn start(self) -> Timestamp {
        Timestamp::from_secs(self.0.saturating_mul(DAY_SECS))
    }

    /// From its first to its last instant.
    pub fn times(self) -> TimeRange {
        let next = Day(self.0 + 1).start().as_nanos();
        let last = if next == i64::MAX { next } else { next - 1 };
        TimeRange::new(self.start(), Timestamp::from_nanos(last))
    }
}

/// Whether it is the name of a day's folder: `2026-11-23`.
pub fn is_day_folder(name: &str) -> bool {
    let is_dash = |index: usize| index == 4 || index == 7;
    let is_right =
        |(index, byte): (usize, u8)| if is_dash(index) { byte == b'-' } else { byte.is_ascii_digit() };
    name.len() == 10 && name.bytes().enumerate().all(is_right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_named_in_utc_also_at_the_ends_of_time() {
        let name = |at| Day::of(at).folder();
        assert_eq!(name(Timestamp::from_secs(1_795_423_194)), "2026-11-23");
        assert_eq!(name(Timestamp::from_nanos(-1)), "1969-12-31");
        assert_eq!(name(Timestamp::MIN), "1677-09-21");
        assert_eq!(name(Timestamp::MAX), "2262-04-11");
    }

    #[test]
    fn a_day_holds_its_instants_and_no_others() {
        for at in [Timestamp::MIN, Timestamp::from_nanos(-1), Timestamp::from_secs(86_400), Timestamp::MAX] {
            let times = Day::of(at).times();
            assert!(times.contains(at));
            assert_eq!((Day::of(times.start), Day::of(times.end)), (Day::of(at), Day::of(at)));
        }
    }

    #[test]
    fn only_our_own_folders_are_days() {
        assert!(is_day_folder("2026-11-23"));
        let others = ["2026-11-2", "lost+found", "2026_11_23", "1-backup-x", "2026-11-23.dropped"];
        assert!(others.iter().all(|name| !is_day_folder(name)));
    }
}
