//! Reads what a query wants of a segment, page by page.

use std::cmp::Reverse;
use std::sync::Arc;

use columns::Corrupt;
use disk::ReadFile;
use model::TimeRange;

use super::directory::{Directory, PageEntry, Piece};
use super::{DirectoryCache, Segment};
use crate::files::{FileError, Span};
use crate::parallel::each;
use crate::rows::{Identity, Probe, Rows, StreamKey};

/// Pages that are decoded before the rows of the first of them are handed over: enough to
/// keep two threads busy, few enough that what is not yet counted against a query's limits
/// is 2 MB of samples, or some times that of events.
const PAGES_AHEAD_MAX: usize = 8;

/// In which order pages are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageOrder {
    /// The pieces of one stream come in order of arrival.
    OfFile,
    /// For who wants the first or the last rows only: where pages were copied from several
    /// segments, those of one time stand together.
    OldestFirst,
    NewestFirst,
}

/// What is of interest in a segment.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Ascending.
    pub streams: &'a [u32],
    pub probe: &'a Probe,
    pub order: PageOrder,
}

/// One page to read, and the pieces in it that are wanted.
struct Visit<'a> {
    number: u32,
    page: &'a PageEntry,
    pieces: &'a [usize],
}

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
    /// pages; the pieces of one stream come in order of time.
    pub fn read<R: Rows, E: From<FileError>>(
        &self,
        wanted: &[u32],
        range: TimeRange,
        mut take: impl FnMut(u32, R) -> Result<(), E>,
    ) -> Result<(), E> {
        let decode = |page: &[u8], streams: &[u32], range: TimeRange| {
            let mut found: Vec<(u32, R)> = R::decode(page, Some(streams))?;
            found.iter_mut().for_each(|(_, rows)| rows.clip(range));
            Ok(found)
        };
        let wanted = Wanted { streams: wanted, probe: &Probe::default(), order: PageOrder::OfFile };
        self.read_selected(wanted, &|| range, decode, |_, stream, rows| {
            if rows.len() > 0 { take(stream, rows) } else { Ok(()) }
        })
    }

    /// As [`read`](SegmentReader::read), but `decode` makes of each page what is of interest,
    /// and the range is asked for anew before some are read: it may have become narrower.
    /// Pages of which the filter says that nothing in them is of interest are not read. Rows
    /// are handed over with the place of their page in the file.
    pub fn read_selected<R: Rows, E: From<FileError>>(
        &self,
        wanted: Wanted<'_>,
        range: &dyn Fn() -> TimeRange,
        decode: impl Fn(&[u8], &[u32], TimeRange) -> Result<Vec<(u32, R)>, Corrupt> + Sync,
        mut take: impl FnMut(u32, u32, R) -> Result<(), E>,
    ) -> Result<(), E> {
        let pieces = self.directory.pieces(wanted.streams);
        let visits = self.visits(&pieces, range(), wanted.order);
        let mut visits = &visits[..];
        let mut ahead = if wanted.order == PageOrder::OfFile { PAGES_AHEAD_MAX } else { 1 };
        while !visits.is_empty() {
            let (now, later) = visits.split_at(ahead.min(visits.len()));
            visits = later;
            // What the first pages have may be all that is wanted.
            ahead = (2 * ahead).min(PAGES_AHEAD_MAX);
            let range = range();
            // Asking a filter takes less than starting a thread; decoding a page takes more.
            let mut left = Vec::with_capacity(now.len());
            for visit in now {
                if visit.page.times.overlaps(range) && self.may_match(visit.page, wanted.probe)? {
                    left.push(visit);
                }
            }
            let read = |visit: &&Visit<'_>| self.visit(visit, range, &decode);
            for (visit, found) in left.iter().zip(each(&left, read)) {
                for (stream, rows) in found? {
                    take(visit.number, stream, rows)?;
                }
            }
        }
        Ok(())
    }

    /// The pages with some of these pieces (ascending), and with rows in the range.
    fn visits<'p>(&'p self, pieces: &'p [usize], range: TimeRange, order: PageOrder) -> Vec<Visit<'p>> {
        let mut visits = Vec::new();
        let mut pieces = pieces;
        for (number, page) in (0..).zip(&self.directory.pages) {
            let here = pieces.partition_point(|piece| *piece < page.end_piece as usize);
            let (in_page, later) = pieces.split_at(here);
            pieces = later;
            if !in_page.is_empty() && page.times.overlaps(range) {
                visits.push(Visit { number, page, pieces: in_page });
            }
        }
        match order {
            PageOrder::OfFile => {}
            PageOrder::OldestFirst => visits.sort_by_key(|visit| visit.page.times.start),
            PageOrder::NewestFirst => visits.sort_by_key(|visit| Reverse(visit.page.times.end)),
        }
        visits
    }

    fn visit<R>(
        &self,
        visit: &Visit<'_>,
        range: TimeRange,
        decode: impl Fn(&[u8], &[u32], TimeRange) -> Result<Vec<(u32, R)>, Corrupt>,
    ) -> Result<Vec<(u32, R)>, FileError> {
        let overlap = visit.pieces.iter().filter(|piece| self.directory.times(**piece).overlaps(range));
        let streams: Vec<u32> = overlap.map(|piece| self.directory.streams[*piece]).collect();
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.page(visit.page, |bytes| decode(bytes, &streams, range))?;
        Ok(found.unwrap_or_default())
    }

    /// Those of `wanted` (ascending) that have a row in the range. Reads pages only if the
    /// first and last times of a stream do not tell.
    pub fn streams_with_rows<R: Rows>(
        &self,
        wanted: &[u32],
        range: TimeRange,
    ) -> Result<Vec<u32>, FileError> {
        let (mut found, mut unclear) = (Vec::new(), Vec::new());
        for piece in self.directory.pieces(wanted) {
            let (stream, times) = (self.directory.streams[piece], self.directory.times(piece));
            if range.contains(times.start) || range.contains(times.end) {
                found.push(stream);
            } else if times.overlaps(range) {
                unclear.push(stream);
            }
        }
        if !unclear.is_empty() {
            unclear.sort_unstable();
            self.read::<R, FileError>(&unclear, range, |stream, _| {
                found.push(stream);
                Ok(())
            })?;
        }
        found.sort_unstable();
        found.dedup();
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
    fn page<R>(
        &self,
        page: &PageEntry,
        decode: impl Fn(&[u8]) -> Result<Vec<(u32, R)>, Corrupt>,
    ) -> Result<Option<Vec<(u32, R)>>, FileError> {
        let read = || -> Result<Vec<(u32, R)>, FileError> {
            let bytes = self.segment.file().frame(&*self.file, page.span, "a page")?;
            Ok(decode(&bytes)?)
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

    /// All of one page, in order of keys.
    pub(super) fn whole_page<R: Rows>(&self, number: usize) -> Result<Vec<(StreamKey, R)>, FileError> {
        let page = &self.directory.pages[number];
        let streams = self.page(page, |bytes| R::decode(bytes, None))?.unwrap_or_default();
        let keys = page.pieces().map(|piece| self.directory.key(piece));
        let mut streams: Vec<(StreamKey, R)> =
            keys.zip(streams).map(|(key, (_, rows))| (key, rows)).collect();
        streams.sort_by_key(|(key, _)| *key);
        Ok(streams)
    }

    /// Hands over every page as its bytes, for who copies them. Pages that cannot be read
    /// are reported and left out.
    pub fn copy_pages<E: From<FileError>>(
        &self,
        mut take: impl FnMut(&[Piece], &[u8], Option<&[u8]>) -> Result<(), E>,
    ) -> Result<(), E> {
        for page in &self.directory.pages {
            let Some(bytes) = self.checked(page.span, "a page")? else { continue };
            let has_filter = page.filter.bytes > 0;
            let filter = if has_filter { self.checked(page.filter, "a filter")? } else { None };
            let pieces: Vec<Piece> = page.pieces().map(|piece| self.directory.piece(piece)).collect();
            take(&pieces, &bytes, filter.as_deref())?;
        }
        Ok(())
    }

    /// Identities of the rows within the range, for tables whose rows replace others, in
    /// pages that the probe does not rule out.
    pub fn identities<R: Rows>(
        &self,
        range: TimeRange,
        probe: &Probe,
    ) -> Result<Vec<(u32, Identity)>, FileError> {
        let mut found = Vec::new();
        for page in self.directory.pages.iter().filter(|page| page.times.overlaps(range)) {
            if !self.may_match(page, probe)? {
                continue;
            }
            if let Some(bytes) = self.checked(page.span, "a page")? {
                found.extend(R::identities_in(&bytes, range)?);
            }
        }
        Ok(found)
    }

    /// `None`, and a report, for a frame that is damaged.
    fn checked(&self, span: Span, what: &'static str) -> Result<Option<Vec<u8>>, FileError> {
        match self.segment.file().frame(&*self.file, span, what) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.is_damage() => {
                self.segment.file().report_damage(span.offset, &error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
