//! Whether the streams of a day have labels.

use std::path::{Path, PathBuf};

use disk::DiskError;
use index::{Index, Part};
use roaring::RoaringBitmap;

use super::check::{Report, or_damage};
use crate::files::FileError;
use crate::labels::{LabelPart, PartCache};
use crate::segment::Directory;

/// Streams that have labels, and files with the streams that have rows.
#[derive(Debug, Default)]
pub struct DayLabels {
    known: RoaringBitmap,
    /// A part could not even be opened. Its damage is told; which streams it had is not known.
    has_unread_parts: bool,
    used: Vec<(PathBuf, RoaringBitmap)>,
}

impl DayLabels {
    /// Reads the labels of every stream of a part.
    pub fn add_part(&mut self, file: &Path, part: &LabelPart, report: &mut Report) -> Result<(), DiskError> {
        let mut known = RoaringBitmap::new();
        known.insert_range(part.footer().first_stream..part.footer().end_stream);
        // One that is damaged was reported: its streams are not reported once more.
        self.known |= &known;
        let read = || -> Result<(), FileError> {
            let labels = part.read(&PartCache::new(0, Part::memory_bytes))?;
            labels.visit_labels(&known, &mut |_, _| {})?;
            Ok(())
        };
        let affected =
            format!("{} streams are found by no query, with all their rows of the day", known.len());
        or_damage(read(), |what| report.add(file, what, affected))?;
        Ok(())
    }

    pub fn add_unread_part(&mut self) {
        self.has_unread_parts = true;
    }

    pub fn add_streams(&mut self, file: &Path, directory: &Directory) {
        self.used.push((file.to_owned(), directory.streams.iter().copied().collect()));
    }

    /// To be asked when all files of the day were seen: rows of a stream without labels are
    /// found by nobody.
    pub fn report_unknown_streams(&self, report: &mut Report) {
        for (file, streams) in self.used.iter().filter(|_| !self.has_unread_parts) {
            let unknown = streams - &self.known;
            if !unknown.is_empty() {
                let affected = format!("the rows of {} of its streams", unknown.len());
                report.add(
                    file,
                    "the labels of its streams are missing: a file of labels was lost",
                    affected,
                );
            }
        }
    }
}
