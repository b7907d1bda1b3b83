//! Samples: times and values, side by side.

use columns::{Corrupt, samples};
use model::{Matcher, Sample, TimeRange, Timestamp};

use super::{Page, Rows};
use crate::table::Table;

/// Samples of one series. Of several at one instant the last appended wins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleRows {
    /// Nanoseconds since 1970.
    pub times: Vec<i64>,
    pub values: Vec<f64>,
}

impl SampleRows {
    pub fn push(&mut self, sample: Sample) {
        self.times.push(sample.at.as_nanos());
        self.values.push(sample.value);
    }

    pub fn into_samples(self) -> Vec<Sample> {
        let samples = self.times.into_iter().zip(self.values);
        samples.map(|(at, value)| Sample { at: Timestamp::from_nanos(at), value }).collect()
    }
}

impl Rows for SampleRows {
    const TABLE: Table = Table::Samples;

    /// Measured: larger pages compress no better, smaller ones cost more than they save
    /// when one series is read.
    const PAGE_ROWS_MAX: usize = 16_384;

    fn len(&self) -> usize {
        self.times.len()
    }

    fn bytes(&self) -> usize {
        16 * self.times.len()
    }

    fn times(&self) -> Option<TimeRange> {
        let instant = |at: &i64| Timestamp::from_nanos(*at);
        Some(TimeRange::new(self.times.first().map(instant)?, self.times.last().map(instant)?))
    }

    fn append(&mut self, later: Self) {
        if self.times.is_empty() {
            *self = later;
        } else {
            self.times.extend(later.times);
            self.values.extend(later.values);
        }
    }

    fn settle(&mut self) {
        if self.times.is_sorted_by(|a, b| a < b) {
            return;
        }
        let mut order: Vec<usize> = (0..self.times.len()).rev().collect();
        order.sort_by_key(|row| self.times[*row]);
        order.dedup_by_key(|row| self.times[*row]);
        self.values = order.iter().map(|row| self.values[*row]).collect();
        self.times = order.iter().map(|row| self.times[*row]).collect();
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self { times: self.times.split_off(at), values: self.values.split_off(at) }
    }

    fn clip(&mut self, range: TimeRange) {
        let end = self.times.partition_point(|at| *at <= range.end.as_nanos());
        let start = self.times.partition_point(|at| *at < range.start.as_nanos()).min(end);
        for_both(self, |times| times.truncate(end), |values| values.truncate(end));
        if start > 0 {
            for_both(self, |times| drop(times.drain(..start)), |values| drop(values.drain(..start)));
        }
    }

    fn erase(&mut self, range: TimeRange, attributes: &[Matcher]) {
        if !attributes.iter().all(Matcher::matches_absence) {
            return;
        }
        let mut later = std::mem::take(self);
        let end = later.times.partition_point(|at| *at <= range.end.as_nanos());
        let kept = later.split_off(end);
        later.times.truncate(later.times.partition_point(|at| *at < range.start.as_nanos()));
        later.values.truncate(later.times.len());
        later.append(kept);
        *self = later;
    }

    fn encode(streams: &[(u32, Self)]) -> Page {
        let runs: Vec<samples::Run<'_>> = streams
            .iter()
            .map(|(stream, rows)| samples::Run { stream: *stream, times: &rows.times, values: &rows.values })
            .collect();
        Page { bytes: samples::encode(&runs), filter: Vec::new() }
    }

    fn decode(page: &[u8], wanted: Option<&[u32]>) -> Result<Vec<(u32, Self)>, Corrupt> {
        let mut page = samples::Page::decode(page)?;
        let is_wanted = |stream: u32| wanted.is_none_or(|wanted| wanted.binary_search(&stream).is_ok());
        let heads = page.heads().iter().map(|head| head.stream).enumerate();
        let heads: Vec<(usize, u32)> = heads.filter(|(_, stream)| is_wanted(*stream)).collect();
        let mut found = Vec::with_capacity(heads.len());
        for (run, stream) in heads {
            let times = page.times(run)?.to_vec();
            let values = page.values(run)?.to_vec();
            found.push((stream, Self { times, values }));
        }
        Ok(found)
    }
}

fn for_both(rows: &mut SampleRows, times: impl FnOnce(&mut Vec<i64>), values: impl FnOnce(&mut Vec<f64>)) {
    times(&mut rows.times);
    values(&mut rows.values);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(pairs: &[(i64, f64)]) -> SampleRows {
        SampleRows {
            times: pairs.iter().map(|(at, _)| *at).collect(),
            values: pairs.iter().map(|(_, value)| *value).collect(),
        }
    }

    #[test]
    fn of_samples_at_one_instant_the_last_stays() {
        let mut found = rows(&[(2, 1.0), (1, 2.0), (2, 3.0)]);
        found.settle();
        assert_eq!(found, rows(&[(1, 2.0), (2, 3.0)]));
    }

    #[test]
    fn what_is_erased_goes_and_the_rest_stays() {
        let check = |start, end, expected: &[(i64, f64)]| {
            let mut found = rows(&[(1, 1.0), (2, 2.0), (3, 3.0)]);
            found.erase(TimeRange::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end)), &[]);
            assert_eq!(found, rows(expected), "{start} to {end}");
        };
        check(2, 2, &[(1, 1.0), (3, 3.0)]);
        check(0, 9, &[]);
        check(4, 9, &[(1, 1.0), (2, 2.0), (3, 3.0)]);
        check(3, 9, &[(1, 1.0), (2, 2.0)]);
    }

    #[test]
    fn both_ends_of_a_range_are_within() {
        let check = |start, end, expected: &[(i64, f64)]| {
            let mut found = rows(&[(1, 1.0), (2, 2.0), (3, 3.0)]);
            found.clip(TimeRange::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end)));
            assert_eq!(found, rows(expected), "{start} to {end}");
        };
        check(2, 3, &[(2, 2.0), (3, 3.0)]);
        check(1, 1, &[(1, 1.0)]);
        check(4, 9, &[]);
        check(3, 1, &[]);
    }
}
