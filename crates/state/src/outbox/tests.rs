#![allow(clippy::unwrap_used)]

use std::time::Duration;

use model::AlertStatus;
use testkit::clock::START;

use super::*;
use crate::alerts::tests::alert;
use crate::database::tests::Fixture;

fn notification(receiver: &str, transition: Transition) -> NewNotification {
    NewNotification {
        key: format!("a/{}/{receiver}", transition.as_str()),
        receiver: receiver.to_owned(),
        alert_id: "a".to_owned(),
        transition,
        payload: "{}".to_owned(),
    }
}

fn attempt(reply: &str) -> Attempt {
    Attempt { at: START, status: Some(500), reply: reply.to_owned(), doubtful: false }
}

async fn fire(state: &State, receivers: &[&str]) {
    let rows: Vec<_> = receivers.iter().map(|receiver| notification(receiver, Transition::Firing)).collect();
    state.record_alert(&alert("a", AlertStatus::Active, 100), &rows).await.unwrap();
}

async fn resolve(state: &State, receivers: &[&str]) {
    let rows: Vec<_> =
        receivers.iter().map(|receiver| notification(receiver, Transition::Resolved)).collect();
    state.record_alert(&alert("a", AlertStatus::Resolved, 100), &rows).await.unwrap();
}

/// The only notification due for `receiver`, claimed.
async fn claimed(state: &State, receiver: &str) -> Notification {
    let due = state.due(receiver, START, 10).await.unwrap();
    assert_eq!(due.len(), 1, "{due:?}");
    assert!(state.claim(due[0].id).await.unwrap());
    due[0].clone()
}

async fn waiting(state: &State, receiver: &str) -> Vec<Transition> {
    let due = state.due(receiver, Timestamp::MAX, 10).await.unwrap();
    due.into_iter().map(|notification| notification.transition).collect()
}

#[tokio::test]
async fn what_is_queued_survives_a_restart_and_is_said_once() {
    let fixture = Fixture::new().await;
    fire(&fixture.state, &["slack"]).await;
    fire(&fixture.state, &["slack"]).await;
    let fixture = fixture.reopened().await;
    let state = &fixture.state;
    let sent = claimed(state, "slack").await;
    assert!(!state.claim(sent.id).await.unwrap(), "nobody else sends it");
    state.delivered(sent.id, &Attempt { status: Some(200), ..attempt("ok") }).await.unwrap();
    assert!(waiting(state, "slack").await.is_empty());
    let receipt = state.last_receipt("slack").await.unwrap().unwrap();
    assert_eq!((receipt.outcome, receipt.attempt, receipt.status), (ReceiptOutcome::Accepted, 1, Some(200)));
    assert_eq!(state.receipt_of(sent.id).await.unwrap(), Some(receipt.clone()));
    assert_eq!(state.receipts(10).await.unwrap(), [receipt]);
}

#[tokio::test]
async fn what_was_being_sent_at_a_crash_is_sent_again() {
    let fixture = Fixture::new().await;
    fire(&fixture.state, &["slack"]).await;
    claimed(&fixture.state, "slack").await;
    let fixture = fixture.reopened().await;
    let state = &fixture.state;
    assert_eq!(state.requeue_unfinished("slack").await.unwrap(), 1);
    assert_eq!(claimed(state, "slack").await.attempts, 1);
}

#[tokio::test]
async fn a_failed_attempt_waits_until_it_is_due_again() {
    let fixture = Fixture::new().await;
    let state = &fixture.state;
    fire(state, &["slack"]).await;
    let sent = claimed(state, "slack").await;
    let later = START + Duration::from_secs(30);
    state.retry_at(sent.id, later, &attempt("busy")).await.unwrap();
    assert!(state.due("slack", START, 10).await.unwrap().is_empty());
    assert_eq!(state.next_due("slack").await.unwrap(), Some(later));
    assert_eq!(state.due("slack", later, 10).await.unwrap()[0].attempts, 1);
    assert_eq!(state.next_due("email").await.unwrap(), None);
}

#[tokio::test]
async fn a_resolution_goes_only_to_who_was_told() {
    let fixture = Fixture::new().await;
    let state = &fixture.state;
    fire(state, &["slack"]).await;
    let sent = claimed(state, "slack").await;
    state.delivered(sent.id, &attempt("ok")).await.unwrap();
    assert!(state.was_told("slack", "a").await.unwrap());
    assert!(!state.was_told("email", "a").await.unwrap());
    resolve(state, &["slack", "email"]).await;
    assert_eq!(waiting(state, "slack").await, [Transition::Resolved]);
    assert!(waiting(state, "email").await.is_empty());
}

#[tokio::test]
async fn a_firing_that_still_waits_when_the_alert_resolves_is_not_sent_at_all() {
    let fixture = Fixture::new().await;
    let state = &fixture.state;
    fire(state, &["slack"]).await;
    resolve(state, &["slack"]).await;
    assert!(waiting(state, "slack").await.is_empty());
    assert!(!state.was_told("slack", "a").await.unwrap());
    let receipt = state.last_receipt("slack").await.unwrap().unwrap();
    assert_eq!(receipt.outcome, ReceiptOutcome::Cancelled);
}

#[tokio::test]
async fn a_resolution_waits_for_its_firing_that_is_being_sent() {
    let fixture = Fixture::new().await;
    let state = &fixture.state;
    fire(state, &["slack"]).await;
    let sent = claimed(state, "slack").await;
    resolve(state, &["slack"]).await;
    assert!(waiting(state, "slack").await.is_empty());
    state.delivered(sent.id, &attempt("ok")).await.unwrap();
    assert_eq!(waiting(state, "slack").await, [Transition::Resolved]);
}

#[tokio::test]
async fn a_firing_refused_after_the_alert_resolved_takes_the_resolution_with_it() {
    for gives_up in [true, false] {
        let fixture = Fixture::new().await;
        let state = &fixture.state;
        fire(state, &["slack"]).await;
        let sent = claimed(state, "slack").await;
        resolve(state, &["slack"]).await;
        if gives_up {
            state.gave_up(sent.id, &attempt("no such channel")).await.unwrap();
        } else {
            state.retry_at(sent.id, START, &attempt("busy")).await.unwrap();
        }
        assert!(waiting(state, "slack").await.is_empty());
    }
}

#[tokio::test]
async fn a_firing_that_may_have_arrived_is_followed_by_its_resolution() {
    let fixture = Fixture::new().await;
    let state = &fixture.state;
    fire(state, &["slack"]).await;
    let sent = claimed(state, "slack").await;
    state.retry_at(sent.id, START, &Attempt { doubtful: true, ..attempt("no answer") }).await.unwrap();
    resolve(state, &["slack"]).await;
    assert_eq!(waiting(state, "slack").await, [Transition::Resolved]);
}

#[tokio::test]
async fn what_waits_for_a_removed_receiver_is_cancelled() {
    let fixture = Fixture::new().await;
    let state = &fixture.state;
    fire(state, &["slack", "email"]).await;
    assert_eq!(state.cancel_for_unknown_receivers(&["email".to_owned()]).await.unwrap(), 1);
    assert!(waiting(state, "slack").await.is_empty());
    assert_eq!(waiting(state, "email").await, [Transition::Firing]);
}

#[tokio::test]
async fn a_test_message_is_queued_without_an_alert() {
    let fixture = Fixture::new().await;
    let state = &fixture.state;
    let id = state.queue(&notification("slack", Transition::Test)).await.unwrap();
    assert_eq!(claimed(state, "slack").await.id, id);
}

#[tokio::test]
async fn the_outbox_is_as_deep_as_what_waits_is_old() {
    let fixture = Fixture::new().await;
    let state = &fixture.state;
    assert_eq!(state.outbox_depth().await.unwrap(), (0, None));
    fire(state, &["slack", "email"]).await;
    fixture.clock.advance(Duration::from_secs(60)).await;
    let sent = claimed(state, "slack").await;
    assert_eq!(state.outbox_depth().await.unwrap(), (2, Some(START)), "one of them is being sent");
    state.delivered(sent.id, &attempt("ok")).await.unwrap();
    state.gave_up(claimed(state, "email").await.id, &attempt("no")).await.unwrap();
    assert_eq!(state.outbox_depth().await.unwrap(), (0, None));
}
