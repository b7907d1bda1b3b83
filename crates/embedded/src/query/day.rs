//! All rows of one table and day, a few streams at a time.
//!
//! How many streams are few is found on the way: as many as take [`HELD_BYTES_MAX`]
//! together. A stream that takes more by itself is read in slices of time.

use std::collections::{BTreeSet, HashMap, HashSet};

use index::{Index, Selector};
use model::{METRIC_NAME, Matcher, TimeRange, Timestamp};
use roaring::RoaringBitmap;
use storage::{DayError, DayRows, DaySink, Signal, StreamRows};

use super::{DayQuery, Stop, unreadable};
use crate::erasure::Erased;
use crate::files::FileError;
use crate::memtable::RowsInMemory;
use crate::rows::{ExemplarRows, HistogramRows, Identity, LogRows, SampleRows, SpanRows, of_table};
use crate::segment::SegmentReader;
use crate::shared::Shared;
use crate::table::Day;
use crate::table::Table;

/// Rows that are held while the files of the day are asked for more of their streams: a
/// few pages of each segment, and little beside a memtable.
const HELD_BYTES_MAX: usize = 16 << 20;

/// How many streams are tried first.
const GROUP_FIRST: usize = 64;

pub fn read_day(shared: &Shared, signal: Signal, day: Day, sink: &mut dyn DaySink) -> Result<(), DayError> {
    of_table!(
        Table::from(signal),
        R => scan::<R>(shared, day, HELD_BYTES_MAX, sink),
        rollup(_) => Ok(())
    )
}

trait HandedRows: RowsInMemory {
    fn into_day_rows(self) -> DayRows;
}

impl HandedRows for SampleRows {
    fn into_day_rows(self) -> DayRows {
        DayRows::Samples(self.into_samples())
    }
}

impl HandedRows for HistogramRows {
    fn into_day_rows(self) -> DayRows {
        DayRows::Histograms(self.0)
    }
}

impl HandedRows for ExemplarRows {
    fn into_day_rows(self) -> DayRows {
        DayRows::Exemplars(self.0)
    }
}

impl HandedRows for LogRows {
    fn into_day_rows(self) -> DayRows {
        DayRows::Logs(self.0)
    }
}

impl HandedRows for SpanRows {
    fn into_day_rows(self) -> DayRows {
        DayRows::Spans(self.0)
    }
}

fn scan<R: HandedRows>(
    shared: &Shared,
    day: Day,
    held_bytes_max: usize,
    sink: &mut dyn DaySink,
) -> Result<(), DayError> {
    let snapshot = shared.snapshot();
    let query = DayQuery::<R>::new(shared, &snapshot, day, &[]).map_err(unreadable)?;
    let segments = open_segments(&query, day).map_err(unreadable)?;
    let mut scan =
        DayScan { query: &query, segments, day: day.times(), held_bytes_max, group: GROUP_FIRST, sink };
    for metric in scan.metrics().map_err(unreadable)? {
        let streams = scan.streams_of(&metric).map_err(unreadable)?;
        scan.hand_over(&streams)?;
    }
    scan.sink.finish().map_err(DayError::Sink)
}

/// Newer rows first. Segments that cannot be read go to quarantine.
fn open_segments<'a, R: RowsInMemory>(
    query: &'a DayQuery<'_, R>,
    day: Day,
) -> Result<Vec<(SegmentReader<'a>, Erased)>, FileError> {
    let tombstones = &query.snapshot.view.tombstones;
    let mut opened = Vec::new();
    for segment in query.segments(day.times()).rev() {
        let open = SegmentReader::open(segment, &query.shared.directories)
            .and_then(|reader| Ok((reader, Erased::of(query.shared, tombstones, &query.files, segment)?)));
        match open {
            Ok(open) => opened.push(open),
            Err(error) => query.shared.judge_segment(segment, error)?,
        }
    }
    Ok(opened)
}

struct DayScan<'a, R: RowsInMemory> {
    query: &'a DayQuery<'a, R>,
    /// Newer rows first.
    segments: Vec<(SegmentReader<'a>, Erased)>,
    day: TimeRange,
    held_bytes_max: usize,
    /// How many streams are read together next.
    group: usize,
    sink: &'a mut dyn DaySink,
}

/// More than may be held.
struct TooMuch;

/// Some streams with their rows.
struct Gathered<R> {
    streams: Vec<(u32, R)>,
    bytes: usize,
}

impl<R: HandedRows> DayScan<'_, R> {
    /// In order, with the empty name for streams that have none.
    fn metrics(&self) -> Result<BTreeSet<String>, FileError> {
        let mut metrics = BTreeSet::from([String::new()]);
        for part in &self.query.parts {
            metrics.extend(part.label_values(METRIC_NAME)?);
        }
        for cell in &self.query.memory {
            metrics.extend(cell.read().labels.label_values(METRIC_NAME)?);
        }
        Ok(metrics)
    }

    /// Ascending.
    fn streams_of(&self, metric: &str) -> Result<Vec<u32>, FileError> {
        let matchers = [Matcher::equal(METRIC_NAME, metric)];
        let selector = Selector::new(&matchers);
        let mut streams = RoaringBitmap::new();
        for part in &self.query.parts {
            streams |= part.select_with(&selector)?;
        }
        for cell in &self.query.memory {
            streams |= cell.read().labels.select_with(&selector)?;
        }
        Ok(streams.iter().collect())
    }

    fn hand_over(&mut self, mut streams: &[u32]) -> Result<(), DayError> {
        while !streams.is_empty() {
            let group = &streams[..self.group.min(streams.len())];
            match self.gather(group, self.day, self.held_bytes_max)? {
                Ok(gathered) => {
                    if gathered.bytes < self.held_bytes_max / 2 && group.len() == self.group {
                        self.group = self.group.saturating_mul(2);
                    }
                    self.give(gathered)?;
                }
                Err(TooMuch) if group.len() > 1 => {
                    self.group = group.len() / 2;
                    continue;
                }
                Err(TooMuch) => self.hand_over_slices(group)?,
            }
            streams = &streams[group.len()..];
        }
        Ok(())
    }

    /// One stream that is too large to be held. Slices are halved until one can be held,
    /// and grow again where rows are few.
    fn hand_over_slices(&mut self, stream: &[u32]) -> Result<(), DayError> {
        let (mut start, end) = (self.day.start.as_nanos(), self.day.end.as_nanos());
        let mut length = end - start;
        loop {
            let until = start.saturating_add(length).min(end);
            let slice = TimeRange::new(Timestamp::from_nanos(start), Timestamp::from_nanos(until));
            // What came at one instant cannot be cut.
            let most = if start == until { usize::MAX } else { self.held_bytes_max };
            match self.gather(stream, slice, most)? {
                Err(TooMuch) => length = (until - start) / 2,
                Ok(gathered) => {
                    if gathered.bytes < self.held_bytes_max / 2 {
                        length = length.saturating_mul(2).max(1);
                    }
                    self.give(gathered)?;
                    if until == end {
                        return Ok(());
                    }
                    start = until + 1;
                }
            }
        }
    }

    fn give(&mut self, gathered: Gathered<R>) -> Result<(), DayError> {
        for (stream, rows) in gathered.streams {
            // A stream without labels is one of a part that has just gone to quarantine.
            let Some(labels) = self.query.labels(stream).map_err(unreadable)? else { continue };
            let rows = StreamRows { labels, rows: rows.into_day_rows() };
            self.sink.take(rows).map_err(DayError::Sink)?;
        }
        Ok(())
    }

    /// The rows of some streams (ascending) as they stand after all that happened to them.
    /// Newer rows are read first: they say which older ones they replace, even if they were
    /// erased since.
    fn gather(
        &self,
        streams: &[u32],
        range: TimeRange,
        bytes_max: usize,
    ) -> Result<Result<Gathered<R>, TooMuch>, DayError> {
        let mut found: HashMap<u32, Found<R>> = HashMap::new();
        let mut bytes = 0;
        let mut newest: HashMap<u32, R> = HashMap::new();
        let read = self.query.read_memory_of(streams, range, |stream, rows| {
            add(&mut newest, stream, rows, &mut bytes, bytes_max)
        });
        if read.is_err() {
            return Ok(Err(TooMuch));
        }
        newest.into_iter().for_each(|(stream, rows)| found.entry(stream).or_default().push(rows, |_| {}));
        for (reader, erased) in &self.segments {
            let mut older: HashMap<u32, R> = HashMap::new();
            let read = reader.read::<R, Stop<TooMuch>>(streams, range, |stream, rows| {
                add(&mut older, stream, rows, &mut bytes, bytes_max).map_err(Stop::Taker)
            });
            match read {
                Ok(()) => {}
                Err(Stop::Taker(TooMuch)) => return Ok(Err(TooMuch)),
                Err(Stop::File(error)) => return Err(unreadable(error).into()),
            }
            for (stream, rows) in older {
                found.entry(stream).or_default().push(rows, |rows| erased.apply(stream, rows));
            }
        }
        let mut streams: Vec<(u32, R)> =
            found.into_iter().map(|(stream, found)| (stream, found.settled())).collect();
        streams.retain(|(_, rows)| rows.len() > 0);
        streams.sort_unstable_by_key(|(stream, _)| *stream);
        Ok(Ok(Gathered { streams, bytes }))
    }
}

fn add<R: HandedRows>(
    sources: &mut HashMap<u32, R>,
    stream: u32,
    rows: R,
    bytes: &mut usize,
    bytes_max: usize,
) -> Result<(), TooMuch> {
    *bytes += rows.bytes();
    sources.entry(stream).or_default().append(rows);
    if *bytes > bytes_max { Err(TooMuch) } else { Ok(()) }
}

/// Rows of one stream from several sources, newer ones first.
struct Found<R> {
    sources: Vec<R>,
    replaced: HashSet<Identity>,
}

impl<R> Default for Found<R> {
    fn default() -> Self {
        Self { sources: Vec::new(), replaced: HashSet::new() }
    }
}

impl<R: HandedRows> Found<R> {
    fn push(&mut self, mut rows: R, erase: impl FnOnce(&mut R)) {
        rows.leave_out(&self.replaced);
        self.replaced.extend(rows.identities());
        erase(&mut rows);
        self.sources.push(rows);
    }

    fn settled(self) -> R {
        let mut rows = R::default();
        self.sources.into_iter().rev().for_each(|older| rows.append(older));
        rows.settle();
        rows
    }
}
