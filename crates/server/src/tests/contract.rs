//! The contract's endpoints, with their keys and with the truth in them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use host::{CpuUsage, Filesystem, HostSnapshot, Memory};
use model::{AgentState, Batch, LabelSet, LogRecord, LogSeverity, Outcome, Verdict};
use serde_json::Value;
use state::Role;
use storage::Appender;
use testkit::clock::START;

use super::fakes::{agent, run};
use super::fixture::{Fixture, get};

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap_or_else(|| panic!("{value}")).keys().map(String::as_str).collect()
}

fn assert_keys(value: &Value, expected: &[&str]) {
    let missing: Vec<_> = expected.iter().filter(|key| !keys(value).contains(*key)).collect();
    assert!(missing.is_empty(), "{missing:?} are not in {value}");
}

async fn asked(fixture: &Fixture, path: &str) -> Value {
    let token = fixture.token(Role::Operator).await;
    let answer = fixture.ask(get(path).bearer(&token)).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    answer.json()
}

pub(super) fn snapshot() -> HostSnapshot {
    HostSnapshot {
        at: START,
        monotonic: Duration::ZERO,
        instance: "box".to_owned(),
        cpu: None,
        cpu_usage: Some(CpuUsage { busy_percent: 12.5, mode_percent: [0.0; 8] }),
        load: None,
        memory: Some(Memory { total_bytes: 4 << 30, available_bytes: 1 << 30, ..Memory::default() }),
        kernel: None,
        filesystems: vec![Filesystem {
            mountpoint: "/".to_owned(),
            size_bytes: 100 << 30,
            free_bytes: 25 << 30,
            available_bytes: 25 << 30,
            ..Filesystem::default()
        }],
        disk_io: Vec::new(),
        networks: Vec::new(),
        processes: Some(99),
        open_files: None,
        own: None,
        faults: Vec::new(),
    }
}

#[tokio::test]
async fn health_is_computed_and_open_to_anyone() {
    let fixture = Fixture::new().await;
    let health = fixture.ask(get("/health")).await.json();
    let expected = serde_json::json!(
        { "status": "degraded", "chat_enabled": false, "active_sessions": 1, "total_agents": 1 }
    );
    assert_eq!(health, expected);
    *fixture.fakes.verdict.lock() = Verdict::Critical;
    assert_eq!(fixture.ask(get("/health")).await.json()["status"], "critical");
}

#[tokio::test]
async fn monitoring_health_has_the_contracts_shape() {
    let fixture = Fixture::new().await;
    let reply = asked(&fixture, "/monitoring/health").await;
    assert_eq!(reply["status"], "success");
    assert_keys(
        &reply["health"],
        &[
            "status",
            "message",
            "last_check",
            "components",
            "dependencies",
            "status_distribution",
            "auto_recovery_enabled",
            "recovery_history_count",
        ],
    );
    let check = &reply["health"]["components"]["agent_manager"];
    assert_keys(
        check,
        &[
            "component",
            "status",
            "response_time_ms",
            "timestamp",
            "message",
            "details",
            "dependencies",
            "recovery_actions",
        ],
    );
    assert_eq!(reply["timestamp"], "2026-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn recovery_tells_of_the_last_day() {
    let fixture = Fixture::new().await;
    fixture.app.engines.state.record_run(&run("run_1", Outcome::Verified)).await.unwrap();
    let reply = asked(&fixture, "/monitoring/recovery").await;
    let told = &reply["recovery_history"][0];
    assert_keys(told, &["timestamp", "component", "action", "success", "trigger", "outcome", "reason"]);
    assert_eq!((&told["success"], &told["trigger"]), (&true.into(), &"manual".into()));
    fixture.clock.advance(Duration::from_secs(25 * 3600)).await;
    assert_eq!(asked(&fixture, "/monitoring/recovery").await["recovery_history"], serde_json::json!([]));
}

#[tokio::test]
async fn one_agent_is_about_that_agent() {
    let fixture = Fixture::new().await;
    fixture.fakes.agents.lock().push(Arc::new(agent("ses_2", "stuck-one", AgentState::Stalled)));
    let record = |session: &str| {
        let agent = format!("opencode:127.0.0.1:4096:{session}");
        let stream = LabelSet::new([("service", "fleet"), ("agent", &agent)]);
        LogRecord::new(START, stream, LogSeverity::Error, format!("{session} failed"))
    };
    let logs = vec![record("ses_1"), record("ses_2")];
    fixture.store.append(Batch { logs, ..Batch::default() }).await.unwrap();
    let report = asked(&fixture, "/monitoring/agents/stuck-one").await;
    assert_eq!(report["agent"]["session"], "ses_2");
    assert_eq!(report["agent"]["worker_status"], "stuck");
    assert_eq!(report["health"]["status"], "unhealthy");
    assert_eq!(report["metrics"]["turns"], 4);
    assert_eq!(report["observability"]["summary"]["logs_count"], 1);
    assert_eq!(report["observability"]["logs"][0]["message"], "ses_2 failed");
    assert_eq!(report["recovery_history"], serde_json::json!([]));
}

#[tokio::test]
async fn an_unknown_agent_is_not_found() {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Viewer).await;
    let answer = fixture.ask(get("/monitoring/agents/nobody").bearer(&token)).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.json()["instance"], "/monitoring/agents/nobody");
}

#[tokio::test]
async fn status_tells_everything_and_null_for_what_is_not_known() {
    let fixture = Fixture::new().await;
    let before = asked(&fixture, "/monitoring/production/status").await;
    assert_keys(
        &before,
        &[
            "status",
            "timestamp",
            "monitoring_system",
            "metrics",
            "health",
            "alerts",
            "observability",
            "dashboard_url",
        ],
    );
    assert_eq!(before["metrics"]["system"], Value::Null);
    assert_eq!(before["metrics"]["collection_status"]["is_collecting"], false);
    fixture.host.send_replace(Some(Arc::new(snapshot())));
    let after = asked(&fixture, "/monitoring/production/status").await;
    let system = &after["metrics"]["system"];
    assert_keys(
        system,
        &[
            "timestamp",
            "cpu_percent",
            "memory_percent",
            "memory_used_mb",
            "memory_available_mb",
            "disk_usage_percent",
            "disk_free_gb",
            "network_bytes_sent",
            "network_bytes_recv",
            "process_count",
            "thread_count",
            "load_average",
        ],
    );
    assert_eq!((&system["cpu_percent"], &system["memory_percent"]), (&12.5.into(), &75.0.into()));
    assert_eq!((&system["disk_usage_percent"], &system["network_bytes_sent"]), (&75.0.into(), &Value::Null));
    assert_eq!(after["metrics"]["business"]["agent_utilization_percent"], 100.0);
    assert_keys(
        &after["metrics"]["performance"],
        &[
            "api_response_times",
            "agent_response_times",
            "task_processing_times",
            "memory_usage_by_component",
            "cpu_usage_by_component",
        ],
    );
    assert_keys(
        &after["monitoring_system"]["configuration"],
        &[
            "metrics_collection_interval",
            "health_check_interval",
            "alert_processing_interval",
            "dashboard_port",
            "dashboard_host",
            "auto_recovery_enabled",
            "data_retention_days",
            "enable_dashboard",
            "enable_mobile_dashboard",
            "service_name",
        ],
    );
    assert_eq!(after["alerts"]["statistics"]["severity_distribution"]["critical"], 1);
    assert_keys(&after["observability"], &["status", "health_score", "issues", "metrics", "recommendations"]);
    assert_eq!(after["dashboard_url"], "http://127.0.0.1:8083");
}

#[tokio::test]
async fn utilization_of_nobody_is_not_a_number() {
    let fixture = Fixture::new().await;
    fixture.fakes.agents.lock().clear();
    let status = asked(&fixture, "/monitoring/production/status").await;
    assert_eq!(status["metrics"]["business"]["agent_utilization_percent"], Value::Null);
    assert_eq!(status["metrics"]["business"]["total_agents"], 0);
}

#[tokio::test]
async fn alerts_are_in_the_contracts_shape() {
    let fixture = Fixture::new().await;
    let reply = asked(&fixture, "/monitoring/production/alerts").await;
    assert_keys(&reply, &["active_alerts", "alert_history", "statistics"]);
    let alert = &reply["active_alerts"][0];
    assert_keys(
        alert,
        &[
            "id",
            "title",
            "description",
            "severity",
            "status",
            "source",
            "component",
            "timestamp",
            "tags",
            "metadata",
            "escalation_level",
            "acknowledged_by",
            "acknowledged_at",
            "resolved_at",
            "suppressed_until",
        ],
    );
    assert_eq!(alert["metadata"]["agent"], "opencode:127.0.0.1:4096:ses_1");
    assert_keys(
        &reply["statistics"],
        &[
            "active_alerts",
            "total_rules",
            "enabled_rules",
            "notification_channels",
            "enabled_channels",
            "severity_distribution",
            "status_distribution",
            "escalation_timers_active",
            "correlations_active",
        ],
    );
}

#[tokio::test]
async fn performance_is_averaged_from_the_store() {
    let fixture = Fixture::new().await;
    let mut batch = Batch::default();
    for minute in 0..120u32 {
        let at = START + Duration::from_secs(u64::from(minute) * 60);
        let percent = if minute < 60 { 20.0 } else { 60.0 };
        batch.push_sample(LabelSet::metric("fleet_utilization_percent", [("job", "fleet")]), at, percent);
        batch.push_sample(LabelSet::metric("node_memory_MemTotal_bytes", [("job", "node")]), at, 100.0);
        batch.push_sample(LabelSet::metric("node_memory_MemAvailable_bytes", [("job", "node")]), at, 25.0);
    }
    fixture.store.append(batch).await.unwrap();
    fixture.clock.advance(Duration::from_secs(2 * 3600)).await;
    let report = asked(&fixture, "/monitoring/production/performance?hours=1").await;
    let summary = &report["metrics_summary"];
    assert_eq!(summary["period_hours"], 1);
    assert_eq!(summary["business_summary"]["max_agent_utilization"], 60.0);
    assert_eq!(summary["system_summary"]["avg_memory_percent"], 75.0);
    assert_eq!(summary["system_summary"]["avg_cpu_percent"], Value::Null);
    let day = asked(&fixture, "/monitoring/production/performance").await;
    let average = day["metrics_summary"]["business_summary"]["avg_agent_utilization"].as_f64().unwrap();
    assert!((35.0..45.0).contains(&average), "{average}");
    assert_eq!(
        (&report["health_trends"]["healthy"], &report["alert_trends"]["critical"]),
        (&9.into(), &1.into())
    );
}

#[tokio::test]
async fn hours_are_whole_and_within_a_month() {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Admin).await;
    for path in ["/monitoring/production/performance", "/monitoring/production/export"] {
        for hours in ["0", "-1", "721", "ten", "1.5", "", "99999999999999999999"] {
            let answer = fixture.ask(get(&format!("{path}?hours={hours}")).bearer(&token)).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {hours}");
            assert_eq!(answer.json()["errors"][0]["pointer"], "hours");
        }
        for hours in ["1", "24", "720"] {
            let answer = fixture.send(get(&format!("{path}?hours={hours}")).bearer(&token)).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path} {hours}");
        }
    }
}

#[tokio::test]
async fn readiness_names_what_is_not_ready() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.ask(get("/livez")).await.text, "ok");
    let ready = fixture.ask(get("/readyz?verbose")).await;
    assert_eq!((ready.status, ready.text.as_str()), (StatusCode::OK, "[+]store ok\n[+]state ok\nok"));
    fixture.app.engines.state.close().await;
    assert_eq!(fixture.ask(get("/readyz")).await.status, StatusCode::OK, "kept for two seconds");
    fixture.clock.advance(Duration::from_secs(2)).await;
    let unready = fixture.ask(get("/readyz?verbose")).await;
    assert_eq!(unready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(unready.text.contains("[-]state failed"), "{}", unready.text);
}

#[tokio::test]
async fn a_server_that_stops_is_not_ready_and_still_alive() {
    let fixture = Fixture::new().await;
    fixture.shutdown.begin();
    assert_eq!(fixture.ask(get("/readyz")).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(fixture.ask(get("/livez")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_store_says_what_it_takes_up() {
    let fixture = Fixture::new().await;
    let mut batch = Batch::default();
    batch.push_sample(LabelSet::metric("up", [("job", "node")]), START, 1.0);
    fixture.store.append(batch).await.unwrap();
    let answer = asked(&fixture, "/monitoring/storage").await;
    assert_eq!(
        answer["tables"][0],
        serde_json::json!({"table": "samples", "rows": 1, "bytes": 0, "days": 1})
    );
    assert_eq!((&answer["active_streams"], &answer["offenders"]), (&1.into(), &serde_json::json!([])));
}

#[test]
fn an_offender_is_named_with_the_setting_that_it_passes() {
    let offender =
        |source: &str| storage::Offender { source: source.to_owned(), limit: "streams_max", refused: 7 };
    let offenders = vec![offender("builder"), offender("")];
    let usage = storage::Usage { offenders, ..storage::Usage::default() };
    let shown = crate::dto::storage::StorageDto::new(usage, "now".to_owned());
    let shown = serde_json::to_value(shown).unwrap();
    let expected = serde_json::json!([
        {"source": "builder", "limit": "storage.streams_max", "refused": 7},
        {"source": null, "limit": "storage.streams_max", "refused": 7},
    ]);
    assert_eq!(shown["offenders"], expected);
}
