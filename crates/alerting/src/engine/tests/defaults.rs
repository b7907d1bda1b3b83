//! Each default rule is made to fire, after its hold and not before, and to resolve.

use std::time::Duration;

use super::story::{EVERY, Story, default_rules};

/// Fifteen seconds of a world in which one thing is bad, or nothing is.
async fn feed(story: &mut Story, rule: &str, is_bad: bool) {
    let bad = |name: &str, worse: f64, fine: f64| if is_bad && rule == name { worse } else { fine };
    let host = ("instance", "host");
    let source = ("source", "local");
    let agent = ("agent", "ses_1");

    let idle = bad("high_cpu_usage", 0.1, 0.9) * 15.0;
    story.count("node_cpu_seconds_total", &[host, ("cpu", "0"), ("mode", "idle")], idle).await;
    story.count("node_cpu_seconds_total", &[host, ("cpu", "0"), ("mode", "user")], 15.0 - idle).await;
    story.gauge("node_memory_MemTotal_bytes", &[host], 100.0).await;
    story.gauge("node_memory_MemAvailable_bytes", &[host], bad("high_memory_usage", 10.0, 50.0)).await;
    for (name, value) in [
        ("node_filesystem_avail_bytes", bad("disk_space_low", 5.0, 50.0)),
        ("node_filesystem_size_bytes", 100.0),
    ] {
        story.gauge(name, &[host, ("device", "sda"), ("mountpoint", "/"), ("fstype", "ext4")], value).await;
    }

    story.gauge("agent_stuck_duration_minutes", &[agent, source], bad("agent_stuck", 11.0, 0.0)).await;
    story.gauge("fleet_utilization_percent", &[], bad("low_agent_utilization", 10.0, 60.0)).await;
    story.gauge("source_up", &[source], bad("source_down", 0.0, 1.0)).await;

    let errors = bad("high_error_rate", 1.0, 0.0);
    for (outcome, count) in [("ok", 9.0), ("error", errors)] {
        story
            .count("source_requests_total", &[source, ("endpoint", "/session"), ("outcome", outcome)], count)
            .await;
    }
    let seconds = bad("slow_api_response", 30.0, 0.5);
    story.count("source_request_duration_seconds_sum", &[source, ("endpoint", "/session")], seconds).await;
    story.count("source_request_duration_seconds_count", &[source, ("endpoint", "/session")], 10.0).await;
    // An endpoint that nobody asks must not hide the others.
    story.count("source_request_duration_seconds_sum", &[source, ("endpoint", "/idle")], 0.0).await;
    story.count("source_request_duration_seconds_count", &[source, ("endpoint", "/idle")], 0.0).await;

    let state = rule.strip_prefix("agent_").filter(|state| is_bad && *state != "stuck").unwrap_or("working");
    for other in ["working", "stalled", "wedged", "dead", "failed", "waiting_human"] {
        if other != state {
            story.ends("agent_state", &[agent, source, ("state", other)]).await;
        }
    }
    story.gauge("agent_state", &[agent, source, ("state", state)], 1.0).await;
}

/// `window` is how far the rule's query looks back.
async fn check(rule: &str, hold_secs: u64, window_secs: u64) {
    let mut story = Story::begin(default_rules()).await;
    let mut run = async |is_bad: bool, secs: u64| {
        let mut fired_after = None;
        for second in (0..=secs).step_by(EVERY.as_secs() as usize) {
            feed(&mut story, rule, is_bad).await;
            story.evaluate().await;
            if fired_after.is_none() && !story.open().is_empty() {
                fired_after = Some(second);
            }
            story.pass(EVERY).await;
        }
        (fired_after, story.open(), story.rules())
    };
    let (fired_after, _, statuses) = run(false, window_secs + 60).await;
    assert_eq!(fired_after, None, "nothing is wrong yet");
    assert!(statuses.iter().all(|status| status.health == crate::Health::Ok), "{statuses:?}");

    let (fired_after, open, _) = run(true, hold_secs + window_secs + 30).await;
    assert!(fired_after >= Some(hold_secs), "{rule} fired after {fired_after:?}, before its hold");
    let rules: Vec<&str> = open.iter().map(|alert| alert.rule.as_str()).collect();
    assert_eq!(rules, [rule], "only what is bad is said");
    let alert = &open[0];
    assert!(alert.id.starts_with(&format!("{rule}_")), "{}", alert.id);
    let held = alert.fired_at.unwrap().since(alert.pending_since);
    assert!(held >= Duration::from_secs(hold_secs), "{held:?}");
    if alert.labels.get("agent").is_some() {
        assert!(alert.title.ends_with(": billing-refactor"), "{}", alert.title);
    }

    let (_, open, _) = run(false, window_secs + 30).await;
    assert!(open.is_empty(), "{rule} did not resolve");
}

#[tokio::test]
async fn high_cpu_usage() {
    check("high_cpu_usage", 300, 120).await;
}

#[tokio::test]
async fn high_memory_usage() {
    check("high_memory_usage", 180, 0).await;
}

#[tokio::test]
async fn agent_stuck() {
    check("agent_stuck", 60, 0).await;
}

#[tokio::test]
async fn high_error_rate() {
    check("high_error_rate", 120, 300).await;
}

#[tokio::test]
async fn low_agent_utilization() {
    check("low_agent_utilization", 1800, 0).await;
}

#[tokio::test]
async fn disk_space_low() {
    check("disk_space_low", 60, 0).await;
}

#[tokio::test]
async fn slow_api_response() {
    check("slow_api_response", 300, 300).await;
}

#[tokio::test]
async fn agents_in_trouble() {
    for rule in ["agent_stalled", "agent_wedged", "agent_dead", "agent_failed"] {
        check(rule, 0, 0).await;
    }
    check("agent_waiting_human", 120, 0).await;
}

#[tokio::test]
async fn source_down() {
    check("source_down", 60, 0).await;
}

#[tokio::test]
async fn an_empty_fleet_is_not_low_utilization() {
    let story = Story::begin(default_rules()).await;
    for _ in 0..160 {
        story.gauge("fleet_agents", &[("state", "working")], 0.0).await;
        story.gauge("source_up", &[("source", "local")], 1.0).await;
        story.evaluate().await;
        story.pass(EVERY).await;
    }
    assert!(story.open().is_empty() && story.pending().is_empty());
}
