//! A real socket and a clock that moves when the test says so.

use runtime::Clock;
use testkit::FakeClock;

use super::*;

#[tokio::test]
async fn a_failure_is_told_when_its_damping_ends_and_not_at_the_next_tick() {
    let stand = Stand::open().await;
    stand.set(|content| {
        content.sessions = vec![session("ses_a")];
        content.statuses = json!({"ses_a": {"type": "busy"}});
    });
    let clock = FakeClock::new();
    // Neither a poll nor a heartbeat comes to wake it.
    let pace = Pace { poll: LONG, heartbeat_deadline: LONG, ..pace() };
    let mut watch = watch_by(Arc::new(clock.clone()), pace, stand.port, None, LONG).await;
    while watch.fleet.find("ses_a").is_none_or(|agent| agent.status.state != AgentState::Working) {
        clock.advance(Duration::from_millis(10)).await;
        SystemClock::shared().sleep(Duration::from_millis(2)).await;
    }
    stand.set(|content| {
        let of = |more: serde_json::Value| {
            let mut properties = json!({"sessionID": "ses_a"});
            properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            properties
        };
        let error = json!({"name": "APIError", "data": {"message": "no", "statusCode": 400}});
        content.news =
            vec![event("session.error", of(json!({"error": error}))), event("session.idle", of(json!({})))];
        content.heartbeats = false;
    });
    watch
        .until("the error", |fleet| fleet.find("ses_a").is_some_and(|agent| agent.last_error.is_some()))
        .await;
    let heard = clock.monotonic();
    clock.advance(Duration::from_millis(299)).await;
    assert_eq!(watch.fleet.find("ses_a").unwrap().status.state, AgentState::Working);
    clock.advance(Duration::from_millis(1)).await;
    watch.until_agent("ses_a", AgentState::Failed).await;
    assert_eq!(clock.monotonic() - heard, Duration::from_millis(300));
    watch.end().await;
}
