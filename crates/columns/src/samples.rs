//! A page of samples of many streams, pooled.
//!
//! ```text
//! byte 0                  the version
//! uint runs
//! block numbers (u32)     the stream of each run
//! block numbers (u32)     the rows of each run
//! block numbers (u32)     which vector of times each run has
//! uint vectors of times, for each: block numbers (i64), as many as the rows of its runs
//! the values of all runs, as of `floats`
//! ```

use crate::bytes::{Cursor, put_block, put_uint};
use crate::{Corrupt, ROWS_MAX, floats, numbers};

const WHAT: &str = "a page of samples";

const VERSION: u8 = 0;

/// Samples of one stream, the oldest first.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    pub stream: u32,
    /// Nanoseconds since the epoch.
    pub times: &'a [i64],
    /// As many as times.
    pub values: &'a [f64],
}

/// What is known of a run before its samples are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunHead {
    pub stream: u32,
    pub rows: u32,
}

/// Encodes a page. Streams ascend.
pub fn encode(runs: &[Run<'_>]) -> Vec<u8> {
    let column = |of: fn(&Run<'_>) -> u32| numbers::encode(&runs.iter().map(of).collect::<Vec<_>>());
    let mut vectors: Vec<&[i64]> = Vec::new();
    let mut vector_of_run: Vec<u32> = Vec::new();
    for run in runs {
        let known = vectors.iter().rposition(|vector| *vector == run.times);
        vector_of_run.push(known.unwrap_or(vectors.len()) as u32);
        if known.is_none() {
            vectors.push(run.times);
        }
    }
    let mut out = vec![VERSION];
    put_uint(&mut out, runs.len() as u64);
    put_block(&mut out, &column(|run| run.stream));
    put_block(&mut out, &column(|run| run.values.len() as u32));
    put_block(&mut out, &numbers::encode(&vector_of_run));
    put_uint(&mut out, vectors.len() as u64);
    vectors.iter().for_each(|vector| put_block(&mut out, &numbers::encode(vector)));
    let values: Vec<f64> = runs.iter().flat_map(|run| run.values).copied().collect();
    out.extend_from_slice(&floats::encode(&values));
    out
}

/// A page of which the heads of its runs have been read. Times and values are decoded when
/// they are asked for, and kept.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    heads: Vec<RunHead>,
    vector_of_run: Vec<u32>,
    vectors: Vec<Vector<'a>>,
    starts: Vec<usize>,
    values: &'a [u8],
    decoded: Option<Vec<f64>>,
}

#[derive(Clone, Debug)]
struct Vector<'a> {
    bytes: &'a [u8],
    decoded: Option<Vec<i64>>,
}

impl<'a> Page<'a> {
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Corrupt> {
        let mut cursor = Cursor::new(bytes, WHAT);
        if cursor.byte()? != VERSION {
            return Err(cursor.corrupt());
        }
        let runs = cursor.at_most(ROWS_MAX)?;
        let streams = numbers::decode::<u32>(cursor.block()?, runs)?;
        let rows = numbers::decode::<u32>(cursor.block()?, runs)?;
        let vector_of_run = numbers::decode::<u32>(cursor.block()?, runs)?;
        let mut vectors = Vec::new();
        for _ in 0..cursor.count()? {
            vectors.push(Vector { bytes: cursor.block()?, decoded: None });
        }
        let mut starts = vec![0];
        for &rows in &rows {
            starts.push(starts[starts.len() - 1] + rows as usize);
        }
        if starts[runs] > ROWS_MAX || vector_of_run.iter().any(|&vector| vector as usize >= vectors.len()) {
            return Err(cursor.corrupt());
        }
        let heads = streams.into_iter().zip(rows).map(|(stream, rows)| RunHead { stream, rows }).collect();
        Ok(Self { heads, vector_of_run, vectors, starts, values: cursor.rest(), decoded: None })
    }

    /// The runs of the page, in the order they were encoded in.
    pub fn heads(&self) -> &[RunHead] {
        &self.heads
    }

    /// The times of a run.
    pub fn times(&mut self, run: usize) -> Result<&[i64], Corrupt> {
        let rows = self.heads[run].rows as usize;
        let vector = &mut self.vectors[self.vector_of_run[run] as usize];
        let times = match vector.decoded.take() {
            Some(times) => times,
            None => numbers::decode(vector.bytes, rows)?,
        };
        let times = vector.decoded.insert(times);
        if times.len() == rows { Ok(times) } else { Err(Corrupt(WHAT)) }
    }

    /// The values of a run.
    pub fn values(&mut self, run: usize) -> Result<&[f64], Corrupt> {
        let values = match self.decoded.take() {
            Some(values) => values,
            None => floats::decode(self.values, self.starts[self.heads.len()])?,
        };
        Ok(&self.decoded.insert(values)[self.starts[run]..self.starts[run + 1]])
    }
}

#[cfg(test)]
mod tests;
