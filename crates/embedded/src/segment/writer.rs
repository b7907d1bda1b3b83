//! Writes a segment from top to bottom.

use std::path::Path;

use disk::{Disk, DiskError};
use model::TimeRange;

use super::directory::{DirectoryWriter, Piece};
use crate::files::{FileWriter, Footer, Kind};
use crate::memtable::WalRange;
use crate::rows::{Rows, StreamKey};
use crate::table::Day;

/// Pages with little in them have a filter that is not worth reading.
const FILTER_ROWS_MIN: usize = 64;

pub struct SegmentWriter<'a, R> {
    file: FileWriter<'a>,
    day: Day,
    wal: WalRange,
    directory: DirectoryWriter,
    /// What the next page will hold.
    waiting: Vec<(StreamKey, R)>,
    waiting_rows: usize,
    waiting_bytes: usize,
    rows: u64,
    first_stream: u32,
    end_stream: u32,
    times: Option<TimeRange>,
}

impl<'a, R: Rows> SegmentWriter<'a, R> {
    pub fn create(disk: &'a dyn Disk, path: &Path, day: Day, wal: WalRange) -> Result<Self, DiskError> {
        Ok(Self {
            file: FileWriter::create(disk, path)?,
            day,
            wal,
            directory: DirectoryWriter::default(),
            waiting: Vec::new(),
            waiting_rows: 0,
            waiting_bytes: 0,
            rows: 0,
            first_stream: u32::MAX,
            end_stream: 0,
            times: None,
        })
    }

    /// Streams come in ascending order of keys, each once, with rows in order of time.
    pub fn push(&mut self, key: StreamKey, mut rows: R) -> Result<(), DiskError> {
        let Some(times) = rows.times() else { return Ok(()) };
        self.rows += rows.len() as u64;
        self.first_stream = self.first_stream.min(key.stream());
        self.end_stream = self.end_stream.max(key.stream() + 1);
        self.times = Some(self.times.map_or(times, |all| union(all, times)));
        while self.waiting_rows + rows.len() > R::PAGE_ROWS_MAX {
            // A page that is half full ends before a stream that does not fit.
            if self.waiting_rows > R::PAGE_ROWS_MAX / 2 {
                self.write_page()?;
                continue;
            }
            let rest = rows.split_off(R::PAGE_ROWS_MAX - self.waiting_rows);
            self.wait(key, rows);
            self.write_page()?;
            rows = rest;
        }
        self.wait(key, rows);
        if self.waiting_rows >= R::PAGE_ROWS_MAX || self.waiting_bytes >= R::PAGE_BYTES_MAX {
            self.write_page()?;
        }
        Ok(())
    }

    /// So far.
    pub fn written_bytes(&self) -> u64 {
        self.file.offset()
    }

    fn wait(&mut self, key: StreamKey, rows: R) {
        self.waiting_rows += rows.len();
        self.waiting_bytes += rows.bytes();
        if rows.len() > 0 {
            self.waiting.push((key, rows));
        }
    }

    fn write_page(&mut self) -> Result<(), DiskError> {
        let mut waiting = std::mem::take(&mut self.waiting);
        let rows = std::mem::take(&mut self.waiting_rows);
        self.waiting_bytes = 0;
        if rows == 0 {
            return Ok(());
        }
        // Which streams share a page is a matter of keys; within it, those that were
        // numbered together are most alike.
        waiting.sort_by_key(|(key, _)| key.stream());
        let piece = |(key, rows): &(StreamKey, R)| {
            Some(Piece { key: *key, rows: rows.len() as u32, times: rows.times()? })
        };
        let pieces: Vec<Piece> = waiting.iter().filter_map(piece).collect();
        let streams: Vec<(u32, R)> = waiting.into_iter().map(|(key, rows)| (key.stream(), rows)).collect();
        let page = R::encode(&streams);
        let span = self.file.frame(&page.bytes)?;
        let is_worth_it = !page.filter.is_empty() && rows >= FILTER_ROWS_MIN;
        let filter = is_worth_it.then(|| self.file.frame(&page.filter)).transpose()?;
        self.directory.push_page(&pieces, span, filter);
        Ok(())
    }

    /// Adds a page as another segment has it. Keys of later pages need not be greater.
    pub fn copy_page(
        &mut self,
        pieces: &[Piece],
        page: &[u8],
        filter: Option<&[u8]>,
    ) -> Result<(), DiskError> {
        self.write_page()?;
        for Piece { key, rows, times } in pieces {
            self.rows += u64::from(*rows);
            self.first_stream = self.first_stream.min(key.stream());
            self.end_stream = self.end_stream.max(key.stream() + 1);
            self.times = Some(self.times.map_or(*times, |all| union(all, *times)));
        }
        let span = self.file.frame(page)?;
        let filter = filter.map(|filter| self.file.frame(filter)).transpose()?;
        self.directory.push_page(pieces, span, filter);
        Ok(())
    }

    /// Makes it durable and gives it its name. Returns `false`, and leaves no file, if
    /// there was no row.
    pub fn finish(self) -> Result<bool, DiskError> {
        if self.times.is_none() {
            return Ok(false);
        }
        self.finish_with_or_without_rows().map(|()| true)
    }

    /// The same for a file that is needed though it be empty: it says which WAL files have
    /// no row left to replay.
    pub fn finish_with_or_without_rows(mut self) -> Result<(), DiskError> {
        self.write_page()?;
        let start = self.day.times().start;
        let times = self.times.unwrap_or(TimeRange::new(start, start));
        let directory = self.file.frame(&self.directory.encode())?;
        let footer = Footer {
            kind: Kind::Segment,
            table: R::TABLE,
            day: self.day,
            wal: self.wal,
            rows: self.rows,
            times,
            first_stream: self.first_stream,
            end_stream: self.end_stream,
            directory,
        };
        self.file.finish(&footer)
    }
}

fn union(a: TimeRange, b: TimeRange) -> TimeRange {
    TimeRange::new(a.start.min(b.start), a.end.max(b.end))
}
