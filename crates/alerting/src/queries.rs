//! What a query of a rule finds at an instant.

use model::{LabelSet, Timestamp};
use promql::{Query, Value};

use crate::error::chain;

/// A sample that was found.
pub(crate) type Found = (LabelSet, f64);

/// `at` counts whole milliseconds. The error is a reason, in one line.
pub(crate) async fn ask(
    queries: &promql::Engine,
    query: &Query,
    at: Timestamp,
) -> Result<Vec<Found>, String> {
    let answer = queries.instant(query, at).await.map_err(|error| chain(&error))?;
    match answer.value {
        Value::Vector(found) => {
            Ok(found.into_iter().map(|(labels, sample)| (labels, sample.value)).collect())
        }
        Value::Scalar(sample) => Ok(vec![(LabelSet::empty(), sample.value)]),
        other => Err(format!("the query yields a {}, not a vector", other.kind())),
    }
}
