//! Recording rules on a time-line.

use super::story::{EVERY, Story};
use crate::rules::{self, RuleGroup};

fn group(rules: &str) -> Vec<RuleGroup> {
    rules::parse(
        "own.yml",
        &format!("groups:\n- name: g\n  limit: 2\n  labels: {{team: web}}\n  rules:\n{rules}"),
    )
    .unwrap()
}

#[tokio::test]
async fn a_later_rule_and_an_alert_read_what_was_just_recorded() {
    let rules = "  - {record: 'a:double', expr: load * 2}\n  - {record: 'a:quad', expr: 'a:double * 2'}\n  - {alert: a, expr: 'a:quad{team=\"web\"} > 7'}\n";
    let story = Story::begin(group(rules)).await;
    story.gauge("load", &[("instance", "one")], 2.0).await;
    story.evaluate().await;
    assert_eq!(story.ask("a:quad").await, [("one".to_owned(), 8.0)]);
    assert_eq!(story.open_rules(), ["a"]);
}

#[tokio::test]
async fn a_recorded_series_ends_when_it_is_not_found_any_more() {
    let story = Story::begin(group("  - {record: loads, expr: load > 1}\n")).await;
    story.gauge("load", &[("instance", "one")], 2.0).await;
    story.gauge("load", &[("instance", "two")], 3.0).await;
    story.evaluate().await;
    assert_eq!(story.ask("loads").await.len(), 2);
    story.pass(EVERY).await;
    story.gauge("load", &[("instance", "one")], 0.0).await;
    story.evaluate().await;
    assert_eq!(story.ask("loads").await, [("two".to_owned(), 3.0)]);
}

#[tokio::test]
async fn a_rule_that_fails_records_nothing_and_stops_no_other() {
    let rules = "  - {record: same, expr: load, labels: {instance: ''}}\n  - {record: max, expr: max(load)}\n  - {record: all, expr: '{__name__=~\"load.*\"}'}\n";
    let story = Story::begin(group(rules)).await;
    for (name, instance) in [("load", "one"), ("load", "two"), ("load_2", "three")] {
        story.gauge(name, &[("instance", instance)], 4.0).await;
    }
    story.evaluate().await;
    assert!(story.ask("same").await.is_empty(), "two series would have had the same labels");
    assert!(story.ask("all").await.is_empty(), "there are more than the limit");
    assert_eq!(story.ask("max").await, [(String::new(), 4.0)]);
}

#[tokio::test]
async fn alerts_are_series_too_as_prometheus_writes_them() {
    let rule = "  - {alert: a, expr: load > 1, for: 30s, labels: {severity: page}}\n  - {record: firing, expr: 'count(ALERTS{alertname=\"a\"})'}\n";
    let story = Story::begin(group(rule)).await;
    story.gauge("load", &[("instance", "one")], 2.0).await;
    story.evaluate().await;
    let labels = r#"alertname="a""#;
    let rest = r#"instance="one", severity="page", team="web"} "#;
    let shown = |name: &str, state: &str, value: &str| format!("{name}{{{labels}, {state}{rest}{value}");
    let pending = shown("ALERTS", "alertstate=\"pending\", ", "1");
    let since = shown("ALERTS_FOR_STATE", "", "1767225600");
    assert_eq!(story.series("{__name__=~\"ALERTS.*\"}").await, [pending, since.clone()]);
    assert_eq!(story.series("firing").await, [r#"firing{team="web"} 1"#], "it reads what was just written");
    for _ in 0..2 {
        story.pass(EVERY).await;
        story.gauge("load", &[("instance", "one")], 2.0).await;
        story.evaluate().await;
    }
    let firing = shown("ALERTS", "alertstate=\"firing\", ", "1");
    assert_eq!(story.series("{__name__=~\"ALERTS.*\"}").await, [firing, since]);
    story.gauge("load", &[("instance", "one")], 0.0).await;
    story.pass(EVERY).await;
    story.evaluate().await;
    assert!(story.series("{__name__=~\"ALERTS.*\"}").await.is_empty());
}

#[tokio::test]
async fn a_rule_before_another_does_not_see_what_that_one_writes() {
    let rules = "  - {alert: early, expr: 'a:double > 0'}\n  - {record: 'a:double', expr: load * 2}\n";
    let story = Story::begin(group(rules)).await;
    story.gauge("load", &[("instance", "one")], 2.0).await;
    story.evaluate().await;
    assert!(story.open_rules().is_empty());
    story.pass(EVERY).await;
    story.evaluate().await;
    assert_eq!(story.open_rules(), ["early"]);
}
