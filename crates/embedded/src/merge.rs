//! Makes few segments out of many, without rows that were erased.
//!
//! [`plan`] says which neighbouring segments of a day become one; here that is carried
//! out. Streams are merged one after the other, so that memory holds a page of each
//! segment and no more; the pages of large segments of logs and spans are copied as they
//! are. What they write is paced ([`pace`]). The merged segment covers the WAL files of all its parts; that is
//! how the next opening knows, should the parts still be there, that they are replaced.

mod pace;
mod plan;

use std::collections::HashSet;
use std::sync::Arc;

use index::{Index, Part};
use model::TimeRange;
use storage::UpkeepError;

use crate::erasure::{self, Erased};
use crate::files::{Fate, FileError};
use crate::flush::failed;
use crate::labels::{self, LabelPart};
use crate::rows::{Probe, Rows, of_table};
use crate::segment::{Segment, SegmentReader, SegmentScan, SegmentWriter};
use crate::shared::{DayFiles, Shared};
use crate::table::{Day, Table};
use crate::wal::file_number;
use crate::{retention, rollup};

use pace::Pace;
pub use plan::{Facts, plan};

/// More parts of a day's index than this are merged. Every query of the day asks each.
const PARTS_MAX: usize = 4;

/// One round: the parts of crowded indexes, the segments of crowded days, and segments
/// with rows that were erased. The caller holds the upkeep lock.
pub fn merge_due(shared: &Shared) -> Result<(), UpkeepError> {
    let view = shared.view();
    let today = Day::of(shared.clock.now());
    for ((table, day), files) in &view.days {
        let name = || format!("{} of {}", table.as_str(), day.folder());
        if files.parts.len() > PARTS_MAX {
            merge_parts(shared, *table, *day, files)
                .map_err(|error| failed(&format!("merge the index of {}", name()), error))?;
        }
        // Rollups are made of merged samples, below.
        let merged = of_table!(*table, R => merge_day::<R>(shared, *day, *day < today), rollup(_) => Ok(()));
        merged.map_err(|error| failed(&format!("merge the segments of {}", name()), error))?;
    }
    rollup::roll_up_due(shared)?;
    // A day that is out of sight may come back with its folder, and needs its tombstones.
    retention::remove_days(shared, &[])?;
    bury_tombstones(shared).map_err(|error| failed("finish an erasure", error))
}

/// Merges until the plan of the day has nothing more to do.
pub fn merge_day<R: Rows>(shared: &Shared, day: Day, is_over: bool) -> Result<(), FileError> {
    loop {
        let view = shared.view();
        let Some(files) = view.days.get(&(R::TABLE, day)) else { return Ok(()) };
        let mut facts = Vec::new();
        for segment in &files.segments {
            let footer = segment.footer();
            let has_erased = has_erased_rows(shared, &view.tombstones, files, segment)?;
            facts.push(Facts { rows: footer.rows, bytes: segment.file().bytes, has_erased });
        }
        let Some(mut chosen) = plan(&facts, is_over) else { return Ok(()) };
        // An erased row hides older ones that it has replaced; when it goes, so must they.
        if R::REPLACES && facts[chosen.clone()].iter().any(|facts| facts.has_erased) {
            chosen.start = 0;
        }
        let parts = &files.segments[chosen];
        // Until the parts go, their rows are there twice. The reserve is not for this.
        let bytes: u64 = parts.iter().map(|segment| segment.file().bytes).sum();
        let free = shared.disk.free_bytes(&shared.settings.dir)?;
        if free < bytes.saturating_add(shared.settings.disk_reserve_bytes) {
            tracing::warn!(day = day.folder(), bytes, free, "no room to merge segments");
            return Ok(());
        }
        if !merge::<R>(shared, day, files, parts)? {
            return Ok(());
        }
        metrics::counter!("watchkeeper_store_merges_total").increment(1);
    }
}

pub fn has_erased_rows(
    shared: &Shared,
    tombstones: &[Arc<erasure::Tombstone>],
    files: &DayFiles,
    segment: &Segment,
) -> Result<bool, FileError> {
    if !tombstones.iter().any(|tombstone| tombstone.may_concern(segment)) {
        return Ok(false);
    }
    let erased = Erased::of(shared, tombstones, files, segment)?;
    Ok(!erased.is_empty() && erased.concerns_any(&segment.directory(&shared.directories)?.streams))
}

/// `false` when a part could not be read: it left the view, and the plan is another one.
fn merge<R: Rows>(
    shared: &Shared,
    day: Day,
    files: &DayFiles,
    parts: &[Arc<Segment>],
) -> Result<bool, FileError> {
    let Some(wal) = parts.iter().map(|part| part.footer().wal).reduce(|a, b| a.union(b)) else {
        return Ok(false);
    };
    let mut sources = Vec::new();
    for part in parts {
        match Source::open(shared, files, part) {
            Ok(source) => sources.push(source),
            Err(error) => return shared.judge_segment(part, error).map(|()| false),
        }
    }
    let place = shared.segment_place(R::TABLE, day, shared.reserve_numbers(1));
    let mut writer = SegmentWriter::<R>::create(&*shared.disk, &place.path, day, wal)?;
    let pace = Pace::new(shared, files.segments.len());
    if can_copy::<R>(&sources)? {
        for source in &sources {
            source.reader.copy_pages(|pieces, page, filter| {
                writer.copy_page(pieces, page, filter)?;
                pace.keep_to(writer.written_bytes());
                Ok::<(), FileError>(())
            })?;
        }
    } else {
        merge_streams(shared, &sources, &mut writer, &pace)?;
    }
    // Without rows it still has to be there: should the parts come back after a power cut,
    // or their WAL files, nothing else says that their rows were erased.
    writer.finish_with_or_without_rows()?;
    let merged = Segment::open(shared.disk.clone(), place)?;
    replace(shared, (R::TABLE, day), parts, Arc::new(merged));
    Ok(true)
}

/// One of the segments that become one.
struct Source<'a> {
    segment: &'a Segment,
    reader: SegmentReader<'a>,
    erased: Erased,
}

impl<'a> Source<'a> {
    fn open(shared: &Shared, files: &DayFiles, segment: &'a Segment) -> Result<Self, FileError> {
        let reader = SegmentReader::open(segment, &shared.directories)?;
        let erased = Erased::of(shared, &shared.view().tombstones, files, segment)?;
        Ok(Self { segment, reader, erased })
    }
}

/// Rows that are compared, at most, to find out whether one replaces another: 100 MB.
const IDENTITIES_MAX: usize = 1 << 20;

/// Whether copying pages makes the same as merging streams: all pages are full, no row is
/// hidden, and none is replaced by one of another segment.
fn can_copy<R: Rows>(sources: &[Source<'_>]) -> Result<bool, FileError> {
    let is_large = |source: &Source<'_>| source.segment.footer().rows >= R::COPY_ROWS_MIN;
    if sources.len() < 2 || !sources.iter().all(|source| is_large(source) && source.erased.is_empty()) {
        return Ok(false);
    }
    if !R::REPLACES {
        return Ok(true);
    }
    let mut known = HashSet::new();
    for (place, source) in sources.iter().enumerate() {
        for other in sources.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, other)| other) {
            let (times, others) = (source.segment.times(), other.segment.times());
            let shared = TimeRange::new(times.start.max(others.start), times.end.min(others.end));
            if shared.start <= shared.end {
                let here: HashSet<_> =
                    source.reader.identities::<R>(shared, &Probe::default())?.into_iter().collect();
                known.extend(here.into_iter().map(|identity| (place, identity)));
            }
            if known.len() > IDENTITIES_MAX {
                return Ok(false);
            }
        }
    }
    let mut distinct = HashSet::with_capacity(known.len());
    Ok(known.into_iter().all(|(_, identity)| distinct.insert(identity)))
}

/// Merges stream by stream, in order of keys.
fn merge_streams<R: Rows>(
    shared: &Shared,
    sources: &[Source<'_>],
    writer: &mut SegmentWriter<'_, R>,
    pace: &Pace<'_>,
) -> Result<(), FileError> {
    let mut scans = Vec::new();
    for source in sources {
        let of_source = SegmentScan::<R>::open(source.segment, &shared.directories)?;
        scans.extend(of_source.into_iter().map(|scan| (scan, &source.erased)));
    }
    while let Some(key) = scans.iter().filter_map(|(scan, _)| scan.peek()).min() {
        let mut pieces = Vec::new();
        // What was erased must not bring back what it had replaced.
        let mut replaced = HashSet::new();
        for (scan, erased) in scans.iter_mut().rev().filter(|(scan, _)| scan.peek() == Some(key)) {
            if let Some((_, mut piece)) = scan.next()? {
                piece.leave_out(&replaced);
                replaced.extend(piece.identities());
                erased.apply(key.stream(), &mut piece);
                pieces.push(piece);
            }
        }
        let is_one = pieces.len() == 1;
        let mut rows = R::default();
        pieces.into_iter().rev().for_each(|piece| rows.append(piece));
        if !is_one {
            rows.settle();
        }
        writer.push(key, rows)?;
        pace.keep_to(writer.written_bytes());
    }
    Ok(())
}

/// Shows the merged segment in the place of its parts, which go when nobody reads them.
fn replace(shared: &Shared, day: (Table, Day), parts: &[Arc<Segment>], merged: Arc<Segment>) {
    shared.change_view(|view| {
        let files = view.days.entry(day).or_default();
        files.segments.retain(|segment| !parts.iter().any(|part| part.number() == segment.number()));
        files.segments.push(merged);
        files.settle();
    });
    parts.iter().for_each(|part| part.file().decide(Fate::IsRemoved));
}

/// Makes one part out of each run of neighbours.
fn merge_parts(shared: &Shared, table: Table, day: Day, files: &DayFiles) -> Result<(), FileError> {
    for run in files.parts.chunk_by(|a, b| a.footer().end_stream == b.footer().first_stream) {
        if run.len() < 2 {
            continue;
        }
        let mut parts: Vec<Arc<Part>> = Vec::new();
        for part in run {
            match part.read(&shared.parts) {
                Ok(read) => parts.push(read),
                Err(error) => return shared.judge_part(part, error),
            }
        }
        let parts: Vec<&Part> = parts.iter().map(AsRef::as_ref).collect();
        let streams = parts[0].ids().start..parts[parts.len() - 1].ids().end;
        let merged = index::merge(&parts)?;
        let place = shared.part_place(table, day, shared.reserve_numbers(1));
        labels::write(&*shared.disk, &place.path, table, day, streams, &merged)?;
        let merged = Arc::new(LabelPart::open(shared.disk.clone(), place)?);
        shared.change_view(|view| {
            let files = view.days.entry((table, day)).or_default();
            files.parts.retain(|part| !run.iter().any(|old| old.number() == part.number()));
            files.parts.push(merged);
            files.settle();
        });
        run.iter().for_each(|part| part.file().decide(Fate::IsRemoved));
    }
    Ok(())
}

/// Removes tombstones that hide nothing any more.
fn bury_tombstones(shared: &Shared) -> Result<(), FileError> {
    let view = shared.view();
    if view.tombstones.is_empty() {
        return Ok(());
    }
    let wal = shared.disk.list(&shared.wal_dir())?;
    let first_wal = wal.iter().filter_map(|entry| file_number(&entry.name)).min();
    for tombstone in &view.tombstones {
        // A file that could not be removed may be replayed.
        let mut is_needed = first_wal.is_some_and(|first| first <= tombstone.wal_last);
        for files in view.days.values() {
            for segment in &files.segments {
                is_needed |= has_erased_rows(shared, std::slice::from_ref(tombstone), files, segment)?;
            }
        }
        if !is_needed {
            erasure::remove(&*shared.disk, &erasure::dir(shared), tombstone)?;
            shared.change_view(|view| view.tombstones.retain(|other| other.number != tombstone.number));
        }
    }
    Ok(())
}
