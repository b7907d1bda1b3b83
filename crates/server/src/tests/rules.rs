//! Rules and alerts in Prometheus' words.

use std::time::Duration;

use alerting::{
    ActiveAlert, Backtest, BacktestError, Firing, GroupRule, GroupStatus, Health, Look, RuleGroup, RuleStatus,
};
use axum::http::StatusCode;
use model::LabelSet;
use serde_json::{Value, json};
use state::Role;
use testkit::clock::START;

use super::fixture::{Fixture, get, post};

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

/// Each rule fired once, at the beginning.
pub(super) fn backtest(rules: &[RuleGroup], look: &Look) -> Result<Vec<Backtest>, BacktestError> {
    if look.end < look.start {
        return Err(BacktestError::Reversed);
    }
    let firing =
        Firing { labels: LabelSet::new([("job", "api")]), start: look.start, end: None, at_night: true };
    let backtest = |name: &str| Backtest {
        rule: name.to_owned(),
        severity: model::Severity::High,
        query: "up == 0".to_owned(),
        start: look.start,
        end: look.end,
        interval: look.interval,
        evaluations: 100,
        failed: 1,
        first_error: Some("it is wrong".to_owned()),
        fired: 1,
        fired_per_week: 0.5,
        fired_at_night: 1,
        fired_at_night_per_week: 0.5,
        firing: Duration::from_secs(60),
        longest: Duration::from_secs(60),
        firings: vec![firing.clone()],
        firings_left_out: 0,
    };
    Ok(rules.iter().flat_map(RuleGroup::alerts).map(|rule| backtest(&rule.name)).collect())
}

async fn look_back(question: Value) -> (StatusCode, Value) {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Operator).await;
    let asked = post("/monitoring/alerts/backtest", &question.to_string()).bearer(&token);
    let answer = fixture.ask(asked).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn a_look_back_says_when_rules_would_have_fired() {
    let (status, answer) = look_back(json!({ "rules": RULES, "since": "14d", "night": "0-24" })).await;
    assert_eq!((status, &answer["start"]), (StatusCode::OK, &json!("2025-12-18T00:00:00.000Z")), "{answer}");
    let expected = json!({
        "rule": "Down",
        "severity": "high",
        "query": "up == 0",
        "interval_seconds": 15.0,
        "evaluations": 100,
        "evaluations_failed": 1,
        "first_error": "it is wrong",
        "fired": 1,
        "fired_per_week": 0.5,
        "fired_at_night": 1,
        "fired_at_night_per_week": 0.5,
        "firing_seconds": 60.0,
        "longest_seconds": 60.0,
        "firings": [{
            "labels": { "job": "api" },
            "start": "2025-12-18T00:00:00.000Z",
            "end": null,
            "at_night": true,
        }],
        "firings_left_out": 0,
    });
    assert_eq!(answer["rules"][0], expected);
    assert_eq!(answer["rules"][1]["rule"], "Quiet");
}

#[tokio::test]
async fn a_look_back_that_makes_no_sense_names_the_field() {
    for (question, pointer) in [
        (json!({ "rules": "groups: [" }), "/rules"),
        (json!({ "rules": "groups: []" }), "/rules"),
        (json!({ "rules": RULES, "since": "long" }), "/since"),
        (json!({ "rules": RULES, "end": "soon" }), "/end"),
        (json!({ "rules": RULES, "zone": "Mars/Base" }), "/night"),
        (json!({ "rules": RULES, "night": "late" }), "/night"),
    ] {
        let (status, answer) = look_back(question).await;
        assert_eq!((status, &answer["errors"][0]["pointer"]), (StatusCode::BAD_REQUEST, &json!(pointer)));
    }
}
