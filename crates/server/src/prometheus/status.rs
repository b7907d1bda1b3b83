//! What a client may know about the server itself.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use model::{LabelSet, METRIC_NAME, TimeRange, Timestamp};
use serde::Serialize;
use storage::QueryLimits;

use super::parameters::Parameters;
use super::reply::{ApiError, success};
use crate::app::Shared;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildInfo {
    /// Of the Prometheus whose API this is, so that clients know what they may ask.
    version: &'static str,
    revision: String,
    branch: &'static str,
    build_user: &'static str,
    build_date: &'static str,
    go_version: &'static str,
}

pub(crate) async fn buildinfo(State(app): State<Shared>) -> Response {
    success(BuildInfo {
        version: "3.14.0",
        revision: format!("watchkeeper-{}", app.settings.configuration.version),
        branch: "",
        build_user: "",
        build_date: "",
        go_version: "",
    })
}

/// Prometheus' fields as far as they mean something here; Go's own are left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuntimeInfo {
    start_time: String,
    server_time: String,
    storage_retention: String,
}

pub(crate) async fn runtimeinfo(State(app): State<Shared>) -> Response {
    success(RuntimeInfo {
        start_time: app.started.to_string(),
        server_time: app.engines.clock.now().to_string(),
        storage_retention: format!("{}d", app.settings.configuration.retention_days),
    })
}

/// Settings under the names that Prometheus' flags have.
pub(crate) async fn flags(State(app): State<Shared>) -> Response {
    let settings = &app.settings;
    let seconds = |duration: Duration| format!("{}s", duration.as_secs());
    success(BTreeMap::from([
        ("query.timeout", seconds(settings.query_timeout)),
        ("storage.tsdb.retention.time", format!("{}d", settings.configuration.retention_days)),
        ("web.enable-admin-api", "true".to_owned()),
        ("web.enable-remote-write-receiver", "true".to_owned()),
        ("web.listen-address", settings.api_addr.to_string()),
        ("web.max-connections", settings.connections_max.to_string()),
    ]))
}

#[derive(Serialize)]
struct Config {
    yaml: String,
}

/// In Prometheus' words: what of our configuration its clients look for.
pub(crate) async fn config(State(app): State<Shared>) -> Response {
    let configuration = &app.settings.configuration;
    let yaml = format!(
        "global:\n  scrape_interval: {}s\n  evaluation_interval: {}s\n",
        configuration.metrics_interval.as_secs(),
        configuration.alert_interval.as_secs(),
    );
    success(Config { yaml })
}

/// How far back a series counts as one of now.
const HEAD: Duration = Duration::from_secs(60 * 60);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cardinality {
    head_stats: HeadStats,
    series_count_by_metric_name: Vec<Count>,
    label_value_count_by_label_name: Vec<Count>,
    memory_in_bytes_by_label_name: Vec<Count>,
    series_count_by_label_value_pair: Vec<Count>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeadStats {
    num_series: u64,
    num_label_pairs: u64,
    min_time: i64,
    max_time: i64,
}

#[derive(Serialize)]
struct Count {
    name: String,
    value: u64,
}

/// The series of the last hour, counted by what makes them many.
pub(crate) async fn tsdb(State(app): State<Shared>, parameters: Parameters) -> Result<Response, ApiError> {
    const SHOWN: usize = 10;
    const SHOWN_MAX: usize = 10_000;
    let shown = match parameters.limit()? {
        0 => SHOWN,
        limit if limit <= SHOWN_MAX => limit,
        _ => return Err(ApiError::invalid("limit", format!("must not be above {SHOWN_MAX}"))),
    };
    let now = app.engines.clock.now();
    let range = TimeRange::new(now - HEAD, now);
    let series = app.engines.store.series(&[], range, QueryLimits::default()).await?;
    let counted = tokio::task::spawn_blocking(move || cardinality(&series, range, shown)).await;
    counted.map(success).map_err(|error| {
        tracing::error!(%error, "series could not be counted");
        ApiError::new(super::reply::ErrorType::Internal, "the series could not be counted")
    })
}

fn cardinality(series: &[LabelSet], range: TimeRange, shown: usize) -> Cardinality {
    let mut by_pair: HashMap<(&str, &str), u64> = HashMap::new();
    for pair in series.iter().flat_map(LabelSet::iter) {
        *by_pair.entry(pair).or_default() += 1;
    }
    let mut values: HashMap<&str, u64> = HashMap::new();
    let mut bytes: HashMap<&str, u64> = HashMap::new();
    for (name, value) in by_pair.keys() {
        *values.entry(name).or_default() += 1;
        *bytes.entry(name).or_default() += value.len() as u64;
    }
    let metrics = by_pair.iter().filter(|((name, _), _)| *name == METRIC_NAME);
    let millis = |at: Timestamp| at.as_millis();
    Cardinality {
        head_stats: HeadStats {
            num_series: series.len() as u64,
            num_label_pairs: by_pair.len() as u64,
            min_time: millis(range.start),
            max_time: millis(range.end),
        },
        series_count_by_metric_name: most(
            metrics.map(|((_, metric), count)| ((*metric).to_owned(), *count)),
            shown,
        ),
        label_value_count_by_label_name: most(named(&values), shown),
        memory_in_bytes_by_label_name: most(named(&bytes), shown),
        series_count_by_label_value_pair: most(
            by_pair.iter().map(|((name, value), count)| (format!("{name}={value}"), *count)),
            shown,
        ),
    }
}

fn named<'a>(counts: &'a HashMap<&str, u64>) -> impl Iterator<Item = (String, u64)> + 'a {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count))
}

/// The largest first; of equals the first by name.
fn most(counts: impl Iterator<Item = (String, u64)>, shown: usize) -> Vec<Count> {
    let mut counts: Vec<Count> = counts.map(|(name, value)| Count { name, value }).collect();
    counts.sort_by(|a, b| b.value.cmp(&a.value).then_with(|| a.name.cmp(&b.name)));
    counts.truncate(shown);
    counts
}

#[derive(Serialize)]
struct WalReplay {
    min: u64,
    max: u64,
    current: u64,
    state: &'static str,
}

/// The server answers after replay, so it is always done.
pub(crate) async fn walreplay() -> Response {
    success(WalReplay { min: 0, max: 0, current: 0, state: "done" })
}
