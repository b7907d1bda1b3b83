//! Segments: immutable files with the rows of one table and day, or a part of them.
//!
//! Streams stand in order of their keys, the rows of a stream in order of time, all in
//! pages of some thousand rows; behind them the [`Directory`] (which streams, which
//! pages). [`SegmentWriter`] writes a file from top to bottom, [`SegmentReader`] reads what
//! a query wants, [`SegmentScan`] all of it. The bytes are drawn in docs/formats/segment.md.

mod directory;
mod reader;
mod scan;
mod writer;

use std::sync::Arc;

use disk::Disk;
use model::TimeRange;

pub use directory::Directory;
pub use reader::{PageOrder, SegmentReader, Wanted};
pub use scan::SegmentScan;
pub use writer::SegmentWriter;

use crate::files::{Cache, FileError, Footer, Kind, Place, StoredFile};

#[derive(Debug)]
pub struct Segment(StoredFile);

pub type DirectoryCache = Cache<Directory>;

impl Segment {
    pub fn open(disk: Arc<dyn Disk>, place: Place) -> Result<Self, FileError> {
        let file = StoredFile::open(disk, place)?;
        match file.footer.kind {
            Kind::Segment => Ok(Self(file)),
            Kind::Labels => Err(columns::Corrupt("labels in the place of a segment").into()),
        }
    }

    pub fn file(&self) -> &StoredFile {
        &self.0
    }

    pub fn footer(&self) -> &Footer {
        &self.0.footer
    }

    pub fn number(&self) -> u64 {
        self.0.number()
    }

    pub fn times(&self) -> TimeRange {
        self.0.footer.times
    }

    pub fn directory(&self, cache: &DirectoryCache) -> Result<Arc<Directory>, FileError> {
        cache.get_or(self.number(), || {
            let file = self.0.open_file()?;
            let bytes = self.0.frame(&*file, self.0.footer.directory, "a segment's directory")?;
            Ok(Directory::decode(&bytes)?)
        })
    }
}
