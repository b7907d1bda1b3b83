//! `histogram_quantile`, `histogram_quantiles` and `histogram_fraction` over native
//! histograms and over the buckets of classic ones.

use std::collections::{BTreeSet, HashMap};

use model::{LabelSet, METRIC_NAME};

use super::classic_histogram::{self as classic, Bucket};
use super::{Function, argument};
use crate::eval::{Evaluator, Row, merge_same_labels};
use crate::histogram::{self as native, Observed};
use crate::notes::{Remarks, for_metric};
use crate::parse::expression::Expression;
use crate::plan::Grid;
use crate::{EvalError, format_value};

const BUCKET_LABEL: &str = "le";

/// One histogram: the native one, or the series of its buckets and their bounds.
struct Histogram {
    labels: LabelSet,
    native: Option<Row>,
    buckets: Vec<(f64, Row)>,
}

/// What a histogram is at a step.
enum Shape<'a> {
    Native(&'a model::Histogram),
    Classic(Vec<Bucket>),
    Mixed,
}

const MIXED: &str = "vector contains a mix of classic and native histograms";

impl Histogram {
    fn at(&self, step: usize) -> Vec<Bucket> {
        let bucket = |(upper_bound, row): &(f64, Row)| {
            Some(Bucket { upper_bound: *upper_bound, count: row.points[step]? })
        };
        self.buckets.iter().filter_map(bucket).collect()
    }

    fn shape(&self, step: usize) -> Option<Shape<'_>> {
        let buckets = self.at(step);
        match (self.native.as_ref().and_then(|row| row.histogram(step)), buckets.is_empty()) {
            (None, true) => None,
            (None, false) => Some(Shape::Classic(buckets)),
            (Some(histogram), true) => Some(Shape::Native(histogram)),
            (Some(_), false) => Some(Shape::Mixed),
        }
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
        let (name, mut remarks) = (histogram.metric_name(), Remarks::default());
        for (step, quantile) in quantiles.iter().enumerate() {
            points.push(
                histogram.shape(step).and_then(|shape| quantile_of(shape, *quantile, name, &mut remarks)),
            );
        }
        evaluator.remark(remarks, vector.at);
        rows.push(Row::new(histogram.labels.clone(), true, points));
    }
    Ok(rows)
}

fn quantile_of(shape: Shape<'_>, quantile: f64, name: &str, remarks: &mut Remarks) -> Option<f64> {
    match shape {
        Shape::Mixed => {
            remarks.warn(MIXED, for_metric(name));
            None
        }
        Shape::Native(histogram) => {
            let (value, observed) = native::quantile(quantile, histogram);
            match observed {
                Observed::Numbers => {}
                Observed::Skewed => remarks.inform(
                    "input to histogram_quantile has NaN observations, result is skewed higher",
                    for_metric(name),
                ),
                Observed::NoResult => remarks.inform(
                    "input to histogram_quantile has NaN observations, result is NaN",
                    for_metric(name),
                ),
            }
            Some(value)
        }
        Shape::Classic(buckets) => {
            let (value, repaired) = classic::quantile(quantile, buckets);
            if repaired.0 {
                remarks.inform(
                    "input to histogram_quantile needed to be fixed for monotonicity (see \
                     https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)",
                    for_metric(name),
                );
            }
            Some(value)
        }
    }
}

fn fraction_of(
    shape: Shape<'_>,
    (lower, upper): (f64, f64),
    name: &str,
    remarks: &mut Remarks,
) -> Option<f64> {
    match shape {
        Shape::Mixed => {
            remarks.warn(MIXED, for_metric(name));
            None
        }
        Shape::Native(histogram) => {
            if histogram.sum.is_nan() && histogram.count > 0.0 {
                remarks.inform(
                    "input to histogram_fraction has NaN observations, which are excluded from all fractions",
                    for_metric(name),
                );
            }
            Some(native::fraction(lower, upper, histogram))
        }
        Shape::Classic(buckets) => Some(classic::fraction(lower, upper, buckets)),
    }
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
    let vector = argument(function, arguments, 2)?;
    for histogram in histograms(evaluator, vector, grid)? {
        evaluator.evaluation.watch.check()?;
        let (name, mut remarks) = (histogram.metric_name(), Remarks::default());
        let mut point =
            |step: usize| fraction_of(histogram.shape(step)?, (lower[step], upper[step]), name, &mut remarks);
        let points = (0..grid.count).map(&mut point).collect();
        evaluator.remark(remarks, vector.at);
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
    let mut place = |labels: LabelSet, histograms: &mut Vec<Histogram>| {
        *by_labels.entry(labels).or_insert_with_key(|labels| {
            histograms.push(Histogram { labels: labels.clone(), native: None, buckets: Vec::new() });
            histograms.len() - 1
        })
    };
    for mut row in rows {
        if !row.histograms.is_empty() {
            let index = place(row.labels.clone(), &mut histograms);
            let points = vec![None; grid.count];
            let native = Row { points, ..row.clone() };
            histograms[index].native = Some(native);
            row.histograms = Vec::new();
            if row.is_empty() {
                continue;
            }
        }
        let bound = row.labels.value(BUCKET_LABEL);
        let Ok(upper_bound) = bound.parse::<f64>() else {
            let name = row.labels.value(METRIC_NAME);
            evaluator.warn(
                format!("bucket label {BUCKET_LABEL:?} is missing or has a malformed value of {bound:?} for metric name {name:?}"),
                vector.at,
            );
            continue;
        };
        let index = place(row.labels.without(&[BUCKET_LABEL]), &mut histograms);
        histograms[index].buckets.push((upper_bound, row));
    }
    Ok(histograms)
}
