//! From rows to the value of an answer: names dropped, same series joined, order made.

use std::collections::HashMap;

use std::sync::Arc;

use model::{Histogram, HistogramSample, HistogramSeries, LabelSet, METRIC_NAME, Sample, Series, Timestamp};

use super::{Evaluator, Row};
use crate::parse::expression::{Expression, Kind, ValueType};
use crate::plan::Grid;
use crate::{EvalError, Value};

/// The value, and the histograms beside its floats.
type Found = (Value, Vec<HistogramSeries>);

pub fn instant(evaluator: &mut Evaluator<'_>) -> Result<Found, EvalError> {
    let (root, grid) = (evaluator.evaluation.query.root(), evaluator.evaluation.grid);
    let at = Timestamp::from_millis(grid.start);
    match root.value_type() {
        ValueType::Scalar => {
            let value = evaluator.scalars(root, grid)?.first().copied().unwrap_or(f64::NAN);
            Ok((Value::Scalar(Sample { at, value }), Vec::new()))
        }
        ValueType::String => Ok((Value::String(evaluator.text(root)?.to_owned()), Vec::new())),
        ValueType::Matrix => ranges(evaluator, root, grid),
        ValueType::Vector => {
            let rows = merge_same_labels(without_dropped_names(evaluator.rows(root, grid)?))?;
            let histograms = histogram_series(grid, &rows);
            let sample = |row: Row| Some((row.labels, Sample { at, value: row.points.first().copied()?? }));
            Ok((Value::Vector(rows.into_iter().filter_map(sample).collect()), histograms))
        }
    }
}

pub fn range(evaluator: &mut Evaluator<'_>) -> Result<Found, EvalError> {
    let (root, grid) = (evaluator.evaluation.query.root(), evaluator.evaluation.grid);
    let rows = match root.value_type() {
        ValueType::Scalar => {
            let points = evaluator.scalars(root, grid)?.into_iter().map(Some).collect();
            vec![Row::new(LabelSet::empty(), false, points)]
        }
        _ => merge_same_labels(without_dropped_names(evaluator.rows(root, grid)?))?,
    };
    let mut histograms = histogram_series(grid, &rows);
    let mut series: Vec<Series> = rows
        .into_iter()
        .map(|row| Series { labels: row.labels, samples: samples(grid, &row.points) })
        .filter(|series| !series.samples.is_empty())
        .collect();
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    histograms.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok((Value::Matrix(series), histograms))
}

fn histogram_series(grid: Grid, rows: &[Row]) -> Vec<HistogramSeries> {
    let sample = |(at, histogram): (i64, &Option<Arc<Histogram>>)| {
        let histogram = histogram.as_ref().map(Arc::clone)?;
        Some(HistogramSample { at: Timestamp::from_millis(at), histogram })
    };
    let series = rows.iter().filter(|row| !row.histograms.is_empty()).map(|row| HistogramSeries {
        labels: row.labels.clone(),
        samples: grid.times().zip(&row.histograms).filter_map(sample).collect(),
    });
    series.filter(|series| !series.samples.is_empty()).collect()
}

fn samples(grid: Grid, points: &[Option<f64>]) -> Vec<Sample> {
    let sample =
        |(at, value): (i64, &Option<f64>)| Some(Sample { at: Timestamp::from_millis(at), value: (*value)? });
    grid.times().zip(points).filter_map(sample).collect()
}

/// `metric[5m]` as a whole query.
fn ranges<'a>(evaluator: &mut Evaluator<'a>, root: &'a Expression, grid: Grid) -> Result<Found, EvalError> {
    let Kind::Range(range) = &root.kind else {
        return Err(EvalError::Invalid("the query yields no series".to_owned()));
    };
    let input = evaluator.range_input(range, grid)?;
    let end = input.end(grid.start);
    let start = end - input.range_ms;
    let (mut all, mut histograms) = (Vec::new(), Vec::new());
    for series in &input.series {
        let within = series.points.iter().filter(|point| start < point.at && point.at <= end);
        let sample = |at, value| Sample { at: Timestamp::from_millis(at), value };
        let samples: Vec<Sample> = within.map(|point| sample(point.at, point.value)).collect();
        let labels =
            if series.drop_name { series.labels.without(&[METRIC_NAME]) } else { series.labels.clone() };
        let within = series.histograms.iter().filter(|point| start < point.at && point.at <= end);
        let found: Vec<HistogramSample> = within
            .map(|point| HistogramSample {
                at: Timestamp::from_millis(point.at),
                histogram: Arc::clone(&point.histogram),
            })
            .collect();
        if !found.is_empty() {
            histograms.push(HistogramSeries { labels: labels.clone(), samples: found });
        }
        if !samples.is_empty() {
            all.push(Series { labels, samples });
        }
    }
    all.sort_by(|a, b| a.labels.cmp(&b.labels));
    histograms.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok((Value::Matrix(all), histograms))
}

fn without_dropped_names(mut rows: Vec<Row>) -> Vec<Row> {
    for row in rows.iter_mut().filter(|row| row.drop_name) {
        row.labels = row.labels.without(&[METRIC_NAME]);
        row.drop_name = false;
    }
    rows
}

/// Joins rows of the same labels that never have a value at the same step; refuses others,
/// because nobody could tell their values apart.
pub fn merge_same_labels(rows: Vec<Row>) -> Result<Vec<Row>, EvalError> {
    let mut by_labels: HashMap<LabelSet, usize> = HashMap::with_capacity(rows.len());
    let mut merged: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        match by_labels.get(&row.labels) {
            None => {
                by_labels.insert(row.labels.clone(), merged.len());
                merged.push(row);
            }
            Some(index) => join(&mut merged[*index], &row)?,
        }
    }
    Ok(merged)
}

fn join(into: &mut Row, from: &Row) -> Result<(), EvalError> {
    into.drop_name |= from.drop_name;
    for step in 0..from.points.len() {
        match (into.has(step), from.element(step)) {
            (true, Some(_)) => {
                return Err(EvalError::execution("vector cannot contain metrics with the same labelset"));
            }
            (false, Some(element)) => into.set(step, Some(element)),
            (_, None) => {}
        }
    }
    Ok(())
}
