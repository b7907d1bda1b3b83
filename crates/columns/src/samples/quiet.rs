//! Rows in which nothing happened: an agent that rests moves none of its counters.
//!
//! Of the runs of one vector of times, many stand still in the same rows. Those rows are
//! named once, and are left out of the residuals of all runs that are *masked* by them.

/// With fewer runs or rows, naming the rows costs more than it saves.
const RUNS_MIN: usize = 4;
const ROWS_MIN: usize = 8;

/// The rows (of residuals, so the second sample has row 0) in which no masked run moves, and
/// which runs are masked.
pub(super) struct Quiet {
    pub rows: Vec<bool>,
    pub masked: Vec<bool>,
}

/// Looks for rows in which most of the runs that stand still often do so at once. Runs that
/// move in such a row are not masked.
pub(super) fn find(runs: &[&[i64]], rows: usize) -> Option<Quiet> {
    let stands_often = |run: &&[i64]| 4 * run.iter().filter(|residual| **residual == 0).count() >= rows;
    let candidates: Vec<bool> = runs.iter().map(stands_often).collect();
    let count = candidates.iter().filter(|&&candidate| candidate).count();
    if count < RUNS_MIN || rows < ROWS_MIN {
        return None;
    }
    let moving = moving_in_each_row(runs, &candidates, rows);
    let quiet: Vec<bool> = moving.iter().map(|&moving| 8 * moving <= count).collect();
    let is_still = |run: &[i64]| run.iter().zip(&quiet).all(|(residual, quiet)| !quiet || *residual == 0);
    let masked: Vec<bool> =
        runs.iter().zip(&candidates).map(|(run, candidate)| *candidate && is_still(run)).collect();
    let rows: Vec<bool> = moving_in_each_row(runs, &masked, rows).iter().map(|&moving| moving == 0).collect();
    let pays = masked.iter().filter(|&&masked| masked).count() >= RUNS_MIN && rows.contains(&true);
    pays.then_some(Quiet { rows, masked })
}

fn moving_in_each_row(runs: &[&[i64]], counted: &[bool], rows: usize) -> Vec<usize> {
    let mut moving = vec![0; rows];
    for (run, _) in runs.iter().zip(counted).filter(|(_, counted)| **counted) {
        for (moving, &residual) in moving.iter_mut().zip(*run) {
            *moving += usize::from(residual != 0);
        }
    }
    moving
}

/// The rows as lengths of stretches: not quiet, quiet, not quiet ...
pub(super) fn stretches(rows: &[bool]) -> Vec<u32> {
    let mut stretches = vec![0];
    let mut is_quiet = false;
    for &row in rows {
        if row != is_quiet {
            is_quiet = row;
            stretches.push(0);
        }
        if let Some(last) = stretches.last_mut() {
            *last += 1;
        }
    }
    stretches
}

/// What [`stretches`] were of, if it is so many rows.
pub(super) fn from_stretches(stretches: &[u32], rows: usize) -> Option<Vec<bool>> {
    let total: u64 = stretches.iter().map(|&stretch| u64::from(stretch)).sum();
    if total != rows as u64 {
        return None;
    }
    let of_stretch = |(index, &length): (usize, &u32)| std::iter::repeat_n(index % 2 == 1, length as usize);
    Some(stretches.iter().enumerate().flat_map(of_stretch).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_come_back() {
        for rows in [vec![], vec![true], vec![false, true, true, false], vec![true, false]] {
            assert_eq!(from_stretches(&stretches(&rows), rows.len()), Some(rows));
        }
        assert_eq!(from_stretches(&[3], 4), None);
    }

    #[test]
    fn a_run_that_moves_while_the_others_rest_is_not_masked() {
        let counter = [1i64, 2, 0, 0, 0, 0, 3, 0];
        let gauge = [0i64, 0, 5, 0, 0, 0, 0, 0];
        let runs: Vec<&[i64]> = std::iter::repeat_n(&counter[..], 9).chain([&gauge[..]]).collect();
        let quiet = find(&runs, 8).unwrap();
        assert_eq!(quiet.rows, [false, false, true, true, true, true, false, true]);
        assert_eq!(quiet.masked.iter().filter(|&&masked| masked).count(), 9);
        assert!(!quiet.masked[9]);
    }
}
