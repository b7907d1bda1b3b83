//! Which series there are, and what their labels say.

use std::collections::BTreeSet;

use index::Index;
use model::{LabelSet, Matcher, TimeRange};
use roaring::RoaringBitmap;
use storage::{QueryError, QueryLimits};

use super::gather::check;
use super::{DayQuery, days_of, unreadable};
use crate::files::FileError;
use crate::rows::SampleRows;
use crate::shared::{Shared, Tables};
use crate::table::Day;

/// Labels of the series that have a sample in the range, in order.
pub fn series(
    shared: &Shared,
    matchers: &[Matcher],
    range: TimeRange,
    limits: QueryLimits,
) -> Result<Vec<LabelSet>, QueryError> {
    let snapshot = shared.snapshot();
    let mut found = BTreeSet::new();
    for day in days_of::<SampleRows>(&snapshot, range) {
        let query = DayQuery::<SampleRows>::new(shared, &snapshot, day, matchers).map_err(unreadable)?;
        let streams = streams_with_rows(&query, &snapshot, day, range).map_err(unreadable)?;
        check(streams.len() as u64, limits.series_max, "series", "query.series_max")?;
        found.extend(query.labels_of(&streams).map_err(unreadable)?.into_iter().flatten());
        check(found.len() as u64, limits.series_max, "series", "query.series_max")?;
    }
    Ok(found.into_iter().collect())
}

/// The names of labels of series with a sample in the range, in order.
pub fn label_names(
    shared: &Shared,
    matchers: &[Matcher],
    range: TimeRange,
) -> Result<Vec<String>, QueryError> {
    collect(shared, matchers, range, |index, streams| match streams {
        None => index.label_names(),
        Some(streams) => index.label_names_among(streams),
    })
}

/// The values of a label of series with a sample in the range, in order.
pub fn label_values(
    shared: &Shared,
    name: &str,
    matchers: &[Matcher],
    range: TimeRange,
) -> Result<Vec<String>, QueryError> {
    collect(shared, matchers, range, |index, streams| match streams {
        None => index.label_values(name),
        Some(streams) => index.label_values_among(name, streams),
    })
}

/// Asks the index of every day: as a whole where the answer is sure to be the same.
fn collect(
    shared: &Shared,
    matchers: &[Matcher],
    range: TimeRange,
    ask: impl Fn(&dyn Index, Option<&RoaringBitmap>) -> Result<Vec<String>, index::Corrupt>,
) -> Result<Vec<String>, QueryError> {
    let snapshot = shared.snapshot();
    let mut found: BTreeSet<String> = BTreeSet::new();
    for day in days_of::<SampleRows>(&snapshot, range) {
        let query = DayQuery::<SampleRows>::new(shared, &snapshot, day, matchers).map_err(unreadable)?;
        let all = matchers.is_empty() && is_whole(&query, &snapshot, day, range).map_err(unreadable)?;
        let streams = if all {
            None
        } else {
            let streams = streams_with_rows(&query, &snapshot, day, range).map_err(unreadable)?;
            Some(streams.into_iter().collect::<RoaringBitmap>())
        };
        let mut add = |index: &dyn Index| -> Result<(), FileError> {
            found.extend(ask(index, streams.as_ref())?);
            Ok(())
        };
        query.parts.iter().try_for_each(|part| add(&**part)).map_err(unreadable)?;
        query.memory.iter().try_for_each(|cell| add(&cell.read().labels)).map_err(unreadable)?;
    }
    Ok(found.into_iter().collect())
}

/// Whether every stream of the day's index has a row in the range, so that the index
/// answers for all of it.
fn is_whole(
    query: &DayQuery<'_, SampleRows>,
    snapshot: &Tables,
    day: Day,
    range: TimeRange,
) -> Result<bool, FileError> {
    let holds = |times: TimeRange| range.start <= times.start && times.end <= range.end;
    let in_segments = || query.files.segments.iter().all(|segment| holds(segment.times()));
    let is_inside = holds(day.times()) || (query.memory.is_empty() && in_segments());
    Ok(is_inside && snapshot.view.tombstones.is_empty() && query.all_streams_have_rows()?)
}

fn streams_with_rows(
    query: &DayQuery<'_, SampleRows>,
    snapshot: &Tables,
    day: Day,
    range: TimeRange,
) -> Result<Vec<u32>, FileError> {
    if is_whole(query, snapshot, day, range)? {
        return Ok(query.streams.clone());
    }
    let mut found: RoaringBitmap = query.streams_in_memory(range).into_iter().collect();
    for segment in query.segments(range) {
        found.extend(query.streams_in(segment, range)?);
    }
    Ok(found.iter().collect())
}
