//! From a page to runs, as few as are asked for.

use crate::bytes::Cursor;
use crate::{Corrupt, ROWS_MAX, numbers};

use super::form::{self, Form};
use super::pool::Pool;
use super::{Code, RunHead, VERSION, WHAT, quiet};

/// A page of which the heads of its runs have been read. Times and values are decoded when
/// they are asked for, together with those of the few runs that they share bytes with, and
/// are kept.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    heads: Vec<RunHead>,
    runs: Vec<KeptRun>,
    vectors: Vec<Vector<'a>>,
    pools: Vec<Pool<'a>>,
    /// For each pool and page the runs in it.
    pages: Vec<Vec<Vec<usize>>>,
}

#[derive(Clone, Debug)]
struct KeptRun {
    vector: usize,
    code: Code,
    first: i64,
    divisor: u64,
    /// Within its pool.
    page: usize,
    values: Option<Vec<f64>>,
}

#[derive(Clone, Debug)]
struct Vector<'a> {
    bytes: &'a [u8],
    rows: usize,
    /// Of the rows after the first; empty if runs of these times cannot be masked.
    quiet: Vec<bool>,
    /// How many of them are not quiet.
    moving: usize,
    times: Option<Vec<i64>>,
}

impl<'a> Page<'a> {
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Corrupt> {
        let mut cursor = Cursor::new(bytes, WHAT);
        if cursor.byte()? != VERSION {
            return Err(cursor.corrupt());
        }
        let count = cursor.at_most(ROWS_MAX)?;
        let heads = read_heads(&mut cursor, count)?;
        let vector_of_run = numbers::decode::<u32>(cursor.block()?, count)?;
        let vectors = read_vectors(&mut cursor, &heads, &vector_of_run)?;
        let runs = read_runs(&mut cursor, &heads, &vector_of_run)?;
        let mut page = Self { heads, runs, vectors, pools: vec![], pages: vec![] };
        page.read_pools(cursor)?;
        Ok(page)
    }

    /// The runs of the page, in the order they were encoded in.
    pub fn heads(&self) -> &[RunHead] {
        &self.heads
    }

    /// The times of a run.
    pub fn times(&mut self, run: usize) -> Result<&[i64], Corrupt> {
        let vector = &mut self.vectors[self.runs[run].vector];
        let times = match vector.times.take() {
            Some(times) => times,
            None => numbers::decode(vector.bytes, vector.rows)?,
        };
        Ok(vector.times.insert(times))
    }

    /// The values of a run.
    pub fn values(&mut self, run: usize) -> Result<&[f64], Corrupt> {
        if self.runs[run].values.is_none() {
            match self.runs[run].code.pool {
                0 => self.fill_constant(run),
                pool => self.decode_page(usize::from(pool) - 1, self.runs[run].page)?,
            }
        }
        self.runs[run].values.as_deref().ok_or(Corrupt(WHAT))
    }

    fn fill_constant(&mut self, run: usize) {
        let rows = self.heads[run].rows as usize;
        let run = &mut self.runs[run];
        run.values = Some(vec![form::value_of(run.code.digits, run.first); rows]);
    }

    /// Decodes all runs of one page of a pool.
    fn decode_page(&mut self, pool: usize, page: usize) -> Result<(), Corrupt> {
        let runs = &self.pages[pool][page];
        let rows = runs.iter().map(|&run| self.residual_rows(run)).sum();
        let mut residuals = self.pools[pool].page(page, rows)?;
        let mut start = 0;
        let mut rows_before = 0;
        for &run in runs {
            let rows = self.residual_rows(run);
            if self.runs[run].code.follows {
                if rows != rows_before {
                    return Err(Corrupt(WHAT));
                }
                for row in start..start + rows {
                    residuals[row] = residuals[row].wrapping_add(residuals[row - rows]);
                }
            }
            let values = self.restore(run, &residuals[start..start + rows]);
            self.runs[run].values = Some(values);
            (start, rows_before) = (start + rows, rows);
        }
        Ok(())
    }

    /// How many residuals are kept of a moving run.
    fn residual_rows(&self, run: usize) -> usize {
        let KeptRun { vector, code, .. } = &self.runs[run];
        if code.is_masked { self.vectors[*vector].moving } else { self.vectors[*vector].rows - 1 }
    }

    fn restore(&self, run: usize, residuals: &[i64]) -> Vec<f64> {
        let KeptRun { vector, code, first, divisor, .. } = &self.runs[run];
        let form = Form { digits: code.digits, is_level: code.is_level, first: *first, divisor: *divisor };
        let vector = &self.vectors[*vector];
        let mut values = Vec::with_capacity(vector.rows);
        if code.is_masked {
            let mut residuals = residuals.iter().copied();
            let of_row = |&quiet: &bool| if quiet { 0 } else { residuals.next().unwrap_or(0) };
            form::restore(&form, vector.quiet.iter().map(of_row), &mut values);
        } else {
            form::restore(&form, residuals.iter().copied(), &mut values);
        }
        values
    }

    /// Reads the pools, and finds the page of each run as the writer did.
    fn read_pools(&mut self, mut cursor: Cursor<'a>) -> Result<(), Corrupt> {
        let page_rows = cursor.at_most(ROWS_MAX)?;
        let pools = cursor.count()?;
        let mut pages: Vec<Vec<Vec<usize>>> = vec![vec![vec![]]; pools.min(8)];
        let mut rows = vec![0; pools];
        for run in 0..self.runs.len() {
            let Some(pool) = usize::from(self.runs[run].code.pool).checked_sub(1) else { continue };
            let of_pool = pages.get_mut(pool).ok_or(cursor.corrupt())?;
            if rows[pool] >= page_rows {
                of_pool.push(vec![]);
                rows[pool] = 0;
            }
            self.runs[run].page = of_pool.len() - 1;
            if let Some(page) = of_pool.last_mut() {
                page.push(run);
            }
            rows[pool] += self.residual_rows(run);
        }
        for pages in &pages {
            self.pools.push(Pool::decode(cursor.block()?, pages.len())?);
        }
        self.pages = pages;
        cursor.finish()
    }
}

fn read_heads(cursor: &mut Cursor<'_>, count: usize) -> Result<Vec<RunHead>, Corrupt> {
    let streams = numbers::decode::<u32>(cursor.block()?, count)?;
    let rows = numbers::decode::<u32>(cursor.block()?, count)?;
    if rows.iter().map(|&rows| u64::from(rows)).sum::<u64>() > ROWS_MAX as u64 {
        return Err(cursor.corrupt());
    }
    Ok(streams.into_iter().zip(rows).map(|(stream, rows)| RunHead { stream, rows }).collect())
}

/// All runs of a vector have as many rows as it.
fn read_vectors<'a>(
    cursor: &mut Cursor<'a>,
    heads: &[RunHead],
    vector_of_run: &[u32],
) -> Result<Vec<Vector<'a>>, Corrupt> {
    let mut rows: Vec<Option<usize>> = vec![None; cursor.count()?];
    for (head, &vector) in heads.iter().zip(vector_of_run) {
        let known = rows.get_mut(vector as usize).ok_or(cursor.corrupt())?;
        if known.is_some_and(|known| known != head.rows as usize) {
            return Err(cursor.corrupt());
        }
        *known = Some(head.rows as usize);
    }
    let read_vector = |rows: Option<usize>| {
        let rows = rows.ok_or(cursor.corrupt())?;
        let bytes = cursor.block()?;
        let quiet = match cursor.at_most(rows)? {
            0 => vec![],
            count => {
                let stretches = numbers::decode(cursor.block()?, count)?;
                quiet::from_stretches(&stretches, rows - 1).ok_or(cursor.corrupt())?
            }
        };
        let moving = quiet.iter().filter(|quiet| !**quiet).count();
        Ok(Vector { bytes, rows, quiet, moving, times: None })
    };
    rows.into_iter().map(read_vector).collect()
}

fn read_runs(
    cursor: &mut Cursor<'_>,
    heads: &[RunHead],
    vector_of_run: &[u32],
) -> Result<Vec<KeptRun>, Corrupt> {
    let bits = numbers::decode::<u32>(cursor.block()?, heads.len())?;
    let codes: Vec<Code> =
        bits.into_iter().map(Code::from_bits).collect::<Option<_>>().ok_or(cursor.corrupt())?;
    let with_rows = heads.iter().filter(|head| head.rows > 0).count();
    let mut firsts = numbers::decode::<i64>(cursor.block()?, with_rows)?.into_iter();
    let with_divisor = codes.iter().filter(|code| code.has_divisor).count();
    let mut divisors = numbers::decode::<u64>(cursor.block()?, with_divisor)?.into_iter();
    let runs = heads.iter().zip(codes).zip(vector_of_run);
    let read_run = |((head, code), &vector): ((&RunHead, Code), &u32)| {
        // A run that moves has two rows at least.
        if code.pool > 0 && head.rows < 2 {
            return Err(cursor.corrupt());
        }
        let first = if head.rows > 0 { firsts.next().unwrap_or(0) } else { 0 };
        let divisor = if code.has_divisor { divisors.next().unwrap_or(1) } else { 1 };
        Ok(KeptRun { vector: vector as usize, code, first, divisor, page: 0, values: None })
    };
    runs.map(read_run).collect()
}
