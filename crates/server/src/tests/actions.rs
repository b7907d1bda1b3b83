//! What callers can have done, in whose name, and what is written down.

use axum::http::StatusCode;
use model::AlertStatus;
use state::Role;

use super::fakes::{SECRET_TASK, alert};
use super::fixture::{Answer, Fixture, get, post};

async fn done(fixture: &Fixture, role: Role, path: &str, body: &str) -> Answer {
    let token = fixture.token(role).await;
    fixture.ask(post(path, body).bearer(&token)).await
}

#[tokio::test]
async fn a_program_acknowledges_for_somebody_it_names() {
    let fixture = Fixture::new().await;
    let path = "/monitoring/production/alerts/agent_stuck_1/acknowledge";
    let answer = done(&fixture, Role::Operator, path, r#"{"acknowledged_by":"grace"}"#).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.json()["message"], "Alert agent_stuck_1 acknowledged by grace");
    let audit = fixture.app.engines.state.audit_since(testkit::clock::START, 10).await.unwrap();
    assert_eq!(
        (audit[0].actor.as_str(), audit[0].action.as_str()),
        ("token:operator-0", "alert.acknowledge")
    );
    let again = done(&fixture, Role::Operator, path, "").await;
    assert_eq!(again.json()["alert"]["acknowledged_by"], "operator-1");
}

#[tokio::test]
async fn unknown_and_resolved_alerts_cannot_be_acknowledged() {
    let fixture = Fixture::new().await;
    let old = alert("old", AlertStatus::Resolved);
    fixture.app.engines.state.upsert_alert(&old).await.unwrap();
    for (id, status) in [("nothing", StatusCode::NOT_FOUND), ("old", StatusCode::CONFLICT)] {
        let path = format!("/monitoring/production/alerts/{id}/acknowledge");
        let answer = done(&fixture, Role::Operator, &path, "{}").await;
        assert_eq!(answer.status, status, "{id}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

#[tokio::test]
async fn a_recovery_says_what_it_did_or_why_it_did_not() {
    let fixture = Fixture::new().await;
    for (action, status) in [
        ("restart_stuck_agents", StatusCode::OK),
        ("guarded", StatusCode::CONFLICT),
        ("optimize_database", StatusCode::NOT_IMPLEMENTED),
        ("format_disk", StatusCode::NOT_FOUND),
    ] {
        let path = format!("/monitoring/production/recovery/{action}");
        let answer = done(&fixture, Role::Operator, &path, "").await;
        assert_eq!(answer.status, status, "{action}: {}", answer.text);
        match status {
            StatusCode::OK => assert_eq!(answer.json()["runs"][0]["outcome"], "verified"),
            StatusCode::CONFLICT => assert!(answer.text.contains("cooldown"), "{}", answer.text),
            _ => assert!(answer.text.contains(action), "{}", answer.text),
        }
    }
}

#[tokio::test]
async fn a_recovery_of_one_agent_names_it() {
    let fixture = Fixture::new().await;
    let path = "/monitoring/production/recovery/restart_stuck_agents";
    let answer = done(&fixture, Role::Operator, path, r#"{"agent":"build-docs"}"#).await;
    assert_eq!(answer.status, StatusCode::OK);
    let expected = "restart_stuck_agents on opencode:127.0.0.1:4096:ses_1 by token:operator-0";
    assert_eq!(fixture.fakes.asked.lock().as_slice(), [expected]);
    let unknown = done(&fixture, Role::Operator, path, r#"{"agent":"nobody"}"#).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn agents_are_aborted_prompted_and_answered() {
    let fixture = Fixture::new().await;
    let agent = "/monitoring/agents/opencode:127.0.0.1:4096:ses_1";
    for (verb, body, status) in [
        ("abort", "", StatusCode::OK),
        ("prompt", r#"{"text":"go on"}"#, StatusCode::OK),
        ("prompt", r#"{"text":"  "}"#, StatusCode::BAD_REQUEST),
        ("permissions/per_1", r#"{"reply":"once"}"#, StatusCode::OK),
        ("permissions/per_1", r#"{"reply":"always"}"#, StatusCode::BAD_REQUEST),
        ("permissions/per_9", r#"{"reply":"reject"}"#, StatusCode::NOT_FOUND),
    ] {
        let answer = done(&fixture, Role::Operator, &format!("{agent}/{verb}"), body).await;
        assert_eq!(answer.status, status, "{verb} {body}: {}", answer.text);
    }
    assert_eq!(fixture.fakes.asked.lock().len(), 3);
}

#[tokio::test]
async fn receivers_are_listed_and_an_unknown_one_is_not_tested() {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Admin).await;
    let list = fixture.ask(get("/monitoring/receivers").bearer(&token)).await.json();
    assert_eq!(list["receivers"][0]["type"], "webhook");
    assert_eq!(list["receivers"][0]["last_receipt"], serde_json::Value::Null);
    let answer = done(&fixture, Role::Admin, "/monitoring/receivers/pager/test", "{}").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let receipts = fixture.ask(get("/monitoring/receipts?limit=5").bearer(&token)).await;
    assert_eq!(receipts.json()["receipts"], serde_json::json!([]));
}

#[tokio::test]
async fn executives_see_the_fleet_and_not_the_work() {
    let fixture = Fixture::new().await;
    let record = super::fakes::run("run_1", model::Outcome::Verified);
    fixture.app.engines.state.record_run(&record).await.unwrap();
    let executive = fixture.token(Role::Executive).await;
    let viewer = fixture.token(Role::Viewer).await;
    for path in ["/monitoring/agents", "/monitoring/agents/build-docs", "/monitoring/recovery"] {
        let seen = fixture.ask(get(path).bearer(&executive)).await;
        assert_eq!(seen.status, StatusCode::OK, "{path}");
        assert!(!seen.text.contains(SECRET_TASK), "{path}: {}", seen.text);
        let seen = fixture.ask(get(path).bearer(&viewer)).await;
        assert!(seen.text.contains(SECRET_TASK), "{path}");
    }
}

#[tokio::test]
async fn logs_and_alerts_do_not_leak_through_other_endpoints() {
    let fixture = Fixture::new().await;
    let viewer = fixture.token(Role::Viewer).await;
    let status = fixture.ask(get("/monitoring/production/status").bearer(&viewer)).await.json();
    assert_eq!(status["alerts"]["active_alerts"], serde_json::Value::Null);
    let report = fixture.ask(get("/monitoring/agents/build-docs").bearer(&viewer)).await.json();
    assert_eq!(report["observability"]["logs"], serde_json::Value::Null);
}

#[tokio::test]
async fn what_was_begun_is_written_down_although_the_caller_left() {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Operator).await;
    let mut asking = Box::pin(fixture.ask(post("/monitoring/production/recovery/waits", "").bearer(&token)));
    while fixture.fakes.asked.lock().is_empty() {
        assert!(futures::poll!(asking.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
    drop(asking);
    fixture.fakes.gate.notify_one();
    fixture.app.changes.finish().await;
    let audit = fixture.app.engines.state.audit_since(testkit::clock::START, 10).await.unwrap();
    assert_eq!((audit[0].action.as_str(), audit[0].outcome.as_str()), ("recovery.trigger", "ok"));
}
