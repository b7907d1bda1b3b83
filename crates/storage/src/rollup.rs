//! What samples become when only their outlines are kept: buckets of 5 minutes and 1 hour.
//!
//! Engines build rollups ahead of time or compute them when asked; the numbers must be the
//! same, so the arithmetic is here.
//!
//! - A stale marker is no sample: it says that a series ended, and has no part in any
//!   number. A bucket with nothing else is no bucket.
//! - A NaN is a sample: it counts, and makes the sum NaN. The least and the greatest are
//!   those of the numbers, and NaN only when there are none, as in PromQL.
//! - `increase` reads the samples as a counter, without extrapolation: each step from one
//!   sample to the next adds its rise, or after a reset (a fall) the whole new value. A
//!   NaN on either side of a step tells nothing, and adds nothing.
//! - The step between two buckets belongs to the later one, so that the increases of
//!   neighbours add up to the increase over both: exactly for whole numbers, which doubles
//!   add without rounding. It counts if the two lie in one hour of the clock or in two
//!   that follow each other. What a counter did before a longer silence is not known; and
//!   that bounds how far back an engine must look, alike for both resolutions.

use std::time::Duration;

use model::{LabelSet, Sample, TimeRange, Timestamp, is_stale};

/// How long the buckets of a rollup are. They begin at multiples of it since 1970, so days
/// consist of whole buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    FiveMinutes,
    OneHour,
}

impl Resolution {
    pub const ALL: [Resolution; 2] = [Resolution::FiveMinutes, Resolution::OneHour];

    pub const fn as_str(self) -> &'static str {
        match self {
            Resolution::FiveMinutes => "5m",
            Resolution::OneHour => "1h",
        }
    }

    pub const fn duration(self) -> Duration {
        Duration::from_nanos(self.nanos().unsigned_abs())
    }

    const fn nanos(self) -> i64 {
        match self {
            Resolution::FiveMinutes => 300_000_000_000,
            Resolution::OneHour => HOUR_NANOS,
        }
    }

    /// The number of the bucket that an instant is in, counted from 1970.
    pub const fn bucket_of(self, at: Timestamp) -> i64 {
        at.as_nanos().div_euclid(self.nanos())
    }

    /// Of a bucket by its number, both ends included; cut at the ends of time.
    pub const fn times_of(self, bucket: i64) -> TimeRange {
        let start = bucket.saturating_mul(self.nanos());
        // `MAX` itself is the last instant of its bucket, not the first of the next.
        let next = (bucket + 1).saturating_mul(self.nanos());
        let end = if next == i64::MAX { next } else { next - 1 };
        TimeRange::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end))
    }

    /// From the start of the first bucket that the range touches to the end of the last.
    pub fn whole_buckets(self, range: TimeRange) -> TimeRange {
        let first = self.times_of(self.bucket_of(range.start));
        let last = self.times_of(self.bucket_of(range.end));
        TimeRange::new(first.start, last.end)
    }

    /// What must be known so that every bucket of the range is complete: whole buckets,
    /// and an hour of the clock before that of the first, for the step into it.
    pub fn range_to_read(self, range: TimeRange) -> TimeRange {
        let before = hour_of(range.start).saturating_sub(1).saturating_mul(HOUR_NANOS);
        TimeRange::new(Timestamp::from_nanos(before), self.whole_buckets(range).end)
    }
}

const HOUR_NANOS: i64 = 3_600_000_000_000;

/// Of the clock, counted from 1970.
fn hour_of(at: Timestamp) -> i64 {
    at.as_nanos().div_euclid(HOUR_NANOS)
}

/// The samples of one series within one span of time, in outline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Its first instant, or the first instant there is.
    pub start: Timestamp,
    /// At least 1: a bucket without samples is left out.
    pub count: u64,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    pub first: f64,
    pub last: f64,
    /// By how much a counter grew, from the last sample before the bucket to its last one.
    pub increase: f64,
}

impl Bucket {
    fn new(start: Timestamp, value: f64) -> Self {
        Self { start, count: 1, sum: value, min: value, max: value, first: value, last: value, increase: 0.0 }
    }

    fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        // Of a number and NaN these give the number.
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.increase += step(self.last, value);
        self.last = value;
    }

    /// Adds the step from an earlier bucket, if it is near enough to count.
    pub fn add_step_from(&mut self, before: &Bucket) {
        if hour_of(self.start) - hour_of(before.start) <= 1 {
            self.increase += step(before.last, self.first);
        }
    }
}

/// How much a counter grew from one reading to the next.
fn step(before: f64, now: f64) -> f64 {
    let rise = if now < before { now } else { now - before };
    // Infinity less infinity tells as little as NaN does.
    if before.is_nan() || rise.is_nan() { 0.0 } else { rise }
}

/// The rolled up samples of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct RollupSeries {
    pub labels: LabelSet,
    /// In order of time. There is none without samples.
    pub buckets: Vec<Bucket>,
}

/// Rolls up the samples of one series, given in order of time.
pub fn roll_up(samples: impl IntoIterator<Item = Sample>, resolution: Resolution) -> Vec<Bucket> {
    let mut buckets: Vec<Bucket> = Vec::new();
    let mut current = None;
    for sample in samples.into_iter().filter(|sample| !is_stale(sample.value)) {
        let number = resolution.bucket_of(sample.at);
        match buckets.last_mut().filter(|_| current == Some(number)) {
            Some(bucket) => bucket.add(sample.value),
            None => buckets.push(Bucket::new(resolution.times_of(number).start, sample.value)),
        }
        current = Some(number);
    }
    // Last, so that what an engine adds later to what it has stored adds up bit by bit.
    for index in 1..buckets.len() {
        let before = buckets[index - 1];
        buckets[index].add_step_from(&before);
    }
    buckets
}

#[cfg(test)]
mod tests {
    use model::STALE_NAN;

    use super::*;

    /// Seconds and values.
    fn rolled(rows: &[(i64, f64)], resolution: Resolution) -> Vec<Bucket> {
        let sample = |(secs, value): &(i64, f64)| Sample { at: Timestamp::from_secs(*secs), value: *value };
        roll_up(rows.iter().map(sample), resolution)
    }

    fn increases(rows: &[(i64, f64)], resolution: Resolution) -> Vec<(i64, f64)> {
        rolled(rows, resolution).iter().map(|bucket| (bucket.start.as_secs(), bucket.increase)).collect()
    }

    #[test]
    fn a_bucket_outlines_its_samples() {
        let found = rolled(&[(-1, 9.0), (0, 4.0), (299, 2.0), (300, 7.0)], Resolution::FiveMinutes);
        let bucket = |start, count, sum, [min, max, first, last]: [f64; 4], increase| {
            let start = Timestamp::from_secs(start);
            Bucket { start, count, sum, min, max, first, last, increase }
        };
        let expected = [
            bucket(-300, 1, 9.0, [9.0; 4], 0.0),
            bucket(0, 2, 6.0, [2.0, 4.0, 4.0, 2.0], 6.0),
            bucket(300, 1, 7.0, [7.0; 4], 5.0),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn increases_of_neighbours_add_up_to_that_over_both() {
        let rows: Vec<(i64, f64)> =
            (0..500).map(|step: i64| (step * 37, ((step * 7919) % 1000) as f64)).collect();
        let total =
            |resolution| increases(&rows, resolution).iter().map(|(_, increase)| increase).sum::<f64>();
        let steps: f64 = rows.windows(2).map(|pair| step(pair[0].1, pair[1].1)).sum();
        assert_eq!((total(Resolution::FiveMinutes), total(Resolution::OneHour)), (steps, steps));
    }

    #[test]
    fn a_step_over_a_silent_hour_does_not_count() {
        let check = |later, expected: f64| {
            for resolution in Resolution::ALL {
                let found = increases(&[(3_599, 1.0), (later, 5.0)], resolution);
                assert_eq!(found[1].1, expected, "{later} {resolution:?}");
            }
        };
        check(3_600, 4.0);
        check(7_199, 4.0);
        check(7_200, 0.0);
    }

    #[test]
    fn stale_markers_have_no_part_in_it() {
        let found = rolled(&[(0, 1.0), (1, STALE_NAN), (2, 3.0), (300, STALE_NAN)], Resolution::FiveMinutes);
        assert_eq!(found, rolled(&[(0, 1.0), (2, 3.0)], Resolution::FiveMinutes));
        assert_eq!(rolled(&[(0, STALE_NAN)], Resolution::OneHour), []);
    }

    #[test]
    fn a_nan_counts_but_spoils_only_the_sum() {
        let found =
            rolled(&[(0, f64::NAN), (1, 3.0), (2, 5.0), (3, f64::NAN), (4, 9.0)], Resolution::OneHour);
        let [bucket] = found[..] else { panic!("one bucket") };
        assert_eq!((bucket.count, bucket.min, bucket.max, bucket.last), (5, 3.0, 9.0, 9.0));
        assert!(bucket.sum.is_nan() && bucket.first.is_nan());
        assert_eq!(bucket.increase, 2.0, "from 3 to 5; next to NaN nothing is known");
        let only = rolled(&[(0, f64::NAN)], Resolution::OneHour)[0];
        assert!(only.min.is_nan() && only.max.is_nan() && only.increase == 0.0);
    }

    #[test]
    fn the_ends_of_time_are_in_buckets() {
        for resolution in Resolution::ALL {
            let whole = resolution.whole_buckets(TimeRange::ALL);
            assert_eq!((whole.start, whole.end), (Timestamp::MIN, Timestamp::MAX));
            assert_eq!(resolution.range_to_read(TimeRange::ALL).start, Timestamp::MIN);
            for at in [Timestamp::MIN, Timestamp::from_nanos(-1), Timestamp::MAX] {
                let times = resolution.times_of(resolution.bucket_of(at));
                assert!(times.contains(at) && resolution.bucket_of(times.start) == resolution.bucket_of(at));
            }
        }
    }
}
