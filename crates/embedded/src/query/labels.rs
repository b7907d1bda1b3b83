//! Which series there are, and what their labels say.

use std::collections::BTreeSet;

use index::Index;
use model::{LabelSet, Matcher, TimeRange};
use roaring::RoaringBitmap;
use storage::{QueryError, QueryLimits};

use super::gather::check;
use super::{DayQuery, days_of, unreadable};
use crate::files::FileError;
use crate::memtable::RowsInMemory;
use crate::rows::{HistogramRows, SampleRows};
use crate::shared::Shared;

/// Labels of the series that have a sample or a histogram in the range, in order.
pub fn series(
    shared: &Shared,
    matchers: &[Matcher],
    range: TimeRange,
    limits: QueryLimits,
) -> Result<Vec<LabelSet>, QueryError> {
    let mut found = BTreeSet::new();
    add_series::<SampleRows>(shared, matchers, range, limits, &mut found)?;
    add_series::<HistogramRows>(shared, matchers, range, limits, &mut found)?;
    Ok(found.into_iter().collect())
}

fn add_series<R: RowsInMemory>(
    shared: &Shared,
    matchers: &[Matcher],
    range: TimeRange,
    limits: QueryLimits,
    found: &mut BTreeSet<LabelSet>,
) -> Result<(), QueryError> {
    let snapshot = shared.snapshot();
    for day in days_of::<R>(&snapshot, range) {
        let query = DayQuery::<R>::new(shared, &snapshot, day, matchers).map_err(unreadable)?;
        let streams = streams_with_rows(&query, range).map_err(unreadable)?;
        check(streams.len(), limits.series_max, "series", "query.series_max")?;
        found.extend(
            query.labels_of(&streams.iter().collect::<Vec<_>>()).map_err(unreadable)?.into_iter().flatten(),
        );
        check(found.len() as u64, limits.series_max, "series", "query.series_max")?;
    }
    Ok(())
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

fn collect(
    shared: &Shared,
    matchers: &[Matcher],
    range: TimeRange,
    ask: impl Fn(&dyn Index, Option<&RoaringBitmap>) -> Result<Vec<String>, index::Corrupt>,
) -> Result<Vec<String>, QueryError> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    ask_days::<SampleRows>(shared, matchers, range, &ask, &mut found)?;
    ask_days::<HistogramRows>(shared, matchers, range, &ask, &mut found)?;
    Ok(found.into_iter().collect())
}

/// Asks the indexes of every day: as a whole those of which all streams have rows, which is
/// less to do.
fn ask_days<R: RowsInMemory>(
    shared: &Shared,
    matchers: &[Matcher],
    range: TimeRange,
    ask: &impl Fn(&dyn Index, Option<&RoaringBitmap>) -> Result<Vec<String>, index::Corrupt>,
    found: &mut BTreeSet<String>,
) -> Result<(), QueryError> {
    let snapshot = shared.snapshot();
    for day in days_of::<R>(&snapshot, range) {
        let query = DayQuery::<R>::new(shared, &snapshot, day, matchers).map_err(unreadable)?;
        let streams = streams_with_rows(&query, range).map_err(unreadable)?;
        let mut add = |index: &dyn Index| -> Result<(), FileError> {
            let is_whole = streams.contains_range(index.ids());
            found.extend(ask(index, if is_whole { None } else { Some(&streams) })?);
            Ok(())
        };
        query.parts.iter().try_for_each(|part| add(&**part)).map_err(unreadable)?;
        query.memory.iter().try_for_each(|cell| add(&cell.read().labels)).map_err(unreadable)?;
    }
    Ok(())
}

/// The streams that are meant and have a row in the range.
fn streams_with_rows<R: RowsInMemory>(
    query: &DayQuery<'_, R>,
    range: TimeRange,
) -> Result<RoaringBitmap, FileError> {
    let mut found = query.surely_with_rows(range)? & &query.selected;
    let unclear: Vec<u32> = (&query.selected - &found).iter().collect();
    if unclear.is_empty() {
        return Ok(found);
    }
    found.extend(query.streams_in_memory(&unclear, range));
    for segment in query.segments(range) {
        found.extend(query.streams_in(segment, &unclear, range)?);
    }
    Ok(found)
}
