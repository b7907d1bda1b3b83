//! Rules and alerts in Prometheus' words.

use std::time::Duration;

use alerting::{ActiveAlert, GroupRule, GroupStatus, Health, RuleStatus};
use axum::http::StatusCode;
use model::LabelSet;
use serde_json::{Value, json};
use state::Role;
use testkit::clock::START;

use super::fixture::{Fixture, get};

const RULES: &str = r#"groups:
  - name: first
    limit: 5
    rules:
      - {record: "job:up:sum", expr: sum by (job) (up), labels: {team: web}}
      - alert: Down
        expr: up == 0
        for: 5m
        keep_firing_for: 1m
        labels: {severity: page}
        annotations: {summary: "{{ $labels.job }} is down"}
  - name: second
    interval: 1m
    rules:
      - {alert: Quiet, expr: up > 1}
"#;

/// One rule that fires, one that fails, and one that is at rest.
pub(super) fn groups() -> Vec<GroupStatus> {
    let groups = alerting::rules::parse("own.yml", RULES).unwrap().into_iter();
    groups
        .map(|group| GroupStatus {
            file: group.file.clone(),
            name: group.name.clone(),
            interval: group.interval.unwrap_or(Duration::from_secs(15)),
            limit: group.limit,
            last_evaluation: Some(START),
            took: Duration::from_millis(2),
            rules: group.rules.into_iter().map(status).collect(),
        })
        .collect()
}

fn status(rule: GroupRule) -> RuleStatus {
    let (health, last_error) = match rule {
        GroupRule::Record(_) => (Health::Err, Some("it is wrong".to_owned())),
        GroupRule::Alert(_) => (Health::Ok, None),
    };
    let alerts = if rule.name() == "Down" { vec![alert()] } else { Vec::new() };
    let (last_evaluation, took) = (Some(START), Duration::from_millis(1));
    RuleStatus { rule, health, last_error, last_evaluation, took, alerts }
}

fn alert() -> ActiveAlert {
    ActiveAlert {
        labels: LabelSet::new([("alertname", "Down"), ("job", "api"), ("severity", "page")]),
        annotations: LabelSet::new([("summary", "api is down")]),
        is_firing: true,
        active_at: START,
        keep_firing_since: None,
        value: 0.0,
    }
}

async fn answer(path: &str) -> (StatusCode, Value) {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Operator).await;
    let answer = fixture.ask(get(path).bearer(&token)).await;
    (answer.status, answer.json())
}

async fn data(path: &str) -> Value {
    let (status, answer) = answer(path).await;
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("success")), "{answer}");
    answer["data"].clone()
}

#[tokio::test]
async fn groups_are_told_as_prometheus_tells_them() {
    let alert = json!({
        "labels": { "alertname": "Down", "job": "api", "severity": "page" },
        "annotations": { "summary": "api is down" },
        "state": "firing",
        "activeAt": "2026-01-01T00:00:00.000Z",
        "value": "0e+00",
    });
    let expected = json!({
        "name": "first",
        "file": "own.yml",
        "interval": 15.0,
        "limit": 5,
        "evaluationTime": 0.002,
        "lastEvaluation": "2026-01-01T00:00:00.000Z",
        "rules": [
            {
                "type": "recording",
                "name": "job:up:sum",
                "query": "sum by (job) (up)",
                "labels": { "team": "web" },
                "health": "err",
                "lastError": "it is wrong",
                "evaluationTime": 0.001,
                "lastEvaluation": "2026-01-01T00:00:00.000Z",
            },
            {
                "type": "alerting",
                "name": "Down",
                "query": "up == 0",
                "duration": 300.0,
                "keepFiringFor": 60.0,
                "labels": { "severity": "page" },
                "annotations": { "summary": "{{ $labels.job }} is down" },
                "alerts": [alert],
                "state": "firing",
                "health": "ok",
                "evaluationTime": 0.001,
                "lastEvaluation": "2026-01-01T00:00:00.000Z",
            },
        ],
    });
    let all = data("/api/v1/rules").await;
    assert_eq!(all["groups"][0], expected);
    assert_eq!(all["groups"][1]["rules"][0]["state"], "inactive");
    assert_eq!(data("/api/v1/alerts").await, json!({ "alerts": [alert] }));
    let none = json!({ "activeAlertmanagers": [], "droppedAlertmanagers": [] });
    assert_eq!(data("/api/v1/alertmanagers").await, none);
}

#[tokio::test]
async fn rules_are_chosen() {
    let names = async |query: &str| {
        let all = data(&format!("/api/v1/rules?{query}")).await;
        let groups = all["groups"].as_array().unwrap().clone();
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone());
        rules.map(|rule| rule["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("type=record").await, ["job:up:sum"]);
    assert_eq!(names("type=Alert").await, ["Down", "Quiet"]);
    assert_eq!(names("rule_name[]=Quiet&rule_name[]=Down").await, ["Down", "Quiet"]);
    assert_eq!(names("rule_group[]=second").await, ["Quiet"]);
    assert!(names("file[]=other.yml").await.is_empty());
    assert_eq!(
        names("match[]=%7Bseverity%3D%22page%22%7D&match[]=%7Bteam%3D%22web%22%7D").await,
        ["job:up:sum", "Down"]
    );
    let without = data("/api/v1/rules?exclude_alerts=true&rule_name[]=Down").await;
    assert_eq!(without["groups"][0]["rules"][0]["alerts"], json!([]));
}

#[tokio::test]
async fn groups_come_in_pages() {
    let page = data("/api/v1/rules?group_limit=1").await;
    let token = page["groupNextToken"].as_str().unwrap().to_owned();
    assert_eq!((page["groups"].as_array().unwrap().len(), &page["groups"][0]["name"]), (1, &json!("first")));
    let next = data(&format!("/api/v1/rules?group_limit=1&group_next_token={token}")).await;
    assert_eq!((&next["groups"][0]["name"], next.get("groupNextToken")), (&json!("second"), None));
}

#[tokio::test]
async fn wrong_wishes_are_refused() {
    for query in [
        "type=all",
        "exclude_alerts=maybe",
        "group_limit=x",
        "group_limit=0",
        "group_next_token=x",
        "group_limit=1&group_next_token=x",
        "match[]=sum(up)",
    ] {
        let (status, answer) = answer(&format!("/api/v1/rules?{query}")).await;
        assert_eq!((status, &answer["errorType"]), (StatusCode::BAD_REQUEST, &json!("bad_data")), "{query}");
    }
}
