//! A file that exists.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use columns::Corrupt;
use disk::{Disk, ReadFile, frame, read_twice};
use parking_lot::Mutex;

use super::footer::Footer;
use super::{FileError, SALT, Span};

/// What becomes of the file when nobody reads it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Stays,
    /// What it holds is in another file now.
    IsRemoved,
    /// Its day was dropped; whoever removed the folder sees to the file.
    IsGone,
}

/// Where a file is, and where it goes instead of being removed if some of it could not be
/// read.
#[derive(Clone, Debug)]
pub struct Place {
    pub path: PathBuf,
    pub quarantine: PathBuf,
    pub number: u64,
}

pub struct StoredFile {
    disk: Arc<dyn Disk>,
    pub place: Place,
    pub footer: Footer,
    pub bytes: u64,
    fate: Mutex<Fate>,
    /// Offsets of frames that could not be read; each was reported once.
    damaged: Mutex<BTreeSet<u64>>,
}

impl StoredFile {
    pub fn open(disk: Arc<dyn Disk>, place: Place) -> Result<Self, FileError> {
        let (footer, bytes) = Footer::read(&*disk.open(&place.path)?)?;
        Ok(Self { disk, place, footer, bytes, fate: Mutex::new(Fate::Stays), damaged: Mutex::default() })
    }

    pub fn number(&self) -> u64 {
        self.place.number
    }

    pub fn decide(&self, fate: Fate) {
        *self.fate.lock() = fate;
    }

    pub fn is_gone(&self) -> bool {
        *self.fate.lock() == Fate::IsGone
    }

    pub fn is_damaged(&self) -> bool {
        !self.damaged.lock().is_empty()
    }

    pub fn open_file(&self) -> Result<Box<dyn ReadFile>, FileError> {
        Ok(self.disk.open(&self.place.path)?)
    }

    /// The payload of one frame.
    pub fn frame(&self, file: &dyn ReadFile, span: Span, what: &'static str) -> Result<Vec<u8>, FileError> {
        let longest = (frame::PAYLOAD_BYTES_MAX + frame::HEADER_BYTES) as u64;
        if span.bytes > longest {
            return Err(Corrupt(what).into());
        }
        let mut framed = vec![0; span.bytes as usize];
        read_twice(file, span.offset, &mut framed)?;
        frame::read(&framed, SALT).map_err(|_| Corrupt(what))?;
        framed.drain(..frame::HEADER_BYTES);
        Ok(framed)
    }

    /// Says once that a part of the file is damaged. The file goes to quarantine when it
    /// is replaced.
    pub fn report_damage(&self, offset: u64, error: &FileError) {
        if self.damaged.lock().insert(offset) {
            let file = self.place.path.display();
            tracing::error!(%file, offset, %error, "a page is damaged; queries go on without it");
            metrics::counter!("watchkeeper_store_damaged_total", "what" => "page").increment(1);
        }
    }
}

impl Drop for StoredFile {
    fn drop(&mut self) {
        if *self.fate.lock() != Fate::IsRemoved {
            return;
        }
        let removed = if self.is_damaged() {
            self.disk.rename(&self.place.path, &self.place.quarantine)
        } else {
            self.disk.remove(&self.place.path)
        };
        // The next opening finds it and tries again.
        if let Err(error) = removed {
            tracing::warn!(%error, "a replaced file could not be removed");
        }
    }
}

impl fmt::Debug for StoredFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredFile({})", self.place.path.display())
    }
}
