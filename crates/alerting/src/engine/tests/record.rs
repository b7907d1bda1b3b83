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
