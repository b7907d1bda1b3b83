//! Samples and series by matchers and time.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{LabelSet, Matcher, Sample, Series, TimeRange};
use storage::{QueryError, QueryLimits};

use crate::gather::{Gathered, check};
use crate::segment::{BlockRow, Segment, SegmentError, StreamReader};
use crate::shared::{Shared, TableRow, View};
use crate::table::Row;

pub fn select(
    shared: &Shared,
    matchers: &[Matcher],
    range: TimeRange,
    limits: QueryLimits,
) -> Result<Vec<Series>, QueryError> {
    let snapshot = shared.snapshot::<Sample>(matchers, range, |_| true);
    let mut gathered = Gathered::new(limits);
    for segment in segments::<Sample>(&snapshot.view, range) {
        read_segment(shared, segment, matchers, range, |labels, rows| gathered.add(labels, rows))?;
    }
    if let Some(frozen) = &snapshot.view.frozen {
        for (labels, rows) in Sample::streams(&frozen.memtable).select(matchers, range, |_| true) {
            gathered.add(&labels, rows)?;
        }
    }
    for (labels, rows) in snapshot.active {
        gathered.add(&labels, rows)?;
    }
    gathered.finish()
}

/// Labels of the series that have a sample in the range, in order.
pub fn series(
    shared: &Shared,
    matchers: &[Matcher],
    range: TimeRange,
    limits: QueryLimits,
) -> Result<BTreeSet<LabelSet>, QueryError> {
    let tables = shared.tables.read();
    let mut found: BTreeSet<LabelSet> = tables.active.samples.labels(matchers, range).cloned().collect();
    let view = tables.view.clone();
    drop(tables);
    if let Some(frozen) = &view.frozen {
        found.extend(frozen.memtable.samples.labels(matchers, range).cloned());
    }
    for segment in segments::<Sample>(&view, range) {
        let mut read = || -> Result<(), SegmentError> {
            let mut reader = StreamReader::<Sample>::open(segment, &shared.indexes)?;
            for stream in reader.select(matchers, range) {
                let labels = reader.labels(stream);
                if !found.contains(&labels) && reader.has_rows(stream, range)? {
                    found.insert(labels);
                }
            }
            Ok(())
        };
        read().or_else(|error| shared.judge(segment, error)).map_err(unreadable)?;
        check(found.len() as u64, limits.series_max, "series", "query.series_max")?;
    }
    check(found.len() as u64, limits.series_max, "series", "query.series_max")?;
    Ok(found)
}

/// The segments of a table that can have rows in the range, older rows first.
pub fn segments<R: Row>(view: &View, range: TimeRange) -> impl DoubleEndedIterator<Item = &Arc<Segment>> {
    let of_table = view.days.iter().filter(|((table, _), _)| *table == R::TABLE);
    of_table.flat_map(|(_, segments)| segments).filter(move |segment| segment.times().overlaps(range))
}

/// Hands over the selected streams of one segment, unless it cannot be read.
pub fn read_segment<R: BlockRow + TableRow>(
    shared: &Shared,
    segment: &Arc<Segment>,
    matchers: &[Matcher],
    range: TimeRange,
    mut take: impl FnMut(&LabelSet, Vec<R>) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let mut reader = match StreamReader::<R>::open(segment, &shared.indexes) {
        Ok(reader) => reader,
        Err(error) => return shared.judge(segment, error).map_err(unreadable),
    };
    for stream in reader.select(matchers, range) {
        let rows = reader.rows(stream, range).map_err(unreadable)?;
        take(&reader.labels(stream), rows)?;
    }
    Ok(())
}

fn unreadable(error: SegmentError) -> QueryError {
    QueryError::Unreadable(Box::new(error))
}
