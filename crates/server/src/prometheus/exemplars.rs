//! Exemplars of the series that a query asks for.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use model::{Exemplar, LabelSet};
use promql::format_value;
use serde::Serialize;
use storage::QueryLimits;

use super::parameters::Parameters;
use super::reply::{ApiError, success};
use super::values::{Labels, Seconds};
use crate::app::Shared;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeriesDto<'a> {
    series_labels: Labels<'a>,
    exemplars: Vec<ExemplarDto<'a>>,
}

#[derive(Serialize)]
struct ExemplarDto<'a> {
    labels: Labels<'a>,
    value: String,
    timestamp: Seconds,
}

pub(crate) async fn exemplars(
    State(app): State<Shared>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let query = parameters.query()?;
    let range = parameters.range_of_time()?;
    let mut found: BTreeMap<LabelSet, Vec<Exemplar>> = BTreeMap::new();
    for matchers in query.selections() {
        let limits = QueryLimits::default();
        for series in app.engines.store.select_exemplars(matchers, range, limits).await? {
            // Two selectors that select one series give the same exemplars.
            found.insert(series.labels, series.exemplars);
        }
    }
    let shown = found.iter().map(|(labels, exemplars)| SeriesDto {
        series_labels: Labels(labels),
        exemplars: exemplars
            .iter()
            .map(|exemplar| ExemplarDto {
                labels: Labels(&exemplar.labels),
                value: format_value(exemplar.value),
                timestamp: Seconds(exemplar.at),
            })
            .collect(),
    });
    Ok(success(shown.collect::<Vec<_>>()))
}
