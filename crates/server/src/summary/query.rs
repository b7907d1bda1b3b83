//! Questions of our own to the store, in PromQL.

use std::time::Duration;

use model::{Series, Timestamp};
use promql::{Engine, Value};

/// Values of a range query at its steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Points(pub Vec<(Timestamp, f64)>);

impl Points {
    pub fn average(&self) -> Option<f64> {
        let sum: f64 = self.0.iter().map(|(_, value)| value).sum();
        (!self.0.is_empty()).then(|| sum / self.0.len() as f64)
    }

    pub fn maximum(&self) -> Option<f64> {
        self.0.iter().map(|(_, value)| *value).reduce(f64::max)
    }
}

/// A query of ours that fails is our fault or the store's: it is logged, and there is no
/// number.
pub(crate) async fn vector(engine: &Engine, text: &str, at: Timestamp) -> Vec<(model::LabelSet, f64)> {
    let answer = match promql::parse(text) {
        Ok(query) => engine.instant(&query, at).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match answer.map(|answer| answer.value) {
        Ok(Value::Vector(samples)) => samples
            .into_iter()
            .map(|(labels, sample)| (labels, sample.value))
            .filter(|(_, value)| value.is_finite())
            .collect(),
        Ok(Value::Scalar(sample)) if sample.value.is_finite() => {
            vec![(model::LabelSet::empty(), sample.value)]
        }
        Ok(_) => Vec::new(),
        Err(error) => {
            tracing::warn!(query = text, error, "a query of the server failed");
            Vec::new()
        }
    }
}

/// The one value that a query yields; none without data.
pub(crate) async fn number(engine: &Engine, text: &str, at: Timestamp) -> Option<f64> {
    vector(engine, text, at).await.first().map(|(_, value)| *value)
}

/// The steps at which a query has a finite value, for a query that yields one series.
pub(crate) async fn points(
    engine: &Engine,
    text: &str,
    start: Timestamp,
    end: Timestamp,
    step: Duration,
) -> Points {
    let answer = match promql::parse(text) {
        Ok(query) => engine.range(&query, start, end, step).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match answer.map(|answer| answer.value) {
        Ok(Value::Matrix(series)) => first_series(series),
        Ok(_) => Points::default(),
        Err(error) => {
            tracing::warn!(query = text, error, "a query of the server failed");
            Points::default()
        }
    }
}

fn first_series(series: Vec<Series>) -> Points {
    let samples = series.into_iter().next().map(|series| series.samples).unwrap_or_default();
    Points(
        samples
            .into_iter()
            .filter(|sample| sample.value.is_finite())
            .map(|sample| (sample.at, sample.value))
            .collect(),
    )
}
