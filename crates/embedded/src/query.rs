//! What a query reads of one table and day: first which streams are meant, then their rows
//! from segments, from frozen memory and from the active memtable, older rows first.

mod day;
mod events;
mod gather;
mod labels;
mod rollups;
mod samples;

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use columns::Corrupt;
use index::{Index, Part, Selector};
use model::{LabelSet, Matcher, TimeRange};
use parking_lot::RwLock;
use roaring::RoaringBitmap;
use storage::QueryError;

pub use day::read_day;
pub use events::{search_logs, search_spans};
pub use labels::{label_names, label_values, series};
pub use rollups::select_rollup;
pub use samples::{select, select_exemplars, select_histograms};

use crate::erasure::Erased;
use crate::files::FileError;
use crate::memtable::{MemDay, Memory, READ_STREAMS, RowsInMemory};
use crate::rows::{Identity, Probe};
use crate::segment::{PageOrder, Segment, SegmentReader, Wanted};
use crate::shared::{DayFiles, Shared, Tables};
use crate::table::Day;

/// One table and day, as a snapshot has them.
pub struct DayQuery<'a, R: RowsInMemory> {
    shared: &'a Shared,
    snapshot: &'a Tables,
    files: DayFiles,
    parts: Vec<Arc<Part>>,
    /// Frozen memory, then the active memtable.
    memory: Vec<Arc<RwLock<MemDay<R>>>>,
    /// The streams that are meant.
    pub selected: RoaringBitmap,
    streams: OnceCell<Vec<u32>>,
}

/// The days of a table with anything in the range, in order.
pub fn days_of<R: RowsInMemory>(snapshot: &Tables, range: TimeRange) -> Vec<Day> {
    let in_files = snapshot.view.days.keys().filter(|(table, _)| *table == R::TABLE).map(|(_, day)| *day);
    let frozen = snapshot.view.frozen.iter().map(|frozen| &frozen.memtable);
    let in_memory = frozen.chain([&snapshot.active]).flat_map(|memtable| memtable.days_of::<R>(range));
    let mut days: Vec<Day> = in_files.chain(in_memory.map(|(day, _)| day)).collect();
    days.retain(|day| day.times().overlaps(range));
    days.sort_unstable();
    days.dedup();
    days
}

impl<'a, R: RowsInMemory> DayQuery<'a, R> {
    /// Finds the streams that all matchers select. Parts that cannot be read go to
    /// quarantine, and the query goes on without them.
    pub fn new(
        shared: &'a Shared,
        snapshot: &'a Tables,
        day: Day,
        matchers: &[Matcher],
    ) -> Result<Self, FileError> {
        let files = snapshot.view.days.get(&(R::TABLE, day)).cloned().unwrap_or_default();
        let selector = Selector::new(matchers);
        let mut selected = RoaringBitmap::new();
        let mut parts = Vec::new();
        for part in &files.parts {
            let read = part.read(&shared.parts);
            match read.and_then(|read| Ok((read.select_with(&selector)?, read))) {
                Ok((streams, read)) => {
                    selected |= streams;
                    parts.push(read);
                }
                Err(error) => shared.judge_part(part, error)?,
            }
        }
        let frozen = snapshot.view.frozen.iter().map(|frozen| &frozen.memtable);
        let memory: Vec<_> = frozen
            .chain([&snapshot.active])
            .flat_map(|memtable| memtable.days_of::<R>(day.times()))
            .map(|(_, cell)| cell)
            .collect();
        for cell in &memory {
            selected |= cell.read().labels.select_with(&selector)?;
        }
        Ok(Self { shared, snapshot, files, parts, memory, selected, streams: OnceCell::new() })
    }

    /// The streams that are meant, ascending. Not every question needs them one by one.
    pub fn streams(&self) -> &[u32] {
        self.streams.get_or_init(|| self.selected.iter().collect())
    }

    pub fn labels(&self, stream: u32) -> Result<Option<LabelSet>, FileError> {
        for part in &self.parts {
            if part.ids().contains(&stream) {
                return Ok(Some(part.labels(stream)?));
            }
        }
        for cell in &self.memory {
            let cell = cell.read();
            if let Some(labels) = cell.labels.label_set(stream) {
                return Ok(Some(labels.clone()));
            }
        }
        Ok(None)
    }

    /// The labels of many streams (ascending), each at its place: cheaper than one by one.
    pub fn labels_of(&self, streams: &[u32]) -> Result<Vec<Option<LabelSet>>, FileError> {
        let mut found: Vec<Option<LabelSet>> = vec![None; streams.len()];
        let mut put = |stream: u32, labels: LabelSet| {
            if let Ok(place) = streams.binary_search(&stream) {
                found[place] = Some(labels);
            }
        };
        let all: RoaringBitmap = streams.iter().copied().collect();
        for part in &self.parts {
            let mut here = RoaringBitmap::new();
            here.insert_range(part.ids());
            here &= &all;
            part.visit_labels(&here, &mut put)?;
        }
        for cell in &self.memory {
            let cell = cell.read();
            for stream in all.iter().filter(|stream| cell.labels.ids().contains(stream)) {
                if let Some(labels) = cell.labels.label_set(stream) {
                    put(stream, labels.clone());
                }
            }
        }
        Ok(found)
    }

    /// The segments with rows in the range, older rows first.
    pub fn segments(&self, range: TimeRange) -> impl DoubleEndedIterator<Item = &Arc<Segment>> {
        self.files.segments.iter().filter(move |segment| segment.times().overlaps(range))
    }

    /// Hands over the rows of the streams that are meant, from one segment. One that
    /// cannot be read goes to quarantine.
    pub fn read_segment<E: From<QueryError>>(
        &self,
        segment: &Arc<Segment>,
        range: TimeRange,
        mut take: impl FnMut(u32, R) -> Result<(), E>,
    ) -> Result<(), E> {
        self.with_segment(segment, |reader, erased| {
            reader.read::<R, Stop<E>>(self.streams(), range, |stream, mut rows| {
                erased.apply(stream, &mut rows);
                take(stream, rows).map_err(Stop::Taker)
            })
        })
    }

    /// As [`read_segment`](DayQuery::read_segment), with only the rows that `decode` makes
    /// of pages that the probe does not rule out, each with the place of its page.
    pub fn read_selected<E: From<QueryError>>(
        &self,
        segment: &Arc<Segment>,
        range: &dyn Fn() -> TimeRange,
        (probe, order): (&Probe, PageOrder),
        decode: impl Fn(&[u8], &[u32], TimeRange) -> Result<Vec<(u32, R)>, Corrupt> + Sync,
        mut take: impl FnMut(u32, u32, R) -> Result<(), E>,
    ) -> Result<(), E> {
        let wanted = Wanted { streams: self.streams(), probe, order };
        self.with_segment(segment, |reader, erased| {
            reader.read_selected::<R, Stop<E>>(wanted, range, decode, |page, stream, mut rows| {
                erased.apply(stream, &mut rows);
                take(page, stream, rows).map_err(Stop::Taker)
            })
        })
    }

    fn with_segment<E: From<QueryError>>(
        &self,
        segment: &Arc<Segment>,
        read: impl FnOnce(&SegmentReader<'_>, &Erased) -> Result<(), Stop<E>>,
    ) -> Result<(), E> {
        let tombstones = &self.snapshot.view.tombstones;
        let opened = SegmentReader::open(segment, &self.shared.directories)
            .and_then(|reader| Ok((reader, Erased::of(self.shared, tombstones, &self.files, segment)?)));
        let (reader, erased) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let judged = self.shared.judge_segment(segment, error);
                return judged.map_err(|error| unreadable(error).into());
            }
        };
        read(&reader, &erased).map_err(|stop| match stop {
            Stop::Taker(error) => error,
            Stop::File(error) => unreadable(error).into(),
        })
    }

    /// The rows of a segment that later ones replace, by stream. Those are in segments and
    /// memory of which the times overlap; mostly there are none, since rows come in order.
    /// A row and the one that replaces it are of one trace, so that `trace` tells which
    /// pages matter.
    pub fn replaced_in(
        &self,
        segment: &Arc<Segment>,
        range: TimeRange,
        trace: &Probe,
    ) -> Result<HashMap<u32, HashSet<Identity>>, FileError> {
        let mut replaced: HashMap<u32, HashSet<Identity>> = HashMap::new();
        if !R::REPLACES {
            return Ok(replaced);
        }
        let times = segment.times();
        let shared = TimeRange::new(times.start.max(range.start), times.end.min(range.end));
        let later = self.segments(shared).skip_while(|other| other.number() != segment.number()).skip(1);
        for other in later {
            let read = SegmentReader::open(other, &self.shared.directories)
                .and_then(|reader| reader.identities::<R>(shared, trace));
            match read {
                Ok(identities) => identities.into_iter().for_each(|(stream, identity)| {
                    replaced.entry(stream).or_default().insert(identity);
                }),
                Err(error) => self.shared.judge_segment(other, error)?,
            }
        }
        let mut take = |stream: u32, rows: R| {
            replaced.entry(stream).or_default().extend(rows.identities());
            Ok::<(), FileError>(())
        };
        self.read_memory(shared, &mut take)?;
        Ok(replaced)
    }

    /// Streams for which a look at the directories of segments is enough to know that they
    /// have a row in the range. Mostly one segment tells it of all.
    pub fn surely_with_rows(&self, range: TimeRange) -> Result<RoaringBitmap, FileError> {
        let tombstones = &self.snapshot.view.tombstones;
        let mut found = RoaringBitmap::new();
        for segment in self.segments(range).rev() {
            if tombstones.iter().any(|tombstone| tombstone.may_concern(segment)) {
                continue;
            }
            match segment.directory(&self.shared.directories) {
                Ok(directory) if directory.all_have_rows_in(range) => found |= &directory.stream_set,
                Ok(_) => {}
                Err(error) => self.shared.judge_segment(segment, error)?,
            }
            if self.parts.iter().all(|part| found.contains_range(part.ids())) {
                break;
            }
        }
        Ok(found)
    }

    /// Those of some streams that have a row in the range in this segment.
    pub fn streams_in(
        &self,
        segment: &Arc<Segment>,
        streams: &[u32],
        range: TimeRange,
    ) -> Result<Vec<u32>, FileError> {
        let tombstones = &self.snapshot.view.tombstones;
        let read = || -> Result<Vec<u32>, FileError> {
            let erased = Erased::of(self.shared, tombstones, &self.files, segment)?;
            let reader = SegmentReader::open(segment, &self.shared.directories)?;
            let certain = reader.streams_with_rows::<R>(streams, range)?;
            if !erased.concerns_any(&certain) {
                return Ok(certain);
            }
            let mut left = Vec::new();
            reader.read::<R, FileError>(&certain, range, |stream, mut rows| {
                erased.apply(stream, &mut rows);
                if rows.len() > 0 && left.last() != Some(&stream) {
                    left.push(stream);
                }
                Ok(())
            })?;
            left.sort_unstable();
            left.dedup();
            Ok(left)
        };
        read().or_else(|error| self.shared.judge_segment(segment, error).map(|()| Vec::new()))
    }

    /// Hands over the rows in memory of the streams that are meant. Between a few streams
    /// a writer may get in, so that a query sees at least what was there when it began.
    pub fn read_memory<E>(
        &self,
        range: TimeRange,
        take: impl FnMut(u32, R) -> Result<(), E>,
    ) -> Result<(), E> {
        self.read_memory_of(self.streams(), range, take)
    }

    fn read_memory_of<E>(
        &self,
        streams: &[u32],
        range: TimeRange,
        mut take: impl FnMut(u32, R) -> Result<(), E>,
    ) -> Result<(), E> {
        for cell in &self.memory {
            for streams in streams.chunks(READ_STREAMS) {
                let copied: Vec<(u32, R)> = {
                    let cell = cell.read();
                    streams.iter().map(|stream| (*stream, cell.rows.read(*stream, range))).collect()
                };
                for (stream, rows) in copied.into_iter().filter(|(_, rows)| rows.len() > 0) {
                    take(stream, rows)?;
                }
            }
        }
        Ok(())
    }

    /// Those of some streams that have a row in the range in memory.
    pub fn streams_in_memory(&self, streams: &[u32], range: TimeRange) -> Vec<u32> {
        let mut found = Vec::new();
        for cell in &self.memory {
            for streams in streams.chunks(READ_STREAMS) {
                let cell = cell.read();
                found.extend(streams.iter().filter(|stream| cell.rows.has_rows(**stream, range)));
            }
        }
        found
    }
}

/// Why reading a segment ended early.
enum Stop<E> {
    File(FileError),
    Taker(E),
}

impl<E> From<FileError> for Stop<E> {
    fn from(error: FileError) -> Self {
        Stop::File(error)
    }
}

pub fn unreadable(error: FileError) -> QueryError {
    QueryError::Unreadable(Box::new(error))
}
