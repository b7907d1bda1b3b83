//! The index of streams that will not change any more.
//!
//! ```text
//! part    u8 version = 1
//!         uint base              the number of the first stream
//!         uint streams
//!         uint names, then for each name, in ascending order:
//!           text name
//!           uint values
//!           uint length of its entries, uint length of its postings
//!           uint length, runs    the streams that have the label
//!         for each name: table, entries, postings      (`dictionary`)
//!         u32 offset of each page, counted from the first
//!         pages of 256 streams, the last one shorter   (`page`)
//!
//! uint    LEB128                 text  uint length, UTF-8
//! runs    ascending ids, counted from the base         (`runs`)
//! ```
//!
//! Everything is there twice: by value, for who looks for streams, and by stream, for who
//! has found some. Nothing is decoded before it is asked for, and nothing is kept after: a
//! part takes hardly more memory than its bytes.

mod dictionary;
mod labels;
mod merge;
mod page;
mod select;
mod writer;

use std::ops::Range;
use std::sync::Arc;

use model::LabelSet;
use roaring::RoaringBitmap;

use crate::bytes::Cursor;
use crate::runs::{Runs, touches};
use crate::{Corrupt, Index, Selector};
use dictionary::{Dictionary, TABLE_ENTRY_BYTES, block_count};
use page::{PAGE_STREAMS, Page};

pub use merge::merge;
pub(crate) use writer::PartWriter;

const VERSION: u8 = 1;
const WHAT: &str = "an index of labels";

/// How many pages so many streams have.
fn page_count(streams: usize) -> usize {
    streams.div_ceil(PAGE_STREAMS)
}

/// Answers from the bytes that [`Builder::encode`](crate::Builder::encode) or [`merge`] wrote.
#[derive(Clone, Debug)]
pub struct Part {
    bytes: Arc<[u8]>,
    ids: Range<u32>,
    /// In ascending order.
    names: Vec<Name>,
    page_table: Range<usize>,
    pages: Range<usize>,
}

/// A label's name, and where its values are.
#[derive(Clone, Debug)]
struct Name {
    text: Box<str>,
    values: usize,
    presence: Range<usize>,
    table: Range<usize>,
    entries: Range<usize>,
    postings: Range<usize>,
}

impl Part {
    /// Reads the names and looks whether everything is as long as it should be.
    pub fn open(bytes: impl Into<Arc<[u8]>>) -> Result<Self, Corrupt> {
        let bytes = bytes.into();
        let mut cursor = Cursor::new(&bytes, WHAT);
        if cursor.byte()? != VERSION {
            return Err(cursor.corrupt());
        }
        let base = cursor.at_most(u32::MAX as usize)? as u32;
        let streams = cursor.at_most((u32::MAX - base) as usize)?;
        let mut names = Vec::new();
        for _ in 0..cursor.count()? {
            names.push(Name::read(&mut cursor, bytes.len())?);
        }
        if !names.is_sorted_by(|a, b| a.text < b.text) {
            return Err(cursor.corrupt());
        }
        let mut at = bytes.len() - cursor.rest().len();
        for name in &mut names {
            for section in [&mut name.table, &mut name.entries, &mut name.postings] {
                *section = next_section(&mut at, section.len(), &bytes)?;
            }
        }
        let page_table = next_section(&mut at, page_count(streams) * 4, &bytes)?;
        Ok(Self { ids: base..base + streams as u32, names, page_table, pages: at..bytes.len(), bytes })
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// What takes how many bytes.
    pub fn section_bytes(&self) -> [(&'static str, usize); 4] {
        let sum = |section: fn(&Name) -> usize| self.names.iter().map(section).sum();
        [
            ("values", sum(|name| name.table.len() + name.entries.len())),
            ("streams by value", sum(|name| name.postings.len())),
            ("streams by name", sum(|name| name.presence.len())),
            ("values by stream", self.page_table.len() + self.pages.len()),
        ]
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &*name.text)
    }

    fn name(&self, text: &str) -> Option<&Name> {
        Some(&self.names[self.name_number(text)?])
    }

    fn name_number(&self, text: &str) -> Option<usize> {
        self.names.binary_search_by(|name| (*name.text).cmp(text)).ok()
    }

    fn dictionary(&self, name: &Name) -> Dictionary<'_> {
        Dictionary {
            values: name.values,
            table: &self.bytes[name.table.clone()],
            entries: &self.bytes[name.entries.clone()],
            postings: &self.bytes[name.postings.clone()],
        }
    }

    fn presence(&self, name: &Name) -> &[u8] {
        &self.bytes[name.presence.clone()]
    }

    /// Counted from the base, as the bytes have them.
    fn runs<'a>(&self, bytes: &'a [u8]) -> Runs<'a> {
        Runs::new(bytes, self.ids.len() as u32)
    }

    /// The same as the world knows them.
    fn id_runs<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = Result<Range<u32>, Corrupt>> + use<'a> {
        let base = self.ids.start;
        self.runs(bytes).map(move |run| run.map(|run| base + run.start..base + run.end))
    }

    fn page(&self, number: usize) -> Result<Page<'_>, Corrupt> {
        let table = &self.bytes[self.page_table.clone()];
        let start = Cursor::new(table.get(number * 4..).unwrap_or_default(), WHAT).offset()?;
        let bytes = self.bytes[self.pages.clone()].get(start..).ok_or(Corrupt(WHAT))?;
        Page::open(bytes, self.page_streams(number))
    }

    fn page_streams(&self, number: usize) -> usize {
        (self.len() - number * PAGE_STREAMS).min(PAGE_STREAMS)
    }
}

impl Name {
    /// The ranges say how long the sections are, not yet where.
    fn read(cursor: &mut Cursor<'_>, bytes: usize) -> Result<Self, Corrupt> {
        let text = cursor.text()?.into();
        let values = cursor.at_most(bytes)?;
        let table = 0..block_count(values) * TABLE_ENTRY_BYTES;
        let (entries, postings) = (0..cursor.at_most(bytes)?, 0..cursor.at_most(bytes)?);
        let presence = cursor.block()?.len();
        let end = bytes - cursor.rest().len();
        Ok(Self { text, values, presence: end - presence..end, table, entries, postings })
    }
}

fn next_section(at: &mut usize, len: usize, bytes: &[u8]) -> Result<Range<usize>, Corrupt> {
    let start = *at;
    *at += len;
    if *at <= bytes.len() { Ok(start..*at) } else { Err(Corrupt(WHAT)) }
}

impl Index for Part {
    fn ids(&self) -> Range<u32> {
        self.ids.clone()
    }

    fn select_with(&self, selector: &Selector<'_>) -> Result<RoaringBitmap, Corrupt> {
        select::select(self, selector)
    }

    fn labels(&self, id: u32) -> Result<LabelSet, Corrupt> {
        labels::labels(self, id)
    }

    fn visit_labels(&self, ids: &RoaringBitmap, visit: &mut dyn FnMut(u32, LabelSet)) -> Result<(), Corrupt> {
        labels::visit(self, ids, visit)
    }

    fn label_names(&self) -> Result<Vec<String>, Corrupt> {
        Ok(self.names().map(str::to_owned).collect())
    }

    fn label_names_among(&self, ids: &RoaringBitmap) -> Result<Vec<String>, Corrupt> {
        let mut names = Vec::new();
        for name in &self.names {
            if any_run_touches(self.id_runs(self.presence(name)), ids)? {
                names.push(name.text.to_string());
            }
        }
        Ok(names)
    }

    fn label_values(&self, name: &str) -> Result<Vec<String>, Corrupt> {
        labels::values(self, name)
    }

    fn label_values_among(&self, name: &str, ids: &RoaringBitmap) -> Result<Vec<String>, Corrupt> {
        labels::values_among(self, name, ids)
    }

    fn memory_bytes(&self) -> usize {
        let names: usize = self.names.iter().map(|name| size_of::<Name>() + name.text.len()).sum();
        size_of::<Self>() + self.bytes.len() + names
    }
}

fn any_run_touches(
    runs: impl Iterator<Item = Result<Range<u32>, Corrupt>>,
    ids: &RoaringBitmap,
) -> Result<bool, Corrupt> {
    for run in runs {
        if touches(ids, run?) {
            return Ok(true);
        }
    }
    Ok(false)
}
