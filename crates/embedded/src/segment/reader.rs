//! Reads what a query wants of a segment, page by page. Pages are decoded side by side, a
//! few at a time, and handed over in their order.

use std::sync::Arc;

use columns::Corrupt;
use disk::ReadFile;
use model::TimeRange;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use storage::Order;

use super::directory::{Directory, PageEntry, Piece};
use super::{DirectoryCache, Segment};
use crate::files::{FileError, Span};
use crate::rows::{Identity, Probe, Rows, StreamKey};

/// Decoded pages that wait for their turn: some megabytes.
const TOGETHER_MAX: usize = 8;

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
        let decode = |page: &[u8], streams: &[u32], _: TimeRange| {
            let mut found: Vec<(u32, R)> = R::decode(page, Some(streams))?;
            found.iter_mut().for_each(|(_, rows)| rows.clip(range));
            Ok(found)
        };
        let range = &|| range;
        self.read_selected(wanted, range, Order::OldestFirst, &Probe::default(), decode, |_, stream, rows| {
            if rows.len() > 0 { take(stream, rows) } else { Ok(()) }
        })
    }

    /// As [`read`](SegmentReader::read), but `decode` makes of each page what is of interest,
    /// and the range is asked for anew before each few: it may have become narrower. Pages of
    /// which the filter says that nothing in them is of interest are not read. They come as
    /// they lie in the segment, or with the newest first; `take` is told the place of each.
    pub fn read_selected<R: Rows, E: From<FileError>>(
        &self,
        wanted: &[u32],
        range: &dyn Fn() -> TimeRange,
        order: Order,
        probe: &Probe,
        decode: impl Fn(&[u8], &[u32], TimeRange) -> Result<Vec<(u32, R)>, Corrupt> + Sync,
        mut take: impl FnMut(usize, u32, R) -> Result<(), E>,
    ) -> Result<(), E> {
        let pieces = self.directory.pieces(wanted);
        let mut pages = self.pages_with(&pieces);
        if order == Order::NewestFirst {
            pages.sort_by_key(|(place, _)| {
                std::cmp::Reverse((self.directory.pages[*place].times.end, *place))
            });
        }
        let mut pages = pages.into_iter();
        let mut together = 1;
        loop {
            let range = range();
            let chosen = pages.by_ref().filter_map(|(place, in_page)| {
                if !self.directory.pages[place].times.overlaps(range) {
                    return None;
                }
                let overlap = in_page.iter().filter(|piece| self.directory.times(**piece).overlaps(range));
                let streams: Vec<u32> = overlap.map(|piece| self.directory.streams[*piece]).collect();
                (!streams.is_empty()).then_some((place, streams))
            });
            let chosen: Vec<(usize, Vec<u32>)> = chosen.take(together).collect();
            let read = |(place, streams): &(usize, Vec<u32>)| -> Result<Vec<(u32, R)>, FileError> {
                let page = &self.directory.pages[*place];
                if !self.may_match(page, probe)? {
                    return Ok(Vec::new());
                }
                let found = self.page(page, |bytes| decode(bytes, streams, range))?;
                Ok(found.unwrap_or_default())
            };
            let found: Vec<_> = match &chosen[..] {
                [] => return Ok(()),
                [one] => vec![read(one)],
                several => several.par_iter().map(read).collect(),
            };
            for ((place, _), found) in chosen.iter().zip(found) {
                for (stream, rows) in found? {
                    take(*place, stream, rows)?;
                }
            }
            // The first few may be all that is wanted.
            together = (2 * together).min(TOGETHER_MAX);
        }
    }

    /// The places of pages that hold some of the pieces (ascending), with those.
    fn pages_with<'p>(&self, mut pieces: &'p [usize]) -> Vec<(usize, &'p [usize])> {
        let mut found = Vec::new();
        for (place, page) in self.directory.pages.iter().enumerate() {
            let here = pieces.partition_point(|piece| *piece < page.end_piece as usize);
            let (in_page, later) = pieces.split_at(here);
            pieces = later;
            if !in_page.is_empty() {
                found.push((place, in_page));
            }
        }
        found
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
