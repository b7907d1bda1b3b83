//! Samples of a query on their way together, within its limits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use model::{LabelSet, Sample, Series, Timestamp};
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
    pub fn finish(mut self) -> Result<Vec<(u32, Vec<Sample>)>, QueryError> {
        self.later.sort_by_key(|(place, _)| *place);
        let mut later = self.later.into_iter().peekable();
        let mut found = Vec::with_capacity(self.streams.len());
        let mut held = 0;
        for (place, (stream, first)) in self.streams.into_iter().zip(self.rows).enumerate() {
            let mut pieces = vec![first];
            while let Some((_, piece)) = later.next_if(|(of, _)| *of == place) {
                pieces.push(piece);
            }
            let samples = together(pieces);
            held += samples.len() as u64;
            if !samples.is_empty() {
                found.push((stream, samples));
            }
        }
        check(held, self.limit, "samples", "query.samples_max")?;
        Ok(found)
    }
}

/// Of pieces that follow each other in time, as nearly all do, each is copied once.
fn together(pieces: Vec<SampleRows>) -> Vec<Sample> {
    let follow = |before: &SampleRows, after: &SampleRows| before.times.last() < after.times.first();
    let is_in_order = pieces.iter().all(|piece| piece.times.is_sorted_by(|a, b| a < b))
        && pieces.windows(2).all(|pair| follow(&pair[0], &pair[1]));
    if !is_in_order {
        let mut all = SampleRows::default();
        pieces.into_iter().for_each(|piece| all.append(piece));
        all.settle();
        return all.into_samples();
    }
    let mut samples = Vec::with_capacity(pieces.iter().map(SampleRows::len).sum());
    for SampleRows { times, values } in &pieces {
        let sample = |(at, value): (&i64, &f64)| Sample { at: Timestamp::from_nanos(*at), value: *value };
        samples.extend(times.iter().zip(values).map(sample));
    }
    samples
}

/// Samples of all days, by series.
pub struct Gathered {
    series: HashMap<LabelSet, Vec<Sample>>,
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

    /// The samples of a whole day, in order. Days come in order.
    pub fn add(&mut self, labels: LabelSet, samples: Vec<Sample>) -> Result<(), QueryError> {
        self.held += samples.len() as u64;
        match self.series.entry(labels) {
            Entry::Vacant(vacant) => drop(vacant.insert(samples)),
            Entry::Occupied(mut known) => known.get_mut().extend(samples),
        }
        check(self.series.len() as u64, self.limits.series_max, "series", "query.series_max")?;
        check(self.held, self.limits.samples_max, "samples", "query.samples_max")
    }

    pub fn finish(self) -> Vec<Series> {
        let series = self.series.into_iter().map(|(labels, samples)| Series { labels, samples });
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
        assert_eq!(gathered.finish().unwrap(), [(3, rows(&[1, 2]).into_samples())]);
    }

    #[test]
    fn pieces_come_together_in_order_of_time_and_the_later_given_wins() {
        for pieces in [vec![vec![1, 2], vec![3]], vec![vec![3], vec![1, 2]], vec![vec![2, 1], vec![3]]] {
            let mut gathered = DayGathered::new(vec![3, 4], 9);
            for piece in &pieces {
                gathered.add(3, rows(piece)).unwrap();
            }
            assert_eq!(gathered.finish().unwrap(), [(3, rows(&[1, 2, 3]).into_samples())], "{pieces:?}");
        }
        let mut gathered = DayGathered::new(vec![3], 9);
        for value in [1.0, 2.0] {
            gathered.add(3, SampleRows { times: vec![7], values: vec![value] }).unwrap();
        }
        assert_eq!(gathered.finish().unwrap()[0].1[0].value, 2.0);
    }

    #[test]
    fn a_query_ends_when_it_passes_a_limit() {
        assert!(DayGathered::new(vec![3], 2).add(3, rows(&[1, 2, 3])).is_err());
        let mut gathered = Gathered::new(QueryLimits { series_max: 1, samples_max: 9 });
        gathered.add(LabelSet::empty(), rows(&[1]).into_samples()).unwrap();
        assert_eq!(gathered.samples_left(), 8);
        assert!(gathered.add(LabelSet::new([("a", "b")]), rows(&[1]).into_samples()).is_err());
    }
}
