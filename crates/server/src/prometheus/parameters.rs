//! Times, durations, steps and matchers as Prometheus' API takes them.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::{Method, header};
use model::{Matcher, TimeRange, Timestamp};

use super::reply::ApiError;
use crate::app::Shared;
use crate::wire::parse_time;

/// Parameters of the query string and, for POST, of the form in the body.
#[derive(Debug, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl FromRequest<Shared> for Parameters {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, ApiError> {
        let mut pairs = Vec::new();
        let is_form = request.method() == Method::POST && declares_form(&request);
        let query = request.uri().query().unwrap_or_default().to_owned();
        if is_form {
            let body = axum::body::to_bytes(request.into_body(), app.settings.body_bytes_max)
                .await
                .map_err(|_| ApiError::bad_data("the body could not be read or is too large"))?;
            // As in Prometheus, the body comes before the query string.
            pairs.extend(url::form_urlencoded::parse(&body).into_owned());
        }
        pairs.extend(url::form_urlencoded::parse(query.as_bytes()).into_owned());
        Ok(Self(pairs))
    }
}

fn declares_form(request: &Request) -> bool {
    let declared = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    declared.is_some_and(|declared| declared.starts_with("application/x-www-form-urlencoded"))
}

impl Parameters {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn query(&self) -> Result<promql::Query, ApiError> {
        let text = self.get("query").unwrap_or_default();
        promql::parse(text).map_err(|error| ApiError::invalid("query", error))
    }

    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        parse_time(text)
            .map(Some)
            .ok_or_else(|| ApiError::invalid(name, format!("cannot parse \"{text}\" to a valid timestamp")))
    }

    pub fn required_time(&self, name: &str) -> Result<Timestamp, ApiError> {
        self.time(name)?.ok_or_else(|| ApiError::invalid(name, "cannot parse \"\" to a valid timestamp"))
    }

    pub fn duration(&self, name: &str) -> Result<Option<Duration>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        parse_duration(text)
            .map(Some)
            .ok_or_else(|| ApiError::invalid(name, format!("cannot parse \"{text}\" to a valid duration")))
    }

    pub fn step(&self) -> Result<Duration, ApiError> {
        let step = self
            .duration("step")?
            .ok_or_else(|| ApiError::invalid("step", "cannot parse \"\" to a valid duration"))?;
        if step.as_millis() == 0 {
            let message = "zero or negative query resolution step widths are not accepted. \
                           Try a positive integer";
            return Err(ApiError::invalid("step", message));
        }
        Ok(step)
    }

    /// How much to return at most; 0 means all.
    pub fn limit(&self) -> Result<usize, ApiError> {
        self.count("limit")
    }

    /// As [`limit`](Parameters::limit), under another name.
    pub fn count(&self, name: &str) -> Result<usize, ApiError> {
        let Some(text) = self.get(name) else { return Ok(0) };
        text.parse().map_err(|_| ApiError::invalid(name, format!("cannot parse \"{text}\" to a limit")))
    }

    pub fn range_of_time(&self) -> Result<TimeRange, ApiError> {
        let start = self.time("start")?.unwrap_or(Timestamp::MIN);
        let end = self.time("end")?.unwrap_or(Timestamp::MAX);
        if end < start {
            return Err(ApiError::invalid("end", "end timestamp must not be before start time"));
        }
        Ok(TimeRange::new(start, end))
    }

    /// One list of matchers for each `match[]`.
    pub fn matches(&self) -> Result<Vec<Vec<Matcher>>, ApiError> {
        self.all("match[]").map(|text| parse_selector("match[]", text)).collect()
    }

    /// The matchers of a selector; none when it is absent.
    pub fn selector(&self, name: &str) -> Result<Vec<Matcher>, ApiError> {
        self.get(name).map_or(Ok(Vec::new()), |text| parse_selector(name, text))
    }
}

fn parse_selector(name: &str, text: &str) -> Result<Vec<Matcher>, ApiError> {
    let query = promql::parse(text).map_err(|error| ApiError::invalid(name, error))?;
    match query.plain_selector() {
        Some(matchers) => Ok(matchers.to_vec()),
        None => Err(ApiError::invalid(name, format!("\"{text}\" is not a series selector"))),
    }
}

/// Seconds with a fraction, or `1h30m`. Not negative.
fn parse_duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    model::parse_duration(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_prometheus_durations() {
        for (text, millis) in [
            ("15", Some(15_000)),
            ("0.5", Some(500)),
            ("1h30m", Some(5_400_000)),
            ("1d2h3m4s5ms", Some(93_784_005)),
            ("30m1h", None),
            ("1x", None),
            ("h", None),
            ("-5", None),
            ("99999999999999999999y", None),
        ] {
            assert_eq!(parse_duration(text).map(|duration| duration.as_millis()), millis, "{text}");
        }
    }
}
