//! Parts of the index of one table and day, as files: which stream has which labels.
//!
//! A flush writes a part with the streams that are new since the last one, before it
//! writes the segments that name them; parts that have become many are merged. Streams
//! keep their numbers for ever.

use std::path::Path;
use std::sync::Arc;

use disk::{Disk, DiskError};
use index::{Index, Part};
use model::TimeRange;

use crate::files::{Cache, FileError, FileWriter, Footer, Kind, Place, StoredFile};
use crate::memtable::WalRange;
use crate::table::{Day, Table};

#[derive(Debug)]
pub struct LabelPart(StoredFile);

pub type PartCache = Cache<Part>;

impl LabelPart {
    pub fn open(disk: Arc<dyn Disk>, place: Place) -> Result<Self, FileError> {
        let file = StoredFile::open(disk, place)?;
        // Merging parts takes some bytes for every stream that they claim to have.
        let (first, end) = (file.footer.first_stream, file.footer.end_stream);
        if first > end || end as usize > columns::ROWS_MAX {
            return Err(columns::Corrupt("the streams of a part of the index").into());
        }
        match file.footer.kind {
            Kind::Labels => Ok(Self(file)),
            Kind::Segment => Err(columns::Corrupt("a segment in the place of labels").into()),
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

    pub fn covers(&self, other: &LabelPart) -> bool {
        let (this, other) = (self.footer(), other.footer());
        this.first_stream <= other.first_stream && other.end_stream <= this.end_stream
    }

    pub fn read(&self, cache: &PartCache) -> Result<Arc<Part>, FileError> {
        cache.get_or(self.number(), || {
            let part = Part::open(Arc::<[u8]>::from(self.encoded()?))?;
            let ids = part.ids();
            if (ids.start, ids.end) != (self.footer().first_stream, self.footer().end_stream) {
                return Err(columns::Corrupt("a part of the index").into());
            }
            Ok(part)
        })
    }

    /// As it was given to [`write`].
    pub fn encoded(&self) -> Result<Vec<u8>, FileError> {
        let file = self.0.open_file()?;
        self.0.frame(&*file, self.0.footer.directory, "a part of the index")
    }
}

/// Writes `labels`, an encoded part, as a file of its own.
pub fn write(
    disk: &dyn Disk,
    path: &Path,
    table: Table,
    day: Day,
    streams: std::ops::Range<u32>,
    labels: &[u8],
) -> Result<(), DiskError> {
    let mut file = FileWriter::create(disk, path)?;
    let directory = file.frame(labels)?;
    let footer = Footer {
        kind: Kind::Labels,
        table,
        day,
        wal: WalRange { first: 0, last: 0 },
        rows: 0,
        times: TimeRange::new(model::Timestamp::default(), model::Timestamp::default()),
        first_stream: streams.start,
        end_stream: streams.end,
        directory,
    };
    file.finish(&footer)
}
