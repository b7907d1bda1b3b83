//! How many samples a query looks at, step by step. Only counted when somebody asks.

use model::{Histogram, Timestamp};

use super::selectors::RangeInput;
use super::{Row, Window};
use crate::plan::Grid;
use crate::{EvalError, Statistics};

/// Samples by step of the query's own grid.
#[derive(Debug)]
pub struct SampleCounts(Vec<u64>);

impl SampleCounts {
    pub fn new(grid: Grid) -> Self {
        Self(vec![0; grid.count])
    }

    /// The latest samples that a selector found.
    pub fn add_rows(&mut self, rows: &[Row]) {
        for row in rows {
            for (step, count) in self.0.iter_mut().enumerate() {
                *count += u64::from(row.points.get(step).is_some_and(Option::is_some));
                *count += row.histogram(step).map_or(0, |histogram| size(histogram));
            }
        }
    }

    /// The samples in the ranges of all steps.
    pub fn add_windows(&mut self, input: &RangeInput<'_>, grid: Grid) -> Result<(), EvalError> {
        for series in &input.series {
            input.windows(series, grid, |step, window: Window<'_>| {
                let histograms = window.histograms.iter().map(|point| size(&point.histogram));
                self.0[step] += window.points.len() as u64 + histograms.sum::<u64>();
            })?;
        }
        Ok(())
    }

    pub fn statistics(self, grid: Grid) -> Statistics {
        let samples = self.0.iter().sum();
        let samples_per_step = grid.times().map(Timestamp::from_millis).zip(self.0).collect();
        Statistics { samples, samples_per_step, ..Statistics::default() }
    }
}

fn size(histogram: &Histogram) -> u64 {
    1 + histogram.positive.len() as u64 + histogram.negative.len() as u64
}
