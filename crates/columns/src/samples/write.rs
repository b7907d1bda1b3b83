//! From runs to a page.

use crate::bytes::{put_block, put_uint};
use crate::{ROWS_MAX, numbers};

use super::form::{self, Form};
use super::{Code, Run, VERSION, pool, quiet};

/// Above so many bits a residual, a run belongs to the next pool: runs of one pool share
/// their bins, which fit best if the runs are alike.
const POOL_BITS: [f64; 4] = [1.5, 3.5, 8.0, 16.0];

const POOLS: usize = POOL_BITS.len() + 1;

/// Encodes a page. Streams ascend.
pub fn encode(runs: &[Run<'_>]) -> Vec<u8> {
    let rows: usize = runs.iter().map(|run| run.values.len()).sum();
    assert!(rows <= ROWS_MAX, "a page is cut before it has so many rows");
    let (vectors, vector_of_run) = share_times(runs);
    let mut moving = moving_runs(runs, &vector_of_run);
    let quiet_rows = mask(&mut moving, &vectors);
    let (codes, pools) = fill_pools(&mut moving);
    let column = |of: fn(&Run<'_>) -> u32| numbers::encode(&runs.iter().map(of).collect::<Vec<_>>());
    let mut out = vec![VERSION];
    put_uint(&mut out, runs.len() as u64);
    put_block(&mut out, &column(|run| run.stream));
    put_block(&mut out, &column(|run| run.values.len() as u32));
    put_block(&mut out, &numbers::encode(&vector_of_run));
    put_uint(&mut out, vectors.len() as u64);
    for (times, quiet) in vectors.iter().zip(&quiet_rows) {
        put_block(&mut out, &numbers::encode(times));
        put_uint(&mut out, quiet.len() as u64);
        if !quiet.is_empty() {
            put_block(&mut out, &numbers::encode(quiet));
        }
    }
    put_forms(&mut out, runs, &moving, &codes);
    put_uint(&mut out, pool::PAGE_ROWS as u64);
    put_uint(&mut out, pools.len() as u64);
    pools.iter().for_each(|pages| put_block(&mut out, &pool::encode(pages)));
    out
}

/// The distinct vectors of times, and which of them each run has.
fn share_times<'a>(runs: &[Run<'a>]) -> (Vec<&'a [i64]>, Vec<u32>) {
    let mut vectors: Vec<&[i64]> = Vec::new();
    let mut of_run = Vec::with_capacity(runs.len());
    for run in runs {
        // A vector is seldom far away, and unequal ones differ in their first time already.
        let known = vectors.iter().rposition(|vector| *vector == run.times);
        of_run.push(known.unwrap_or(vectors.len()) as u32);
        if known.is_none() {
            vectors.push(run.times);
        }
    }
    (vectors, of_run)
}

/// A run whose values are not all equal.
struct Moving {
    run: usize,
    vector: u32,
    form: Form,
    residuals: Vec<i64>,
    is_masked: bool,
}

fn moving_runs(runs: &[Run<'_>], vector_of_run: &[u32]) -> Vec<Moving> {
    let mut moving = Vec::new();
    for (number, run) in runs.iter().enumerate() {
        let is_moving = run.values.windows(2).any(|pair| pair[0].to_bits() != pair[1].to_bits());
        if is_moving {
            let (form, residuals) = form::analyse(run.values);
            let vector = vector_of_run[number];
            moving.push(Moving { run: number, vector, form, residuals, is_masked: false });
        }
    }
    moving
}

/// Takes the residuals of quiet rows out of the runs that rest in them; gives the stretches
/// of these rows for each vector of times.
fn mask(moving: &mut [Moving], vectors: &[&[i64]]) -> Vec<Vec<u32>> {
    let mut of_vector: Vec<Vec<usize>> = vec![Vec::new(); vectors.len()];
    for (number, run) in moving.iter().enumerate() {
        of_vector[run.vector as usize].push(number);
    }
    let mask_vector = |(numbers, times): (&Vec<usize>, &&[i64])| {
        let residuals: Vec<&[i64]> = numbers.iter().map(|&number| &*moving[number].residuals).collect();
        let Some(quiet) = quiet::find(&residuals, times.len().saturating_sub(1)) else { return vec![] };
        for (&number, _) in numbers.iter().zip(&quiet.masked).filter(|(_, masked)| **masked) {
            let mut rows = quiet.rows.iter();
            moving[number].residuals.retain(|_| rows.next() == Some(&false));
            moving[number].is_masked = true;
        }
        quiet::stretches(&quiet.rows)
    };
    of_vector.iter().zip(vectors).map(mask_vector).collect()
}

/// Puts the residuals into pages of pools; gives the code of each moving run.
fn fill_pools(moving: &mut [Moving]) -> (Vec<Code>, Vec<Vec<Vec<i64>>>) {
    let choices: Vec<usize> = moving.iter().map(|run| choose_pool(&run.residuals)).collect();
    // Pools that nobody chose are left out.
    let used: Vec<usize> = (0..POOLS).filter(|pool| choices.contains(pool)).collect();
    let mut pools: Vec<Vec<Vec<i64>>> = vec![vec![vec![]]; used.len()];
    let mut before: Vec<Option<usize>> = vec![None; used.len()];
    let mut codes = Vec::with_capacity(moving.len());
    for (number, choice) in choices.into_iter().enumerate() {
        let pool = used.partition_point(|&used| used < choice);
        if pools[pool].last().is_some_and(|page| page.len() >= pool::PAGE_ROWS) {
            pools[pool].push(vec![]);
            before[pool] = None;
        }
        let run = &moving[number];
        let difference = before[pool].and_then(|before| difference(run, &moving[before]));
        if let Some(page) = pools[pool].last_mut() {
            page.extend_from_slice(difference.as_ref().unwrap_or(&run.residuals));
        }
        before[pool] = Some(number);
        codes.push(Code {
            pool: pool as u8 + 1,
            digits: run.form.digits,
            is_level: run.form.is_level,
            is_masked: run.is_masked,
            follows: difference.is_some(),
            has_divisor: run.form.divisor > 1,
        });
    }
    (codes, pools)
}

fn choose_pool(residuals: &[i64]) -> usize {
    let each = form::bits(residuals) / residuals.len().max(1) as f64;
    POOL_BITS.partition_point(|&bits| bits < each)
}

/// The residuals less those of the run before, if that makes them shorter: buckets of one
/// histogram move together.
fn difference(run: &Moving, before: &Moving) -> Option<Vec<i64>> {
    if run.vector != before.vector || run.is_masked != before.is_masked {
        return None;
    }
    let pairs = run.residuals.iter().zip(&before.residuals);
    let difference: Vec<i64> = pairs.map(|(own, before)| own.wrapping_sub(*before)).collect();
    (form::bits(&difference) < form::bits(&run.residuals)).then_some(difference)
}

fn put_forms(out: &mut Vec<u8>, runs: &[Run<'_>], moving: &[Moving], codes: &[Code]) {
    let mut all_codes = Vec::with_capacity(runs.len());
    let mut firsts = Vec::with_capacity(runs.len());
    let mut rest = moving.iter().zip(codes).peekable();
    for (number, run) in runs.iter().enumerate() {
        match (rest.next_if(|(moving, _)| moving.run == number), run.values.first()) {
            (Some((moving, code)), _) => {
                all_codes.push(code.to_bits());
                firsts.push(moving.form.first);
            }
            (None, Some(&value)) => {
                let (digits, number) = form::number_of(value);
                all_codes.push(Code::constant(digits).to_bits());
                firsts.push(number);
            }
            (None, None) => all_codes.push(Code::constant(0).to_bits()),
        }
    }
    let divisors: Vec<u64> =
        moving.iter().map(|run| run.form.divisor).filter(|&divisor| divisor > 1).collect();
    put_block(out, &numbers::encode(&all_codes));
    put_block(out, &numbers::encode(&firsts));
    put_block(out, &numbers::encode(&divisors));
}
