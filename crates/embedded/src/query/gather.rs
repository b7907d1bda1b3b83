//! Samples of a query on their way together, within its limits.

use std::collections::HashMap;

use model::{LabelSet, Series};
use storage::{QueryError, QueryLimits};

use crate::rows::{Rows, SampleRows};

/// The samples of one day, by stream. Takes older rows first: of two at one instant the
/// later given wins.
pub struct DayGathered {
    /// Ascending.
    streams: Vec<u32>,
    /// What came first for each of them.
    rows: Vec<SampleRows>,
    /// What came later, by the place of the stream: put behind the first all at once, so that
    /// nothing grows piece by piece.
    later: Vec<(usize, SampleRows)>,
    limit: u64,
    /// Samples held, with those that others at the same instant may replace.
    held: u64,
    /// Samples held after they were last settled.
    settled: u64,
}

impl DayGathered {
    /// At most `limit` samples may come together.
    pub fn new(streams: Vec<u32>, limit: u64) -> Self {
        let rows = vec![SampleRows::default(); streams.len()];
        Self { streams, rows, later: Vec::new(), limit, held: 0, settled: 0 }
    }

    /// Fails as soon as the limit is surely passed. Holds at most twice the limit, plus
    /// what was given last.
    pub fn add(&mut self, stream: u32, rows: SampleRows) -> Result<(), QueryError> {
        let Ok(place) = self.streams.binary_search(&stream) else { return Ok(()) };
        self.held += rows.len() as u64;
        if self.rows[place].len() == 0 {
            self.rows[place] = rows;
        } else {
            self.later.push((place, rows));
        }
        if self.held > self.settled.saturating_add(self.limit) {
            self.settle()?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), QueryError> {
        // Stable: of one stream, what came earlier stays in front.
        self.later.sort_by_key(|(place, _)| *place);
        for pieces in self.later.chunk_by_mut(|(one, _), (other, _)| one == other) {
            let more = pieces.iter().map(|(_, rows)| rows.len()).sum();
            if let Some(all) = pieces.first().and_then(|(place, _)| self.rows.get_mut(*place)) {
                all.times.reserve_exact(more);
                all.values.reserve_exact(more);
                pieces.iter_mut().for_each(|(_, rows)| all.append(std::mem::take(rows)));
            }
        }
        self.later.clear();
        self.rows.iter_mut().for_each(SampleRows::settle);
        self.held = self.rows.iter().map(|rows| rows.len() as u64).sum();
        self.settled = self.held;
        check(self.held, self.limit, "samples", "query.samples_max")
    }

    /// Streams that have samples, with their samples in order of time.
    pub fn finish(mut self) -> Result<impl Iterator<Item = (u32, SampleRows)>, QueryError> {
        self.settle()?;
        Ok(self.streams.into_iter().zip(self.rows).filter(|(_, rows)| rows.len() > 0))
    }
}

/// Samples of all days, by series.
pub struct Gathered {
    series: HashMap<LabelSet, SampleRows>,
    limits: QueryLimits,
    held: u64,
}

impl Gathered {
    pub fn new(limits: QueryLimits) -> Self {
        Self { series: HashMap::new(), limits, held: 0 }
    }

    /// Samples that may still come.
    pub fn samples_left(&self) -> u64 {
        self.limits.samples_max.saturating_sub(self.held)
    }

    /// The samples of a whole day, settled. Days come in order.
    pub fn add(&mut self, labels: LabelSet, rows: SampleRows) -> Result<(), QueryError> {
        self.held += rows.len() as u64;
        self.series.entry(labels).or_default().append(rows);
        check(self.series.len() as u64, self.limits.series_max, "series", "query.series_max")?;
        check(self.held, self.limits.samples_max, "samples", "query.samples_max")
    }

    pub fn finish(self) -> Vec<Series> {
        // Each day was settled, and days come in order.
        let series =
            self.series.into_iter().map(|(labels, rows)| Series { labels, samples: rows.into_samples() });
        let mut series: Vec<Series> = series.collect();
        series.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        series
    }
}

pub fn check(count: u64, limit: u64, what: &'static str, setting: &'static str) -> Result<(), QueryError> {
    if count > limit { Err(QueryError::TooMuch { what, limit, setting }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn rows(times: &[i64]) -> SampleRows {
        SampleRows { times: times.to_vec(), values: times.iter().map(|at| *at as f64).collect() }
    }

    #[test]
    fn samples_that_replace_each_other_do_not_count_against_the_limit() {
        let mut gathered = DayGathered::new(vec![3], 2);
        for _ in 0..10 {
            gathered.add(3, rows(&[1, 2])).unwrap();
        }
        assert_eq!(gathered.finish().unwrap().collect::<Vec<_>>(), [(3, rows(&[1, 2]))]);
    }

    #[test]
    fn a_query_ends_when_it_passes_a_limit() {
        assert!(DayGathered::new(vec![3], 2).add(3, rows(&[1, 2, 3])).is_err());
        let mut gathered = Gathered::new(QueryLimits { series_max: 1, samples_max: 9 });
        gathered.add(LabelSet::empty(), rows(&[1])).unwrap();
        assert_eq!(gathered.samples_left(), 8);
        assert!(gathered.add(LabelSet::new([("a", "b")]), rows(&[1])).is_err());
    }
}
