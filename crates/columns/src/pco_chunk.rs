//! One chunk of `pco`, guarded: numbers in few bits, at memory speed.
//!
//! ```text
//! chunk   pco's wrapped format 4.1: chunk meta, then pages one after the other
//! ```
//!
//! pco's own header is left out: kinds of ours say that a chunk follows, and would change
//! with its version. Of pco's modes and delta encodings, those are refused on reading that
//! we never write and that reserve memory which the bytes do not justify.

use std::cell::RefCell;

use pco::data_types::Number;
use pco::metadata::{DeltaEncoding, Mode};
use pco::wrapped::{ChunkDecompressor, FileCompressor, FileDecompressor};
use pco::{ChunkConfig, DecompressorScratch, DeltaSpec, ModeSpec, PagingSpec};

use crate::Corrupt;

/// The header that is left out.
const HEADER: [u8; 2] = [4, 1];

/// The low four bits of a chunk say its mode. A dictionary reserves up to 128 MiB before
/// it reads on, so it is refused before pco sees it.
const MODE_BITS: u8 = 0x0f;
const MODE_DICTIONARY: u8 = 4;

pub(crate) fn config(mode: ModeSpec, delta: DeltaSpec) -> ChunkConfig {
    ChunkConfig::default().with_mode_spec(mode).with_delta_spec(delta)
}

/// Appends one chunk of one page. There is at least one value.
pub(crate) fn put<N: Number>(out: &mut Vec<u8>, values: &[N], config: &ChunkConfig) {
    put_pages(out, values, vec![values.len()], config);
}

/// Appends one chunk with pages of so many values, none of them empty; says where each
/// page begins.
pub(crate) fn put_pages<N: Number>(
    out: &mut Vec<u8>,
    values: &[N],
    rows: Vec<usize>,
    config: &ChunkConfig,
) -> Vec<usize> {
    let config = config.clone().with_paging_spec(PagingSpec::Exact(rows));
    let written = write(out, values, &config);
    written.expect("the configuration is valid, and a vector takes every byte")
}

fn write<N: Number>(
    out: &mut Vec<u8>,
    values: &[N],
    config: &ChunkConfig,
) -> pco::errors::PcoResult<Vec<usize>> {
    let mut chunk = FileCompressor::default().chunk_compressor(values, config)?;
    chunk.write_meta(&mut *out)?;
    let pages = 0..chunk.n_per_page().len();
    pages
        .map(|page| {
            let start = out.len();
            chunk.write_page(page, &mut *out)?;
            Ok(start)
        })
        .collect()
}

thread_local! {
    static SCRATCH: RefCell<DecompressorScratch> = RefCell::default();
}

/// Reads all pages of a chunk, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Chunk<N: Number>(ChunkDecompressor<N>);

impl<N: Number> Chunk<N> {
    /// Reads the meta; the pages are what is left of the bytes.
    pub(crate) fn read<'a>(bytes: &'a [u8], what: &'static str) -> Result<(Self, &'a [u8]), Corrupt> {
        let corrupt = |_| Corrupt(what);
        if bytes.first().is_none_or(|first| first & MODE_BITS == MODE_DICTIONARY) {
            return Err(Corrupt(what));
        }
        let (file, _) = FileDecompressor::new(HEADER.as_slice()).map_err(corrupt)?;
        let (chunk, pages) = file.chunk_decompressor::<N, _>(bytes).map_err(corrupt)?;
        let meta = chunk.meta();
        let is_ours = matches!(meta.delta_encoding, DeltaEncoding::NoOp | DeltaEncoding::Consecutive { .. })
            && !matches!(meta.mode, Mode::Dict(_));
        if is_ours { Ok((Self(chunk), pages)) } else { Err(Corrupt(what)) }
    }

    /// Appends the values of the page at the front, and gives what follows it.
    pub(crate) fn page<'a>(
        &self,
        bytes: &'a [u8],
        rows: usize,
        values: &mut Vec<N>,
        what: &'static str,
    ) -> Result<&'a [u8], Corrupt> {
        let corrupt = |_| Corrupt(what);
        let start = values.len();
        values.resize(start + rows, N::default());
        SCRATCH.with_borrow_mut(|scratch| {
            let mut page = self.0.page_decompressor_with_scratch(bytes, rows, scratch).map_err(corrupt)?;
            let progress = page.read(&mut values[start..]).map_err(corrupt)?;
            if progress.n_processed == rows { Ok(page.into_src()) } else { Err(Corrupt(what)) }
        })
    }
}

/// Reads what [`put`] wrote.
pub(crate) fn read<N: Number>(bytes: &[u8], rows: usize, what: &'static str) -> Result<Vec<N>, Corrupt> {
    let (chunk, pages) = Chunk::read(bytes, what)?;
    let mut values = Vec::new();
    let rest = chunk.page(pages, rows, &mut values, what)?;
    if rest.is_empty() { Ok(values) } else { Err(Corrupt(what)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_that_we_leave_out_is_the_one_that_pco_writes() {
        let mut header = Vec::new();
        FileCompressor::default().write_header(&mut header).unwrap();
        assert_eq!(header, HEADER, "a new format of pco needs new kinds of ours");
    }
}
