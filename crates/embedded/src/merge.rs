//! Makes one segment of a day out of many.
//!
//! Streams are merged one after the other, so that memory holds a block of each segment
//! and no more. The merged segment covers the WAL files of all its parts; that is how the
//! next opening knows, should the parts still be there, that they are replaced.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use model::{LabelSet, Sample, TimeRange};
use storage::UpkeepError;

use crate::flush::failed;
use crate::segment::{BlockRow, Fate, Segment, SegmentError, SegmentWriter, StreamReader};
use crate::shared::Shared;
use crate::table::{Day, LogRow, Table};

/// More segments than this in one day are merged. Every query of the day opens each.
const SEGMENTS_MAX: usize = 8;

/// The days that have become many files. Pure.
pub fn crowded(counts: impl Iterator<Item = ((Table, Day), usize)>) -> Vec<(Table, Day)> {
    counts.filter(|(_, segments)| *segments > SEGMENTS_MAX).map(|(day, _)| day).collect()
}

/// Merges every crowded day. The caller holds the upkeep lock.
pub fn merge_crowded(shared: &Shared) -> Result<(), UpkeepError> {
    let view = shared.tables.read().view.clone();
    let free = shared.disk.free_bytes(&shared.settings.dir).map_err(|e| failed("measure the disk", e))?;
    for (table, day) in crowded(view.days.iter().map(|(day, segments)| (*day, segments.len()))) {
        let segments = &view.days[&(table, day)];
        // Until the parts go, the day is there twice. The reserve is not for this.
        let bytes: u64 = segments.iter().map(|segment| segment.file_bytes).sum();
        if free < bytes.saturating_add(shared.settings.disk_reserve_bytes) {
            tracing::warn!(day = day.folder(), bytes, free, "no room to merge segments");
            continue;
        }
        let merged = match table {
            Table::Samples => merge::<Sample>(shared, day, segments),
            Table::Logs => merge::<LogRow>(shared, day, segments),
        };
        merged.map_err(|error| UpkeepError::Failed {
            what: format!("merge the segments of {} of {}", table.as_str(), day.folder()),
            source: Box::new(error),
        })?;
        metrics::counter!("watchkeeper_store_merges_total").increment(1);
    }
    Ok(())
}

fn merge<R: BlockRow>(shared: &Shared, day: Day, parts: &[Arc<Segment>]) -> Result<(), SegmentError> {
    let Some(wal) = parts.iter().map(|part| part.footer.wal).reduce(|a, b| a.union(b)) else {
        return Ok(());
    };
    let number = shared.next_segment.fetch_add(1, Ordering::AcqRel);
    let path = shared.segment_path(R::TABLE, day, number);
    let mut writer = SegmentWriter::<R>::create(&*shared.disk, &path, day, wal)?;
    let mut heads = Vec::new();
    for part in parts {
        match Head::<R>::open(shared, part) {
            Ok(head) => heads.push(head),
            // One that cannot be read leaves the view; the merge is tried again without it.
            Err(error) => return shared.judge(part, error),
        }
    }
    while let Some(labels) = heads.iter().filter_map(|head| head.labels.clone()).min() {
        let mut rows = Vec::new();
        for head in heads.iter_mut().filter(|head| head.labels.as_ref() == Some(&labels)) {
            rows.extend(head.reader.rows(head.stream, TimeRange::ALL)?);
            head.advance();
        }
        R::settle(&mut rows);
        writer.push(&labels, rows)?;
    }
    let has_rows = writer.finish()?;
    let merged = has_rows.then(|| shared.open_segment(R::TABLE, day, number)).transpose()?;
    replace(shared, (R::TABLE, day), parts, merged.map(Arc::new));
    Ok(())
}

/// Shows the merged segment in the place of its parts, which go when nobody reads them.
fn replace(shared: &Shared, day: (Table, Day), parts: &[Arc<Segment>], merged: Option<Arc<Segment>>) {
    shared.change_view(|view| {
        let segments = view.days.entry(day).or_default();
        segments.retain(|segment| !parts.iter().any(|part| part.number == segment.number));
        segments.extend(merged);
        view.days.retain(|_, segments| !segments.is_empty());
    });
    parts.iter().for_each(|part| part.decide(Fate::IsRemoved));
}

/// The next stream of one of the parts.
struct Head<'a, R> {
    reader: StreamReader<'a, R>,
    stream: usize,
    labels: Option<LabelSet>,
}

impl<'a, R: BlockRow> Head<'a, R> {
    fn open(shared: &Shared, part: &'a Segment) -> Result<Self, SegmentError> {
        let reader = StreamReader::open(part, &shared.indexes)?;
        let labels = (reader.stream_count() > 0).then(|| reader.labels(0));
        Ok(Self { reader, stream: 0, labels })
    }

    fn advance(&mut self) {
        self.stream += 1;
        self.labels = (self.stream < self.reader.stream_count()).then(|| self.reader.labels(self.stream));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_merged_when_it_has_more_than_eight_segments() {
        let counts =
            [((Table::Samples, Day(1)), 8), ((Table::Samples, Day(2)), 9), ((Table::Logs, Day(1)), 1)];
        assert_eq!(crowded(counts.into_iter()), [(Table::Samples, Day(2))]);
    }
}
