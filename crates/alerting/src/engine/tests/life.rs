//! Restarts, failures, acknowledgements: the life of alerts beyond a single rule.

use std::time::Duration;

use model::{AlertStatus, Severity};
use runtime::{Clock, Shutdown};
use state::Attempt;

use super::story::{EVERY, Story, default_rules, one_rule};
use crate::settings::{ReceiverKind, ReceiverSettings, SlackSettings};
use crate::{Health, Secret};

const A: &[(&str, &str)] = &[("agent", "ses_1"), ("source", "local")];

fn receiver(id: &str, severities: Option<Vec<Severity>>) -> ReceiverSettings {
    let slack = SlackSettings {
        url: Secret::new("http://127.0.0.1:9/"),
        channel: "#alerts".to_owned(),
        username: "w".to_owned(),
    };
    ReceiverSettings {
        id: id.to_owned(),
        name: id.to_owned(),
        enabled: true,
        severities,
        kind: ReceiverKind::Slack(slack),
    }
}

async fn in_state(story: &Story, state: &str) {
    for other in ["working", "stalled"] {
        let value = if other == state { 1.0 } else { model::STALE_NAN };
        let labels: Vec<_> = A.iter().copied().chain([("state", other)]).collect();
        story.gauge("agent_state", &labels, value).await;
    }
}

async fn deliver_everything(story: &Story, receiver: &str) {
    for row in story.state.due(receiver, model::Timestamp::MAX, 100).await.unwrap() {
        assert!(story.state.claim(row.id).await.unwrap());
        let attempt = Attempt { at: story.clock.now(), ..Attempt::default() };
        story.state.delivered(row.id, &attempt).await.unwrap();
    }
}

#[tokio::test]
async fn a_restart_neither_forgets_nor_says_it_again() {
    let story = Story::with_receivers(default_rules(), vec![receiver("slack", None)]).await;
    in_state(&story, "stalled").await;
    story.evaluate().await;
    let before = story.open();
    assert_eq!(story.queued("slack").await, [(before[0].id.clone(), "firing")]);
    deliver_everything(&story, "slack").await;

    let story = story.restart(Duration::from_secs(30), default_rules()).await;
    assert_eq!(story.open(), before);
    in_state(&story, "stalled").await;
    story.evaluate().await;
    assert_eq!(story.open()[0].id, before[0].id);
    assert!(story.queued("slack").await.is_empty());

    in_state(&story, "working").await;
    story.pass(EVERY).await;
    in_state(&story, "working").await;
    story.evaluate().await;
    assert!(story.open().is_empty());
    assert_eq!(story.queued("slack").await, [(before[0].id.clone(), "resolved")]);
}

#[tokio::test]
async fn silence_after_a_restart_resolves_nothing_until_something_is_heard() {
    let story = Story::begin(default_rules()).await;
    in_state(&story, "stalled").await;
    story.evaluate().await;
    let id = story.open()[0].id.clone();

    // Longer than samples stand for their series: the queries find nothing at all.
    let story = story.restart(Duration::from_secs(600), default_rules()).await;
    story.evaluate().await;
    assert_eq!(story.open()[0].id, id, "nothing has been heard yet");
    story.pass(EVERY).await;
    story.gauge("agent_state", &[("agent", "other"), ("source", "x"), ("state", "working")], 1.0).await;
    story.evaluate().await;
    assert_eq!(story.open()[0].id, id, "somebody else was heard of");
    story.pass(EVERY).await;
    in_state(&story, "working").await;
    story.evaluate().await;
    assert!(story.open().is_empty());
}

#[tokio::test]
async fn silence_after_a_restart_has_an_end() {
    let story = Story::begin(default_rules()).await;
    in_state(&story, "stalled").await;
    story.evaluate().await;
    let story = story.restart(Duration::from_secs(600), default_rules()).await;
    for _ in 0..=21 {
        story.evaluate().await;
        story.pass(EVERY).await;
    }
    assert!(story.open().is_empty());
}

#[tokio::test]
async fn a_hold_goes_on_through_a_short_restart_and_begins_again_after_a_long_one() {
    for (downtime, fires) in [(60, true), (600, false)] {
        let story = Story::begin(one_rule("expr: x > 0, for: 2m")).await;
        story.gauge("x", &[], 1.0).await;
        story.evaluate().await;
        let story = story.restart(Duration::from_secs(downtime), one_rule("expr: x > 0, for: 2m")).await;
        story.pass(Duration::from_secs(60)).await;
        story.gauge("x", &[], 1.0).await;
        story.evaluate().await;
        assert_eq!(!story.open().is_empty(), fires, "after {downtime} s");
        assert_eq!(story.pending().is_empty(), fires);
    }
}

#[tokio::test]
async fn a_rule_that_fails_keeps_its_alerts_and_the_others_go_on() {
    let rules = crate::rules::parse(
        "own.yml",
        "groups: [{name: g, rules: [{alert: fragile, expr: a + on() b > 0}, {alert: sound, expr: c > 0}]}]",
    )
    .unwrap();
    let story = Story::begin(rules).await;
    story.gauge("a", &[], 1.0).await;
    story.gauge("b", &[], 1.0).await;
    story.evaluate().await;
    assert_eq!(story.open_rules(), ["fragile"]);
    // Two on one side: the match is ambiguous.
    story.pass(EVERY).await;
    for label in ["1", "2"] {
        story.gauge("b", &[("x", label)], 1.0).await;
    }
    story.gauge("c", &[], 1.0).await;
    story.evaluate().await;
    let mut open = story.open_rules();
    open.sort();
    assert_eq!(open, ["fragile", "sound"]);
    let statuses = story.rules();
    assert_eq!((statuses[0].health, statuses[1].health), (Health::Err, Health::Ok));
    assert!(statuses[0].last_error.is_some());
}

#[tokio::test]
async fn a_rule_that_finds_too_much_is_at_fault() {
    let story = Story::begin(one_rule("expr: x > 0")).await;
    for index in 0..1001 {
        story.gauge("x", &[("i", &index.to_string())], 1.0).await;
    }
    story.evaluate().await;
    assert!(story.open().is_empty());
    let error = story.rules()[0].last_error.clone().unwrap();
    assert!(error.contains("alerts.per_rule_max"), "{error}");
}

#[tokio::test]
async fn an_acknowledged_alert_stays_so_until_it_ends_and_may_be_renamed() {
    let story = Story::begin(one_rule("expr: x > 0")).await;
    story.gauge("x", &[], 1.0).await;
    story.evaluate().await;
    let id = story.open()[0].id.clone();
    assert!(story.engine.acknowledge("nothing", "ada").await.is_err());
    story.engine.acknowledge(&id, "ada\r\n").await.unwrap();
    story.engine.acknowledge(&id, "bob").await.unwrap();
    let story = story.restart(Duration::from_secs(30), one_rule("expr: x > 0")).await;
    story.gauge("x", &[], 2.0).await;
    story.evaluate().await;
    let alert = story.open().remove(0);
    assert_eq!(
        (alert.status, alert.acknowledged_by.as_deref(), alert.value),
        (AlertStatus::Acknowledged, Some("bob"), 2.0)
    );
    story.gauge("x", &[], 0.0).await;
    story.evaluate().await;
    assert!(story.open().is_empty());
    assert!(story.engine.acknowledge(&id, "ada").await.is_err(), "it is over");
    assert_eq!(story.state.alert(&id).await.unwrap().unwrap().status, AlertStatus::Resolved);
}

#[tokio::test]
async fn a_later_breach_is_a_new_alert_even_within_the_same_second() {
    let story = Story::begin(one_rule("expr: x > 0")).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        story.gauge("x", &[], 1.0).await;
        story.evaluate().await;
        ids.push(story.open()[0].id.clone());
        story.gauge("x", &[], 0.0).await;
        story.evaluate().await;
    }
    assert_eq!(ids[0], "a_1767225600");
    assert!(ids[1].starts_with("a_1767225600_") && ids[2] == format!("{}_2", ids[1]), "{ids:?}");
}

#[tokio::test]
async fn alerts_of_several_things_have_a_fingerprint() {
    let story = Story::begin(one_rule("expr: x > 0")).await;
    story.gauge("x", &[("i", "1")], 1.0).await;
    story.gauge("x", &[("i", "2")], 1.0).await;
    story.evaluate().await;
    let ids: Vec<String> = story.open().into_iter().map(|alert| alert.id).collect();
    assert!(ids[0] != ids[1] && ids.iter().all(|id| id.len() == "a_1767225600_".len() + 8), "{ids:?}");
}

#[tokio::test]
async fn severities_decide_who_is_told_and_only_those_hear_the_end() {
    let receivers = vec![receiver("worst", Some(vec![Severity::Critical])), receiver("all", None)];
    let story = Story::with_receivers(one_rule("expr: x > 0, labels: {severity: high}"), receivers).await;
    story.gauge("x", &[], 1.0).await;
    story.evaluate().await;
    deliver_everything(&story, "all").await;
    story.gauge("x", &[], 0.0).await;
    story.evaluate().await;
    assert!(story.queued("worst").await.is_empty());
    assert_eq!(story.queued("all").await.len(), 1);
}

#[tokio::test]
async fn an_alert_whose_rule_is_gone_is_resolved_at_start() {
    let story = Story::begin(one_rule("expr: x > 0")).await;
    story.gauge("x", &[], 1.0).await;
    story.evaluate().await;
    let id = story.open()[0].id.clone();
    let story = story.restart(EVERY, default_rules()).await;
    assert!(story.open().is_empty());
    assert_eq!(story.state.alert(&id).await.unwrap().unwrap().status, AlertStatus::Resolved);
}

#[tokio::test]
async fn what_is_known_of_the_agent_is_told_in_one_line_each() {
    let story = Story::begin(default_rules()).await;
    in_state(&story, "stalled").await;
    story.evaluate().await;
    let alert = story.open().remove(0);
    assert_eq!(alert.title, "Agent stalled: billing-refactor");
    assert_eq!(alert.annotations.get("why"), Some("no answer of the model for 5 minutes"));
    assert_eq!(alert.annotations.get("model"), Some("sonnet"));
}

#[tokio::test]
async fn a_nudge_is_answered_without_waiting_for_the_clock() {
    let story = Story::begin(default_rules()).await;
    let mut changes = story.engine.changes.subscribe();
    let shutdown = Shutdown::new();
    let engine = &story.engine;
    let nudged = async {
        // The first evaluation is over when every rule has been looked at.
        while story.rules().iter().any(|status| status.health == Health::Unknown) {
            story.pass(Duration::from_secs(1)).await;
        }
        in_state(&story, "stalled").await;
        engine.nudge(&["agent_state"]);
        let rule = changes.recv().await.unwrap().rule;
        shutdown.begin();
        rule
    };
    let (rule, ()) = tokio::join!(nudged, engine.run(shutdown.clone()));
    assert_eq!(rule, "agent_stalled");
}

#[tokio::test]
async fn a_sample_of_this_very_millisecond_is_seen() {
    let story = Story::begin(one_rule("expr: x > 0")).await;
    story.pass(Duration::from_micros(1500)).await;
    story.gauge("x", &[], 1.0).await;
    story.evaluate().await;
    assert_eq!(story.open().len(), 1);
}

#[tokio::test]
async fn a_rule_that_is_rarely_evaluated_still_fires() {
    let rules = crate::rules::parse(
        "own.yml",
        "groups: [{name: g, interval: 10m, rules: [{alert: a, expr: x > 0, for: 20m}]}]",
    );
    let story = Story::begin(rules.unwrap()).await;
    for _ in 0..3 {
        story.gauge("x", &[], 1.0).await;
        story.evaluate().await;
        story.pass(Duration::from_secs(600)).await;
    }
    assert_eq!(story.open().len(), 1);
}

#[tokio::test]
async fn a_rule_that_fails_at_the_end_of_its_hold_is_not_hurried() {
    let story = Story::begin(one_rule("expr: x + on() y > 0, for: 1m")).await;
    story.gauge("x", &[], 1.0).await;
    story.gauge("y", &[], 1.0).await;
    story.evaluate().await;
    assert_eq!(story.engine.until_next_hold_ends(&story.engine.loaded()), Duration::from_secs(60));
    story.pass(Duration::from_secs(60)).await;
    assert_eq!(story.engine.ripe_rules(&story.engine.loaded()).len(), 1);
    // Two on one side: the match is ambiguous.
    story.gauge("y", &[("of", "other")], 1.0).await;
    story.evaluate().await;
    assert_eq!((story.pending().len(), story.open().len()), (1, 0));
    assert!(story.engine.ripe_rules(&story.engine.loaded()).is_empty(), "it was looked at");
    assert_eq!(
        story.engine.until_next_hold_ends(&story.engine.loaded()),
        Duration::MAX,
        "the next is at its interval"
    );
}
