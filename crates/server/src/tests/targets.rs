//! Targets and metadata as Grafana and promtool ask for them, and reading configuration again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use ingest::exposition::{Fact, FamilyKind};
use ingest::metadata::MetadataRegistry;
use ingest::scrape::{ActiveTarget, Target, TargetHealth, TargetStatus, TargetsSnapshot};
use model::LabelSet;
use serde_json::{Value, json};
use state::Role;
use testkit::clock::START;

use super::fixture::{Fixture, get, post};

/// One target that answers, one that does not, and one that is not wanted.
pub(super) fn snapshot() -> TargetsSnapshot {
    let target = |job: &str, address: &str| Target {
        job: job.to_owned(),
        discovered: LabelSet::new([("__address__", address)]),
        labels: LabelSet::new([("instance", address), ("job", job)]),
        url: format!("http://{address}/metrics").parse().unwrap(),
        interval: Duration::from_secs(90),
        timeout: Duration::from_secs(10),
    };
    let active = |target, status, source: &str| ActiveTarget {
        target: Arc::new(target),
        source: source.to_owned(),
        status,
    };
    let down = TargetStatus {
        health: TargetHealth::Down,
        last_error: "it answered with status 500".to_owned(),
        last_scrape: Some(START),
        last_duration: Duration::from_millis(250),
    };
    TargetsSnapshot {
        pools: vec!["node".to_owned(), "api".to_owned()],
        active: vec![
            active(target("node", "a:1"), TargetStatus::default(), "scrape a"),
            active(target("api", "b:1"), down, "scrape b"),
        ],
        dropped: vec![("node".to_owned(), LabelSet::new([("__address__", "c:1")]))],
        dropped_counts: BTreeMap::from([("node".to_owned(), 1)]),
    }
}

pub(super) fn metadata() -> Arc<MetadataRegistry> {
    let registry = MetadataRegistry::default();
    for source in ["scrape a", "scrape b", "otlp"] {
        registry.note(source, "took", &Fact::Kind(FamilyKind::Histogram));
        registry.note(source, "took", &Fact::Unit("seconds".into()));
    }
    registry.note("otlp", "took", &Fact::Help("How long".into()));
    registry.note("scrape a", "up", &Fact::Kind(FamilyKind::Gauge));
    Arc::new(registry)
}

async fn data(path: &str) -> Value {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Viewer).await;
    let answer = fixture.ask(get(path).bearer(&token)).await.json();
    assert_eq!(answer["status"], "success", "{answer}");
    answer["data"].clone()
}

#[tokio::test]
async fn targets_say_how_they_are() {
    let all = data("/api/v1/targets").await;
    let expected = json!({
        "discoveredLabels": { "__address__": "b:1" },
        "labels": { "instance": "b:1", "job": "api" },
        "scrapePool": "api",
        "scrapeUrl": "http://b:1/metrics",
        "globalUrl": "http://b:1/metrics",
        "lastError": "it answered with status 500",
        "lastScrape": "2026-01-01T00:00:00.000Z",
        "lastScrapeDuration": 0.25,
        "health": "down",
        "scrapeInterval": "1m30s",
        "scrapeTimeout": "10s",
    });
    assert_eq!(all["activeTargets"][1], expected);
    assert_eq!(all["activeTargets"][0]["lastScrape"], "0001-01-01T00:00:00Z");
    let dropped = json!([{ "discoveredLabels": { "__address__": "c:1" }, "scrapePool": "node" }]);
    assert_eq!((&all["droppedTargets"], &all["droppedTargetCounts"]), (&dropped, &json!({ "node": 1 })));
}

#[tokio::test]
async fn targets_are_chosen_by_state_and_pool() {
    let counts = async |query: &str| {
        let all = data(&format!("/api/v1/targets?{query}")).await;
        let count = |key: &str| all[key].as_array().unwrap().len();
        (count("activeTargets"), count("droppedTargets"))
    };
    assert_eq!(counts("state=active").await, (2, 0));
    assert_eq!(counts("state=dropped").await, (0, 1));
    assert_eq!(counts("scrapePool=api").await, (1, 0));
    assert_eq!(data("/api/v1/scrape_pools").await, json!({ "scrapePools": ["api", "node"] }));
}

#[tokio::test]
async fn metadata_is_told_by_metric_and_by_target() {
    let unsaid = json!({ "type": "histogram", "help": "", "unit": "seconds" });
    let said = json!({ "type": "histogram", "help": "How long", "unit": "seconds" });
    let all = data("/api/v1/metadata").await;
    assert_eq!(all["up"], json!([{ "type": "gauge", "help": "", "unit": "" }]));
    let took = all["took"].as_array().unwrap();
    assert!(took.len() == 2 && took.contains(&unsaid) && took.contains(&said), "{took:?}");
    assert_eq!(
        data("/api/v1/metadata?metric=took&limit_per_metric=1").await["took"].as_array().unwrap().len(),
        1
    );
    assert_eq!(data("/api/v1/metadata?limit=1").await.as_object().unwrap().len(), 1);
    let of_target = data("/api/v1/targets/metadata?match_target=%7Bjob%3D%22node%22%7D&metric=up").await;
    let target = json!({ "instance": "a:1", "job": "node" });
    assert_eq!(of_target, json!([{ "target": target, "type": "gauge", "help": "", "unit": "" }]));
    let every = data("/api/v1/targets/metadata").await;
    assert_eq!((every.as_array().unwrap().len(), &every[0]["metric"]), (3, &json!("took")));
}

#[tokio::test]
async fn wrong_parameters_are_refused() {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Viewer).await;
    for path in [
        "/api/v1/targets?state=lost",
        "/api/v1/targets/metadata?match_target=sum(up)",
        "/api/v1/metadata?limit=all",
        "/api/v1/metadata?limit_per_metric=-1",
    ] {
        let answer = fixture.ask(get(path).bearer(&token)).await;
        assert_eq!(
            (answer.status, &answer.json()["errorType"]),
            (StatusCode::BAD_REQUEST, &json!("bad_data"))
        );
    }
}

#[tokio::test]
async fn a_reload_that_fails_says_why() {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Admin).await;
    let answer = fixture.ask(post("/-/reload", "").bearer(&token)).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.text, "failed to reload config: line 3 is wrong\n");
}

#[tokio::test]
async fn own_numbers_are_told_in_the_dialect_that_is_asked_for() {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Viewer).await;
    let text = fixture.ask(get("/metrics").bearer(&token)).await;
    assert!(text.header("content-type").starts_with("text/plain; version=0.0.4"));
    assert!(text.text.contains("# TYPE seen_total counter\nseen_total 1\n"), "{}", text.text);
    assert!(text.text.contains("watchkeeper_build_info{version=\"0.1.0\"} 1\n"), "{}", text.text);
    let accept = "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;q=0.5";
    let open = fixture.ask(get("/metrics").bearer(&token).with("accept", accept)).await;
    assert!(open.header("content-type").starts_with("application/openmetrics-text; version=1.0.0"));
    assert!(open.text.contains("# TYPE seen counter\nseen_total 1\n") && open.text.ends_with("# EOF\n"));
}
