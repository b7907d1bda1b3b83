//! Builds the rollups of one day from its segments of samples.

use std::sync::Arc;

use model::{Sample, Timestamp};
use storage::{Bucket, Resolution, roll_up};

use crate::erasure::Erased;
use crate::files::{Fate, FileError, Place};
use crate::labels::{self, LabelPart};
use crate::memtable::WalRange;
use crate::rows::{RollupRows, Rows, SampleRows, StreamKey};
use crate::segment::{Segment, SegmentScan, SegmentWriter};
use crate::shared::{DayFiles, Shared, View};
use crate::table::{Day, Table};

/// Builds these resolutions, and shows them. Returns how many samples were read; none if
/// there is no room, or a file could not be read and left the view.
pub fn build(shared: &Shared, view: &View, day: Day, resolutions: &[Resolution]) -> Result<u64, FileError> {
    let Some(files) = view.days.get(&(Table::Samples, day)) else { return Ok(0) };
    let Some(wal) = files.segments.iter().map(|segment| segment.footer().wal).reduce(WalRange::union) else {
        return Ok(0);
    };
    // What it takes is not known before, but hardly more than the samples do. The reserve
    // is not for this.
    let bytes: u64 = files.segments.iter().map(|segment| segment.file().bytes).sum();
    let free = shared.disk.free_bytes(&shared.settings.dir)?;
    if free < bytes.saturating_mul(2).saturating_add(shared.settings.disk_reserve_bytes) {
        tracing::warn!(day = day.folder(), bytes, free, "no room to roll up samples");
        return Ok(0);
    }
    let Some(mut samples) = DaySamples::open(shared, view, files)? else { return Ok(0) };
    let mut sinks = Vec::new();
    for resolution in resolutions {
        let before = view.days.get(&(Table::Rollup(*resolution), day)).cloned().unwrap_or_default();
        let Some(parts) = copy_parts(shared, files, *resolution, day, &before)? else { return Ok(0) };
        // So that it replaces the one before also when rows of that are gone.
        let wal = before.segments.iter().fold(wal, |wal, segment| wal.union(segment.footer().wal));
        let sink: Box<dyn Sink + '_> = match resolution {
            Resolution::FiveMinutes => Box::new(NewRollup::<5>::create(shared, day, wal, parts, before)?),
            Resolution::OneHour => Box::new(NewRollup::<60>::create(shared, day, wal, parts, before)?),
        };
        sinks.push((*resolution, sink));
    }
    let mut read = 0;
    while let Some((key, rows)) = samples.next()? {
        read += rows.len() as u64;
        for (resolution, sink) in &mut sinks {
            sink.push(key, roll_up(samples_of(&rows), *resolution))?;
        }
    }
    sinks.into_iter().try_for_each(|(_, sink)| sink.show())?;
    metrics::counter!("watchkeeper_store_rollups_total").increment(1);
    Ok(read)
}

fn samples_of(rows: &SampleRows) -> impl Iterator<Item = Sample> {
    let rows = rows.times.iter().zip(&rows.values);
    rows.map(|(at, value)| Sample { at: Timestamp::from_nanos(*at), value: *value })
}

/// All visible samples of a day, one stream after the other.
struct DaySamples<'a> {
    /// Older rows first.
    scans: Vec<(SegmentScan<'a, SampleRows>, Arc<Erased>)>,
}

impl<'a> DaySamples<'a> {
    /// `None` when a segment could not be read and left the view.
    fn open(shared: &Shared, view: &View, files: &'a DayFiles) -> Result<Option<Self>, FileError> {
        let mut scans = Vec::new();
        for segment in &files.segments {
            let opened = SegmentScan::open(segment, &shared.directories)
                .and_then(|runs| Ok((runs, Erased::of(shared, &view.tombstones, files, segment)?)));
            match opened {
                Ok((runs, erased)) => {
                    let erased = Arc::new(erased);
                    scans.extend(runs.into_iter().map(|scan| (scan, erased.clone())));
                }
                Err(error) => return shared.judge_segment(segment, error).map(|()| None),
            }
        }
        Ok(Some(Self { scans }))
    }

    fn next(&mut self) -> Result<Option<(StreamKey, SampleRows)>, FileError> {
        let Some(key) = self.scans.iter().filter_map(|(scan, _)| scan.peek()).min() else { return Ok(None) };
        let mut all = SampleRows::default();
        for (scan, erased) in self.scans.iter_mut().filter(|(scan, _)| scan.peek() == Some(key)) {
            if let Some((_, mut rows)) = scan.next()? {
                erased.apply(key.stream(), &mut rows);
                all.append(rows);
            }
        }
        all.settle();
        Ok(Some((key, all)))
    }
}

/// Copies the labels that the rollup does not have yet, with the numbers of their streams.
/// `None` when a part could not be read and left the view.
fn copy_parts(
    shared: &Shared,
    samples: &DayFiles,
    resolution: Resolution,
    day: Day,
    before: &DayFiles,
) -> Result<Option<Vec<Arc<LabelPart>>>, FileError> {
    let table = Table::Rollup(resolution);
    shared.disk.create_dir(&shared.table_dir(table).join(day.folder()))?;
    let mut copies = Vec::new();
    for part in &samples.parts {
        if before.parts.iter().any(|known| known.covers(part)) {
            continue;
        }
        let encoded = match part.encoded() {
            Ok(encoded) => encoded,
            Err(error) => return shared.judge_part(part, error).map(|()| None),
        };
        let place = shared.part_place(table, day, shared.reserve_numbers(1));
        let streams = part.footer().first_stream..part.footer().end_stream;
        labels::write(&*shared.disk, &place.path, table, day, streams, &encoded)?;
        copies.push(Arc::new(LabelPart::open(shared.disk.clone(), place)?));
    }
    Ok(Some(copies))
}

/// Where the buckets of one resolution go.
trait Sink {
    fn push(&mut self, key: StreamKey, buckets: Vec<Bucket>) -> Result<(), FileError>;

    /// Makes it durable, and shows it in the place of the one before.
    fn show(self: Box<Self>) -> Result<(), FileError>;
}

struct NewRollup<'a, const MINUTES: u32> {
    shared: &'a Shared,
    day: Day,
    place: Place,
    writer: SegmentWriter<'a, RollupRows<MINUTES>>,
    /// The labels that are new to it.
    parts: Vec<Arc<LabelPart>>,
    before: DayFiles,
}

impl<'a, const MINUTES: u32> NewRollup<'a, MINUTES> {
    fn create(
        shared: &'a Shared,
        day: Day,
        wal: WalRange,
        parts: Vec<Arc<LabelPart>>,
        before: DayFiles,
    ) -> Result<Self, FileError> {
        let place = shared.segment_place(RollupRows::<MINUTES>::TABLE, day, shared.reserve_numbers(1));
        let writer = SegmentWriter::create(&*shared.disk, &place.path, day, wal)?;
        Ok(Self { shared, day, place, writer, parts, before })
    }
}

impl<const MINUTES: u32> Sink for NewRollup<'_, MINUTES> {
    fn push(&mut self, key: StreamKey, buckets: Vec<Bucket>) -> Result<(), FileError> {
        Ok(self.writer.push(key, RollupRows(buckets))?)
    }

    fn show(self: Box<Self>) -> Result<(), FileError> {
        let Self { shared, day, place, writer, parts, before } = *self;
        let has_rows = writer.finish()?;
        let fresh = has_rows.then(|| Segment::open(shared.disk.clone(), place)).transpose()?;
        let replaced_parts = shared.change_view(|view| {
            let files = view.days.entry((RollupRows::<MINUTES>::TABLE, day)).or_default();
            files.parts.extend(parts);
            files.segments = fresh.into_iter().map(Arc::new).collect();
            files.settle().0
        });
        before.segments.iter().for_each(|segment| segment.file().decide(Fate::IsRemoved));
        replaced_parts.iter().for_each(|part| part.file().decide(Fate::IsRemoved));
        Ok(())
    }
}
