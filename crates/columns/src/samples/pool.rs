//! Residuals of many runs in one chunk of pco, in pages that can be read alone.
//!
//! ```text
//! byte width                 1: residuals are i16, 2: i32, 3: i64
//! block numbers (u32)        bytes of each page
//! a pco chunk with those pages
//! ```

use pco::{DeltaSpec, ModeSpec};

use crate::bytes::{Cursor, put_block};
use crate::pco_chunk::{self, Chunk};
use crate::{Corrupt, numbers};

use super::WHAT;

/// A page is closed as soon as it has so many residuals. Reading one run reads its page, at
/// about five nanoseconds a residual; each page costs some six bytes.
pub(super) const PAGE_ROWS: usize = 1024;

const WIDTH_16: u8 = 1;
const WIDTH_32: u8 = 2;
const WIDTH_64: u8 = 3;

/// There is at least one page, and none is empty.
pub(super) fn encode(pages: &[Vec<i64>]) -> Vec<u8> {
    let all: Vec<i64> = pages.concat();
    let rows: Vec<usize> = pages.iter().map(Vec::len).collect();
    let narrow: Option<Vec<i16>> = all.iter().map(|&residual| residual.try_into().ok()).collect();
    if let Some(narrow) = narrow {
        return encode_as(WIDTH_16, &narrow, rows);
    }
    let narrow: Option<Vec<i32>> = all.iter().map(|&residual| residual.try_into().ok()).collect();
    match narrow {
        Some(narrow) => encode_as(WIDTH_32, &narrow, rows),
        None => encode_as(WIDTH_64, &all, rows),
    }
}

fn encode_as<N: pco::data_types::Number>(width: u8, residuals: &[N], rows: Vec<usize>) -> Vec<u8> {
    // What could be predicted has been, so pco need not look for it.
    let config = pco_chunk::config(ModeSpec::Classic, DeltaSpec::NoOp);
    let mut chunk = Vec::new();
    let starts = pco_chunk::put_pages(&mut chunk, residuals, rows, &config);
    let ends = starts[1..].iter().copied().chain([chunk.len()]);
    let sizes: Vec<u32> = starts.iter().zip(ends).map(|(start, end)| (end - start) as u32).collect();
    let mut out = vec![width];
    put_block(&mut out, &numbers::encode(&sizes));
    out.extend_from_slice(&chunk);
    out
}

/// A pool of which the meta has been read.
#[derive(Clone, Debug)]
pub(super) struct Pool<'a> {
    chunk: Width,
    /// The bytes of each page.
    pages: Vec<&'a [u8]>,
}

#[derive(Clone, Debug)]
enum Width {
    Bits16(Chunk<i16>),
    Bits32(Chunk<i32>),
    Bits64(Chunk<i64>),
}

impl<'a> Pool<'a> {
    pub(super) fn decode(bytes: &'a [u8], pages: usize) -> Result<Self, Corrupt> {
        let mut cursor = Cursor::new(bytes, WHAT);
        let width = cursor.byte()?;
        let sizes = numbers::decode::<u32>(cursor.block()?, pages)?;
        let corrupt = cursor.corrupt();
        let (chunk, rest) = match width {
            WIDTH_16 => Chunk::read(cursor.rest(), WHAT).map(|(chunk, rest)| (Width::Bits16(chunk), rest))?,
            WIDTH_32 => Chunk::read(cursor.rest(), WHAT).map(|(chunk, rest)| (Width::Bits32(chunk), rest))?,
            WIDTH_64 => Chunk::read(cursor.rest(), WHAT).map(|(chunk, rest)| (Width::Bits64(chunk), rest))?,
            _ => return Err(corrupt),
        };
        let mut cursor = Cursor::new(rest, WHAT);
        let pages = sizes.iter().map(|&size| cursor.take(size as usize)).collect::<Result<_, _>>()?;
        cursor.finish()?;
        Ok(Self { chunk, pages })
    }

    pub(super) fn page(&self, page: usize, rows: usize) -> Result<Vec<i64>, Corrupt> {
        let bytes = self.pages[page];
        match &self.chunk {
            Width::Bits16(chunk) => read_page(chunk, bytes, rows),
            Width::Bits32(chunk) => read_page(chunk, bytes, rows),
            Width::Bits64(chunk) => read_page(chunk, bytes, rows),
        }
    }
}

fn read_page<N>(chunk: &Chunk<N>, bytes: &[u8], rows: usize) -> Result<Vec<i64>, Corrupt>
where
    N: pco::data_types::Number + Into<i64>,
{
    let mut residuals = Vec::new();
    let rest = chunk.page(bytes, rows, &mut residuals, WHAT)?;
    if !rest.is_empty() {
        return Err(Corrupt(WHAT));
    }
    Ok(residuals.into_iter().map(Into::into).collect())
}
