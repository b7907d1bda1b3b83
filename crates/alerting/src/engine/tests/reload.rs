//! Other rules while alerts are open.

use model::AlertStatus;

use super::story::{EVERY, Story, one_rule};
use crate::Health;

#[tokio::test]
async fn a_rule_that_stays_keeps_its_alerts_and_its_progress() {
    let story = Story::begin(one_rule("expr: x > 0, for: 30s")).await;
    story.gauge("x", &[], 1.0).await;
    story.evaluate().await;
    assert_eq!(story.pending().len(), 1);
    story.engine.reload(one_rule("expr: x > 0.5, for: 30s")).await.unwrap();
    assert_eq!((story.pending().len(), story.rules()[0].health), (1, Health::Ok));
    story.pass(EVERY * 2).await;
    story.gauge("x", &[], 1.0).await;
    story.evaluate().await;
    assert_eq!(story.open().len(), 1, "the hold went on");
    assert_eq!(story.rules()[0].alerts.len(), 1);
}

#[tokio::test]
async fn the_alerts_and_series_of_a_rule_that_is_gone_end() {
    let rules = |yaml: &str| crate::rules::parse("own.yml", yaml).unwrap();
    let before = "groups: [{name: g, rules: [{alert: a, expr: x > 0}, {alert: b, expr: x > 0, for: 1h}, {record: y, expr: x}]}]";
    let story = Story::begin(rules(before)).await;
    story.gauge("x", &[], 1.0).await;
    story.evaluate().await;
    let id = story.open()[0].id.clone();
    story.pass(EVERY).await;
    story.engine.reload(rules("groups: [{name: g, rules: [{alert: c, expr: x > 0}]}]")).await.unwrap();
    assert!(story.open().is_empty() && story.pending().is_empty());
    assert_eq!(story.state.alert(&id).await.unwrap().unwrap().status, AlertStatus::Resolved);
    assert!(story.series("{__name__=~\"ALERTS.*|y\"}").await.is_empty());
    story.evaluate().await;
    assert_eq!(story.open_rules(), ["c"]);
}

#[tokio::test]
async fn a_template_that_fails_takes_no_alert_away() {
    let fields = r#"expr: x > 0, labels: {bad: "{{ toUpper $value }}"}, annotations: {summary: "{{ with query \"x\" }}{{ . | first | value }}{{ end }}", title: "{{ query \"sum(\" }}"}"#;
    let story = Story::begin(one_rule(fields)).await;
    story.gauge("x", &[], 3.0).await;
    story.evaluate().await;
    let alert = story.open().remove(0);
    assert!(alert.title.starts_with("<error expanding template: "), "{}", alert.title);
    assert_eq!(alert.annotations.get("summary"), Some("3"));
    let bad = "<error expanding template: error executing template __alert_a: wrong type for value; expected string; got float64>";
    assert_eq!(alert.labels.get("bad"), Some(bad));
}
