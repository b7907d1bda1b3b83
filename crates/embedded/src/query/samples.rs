//! Samples by matchers and time.

use model::{Matcher, Series, TimeRange};
use storage::{QueryError, QueryLimits};

use super::gather::{DayGathered, Gathered, check};
use super::{DayQuery, days_of, unreadable};
use crate::rows::SampleRows;
use crate::shared::Shared;

pub fn select(
    shared: &Shared,
    matchers: &[Matcher],
    range: TimeRange,
    limits: QueryLimits,
) -> Result<Vec<Series>, QueryError> {
    let snapshot = shared.snapshot();
    let mut gathered = Gathered::new(limits);
    for day in days_of::<SampleRows>(&snapshot, range) {
        let query = DayQuery::<SampleRows>::new(shared, &snapshot, day, matchers).map_err(unreadable)?;
        let mut of_day = DayGathered::new(query.streams().to_vec(), gathered.samples_left());
        for segment in query.segments(range) {
            query.read_segment(segment, range, |stream, rows| of_day.add(stream, rows))?;
        }
        query.read_memory(range, |stream, rows| of_day.add(stream, rows))?;
        let found = of_day.finish()?;
        check(found.len() as u64, limits.series_max, "series", "query.series_max")?;
        let streams: Vec<u32> = found.iter().map(|(stream, _)| *stream).collect();
        let labels = query.labels_of(&streams).map_err(unreadable)?;
        for ((_, samples), labels) in found.into_iter().zip(labels) {
            // A stream without labels is one of a part that has just gone to quarantine.
            if let Some(labels) = labels {
                gathered.add(labels, samples)?;
            }
        }
    }
    Ok(gathered.finish())
}
