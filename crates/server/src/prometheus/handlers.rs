//! The endpoints.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::response::Response;
use model::{LabelSet, Matcher, Timestamp};
use promql::{Answer, ParseError, QueryOptions};
use serde::{Serialize, Serializer};
use storage::QueryLimits;

use super::parameters::Parameters;
use super::reply::{ApiError, ErrorType, Success, noted, success};
use super::statistics::{Detail, Stats};
use super::stream::streamed;
use super::values::{Data, Labels};
use crate::app::Shared;

/// Prometheus' own limit of a range query's resolution.
const POINTS_MAX: u128 = 11_000;

const TRUNCATED: &str = "results truncated due to limit";

pub(crate) async fn instant(State(app): State<Shared>, parameters: Parameters) -> Result<Response, ApiError> {
    let query = parameters.query()?;
    let at = parameters.time("time")?.unwrap_or_else(|| app.engines.clock.now());
    let limit = parameters.limit()?;
    let engine = app.engines.queries.with_options(options(&parameters)?);
    Ok(answered(engine.instant(&query, at).await?, at, limit, detail(&parameters)))
}

pub(crate) async fn range(State(app): State<Shared>, parameters: Parameters) -> Result<Response, ApiError> {
    let start = parameters.required_time("start")?;
    let end = parameters.required_time("end")?;
    if end < start {
        return Err(ApiError::invalid("end", "end timestamp must not be before start time"));
    }
    let step = parameters.step()?;
    if end.since(start).as_millis() / step.as_millis() > POINTS_MAX {
        let message = format!(
            "exceeded maximum resolution of {POINTS_MAX} points per timeseries. \
             Try decreasing the query resolution (?step=XX)"
        );
        return Err(ApiError::bad_data(message));
    }
    let query = parameters.query()?;
    let limit = parameters.limit()?;
    let engine = app.engines.queries.with_options(options(&parameters)?);
    Ok(answered(engine.range(&query, start, end, step).await?, end, limit, detail(&parameters)))
}

/// `timeout=` can only shorten the setting.
fn options(parameters: &Parameters) -> Result<QueryOptions, ApiError> {
    Ok(QueryOptions {
        lookback: parameters.duration("lookback_delta")?.filter(|lookback| !lookback.is_zero()),
        timeout: parameters.duration("timeout")?,
        statistics: detail(parameters).is_some(),
    })
}

/// As in Prometheus, any word asks for statistics.
fn detail(parameters: &Parameters) -> Option<Detail> {
    parameters.get("stats").map(|word| if word == "all" { Detail::EachStep } else { Detail::Totals })
}

/// Laying out is quadratic in the depth of a query, which is bounded; still it is done where
/// nothing else waits.
pub(crate) async fn format_query(parameters: Parameters) -> Result<Response, ApiError> {
    about_text(&parameters, promql::format).await
}

pub(crate) async fn parse_query(parameters: Parameters) -> Result<Response, ApiError> {
    about_text(&parameters, promql::syntax_tree).await
}

async fn about_text<T: Serialize + Send + 'static>(
    parameters: &Parameters,
    tell: fn(&str) -> Result<T, ParseError>,
) -> Result<Response, ApiError> {
    let text = parameters.get("query").unwrap_or_default().to_owned();
    let told = tokio::task::spawn_blocking(move || tell(&text)).await;
    let told = told.map_err(|_| ApiError::new(ErrorType::Internal, "the query could not be read"))?;
    Ok(success(told.map_err(|error| ApiError::invalid("query", error))?))
}

fn answered(mut answer: Answer, at: Timestamp, limit: usize, detail: Option<Detail>) -> Response {
    let (mut warnings, infos) = (std::mem::take(&mut answer.warnings), std::mem::take(&mut answer.infos));
    let owned = OwnedData { answer, at, limit, detail };
    if owned.data().is_truncated() {
        warnings.push(TRUNCATED.to_owned());
    }
    if owned.data().point_count() > POINTS_AT_ONCE_MAX {
        streamed(Success::noted(owned, warnings, infos))
    } else {
        noted(owned.data(), warnings, infos)
    }
}

/// Above this, encoding takes longer than other requests should wait for their turn.
const POINTS_AT_ONCE_MAX: usize = 20_000;

/// [`Data`] that can leave this thread.
struct OwnedData {
    answer: Answer,
    at: Timestamp,
    limit: usize,
    detail: Option<Detail>,
}

impl OwnedData {
    fn data(&self) -> Data<'_> {
        let Answer { value, histograms, statistics, .. } = &self.answer;
        let asked = statistics.as_ref().zip(self.detail);
        let stats = asked.map(|(statistics, detail)| Stats { statistics, detail });
        Data { value, histograms, at: self.at, limit: self.limit, stats }
    }
}

impl Serialize for OwnedData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.data().serialize(serializer)
    }
}

pub(crate) async fn series(State(app): State<Shared>, parameters: Parameters) -> Result<Response, ApiError> {
    let selections = parameters.matches()?;
    if selections.is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let range = parameters.range_of_time()?;
    let mut found: BTreeSet<LabelSet> = BTreeSet::new();
    for matchers in &selections {
        found.extend(app.engines.store.series(matchers, range, QueryLimits::default()).await?);
    }
    let (kept, warnings) = limited(found, parameters.limit()?);
    Ok(noted(kept.iter().map(Labels).collect::<Vec<_>>(), warnings, Vec::new()))
}

pub(crate) async fn labels(State(app): State<Shared>, parameters: Parameters) -> Result<Response, ApiError> {
    let range = parameters.range_of_time()?;
    let mut names: BTreeSet<String> = BTreeSet::new();
    for matchers in &each_or_all(parameters.matches()?) {
        names.extend(app.engines.store.label_names(matchers, range).await?);
    }
    let (kept, warnings) = limited(names, parameters.limit()?);
    Ok(noted(kept, warnings, Vec::new()))
}

pub(crate) async fn label_values(
    State(app): State<Shared>,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    if name.is_empty() || name.len() > 1024 {
        return Err(ApiError::bad_data(format!("invalid label name: {name:?}")));
    }
    let name = unescaped(&name);
    let range = parameters.range_of_time()?;
    let mut values: BTreeSet<String> = BTreeSet::new();
    for matchers in &each_or_all(parameters.matches()?) {
        values.extend(app.engines.store.label_values(&name, matchers, range).await?);
    }
    let (kept, warnings) = limited(values, parameters.limit()?);
    Ok(noted(kept, warnings, Vec::new()))
}

/// A name that no path can hold comes as `U__`: `_` is doubled, and what is no letter,
/// digit or colon is its code point in hexadecimal between underscores. What does not
/// follow that stays as it is, as in Prometheus.
fn unescaped(name: &str) -> String {
    fn decoded(escaped: &str) -> Option<String> {
        let mut plain = String::with_capacity(escaped.len());
        let mut rest = escaped;
        while let Some((before, after)) = rest.split_once('_') {
            plain.push_str(before);
            let (code, tail) = after.split_once('_')?;
            if code.is_empty() {
                plain.push('_');
            } else {
                plain.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
            }
            rest = tail;
        }
        plain.push_str(rest);
        Some(plain)
    }
    name.strip_prefix("U__").and_then(decoded).unwrap_or_else(|| name.to_owned())
}

/// Without `match[]`, one selection of everything.
fn each_or_all(selections: Vec<Vec<Matcher>>) -> Vec<Vec<Matcher>> {
    if selections.is_empty() { vec![Vec::new()] } else { selections }
}

fn limited<T>(found: BTreeSet<T>, limit: usize) -> (Vec<T>, Vec<String>) {
    let is_truncated = limit > 0 && found.len() > limit;
    let limit = if limit == 0 { usize::MAX } else { limit };
    let warnings = if is_truncated { vec![TRUNCATED.to_owned()] } else { Vec::new() };
    (found.into_iter().take(limit).collect(), warnings)
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn names_that_no_path_can_hold_are_read() {
        for (name, plain) in [
            ("job", "job"),
            ("U__http_2e_status", "http.status"),
            ("U__a__b", "a_b"),
            ("U___1f600_", "😀"),
            ("U__broken_2e", "U__broken_2e"),
            ("U__x_zz_", "U__x_zz_"),
            ("U__x_d800_", "U__x_d800_"),
        ] {
            assert_eq!(unescaped(name), plain, "{name}");
        }
    }
}
