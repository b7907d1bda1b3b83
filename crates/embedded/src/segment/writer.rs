//! Writes a segment from top to bottom.

use std::path::{Path, PathBuf};

use disk::{AppendFile, Disk, DiskError, TEMPORARY, frame};
use model::{LabelSet, TimeRange};

use super::footer::{Footer, HEAD};
use super::index::IndexBuilder;
use super::{BlockRow, SALT};
use crate::encoding::{UNPACKED_BYTES_MAX, pack};
use crate::memtable::WalRange;
use crate::table::Day;

/// Rows in a block: enough for zstd to find what repeats, few enough that reading one
/// stream does not decode a thousand others.
const BLOCK_ROWS_MAX: usize = 8192;
const BLOCK_BYTES_MAX: usize = 256 << 10;

/// Writes one segment under a temporary name. What is dropped before
/// [`finish`](SegmentWriter::finish) leaves no file.
pub struct SegmentWriter<'a, R> {
    disk: &'a dyn Disk,
    path: PathBuf,
    temporary: PathBuf,
    file: Box<dyn AppendFile>,
    day: Day,
    wal: WalRange,
    offset: u64,
    waiting: Vec<R>,
    waiting_bytes: usize,
    index: IndexBuilder,
    rows: u64,
    times: Option<TimeRange>,
    is_finished: bool,
}

impl<'a, R: BlockRow> SegmentWriter<'a, R> {
    pub fn create(disk: &'a dyn Disk, path: &Path, day: Day, wal: WalRange) -> Result<Self, DiskError> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(TEMPORARY);
        let temporary = PathBuf::from(temporary);
        let mut file = disk.create(&temporary)?;
        file.append(&HEAD)?;
        Ok(Self {
            disk,
            path: path.to_owned(),
            temporary,
            file,
            day,
            wal,
            offset: HEAD.len() as u64,
            waiting: Vec::new(),
            waiting_bytes: 0,
            index: IndexBuilder::default(),
            rows: 0,
            times: None,
            is_finished: false,
        })
    }

    /// Streams come in order of their labels, each once, with rows in order of time.
    pub fn push(&mut self, labels: &LabelSet, rows: Vec<R>) -> Result<(), DiskError> {
        let Some(times) = times_of(&rows) else { return Ok(()) };
        self.index.push_stream(labels, rows.len(), times);
        self.rows += rows.len() as u64;
        self.times = Some(
            self.times
                .map_or(times, |all| TimeRange::new(all.start.min(times.start), all.end.max(times.end))),
        );
        for row in rows {
            self.waiting_bytes += row.bytes();
            self.waiting.push(row);
            if self.waiting.len() >= BLOCK_ROWS_MAX || self.waiting_bytes >= BLOCK_BYTES_MAX {
                self.write_block()?;
            }
        }
        Ok(())
    }

    fn write_block(&mut self) -> Result<(), DiskError> {
        let rows = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        // A block holds ends and beginnings of streams: its rows are not in order of time.
        let times = rows.iter().map(|row| row.at());
        let (Some(first), Some(last)) = (times.clone().min(), times.max()) else { return Ok(()) };
        let mut raw = Vec::new();
        R::encode(&rows, &mut raw);
        let offset = self.offset;
        let bytes = self.write_frame(&raw)?;
        self.index.push_block(offset, bytes, rows.len(), TimeRange::new(first, last));
        Ok(())
    }

    fn write_frame(&mut self, raw: &[u8]) -> Result<u64, DiskError> {
        let mut packed = Vec::new();
        pack(&mut packed, raw);
        if raw.len() > UNPACKED_BYTES_MAX || packed.len() > frame::PAYLOAD_BYTES_MAX {
            let source = std::io::Error::from(std::io::ErrorKind::FileTooLarge);
            return Err(DiskError::new("write", &self.path, source));
        }
        let mut framed = Vec::new();
        frame::push(&mut framed, SALT, &packed);
        self.file.append(&framed)?;
        self.offset += framed.len() as u64;
        Ok(framed.len() as u64)
    }

    /// Makes it durable and gives it its name. Returns `false`, and leaves no file, if
    /// there was no row.
    pub fn finish(mut self) -> Result<bool, DiskError> {
        self.write_block()?;
        let Some(times) = self.times else {
            return Ok(false);
        };
        let index_offset = self.offset;
        let index_bytes = self.write_frame(&self.index.encode())?;
        let footer = Footer {
            table: R::TABLE,
            day: self.day,
            wal: self.wal,
            streams: self.index.stream_count,
            rows: self.rows,
            first_at: times.start,
            last_at: times.end,
            index_offset,
            index_bytes,
        };
        self.file.append(&footer.encode())?;
        self.file.sync()?;
        self.disk.rename(&self.temporary, &self.path)?;
        self.is_finished = true;
        self.disk.sync_dir(self.path.parent().unwrap_or(Path::new(".")))?;
        Ok(true)
    }
}

impl<R> Drop for SegmentWriter<'_, R> {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        // On a full disk half a segment would take the room that the next attempt needs.
        if let Err(error) = self.disk.remove(&self.temporary) {
            tracing::warn!(%error, "an unfinished segment could not be removed");
        }
    }
}

fn times_of<R: BlockRow>(rows: &[R]) -> Option<TimeRange> {
    Some(TimeRange::new(rows.first()?.at(), rows.last()?.at()))
}
