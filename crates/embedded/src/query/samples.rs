//! Samples, native histograms and exemplars by matchers and time.

use model::{ExemplarSeries, HistogramSeries, LabelSet, Matcher, Series, TimeRange};
use storage::{QueryError, QueryLimits};

use super::gather::{DayGathered, Gathered, check};
use super::{DayQuery, days_of, unreadable};
use crate::memtable::RowsInMemory;
use crate::rows::{ExemplarRows, HistogramRows, SampleRows};
use crate::shared::Shared;

pub fn select(
    shared: &Shared,
    matchers: &[Matcher],
    range: TimeRange,
    limits: QueryLimits,
) -> Result<Vec<Series>, QueryError> {
    let found = select_rows::<SampleRows>(shared, matchers, range, limits)?.into_iter();
    Ok(found.map(|(labels, rows)| Series { labels, samples: rows.into_samples() }).collect())
}

pub fn select_histograms(
    shared: &Shared,
    matchers: &[Matcher],
    range: TimeRange,
    limits: QueryLimits,
) -> Result<Vec<HistogramSeries>, QueryError> {
    let found = select_rows::<HistogramRows>(shared, matchers, range, limits)?.into_iter();
    Ok(found.map(|(labels, rows)| HistogramSeries { labels, samples: rows.0 }).collect())
}

pub fn select_exemplars(
    shared: &Shared,
    matchers: &[Matcher],
    range: TimeRange,
    limits: QueryLimits,
) -> Result<Vec<ExemplarSeries>, QueryError> {
    let found = select_rows::<ExemplarRows>(shared, matchers, range, limits)?.into_iter();
    Ok(found.map(|(labels, rows)| ExemplarSeries { labels, exemplars: rows.0 }).collect())
}

/// In order of labels.
fn select_rows<R: RowsInMemory>(
    shared: &Shared,
    matchers: &[Matcher],
    range: TimeRange,
    limits: QueryLimits,
) -> Result<Vec<(LabelSet, R)>, QueryError> {
    let snapshot = shared.snapshot();
    let mut gathered = Gathered::<R>::new(limits);
    for day in days_of::<R>(&snapshot, range) {
        let query = DayQuery::<R>::new(shared, &snapshot, day, matchers).map_err(unreadable)?;
        let mut of_day = DayGathered::new(query.streams().to_vec(), gathered.samples_left());
        for segment in query.segments(range) {
            query.read_segment(segment, range, |stream, rows| of_day.add(stream, rows))?;
        }
        query.read_memory(range, |stream, rows| of_day.add(stream, rows))?;
        let found: Vec<(u32, R)> = of_day.finish()?.collect();
        check(found.len() as u64, limits.series_max, "series", "query.series_max")?;
        let streams: Vec<u32> = found.iter().map(|(stream, _)| *stream).collect();
        let labels = query.labels_of(&streams).map_err(unreadable)?;
        for ((_, rows), labels) in found.into_iter().zip(labels) {
            // A stream without labels is one of a part that has just gone to quarantine.
            if let Some(labels) = labels {
                gathered.add(labels, rows)?;
            }
        }
    }
    Ok(gathered.finish())
}
