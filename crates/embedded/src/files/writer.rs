//! Writes a file from top to bottom.

use std::path::{Path, PathBuf};

use disk::{AppendFile, Disk, DiskError, TEMPORARY, frame};

use super::SALT;
use super::footer::{Footer, HEAD};

/// Where a frame is in its file, with its header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub offset: u64,
    pub bytes: u64,
}

/// Frames are collected to writes of this size.
const WRITE_BYTES: usize = 256 << 10;

/// Writes one file under a temporary name. What is dropped before
/// [`finish`](FileWriter::finish) leaves no file.
pub struct FileWriter<'a> {
    disk: &'a dyn Disk,
    path: PathBuf,
    temporary: PathBuf,
    file: Box<dyn AppendFile>,
    waiting: Vec<u8>,
    offset: u64,
    is_finished: bool,
}

impl<'a> FileWriter<'a> {
    pub fn create(disk: &'a dyn Disk, path: &Path) -> Result<Self, DiskError> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(TEMPORARY);
        let temporary = PathBuf::from(temporary);
        let file = disk.create(&temporary)?;
        Ok(Self {
            disk,
            path: path.to_owned(),
            temporary,
            file,
            waiting: HEAD.to_vec(),
            offset: HEAD.len() as u64,
            is_finished: false,
        })
    }

    pub fn frame(&mut self, payload: &[u8]) -> Result<Span, DiskError> {
        if payload.len() > frame::PAYLOAD_BYTES_MAX {
            let source = std::io::Error::from(std::io::ErrorKind::FileTooLarge);
            return Err(DiskError::new("write", &self.path, source));
        }
        let before = self.waiting.len();
        frame::push(&mut self.waiting, SALT, payload);
        let span = Span { offset: self.offset, bytes: (self.waiting.len() - before) as u64 };
        self.offset += span.bytes;
        if self.waiting.len() >= WRITE_BYTES {
            self.write()?;
        }
        Ok(span)
    }

    /// Where the next frame begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn write(&mut self) -> Result<(), DiskError> {
        self.file.append(&self.waiting)?;
        self.waiting.clear();
        Ok(())
    }

    /// Makes it durable and gives it its name.
    pub fn finish(mut self, footer: &Footer) -> Result<(), DiskError> {
        self.waiting.extend_from_slice(&footer.encode());
        self.write()?;
        self.file.sync()?;
        self.disk.rename(&self.temporary, &self.path)?;
        self.is_finished = true;
        self.disk.sync_dir(self.path.parent().unwrap_or(Path::new(".")))
    }
}

impl Drop for FileWriter<'_> {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        // On a full disk half a file would take the room that the next attempt needs.
        if let Err(error) = self.disk.remove(&self.temporary) {
            tracing::warn!(%error, "an unfinished file could not be removed");
        }
    }
}
