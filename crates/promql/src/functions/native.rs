//! What one native histogram tells: `histogram_count`, `histogram_sum`, `histogram_avg`,
//! `histogram_stddev`, `histogram_stdvar`. Floats have no such parts and are left out.

use model::Histogram;

use super::{Function, argument};
use crate::EvalError;
use crate::eval::{Evaluator, Row};
use crate::histogram::variance;
use crate::parse::expression::Expression;
use crate::plan::Grid;

macro_rules! part {
    ($name:ident, $compute:expr) => {
        pub fn $name<'a>(
            evaluator: &mut Evaluator<'a>,
            function: &'a Function,
            arguments: &'a [Expression],
            grid: Grid,
        ) -> Result<Vec<Row>, EvalError> {
            parts(evaluator, argument(function, arguments, 0)?, grid, $compute)
        }
    };
}

part!(count, |histogram| histogram.count);
part!(sum, |histogram| histogram.sum);
part!(average, |histogram| histogram.sum / histogram.count);
part!(standard_deviation, |histogram| variance(histogram).sqrt());
part!(standard_variance, variance);

fn parts<'a>(
    evaluator: &mut Evaluator<'a>,
    vector: &'a Expression,
    grid: Grid,
    compute: fn(&Histogram) -> f64,
) -> Result<Vec<Row>, EvalError> {
    let rows = evaluator.rows(vector, grid)?.into_iter().filter(|row| !row.histograms.is_empty());
    let part = |row: Row| {
        let points = row.histograms.iter().map(|histogram| histogram.as_deref().map(compute)).collect();
        Row::new(row.labels, true, points)
    };
    Ok(rows.map(part).filter(|row| !row.is_empty()).collect())
}
