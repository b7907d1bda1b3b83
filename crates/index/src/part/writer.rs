//! Writes a part, from the labels' names down to their ids.

use std::ops::Range;

use super::dictionary::{DictionaryWriter, offset};
use super::page::{PAGE_STREAMS, PageWriter};
use super::{VERSION, page_count};
use crate::bytes::{put_block, put_uint};
use crate::runs::RunWriter;

/// Takes names in ascending order, values of each in ascending order, and ids of each in
/// ascending order; the columns of the streams follow from these.
#[derive(Debug)]
pub struct PartWriter {
    base: u32,
    names: usize,
    /// What the part says of each name, and where the rest of it is.
    head: Vec<u8>,
    dictionaries: Vec<u8>,
    pages: Vec<PageWriter>,
    /// Of all streams, for the name at hand; zeros in between.
    codes: Vec<u32>,
    /// The pages where some code is not zero.
    touched: Vec<bool>,
}

impl PartWriter {
    pub fn new(ids: Range<u32>) -> Self {
        let pages = page_count(ids.len());
        Self {
            base: ids.start,
            names: 0,
            head: Vec::new(),
            dictionaries: Vec::new(),
            pages: vec![PageWriter::default(); pages],
            codes: vec![0; ids.len()],
            touched: vec![false; pages],
        }
    }

    pub fn name(&mut self) -> NameWriter<'_> {
        NameWriter { part: self, dictionary: DictionaryWriter::default() }
    }

    pub fn finish(self) -> Vec<u8> {
        let mut pages = Vec::new();
        let mut table = Vec::with_capacity(self.pages.len() * 4);
        for page in &self.pages {
            table.extend(offset(pages.len()));
            page.finish(&mut pages);
        }
        let mut out = vec![VERSION];
        for number in [u64::from(self.base), self.codes.len() as u64, self.names as u64] {
            put_uint(&mut out, number);
        }
        for bytes in [self.head, self.dictionaries, table, pages] {
            out.extend_from_slice(&bytes);
        }
        out
    }
}

/// Takes the values of one name.
#[derive(Debug)]
pub struct NameWriter<'a> {
    part: &'a mut PartWriter,
    dictionary: DictionaryWriter,
}

impl NameWriter<'_> {
    /// The runs count from the part's first stream, and lie within it.
    pub fn push<E>(
        &mut self,
        value: &[u8],
        mut runs: impl Iterator<Item = Result<Range<u32>, E>>,
    ) -> Result<(), E> {
        let code = self.dictionary.values as u32 + 1;
        let PartWriter { codes, touched, .. } = &mut *self.part;
        self.dictionary.push(value, |out| {
            let mut writer = RunWriter::new(out);
            runs.try_for_each(|run| {
                let run = run?;
                let (start, end) = (run.start as usize, run.end as usize);
                codes[start..end].fill(code);
                touched[start / PAGE_STREAMS..end.div_ceil(PAGE_STREAMS)].fill(true);
                writer.push(run);
                Ok(())
            })?;
            writer.finish();
            Ok(())
        })
    }

    pub fn finish(self, name: &str) {
        let Self { part, dictionary } = self;
        let presence = part.take_columns();
        put_block(&mut part.head, name.as_bytes());
        for len in [dictionary.values, dictionary.entries.len(), dictionary.postings.len()] {
            put_uint(&mut part.head, len as u64);
        }
        put_block(&mut part.head, &presence);
        for bytes in [dictionary.table, dictionary.entries, dictionary.postings] {
            part.dictionaries.extend_from_slice(&bytes);
        }
        part.names += 1;
    }
}

impl PartWriter {
    /// Moves the codes of the name at hand into the pages; says which streams had any.
    fn take_columns(&mut self) -> Vec<u8> {
        let mut presence = Vec::new();
        let mut present = RunWriter::new(&mut presence);
        let mut at = 0;
        let pages = self.codes.chunks_mut(PAGE_STREAMS).zip(&mut self.pages).zip(&mut self.touched);
        for ((codes, page), is_touched) in pages {
            if std::mem::take(is_touched) {
                page.push(self.names, codes);
                push_present(&mut present, at, codes);
                codes.fill(0);
            }
            at += codes.len() as u32;
        }
        present.finish();
        presence
    }
}

fn push_present(present: &mut RunWriter<'_>, mut at: u32, codes: &[u32]) {
    for run in codes.chunk_by(|a, b| (*a == 0) == (*b == 0)) {
        let end = at + run.len() as u32;
        if run[0] != 0 {
            present.push(at..end);
        }
        at = end;
    }
}
