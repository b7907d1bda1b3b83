//! `histogram_quantile`, `histogram_quantiles` and `histogram_fraction` over the buckets
//! of classic histograms.

use std::collections::{BTreeSet, HashMap};

use model::{LabelSet, METRIC_NAME};

use super::classic_histogram::{self as classic, Bucket};
use super::{Function, argument};
use crate::eval::{Evaluator, Row, merge_same_labels};
use crate::parse::expression::Expression;
use crate::plan::Grid;
use crate::{EvalError, format_value};

const BUCKET_LABEL: &str = "le";

/// The buckets of one histogram: its series and their bounds.
struct Histogram {
    labels: LabelSet,
    buckets: Vec<(f64, Row)>,
}

impl Histogram {
    fn at(&self, step: usize) -> Vec<Bucket> {
        let bucket = |(upper_bound, row): &(f64, Row)| {
            Some(Bucket { upper_bound: *upper_bound, count: row.points[step]? })
        };
        self.buckets.iter().filter_map(bucket).collect()
    }

    fn metric_name(&self) -> &str {
        self.labels.metric_name().unwrap_or("")
    }
}

pub fn quantile<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let parameter = argument(function, arguments, 0)?;
    let vector = argument(function, arguments, 1)?;
    let quantiles = evaluator.scalars(parameter, grid)?;
    let histograms = histograms(evaluator, vector, grid)?;
    quantile_rows(evaluator, &histograms, (parameter, &quantiles), vector, grid)
}

/// `histogram_quantiles(buckets, "label", 0.5, 0.9, …)`: the quantile becomes a label.
pub fn quantiles<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let vector = argument(function, arguments, 0)?;
    let label = evaluator.label_name(argument(function, arguments, 1)?)?;
    let histograms = histograms(evaluator, vector, grid)?;
    if histograms.iter().any(|histogram| histogram.labels.get(label).is_some()) {
        return Err(EvalError::execution(format!(
            "label {label:?} of histogram_quantiles() is there already"
        )));
    }
    let mut rows = Vec::new();
    for parameter in arguments.iter().skip(2) {
        let quantiles = evaluator.scalars(parameter, grid)?;
        for row in quantile_rows(evaluator, &histograms, (parameter, &quantiles), vector, grid)? {
            rows.extend(labelled(&row, label, &quantiles));
            evaluator.evaluation.watch.check_size(rows.len(), grid.count)?;
        }
    }
    merge_same_labels(rows)
}

/// One row per value that the quantile takes over the steps; mostly that is one.
fn labelled(row: &Row, label: &str, quantiles: &[f64]) -> Vec<Row> {
    let names: BTreeSet<String> = quantiles.iter().map(|quantile| quantile_label(*quantile)).collect();
    let row_of = |name: String| {
        let points = row.points.iter().zip(quantiles);
        let points = points.map(|(point, quantile)| point.filter(|_| quantile_label(*quantile) == name));
        Row::new(row.labels.with(label, &name), row.drop_name, points.collect())
    };
    names.into_iter().map(row_of).filter(|row| !row.is_empty()).collect()
}

/// As OpenMetrics writes it: whole numbers end in `.0`.
fn quantile_label(quantile: f64) -> String {
    let text = format_value(quantile);
    if quantile.is_finite() && !text.contains('.') { format!("{text}.0") } else { text }
}

fn quantile_rows<'a>(
    evaluator: &mut Evaluator<'a>,
    histograms: &[Histogram],
    (parameter, quantiles): (&'a Expression, &[f64]),
    vector: &'a Expression,
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    for quantile in quantiles {
        evaluator.check_quantile(*quantile, parameter.at);
    }
    let mut rows = Vec::with_capacity(histograms.len());
    for histogram in histograms {
        evaluator.evaluation.watch.check()?;
        let mut points = Vec::with_capacity(grid.count);
        for (step, quantile) in quantiles.iter().enumerate() {
            let buckets = histogram.at(step);
            if buckets.is_empty() {
                points.push(None);
                continue;
            }
            let (value, repaired) = classic::quantile(*quantile, buckets);
            if repaired.0 {
                evaluator.inform(
                    format!(
                        "input to histogram_quantile needed to be fixed for monotonicity (see \
                         https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile) \
                         for metric name {:?}",
                        histogram.metric_name()
                    ),
                    vector.at,
                );
            }
            points.push(Some(value));
        }
        rows.push(Row::new(histogram.labels.clone(), true, points));
    }
    Ok(rows)
}

pub fn fraction<'a>(
    evaluator: &mut Evaluator<'a>,
    function: &'a Function,
    arguments: &'a [Expression],
    grid: Grid,
) -> Result<Vec<Row>, EvalError> {
    let lower = evaluator.scalars(argument(function, arguments, 0)?, grid)?;
    let upper = evaluator.scalars(argument(function, arguments, 1)?, grid)?;
    let mut rows = Vec::new();
    for histogram in histograms(evaluator, argument(function, arguments, 2)?, grid)? {
        evaluator.evaluation.watch.check()?;
        let point = |step: usize| {
            let buckets = histogram.at(step);
            (!buckets.is_empty()).then(|| classic::fraction(lower[step], upper[step], buckets))
        };
        let points = (0..grid.count).map(point).collect();
        rows.push(Row::new(histogram.labels.clone(), true, points));
    }
    Ok(rows)
}

/// Groups bucket series by everything but their bound.
fn histograms<'a>(
    evaluator: &mut Evaluator<'a>,
    vector: &'a Expression,
    grid: Grid,
) -> Result<Vec<Histogram>, EvalError> {
    let rows = evaluator.rows(vector, grid)?;
    let mut histograms: Vec<Histogram> = Vec::new();
    let mut by_labels: HashMap<LabelSet, usize> = HashMap::new();
    for row in rows {
        let bound = row.labels.value(BUCKET_LABEL);
        let Ok(upper_bound) = bound.parse::<f64>() else {
            let name = row.labels.value(METRIC_NAME);
            evaluator.warn(
                format!("bucket label {BUCKET_LABEL:?} is missing or has a malformed value of {bound:?} for metric name {name:?}"),
                vector.at,
            );
            continue;
        };
        let labels = row.labels.without(&[BUCKET_LABEL]);
        let index = *by_labels.entry(labels).or_insert_with_key(|labels| {
            histograms.push(Histogram { labels: labels.clone(), buckets: Vec::new() });
            histograms.len() - 1
        });
        histograms[index].buckets.push((upper_bound, row));
    }
    Ok(histograms)
}
