//! What is scraped, and what the sources say of their metrics.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use ingest::metadata::Metadata;
use ingest::scrape::config::Span;
use ingest::scrape::{ActiveTarget, TargetsSnapshot};
use model::LabelSet;
use serde::Serialize;

use super::parameters::Parameters;
use super::reply::{ApiError, success};
use super::values::Labels;
use crate::app::Shared;

/// As Go writes a time that was never set.
const NEVER: &str = "0001-01-01T00:00:00Z";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetsDto<'a> {
    active_targets: Vec<ActiveDto<'a>>,
    dropped_targets: Vec<DroppedDto<'a>>,
    dropped_target_counts: &'a BTreeMap<String, usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActiveDto<'a> {
    discovered_labels: Labels<'a>,
    labels: Labels<'a>,
    scrape_pool: &'a str,
    scrape_url: &'a str,
    global_url: &'a str,
    last_error: &'a str,
    last_scrape: String,
    last_scrape_duration: f64,
    health: &'static str,
    scrape_interval: String,
    scrape_timeout: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DroppedDto<'a> {
    discovered_labels: Labels<'a>,
    scrape_pool: &'a str,
}

pub(crate) async fn targets(State(app): State<Shared>, parameters: Parameters) -> Result<Response, ApiError> {
    let (active, dropped) = match parameters.get("state").unwrap_or("any").to_ascii_lowercase().as_str() {
        "active" => (true, false),
        "dropped" => (false, true),
        "any" => (true, true),
        other => {
            return Err(ApiError::invalid("state", format!("{other:?} is none of active, dropped, any")));
        }
    };
    let pool = parameters.get("scrapePool");
    let is_of_pool = |name: &str| pool.is_none_or(|pool| pool == name);
    let TargetsSnapshot { active: all, dropped: gone, dropped_counts, .. } = (app.engines.targets)();
    let of_pool = all.iter().filter(|one| active && is_of_pool(&one.target.job));
    let gone = gone.iter().filter(|(job, _)| dropped && is_of_pool(job));
    Ok(success(TargetsDto {
        active_targets: of_pool.map(active_dto).collect(),
        dropped_targets: gone
            .map(|(job, labels)| DroppedDto { discovered_labels: Labels(labels), scrape_pool: job })
            .collect(),
        dropped_target_counts: &dropped_counts,
    }))
}

fn active_dto(one: &ActiveTarget) -> ActiveDto<'_> {
    let ActiveTarget { target, status, .. } = one;
    ActiveDto {
        discovered_labels: Labels(&target.discovered),
        labels: Labels(&target.labels),
        scrape_pool: &target.job,
        scrape_url: target.url.as_str(),
        global_url: target.url.as_str(),
        last_error: &status.last_error,
        last_scrape: status.last_scrape.map_or_else(|| NEVER.to_owned(), |at| at.to_rfc3339()),
        last_scrape_duration: status.last_duration.as_secs_f64(),
        health: status.health.as_str(),
        scrape_interval: Span(target.interval).to_string(),
        scrape_timeout: Span(target.timeout).to_string(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PoolsDto {
    scrape_pools: Vec<String>,
}

pub(crate) async fn scrape_pools(State(app): State<Shared>) -> Response {
    let mut scrape_pools = (app.engines.targets)().pools;
    scrape_pools.sort();
    success(PoolsDto { scrape_pools })
}

#[derive(Serialize)]
struct MetadataDto {
    #[serde(rename = "type")]
    kind: &'static str,
    help: String,
    unit: String,
}

impl MetadataDto {
    fn of(metadata: &Metadata) -> Self {
        Self { kind: metadata.kind.as_str(), help: metadata.help.clone(), unit: metadata.unit.clone() }
    }
}

#[derive(Serialize)]
struct TargetMetadataDto {
    target: BTreeMap<String, String>,
    /// Left out where the caller named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<String>,
    #[serde(flatten)]
    metadata: MetadataDto,
}

pub(crate) async fn targets_metadata(
    State(app): State<Shared>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let limit = parameters.limit()?;
    let limit = if limit == 0 { usize::MAX } else { limit };
    let wanted = parameters.get("metric");
    let selected = parameters.selector("match_target")?;
    let mut found = Vec::new();
    for one in (app.engines.targets)().active {
        if !selected.iter().all(|matcher| matcher.matches(&one.target.labels)) {
            continue;
        }
        for (family, metadata) in app.engines.metadata.of_source(&one.source) {
            if found.len() >= limit {
                return Ok(success(found));
            }
            if wanted.is_none_or(|wanted| wanted == family.as_ref()) {
                found.push(TargetMetadataDto {
                    target: owned(&one.target.labels),
                    metric: wanted.is_none().then(|| family.to_string()),
                    metadata: MetadataDto::of(&metadata),
                });
            }
        }
    }
    Ok(success(found))
}

fn owned(labels: &LabelSet) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

pub(crate) async fn metadata(
    State(app): State<Shared>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let limit = parameters.limit()?;
    let per_metric = parameters.count("limit_per_metric")?;
    let most = |limit: usize| if limit == 0 { usize::MAX } else { limit };
    let wanted = parameters.get("metric");
    let all = app.engines.metadata.all(|family| wanted.is_none_or(|wanted| wanted == family));
    let said: BTreeMap<String, Vec<MetadataDto>> = all
        .into_iter()
        .take(most(limit))
        .map(|(family, said)| {
            let said = said.iter().take(most(per_metric)).map(|one| MetadataDto::of(one));
            (family.to_string(), said.collect())
        })
        .collect();
    Ok(success(said))
}
