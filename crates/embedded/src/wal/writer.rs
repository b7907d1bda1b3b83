//! Appends to the newest WAL file.

use std::path::PathBuf;
use std::sync::Arc;

use columns::bytes::pack_fast;
use disk::{AppendFile, Disk, DiskError, frame};

use super::format::{BATCHES, Cut, encode_cuts, file_name, header};
use super::record::{self, FileStreams};
use crate::intake::{Group, Intake};

/// A new file is begun when one is longer, so that replay never holds more in memory.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// What a record may take before it is compressed: then it fits a frame in any case, and
/// replay never unfolds more.
const RECORD_BYTES_MAX: usize = frame::PAYLOAD_BYTES_MAX - 16;

/// Appends groups of batches, each as one record. A file is begun when the first group for
/// it comes, and given up for good when a call fails on it.
pub struct WalWriter {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    next_number: u64,
    open: Option<OpenFile>,
    /// Files that were given up and may still be there.
    cuts: Vec<Cut>,
}

struct OpenFile {
    number: u64,
    salt: u32,
    file: Box<dyn AppendFile>,
    streams: FileStreams,
    acknowledged_bytes: u64,
}

impl WalWriter {
    /// Files are numbered from `next_number` on, which is not 0.
    pub fn new(disk: Arc<dyn Disk>, dir: PathBuf, next_number: u64) -> Self {
        Self { disk, dir, next_number: next_number.max(1), open: None, cuts: Vec::new() }
    }

    /// Returns after the group is durable, with the number of its file and the bytes
    /// written. After an error none of it will be replayed, as far as the disk lets us say
    /// so.
    pub fn append(&mut self, group: &Group, intake: &mut Intake) -> Result<(u64, u64), DiskError> {
        if self.open.as_ref().is_some_and(|open| open.acknowledged_bytes >= FILE_BYTES_MAX) {
            self.open = None;
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        let raw = record::encode(group, intake, &mut open.streams);
        if raw.len() > RECORD_BYTES_MAX {
            // Streams were named that the file does not hold: it takes no more records.
            let path = self.dir.join(file_name(open.number));
            return Err(DiskError::new("write", &path, std::io::ErrorKind::FileTooLarge.into()));
        }
        let mut payload = vec![BATCHES];
        pack_fast(&mut payload, &raw);
        let mut bytes = Vec::with_capacity(payload.len() + 64);
        if open.acknowledged_bytes == 0 {
            bytes.extend_from_slice(&header(open.number, open.salt));
            if !self.cuts.is_empty() {
                frame::push(&mut bytes, open.salt, &encode_cuts(&self.cuts));
            }
        }
        frame::push(&mut bytes, open.salt, &payload);
        match open.file.append(&bytes).and_then(|()| open.file.sync()) {
            Ok(()) => {
                open.acknowledged_bytes += bytes.len() as u64;
                let number = open.number;
                self.open = Some(open);
                Ok((number, bytes.len() as u64))
            }
            Err(error) => {
                self.give_up(&open);
                Err(error)
            }
        }
    }

    fn begin(&mut self) -> Result<OpenFile, DiskError> {
        let number = self.next_number;
        self.next_number += 1;
        let file = self.disk.create(&self.dir.join(file_name(number)))?;
        let salt = u32::from_le_bytes(runtime::random::bytes());
        let streams = FileStreams::new(number);
        let open = OpenFile { number, salt, file, streams, acknowledged_bytes: 0 };
        match self.disk.sync_dir(&self.dir) {
            Ok(()) => Ok(open),
            Err(error) => {
                self.give_up(&open);
                Err(error)
            }
        }
    }

    /// After a failed sync the kernel may have forgotten what it could not write, so the
    /// file is never written again. One of which nothing was acknowledged is removed; of
    /// another the rest is cut off, so that a crash before the next file does not bring it
    /// back. Where that fails too, the next file says it.
    fn give_up(&mut self, open: &OpenFile) {
        let name = file_name(open.number);
        let path = self.dir.join(&name);
        let undone = match open.acknowledged_bytes {
            0 => self.disk.remove(&path),
            acknowledged => self.disk.truncate(&path, acknowledged),
        };
        if undone.is_err() {
            self.cuts.push(Cut { file: open.number, acknowledged_bytes: open.acknowledged_bytes });
        }
        tracing::error!(file = name, acknowledged = open.acknowledged_bytes, "gave up a WAL file");
        metrics::counter!("watchkeeper_store_wal_files_given_up_total").increment(1);
    }

    /// Ends the file. Returns the last number that was used: all rows so far are in files
    /// up to it, all later ones in files after it.
    pub fn rotate(&mut self) -> u64 {
        self.open = None;
        self.next_number - 1
    }

    /// Files up to `number` are removed: nobody needs to know where they were cut.
    pub fn forget_cuts(&mut self, number: u64) {
        self.cuts.retain(|cut| cut.file > number);
    }
}
