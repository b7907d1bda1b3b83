//! Appends to the newest WAL file.

use std::path::PathBuf;
use std::sync::Arc;

use disk::{AppendFile, Disk, DiskError, frame};
use model::Batch;

use super::format::{BATCH, Cut, encode_cuts, file_name, header};
use crate::batch;
use crate::encoding::pack;

/// A new file is begun when one is longer, so that replay never holds more in memory.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// What a batch may take before it is compressed: then it fits a frame in any case, and
/// replay never unfolds more.
const BATCH_BYTES_MAX: usize = frame::PAYLOAD_BYTES_MAX - 16;

/// A batch as the payload of a record, or how large it would be.
pub fn encode_record(batch: &Batch) -> Result<Vec<u8>, TooLarge> {
    let raw = batch::encode(batch);
    if raw.len() > BATCH_BYTES_MAX {
        return Err(TooLarge { bytes: raw.len(), most: BATCH_BYTES_MAX });
    }
    let mut payload = vec![BATCH];
    pack(&mut payload, &raw);
    Ok(payload)
}

#[derive(Debug, thiserror::Error)]
#[error("it takes {bytes} bytes, at most {most} are possible")]
pub struct TooLarge {
    bytes: usize,
    most: usize,
}

/// Appends groups of records. A file is begun when the first group for it comes, and
/// given up for good when a call fails on it.
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
    acknowledged_bytes: u64,
}

impl WalWriter {
    pub fn new(disk: Arc<dyn Disk>, dir: PathBuf, next_number: u64) -> Self {
        Self { disk, dir, next_number, open: None, cuts: Vec::new() }
    }

    /// Returns after all payloads are durable, with the number of their file. After an
    /// error none of them will be replayed, as far as the disk lets us say so.
    pub fn append(&mut self, payloads: &[Vec<u8>]) -> Result<(u64, u64), DiskError> {
        if self.open.as_ref().is_some_and(|open| open.acknowledged_bytes >= FILE_BYTES_MAX) {
            self.open = None;
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        let mut group = Vec::with_capacity(payloads.iter().map(|payload| payload.len() + 16).sum());
        if open.acknowledged_bytes == 0 {
            group.extend_from_slice(&header(open.number, open.salt));
            if !self.cuts.is_empty() {
                frame::push(&mut group, open.salt, &encode_cuts(&self.cuts));
            }
        }
        payloads.iter().for_each(|payload| frame::push(&mut group, open.salt, payload));
        match open.file.append(&group).and_then(|()| open.file.sync()) {
            Ok(()) => {
                open.acknowledged_bytes += group.len() as u64;
                let number = open.number;
                self.open = Some(open);
                Ok((number, group.len() as u64))
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
        let open = OpenFile { number, salt, file, acknowledged_bytes: 0 };
        match self.disk.sync_dir(&self.dir) {
            Ok(()) => Ok(open),
            Err(error) => {
                self.give_up(&open);
                Err(error)
            }
        }
    }

    /// After a failed sync the kernel may have forgotten what it could not write, so the
    /// file is never written again. One of which nothing was acknowledged is removed.
    fn give_up(&mut self, open: &OpenFile) {
        let name = file_name(open.number);
        let is_removed = open.acknowledged_bytes == 0 && self.disk.remove(&self.dir.join(&name)).is_ok();
        if !is_removed {
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
