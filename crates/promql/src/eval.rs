//! Evaluation: every node of the expression is computed for all steps at once.
//!
//! A node yields [`Row`]s, one per series, each with a value or nothing per step; scalars
//! are one number per step. Samples were fetched before and are only borrowed here:
//! `selectors` walks them once with a moving window, whatever the number of steps.

mod aggregate;
mod binary;
mod counts;
mod keys;
mod matching;
mod result;
mod row;
mod selectors;
mod sets;
mod watch;

use std::sync::Arc;

use crate::histogram::scaled;
use crate::notes::{Notes, Remarks};
use crate::parse::Query;
use crate::parse::expression::{Expression, Kind, Operator, Text, ValueType};
use crate::plan::{Bounds, Fetched, Grid};
use crate::{Answer, EvalError};

use counts::SampleCounts;

pub use aggregate::{aggregate_histograms, quantile};
pub use result::merge_same_labels;
pub use row::{Element, Row};
#[cfg(test)]
pub use selectors::SeriesFacts;
pub use selectors::Window;
pub use watch::Watch;

/// Everything that evaluation needs, owned, so that it can move to another thread.
#[derive(Debug)]
pub struct Evaluation {
    pub query: Query,
    /// By the index of the selector.
    pub fetched: Vec<Arc<Fetched>>,
    pub grid: Grid,
    /// Whether the answer is a matrix over the grid, even if that has one step.
    pub is_range: bool,
    pub lookback_ms: i64,
    pub subquery_step_ms: i64,
    pub counts_samples: bool,
    pub watch: Arc<Watch>,
}

pub fn evaluate(evaluation: &Evaluation) -> Result<Answer, EvalError> {
    let mut evaluator = Evaluator::new(evaluation);
    let (value, histograms) =
        if evaluation.is_range { result::range(&mut evaluator) } else { result::instant(&mut evaluator) }?;
    let Evaluator { notes, counts, .. } = evaluator;
    let statistics = counts.map(|counts| counts.statistics(evaluation.grid));
    Ok(Answer { value, histograms, warnings: notes.warnings, infos: notes.infos, statistics })
}

pub struct Evaluator<'a> {
    pub evaluation: &'a Evaluation,
    pub bounds: Bounds,
    pub notes: Notes,
    /// Absent when nobody asks.
    counts: Option<SampleCounts>,
}

impl<'a> Evaluator<'a> {
    fn new(evaluation: &'a Evaluation) -> Self {
        let bounds = Bounds { start: evaluation.grid.start, end: evaluation.grid.end() };
        let counts = evaluation.counts_samples.then(|| SampleCounts::new(evaluation.grid));
        Self { evaluation, bounds, notes: Notes::default(), counts }
    }

    /// A vector expression for every step of `grid`.
    pub fn rows(&mut self, expression: &'a Expression, grid: Grid) -> Result<Vec<Row>, EvalError> {
        self.evaluation.watch.check()?;
        self.evaluation.watch.check_size(1, grid.count)?;
        let rows = match &expression.kind {
            Kind::Instant { selector, shift } => self.latest(*selector, shift, grid),
            Kind::Negate(inner) => Ok(negated(self.rows(inner, grid)?)),
            Kind::Binary(binary) if binary.operator.is_set() => self.set_operation(binary, grid),
            Kind::Binary(binary) => self.vector_operation(binary, grid),
            Kind::Aggregate(aggregate) => self.aggregate(aggregate, grid),
            Kind::Call { function, arguments } => {
                if self.evaluation.is_range && function.only_orders() {
                    self.warn(
                        "sort is ineffective for range queries since results are always ordered by labels",
                        expression.at,
                    );
                }
                (function.evaluate)(self, function, arguments, grid)
            }
            Kind::Number(_) | Kind::Text(_) | Kind::Range(_) => {
                Err(unexpected(expression, ValueType::Vector))
            }
        }?;
        self.evaluation.watch.check_size(rows.len(), grid.count)?;
        Ok(rows)
    }

    /// As `rows`, without histograms.
    pub fn float_rows(&mut self, expression: &'a Expression, grid: Grid) -> Result<Vec<Row>, EvalError> {
        let mut rows = self.rows(expression, grid)?;
        rows.retain_mut(|row| {
            row.histograms.is_empty() || {
                row.histograms = Vec::new();
                !row.is_empty()
            }
        });
        Ok(rows)
    }

    /// A scalar expression: one number per step.
    pub fn scalars(&mut self, expression: &'a Expression, grid: Grid) -> Result<Vec<f64>, EvalError> {
        self.evaluation.watch.check()?;
        self.evaluation.watch.check_size(1, grid.count)?;
        match &expression.kind {
            Kind::Number(value) => Ok(vec![*value; grid.count]),
            Kind::Negate(inner) => Ok(self.scalars(inner, grid)?.into_iter().map(|value| -value).collect()),
            Kind::Binary(binary) => {
                let left = self.scalars(&binary.left, grid)?;
                let right = self.scalars(&binary.right, grid)?;
                let compute = |(left, right)| binary::of_scalars(binary.operator, left, right);
                Ok(left.into_iter().zip(right).map(compute).collect())
            }
            Kind::Call { function, arguments } => match function.scalar {
                Some(scalar) => scalar(self, arguments, grid),
                None => Err(unexpected(expression, ValueType::Scalar)),
            },
            _ => Err(unexpected(expression, ValueType::Scalar)),
        }
    }

    pub fn text(&self, expression: &'a Expression) -> Result<&'a str, EvalError> {
        let text = literal(expression)?;
        let value = text.value.as_deref();
        value.ok_or_else(|| EvalError::execution(format!("string {} is not UTF-8", text.literal)))
    }

    /// Any text names a label since Prometheus 3; only nothing does not.
    pub fn label_name(&self, expression: &'a Expression) -> Result<&'a str, EvalError> {
        let text = literal(expression)?;
        let name = text.value.as_deref().filter(|name| !name.is_empty());
        name.ok_or_else(|| EvalError::execution(format!("invalid label name {}", text.literal)))
    }

    pub fn warn(&mut self, what: impl AsRef<str>, at: Option<usize>) {
        let place = self.evaluation.query.place(at);
        self.notes.warn(what, &place);
    }

    pub fn remark(&mut self, remarks: Remarks, at: Option<usize>) {
        remarks.warnings.iter().for_each(|what| self.warn(what, at));
        remarks.infos.iter().for_each(|what| self.inform(what, at));
    }

    pub fn inform(&mut self, what: impl AsRef<str>, at: Option<usize>) {
        let place = self.evaluation.query.place(at);
        self.notes.inform(what, &place);
    }
}

fn literal(expression: &Expression) -> Result<&Text, EvalError> {
    match &expression.kind {
        Kind::Text(text) => Ok(text),
        _ => Err(unexpected(expression, ValueType::String)),
    }
}

fn negated(mut rows: Vec<Row>) -> Vec<Row> {
    for row in &mut rows {
        row.drop_name = true;
        row.points.iter_mut().flatten().for_each(|value| *value = -*value);
        let histograms = row.histograms.iter_mut().flatten();
        histograms.for_each(|histogram| *histogram = Arc::new(scaled(histogram, -1.0)));
    }
    rows
}

/// The grammar checks types, so this is only reached by an expression it lets through.
fn unexpected(expression: &Expression, wanted: ValueType) -> EvalError {
    EvalError::Invalid(format!("expected type {wanted}, got {}", expression.value_type()))
}

/// Whether an operator's result is a different thing than what went in.
fn changes_meaning(operator: Operator) -> bool {
    !operator.is_comparison() && !operator.is_trim()
}
