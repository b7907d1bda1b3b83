//! From streams to their labels.

use model::LabelSet;
use roaring::RoaringBitmap;

use super::page::{Column, PAGE_STREAMS, Page};
use super::{Name, Part, WHAT, any_run_touches};
use crate::{Corrupt, Index};

/// Reading the label of one stream takes about as long as reading so many bytes of postings.
pub const POSTING_BYTES_A_STREAM: u64 = 16;

pub fn labels(part: &Part, id: u32) -> Result<LabelSet, Corrupt> {
    let (mut page, index) = page_of(part, id)?;
    let mut texts = Vec::with_capacity(256);
    let mut labels: Vec<(&str, usize, usize)> = Vec::with_capacity(16);
    while let Some((number, column)) = page.next()? {
        let Some(ordinal) = column.code(index)?.checked_sub(1) else { continue };
        let name = part.names.get(number).ok_or(Corrupt(WHAT))?;
        let start = texts.len();
        part.dictionary(name).append_value(ordinal as usize, &mut texts)?;
        labels.push((&name.text, start, texts.len()));
    }
    let texts = std::str::from_utf8(&texts).map_err(|_| Corrupt(WHAT))?;
    if labels.iter().any(|(_, start, _)| !texts.is_char_boundary(*start)) {
        return Err(Corrupt(WHAT));
    }
    Ok(LabelSet::from_sorted(labels.iter().map(|(name, start, end)| (*name, &texts[*start..*end]))))
}

/// The page of a stream, and its place there.
fn page_of(part: &Part, id: u32) -> Result<(Page<'_>, usize), Corrupt> {
    if !part.ids().contains(&id) {
        return Err(Corrupt("the number of a stream"));
    }
    let place = (id - part.ids().start) as usize;
    Ok((part.page(place / PAGE_STREAMS)?, place % PAGE_STREAMS))
}

pub fn visit(part: &Part, ids: &RoaringBitmap, visit: &mut dyn FnMut(u32, LabelSet)) -> Result<(), Corrupt> {
    let texts = part.names.iter().map(|name| Texts::new(part, name, ids.len()));
    let mut texts = texts.collect::<Result<Vec<_>, _>>()?;
    let mut page_at = None;
    let mut columns = Vec::new();
    let mut found = Vec::new();
    for id in ids.range(part.ids()) {
        let place = (id - part.ids().start) as usize;
        let (page, index) = (place / PAGE_STREAMS, place % PAGE_STREAMS);
        if page_at.replace(page) != Some(page) {
            let end = part.ids().end.min(id.saturating_add((PAGE_STREAMS - index) as u32));
            columns = Codes::of_page(part, page, ids.range_cardinality(id..end))?;
        }
        found.clear();
        for (number, codes) in &columns {
            if let Some(ordinal) = codes.code(index)?.checked_sub(1) {
                texts[*number].look_up(part, ordinal)?;
                found.push((*number, ordinal));
            }
        }
        let pairs = found.iter().map(|(number, ordinal)| {
            let texts = &texts[*number];
            (&*texts.name.text, texts.text(*ordinal))
        });
        visit(id, LabelSet::from_sorted(pairs));
    }
    Ok(())
}

/// For so many streams of a page it pays to unpack its columns.
const UNPACK_STREAMS_MIN: u64 = 16;

/// One label of the streams of a page.
enum Codes<'a> {
    Packed(Column<'a>),
    Unpacked(Vec<u32>),
}

impl<'a> Codes<'a> {
    /// All labels, with the numbers of their names, for so many of the streams.
    fn of_page(part: &'a Part, page: usize, streams: u64) -> Result<Vec<(usize, Self)>, Corrupt> {
        let page_streams = part.page_streams(page);
        let mut page = part.page(page)?;
        let mut columns = Vec::new();
        while let Some((number, column)) = page.next()? {
            if number >= part.names.len() {
                return Err(Corrupt(WHAT));
            }
            let is_worth_it = streams >= UNPACK_STREAMS_MIN;
            let codes =
                if is_worth_it { Self::Unpacked(column.codes(page_streams)?) } else { Self::Packed(column) };
            columns.push((number, codes));
        }
        Ok(columns)
    }

    fn code(&self, index: usize) -> Result<u32, Corrupt> {
        match self {
            Self::Packed(column) => column.code(index),
            Self::Unpacked(codes) => codes.get(index).copied().ok_or(Corrupt(WHAT)),
        }
    }
}

/// The values of one name, for who asks for many of them.
struct Texts<'a> {
    name: &'a Name,
    /// One after the other: all of them, or just the last that was looked up.
    text: String,
    /// Where each ends, if it is all of them.
    ends: Vec<usize>,
    last: Option<u32>,
}

impl<'a> Texts<'a> {
    /// Unfolds the dictionary if there are more streams to come than values.
    fn new(part: &Part, name: &'a Name, streams: u64) -> Result<Self, Corrupt> {
        let mut texts = Self { name, text: String::new(), ends: Vec::new(), last: None };
        if name.values as u64 <= streams {
            let mut walk = part.dictionary(name).walk()?;
            while walk.next()? {
                texts.text.push_str(walk.text()?);
                texts.ends.push(texts.text.len());
            }
        }
        Ok(texts)
    }

    /// So that [`Texts::text`] has it.
    fn look_up(&mut self, part: &Part, ordinal: u32) -> Result<(), Corrupt> {
        if (ordinal as usize) < self.ends.len() || self.last == Some(ordinal) {
            return Ok(());
        }
        self.last = None;
        let mut value = std::mem::take(&mut self.text).into_bytes();
        value.clear();
        part.dictionary(self.name).append_value(ordinal as usize, &mut value)?;
        self.text = String::from_utf8(value).map_err(|_| Corrupt(WHAT))?;
        self.last = Some(ordinal);
        Ok(())
    }

    fn text(&self, ordinal: u32) -> &str {
        let ordinal = ordinal as usize;
        let Some(end) = self.ends.get(ordinal) else { return &self.text };
        let start = if ordinal == 0 { 0 } else { self.ends[ordinal - 1] };
        &self.text[start..*end]
    }
}

pub fn values(part: &Part, name: &str) -> Result<Vec<String>, Corrupt> {
    let Some(name) = part.name(name) else { return Ok(Vec::new()) };
    let mut walk = part.dictionary(name).walk()?;
    let mut values = Vec::new();
    while walk.next()? {
        values.push(walk.text()?.to_owned());
    }
    Ok(values)
}

/// Looks at the streams, or at the ids of each value, whichever is less.
pub fn values_among(part: &Part, name: &str, ids: &RoaringBitmap) -> Result<Vec<String>, Corrupt> {
    let Some(number) = part.name_number(name) else { return Ok(Vec::new()) };
    let name = &part.names[number];
    let by_stream = ids.len().saturating_mul(POSTING_BYTES_A_STREAM) < name.postings.len() as u64;
    let seen = if by_stream { Some(codes_of(part, number, ids)?) } else { None };
    let mut walk = part.dictionary(name).walk()?;
    let mut values = Vec::new();
    while walk.next()? {
        let occurs = match &seen {
            Some(codes) => codes.contains(walk.ordinal() as u32 + 1),
            None => any_run_touches(part.id_runs(walk.ids()), ids)?,
        };
        if occurs {
            values.push(walk.text()?.to_owned());
        }
    }
    Ok(values)
}

fn codes_of(part: &Part, name: usize, ids: &RoaringBitmap) -> Result<RoaringBitmap, Corrupt> {
    let mut codes = RoaringBitmap::new();
    each_code(part, name, ids, |_, code| {
        codes.insert(code);
    })?;
    Ok(codes)
}

/// The code that each of some streams has for one name.
pub fn each_code(
    part: &Part,
    name: usize,
    ids: &RoaringBitmap,
    mut visit: impl FnMut(u32, u32),
) -> Result<(), Corrupt> {
    let mut page_at = None;
    let mut column = None;
    for id in ids.range(part.ids()) {
        let place = (id - part.ids().start) as usize;
        if page_at.replace(place / PAGE_STREAMS) != Some(place / PAGE_STREAMS) {
            column = part.page(place / PAGE_STREAMS)?.find(name)?;
        }
        let code = column.as_ref().map_or(Ok(0), |column| column.code(place % PAGE_STREAMS))?;
        visit(id, code);
    }
    Ok(())
}
