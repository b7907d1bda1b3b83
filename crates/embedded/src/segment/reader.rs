//! Reads what a query wants of a segment, page by page.

use std::sync::Arc;

use disk::ReadFile;
use model::TimeRange;

use super::directory::{Directory, PageEntry};
use super::{DirectoryCache, Segment};
use crate::files::FileError;
use crate::rows::{Probe, Rows};

pub struct SegmentReader<'a> {
    segment: &'a Segment,
    file: Box<dyn ReadFile>,
    directory: Arc<Directory>,
}

impl<'a> SegmentReader<'a> {
    pub fn open(segment: &'a Segment, cache: &DirectoryCache) -> Result<Self, FileError> {
        let directory = segment.directory(cache)?;
        Ok(Self { segment, file: segment.file().open_file()?, directory })
    }

    /// Hands over the rows of `wanted` streams (ascending) within the range, in order of
    /// streams and time; a stream may come in several pieces. Pages of which the filter
    /// says that nothing in them is of interest are not read.
    pub fn read<R: Rows, E: From<FileError>>(
        &self,
        wanted: &[u32],
        range: TimeRange,
        probe: &Probe,
        mut take: impl FnMut(u32, R) -> Result<(), E>,
    ) -> Result<(), E> {
        let directory = self.directory.clone();
        let places = directory.places(wanted);
        let mut places = &places[..];
        for page in &directory.pages {
            // Streams that end before the page are done with.
            let done = places.partition_point(|place| directory.rows(*place).end <= page.first_row);
            places = &places[done..];
            let here = places.partition_point(|place| directory.rows(*place).start < page.end_row);
            if here == 0 || !page.times.overlaps(range) || !self.may_match(page, probe)? {
                continue;
            }
            let streams: Vec<u32> = places[..here].iter().map(|place| directory.streams[*place]).collect();
            for (stream, mut rows) in self.page::<R>(page, Some(&streams))?.unwrap_or_default() {
                rows.clip(range);
                if rows.len() > 0 {
                    take(stream, rows)?;
                }
            }
        }
        Ok(())
    }

    /// Those of `wanted` (ascending) that have a row in the range. Reads pages only if the
    /// first and last times of a stream do not tell.
    pub fn streams_with_rows<R: Rows>(
        &self,
        wanted: &[u32],
        range: TimeRange,
    ) -> Result<Vec<u32>, FileError> {
        let (mut found, mut unclear) = (Vec::new(), Vec::new());
        for place in self.directory.places(wanted) {
            let (stream, times) = (self.directory.streams[place], self.directory.times(place));
            if range.contains(times.start) || range.contains(times.end) {
                found.push(stream);
            } else if times.overlaps(range) {
                unclear.push(stream);
            }
        }
        if !unclear.is_empty() {
            self.read::<R, FileError>(&unclear, range, &Probe::default(), |stream, _| {
                found.push(stream);
                Ok(())
            })?;
            found.sort_unstable();
            found.dedup();
        }
        Ok(found)
    }

    fn may_match(&self, page: &PageEntry, probe: &Probe) -> Result<bool, FileError> {
        if probe.is_empty() || page.filter.bytes == 0 {
            return Ok(true);
        }
        let read = || -> Result<bool, FileError> {
            let filter = self.segment.file().frame(&*self.file, page.filter, "a filter")?;
            Ok(probe.may_match(&filter)?)
        };
        match read() {
            // The rows may still be readable.
            Err(error) if error.is_damage() => {
                self.segment.file().report_damage(page.filter.offset, &error);
                Ok(true)
            }
            read => read,
        }
    }

    /// The streams of one page. Of a page that cannot be read there are none: that is
    /// reported once and counted, and the file goes to quarantine when it is replaced.
    fn page<R: Rows>(
        &self,
        page: &PageEntry,
        wanted: Option<&[u32]>,
    ) -> Result<Option<Vec<(u32, R)>>, FileError> {
        let read = || -> Result<Vec<(u32, R)>, FileError> {
            let bytes = self.segment.file().frame(&*self.file, page.span, "a page")?;
            Ok(R::decode(&bytes, wanted)?)
        };
        match read() {
            Ok(streams) => Ok(Some(streams)),
            Err(error) if error.is_damage() => {
                self.segment.file().report_damage(page.span.offset, &error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn whole_page<R: Rows>(&self, number: usize) -> Result<Option<Vec<(u32, R)>>, FileError> {
        match self.directory.pages.get(number) {
            Some(page) => Ok(Some(self.page(page, None)?.unwrap_or_default())),
            None => Ok(None),
        }
    }
}
