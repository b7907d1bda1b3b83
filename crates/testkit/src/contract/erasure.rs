//! Erasure: what is there and selected goes at once and for good; what is appended later
//! is not touched, though it be the same.

use std::sync::Arc;

use model::{LabelSet, MatchOp, Matcher, Span, TimeRange};
use storage::{Erasure, Signal, SpanQuery, Store};

use super::rows::{append_rows, bare_span, named, rows_of, without};
use super::{NO_LIMITS, Stand, append, append_spans, at, samples};

const PLACES: [(&str, i64); 5] = [("a", -5), ("a", 10), ("b", 10), ("b", 20), ("a", 100_000)];

pub async fn check(stand: &dyn Stand) {
    streams_are_erased(stand).await;
    a_range_of_time_is_erased(stand).await;
    rows_with_an_attribute_are_erased(stand).await;
    only_rows_that_meet_every_condition_are_erased(stand).await;
    labels_go_with_their_last_row(stand).await;
    what_was_replaced_does_not_come_back(stand).await;
}

fn everything() -> Erasure {
    Erasure {
        signals: Signal::ALL.to_vec(),
        range: TimeRange::ALL,
        stream: Vec::new(),
        attributes: Vec::new(),
    }
}

async fn erase(store: &Arc<dyn Store>, erasure: &Erasure) {
    store.erase(erasure).await.expect("an erasure succeeds");
}

/// The rows of `signals` at the places `gone` go, wherever they are at that moment.
async fn check_gone(stand: &dyn Stand, erasure: Erasure, signals: &[Signal], gone: &[(&str, i64)]) {
    let fresh = stand.fresh().await;
    append_rows(&*fresh, &PLACES).await;
    check_gone_of(stand, fresh, &erasure, signals, gone).await;

    let settled = stand.fresh().await;
    append_rows(&*settled, &PLACES[..3]).await;
    let settled = stand.disturb(settled).await;
    append_rows(&*settled, &PLACES[3..]).await;
    check_gone_of(stand, settled, &erasure, signals, gone).await;
}

async fn check_gone_of(
    stand: &dyn Stand,
    store: Arc<dyn Store>,
    erasure: &Erasure,
    signals: &[Signal],
    gone: &[(&str, i64)],
) {
    let all = named(&Signal::ALL, &PLACES);
    let left = without(&all, &named(signals, gone));
    erase(&store, erasure).await;
    assert_eq!(rows_of(&store).await, left, "at once: {erasure:?}");
    let store = stand.disturb(store).await;
    assert_eq!(rows_of(&store).await, left, "for good: {erasure:?}");

    // The same rows once more: what is new stays, what was erased does not come back.
    append_rows(&*store, gone).await;
    let appended = rows_of(&store).await;
    let is_back = |row| appended.contains(row);
    assert!(named(&Signal::ALL, gone).iter().all(is_back), "appended later: {erasure:?}");
    let store = stand.disturb(store).await;
    assert_eq!(rows_of(&store).await, appended, "appended later: {erasure:?}");
    let lines = |rows: &[(Signal, String, i64)]| rows.iter().filter(|row| row.0 == Signal::Logs).count();
    let again = if signals.contains(&Signal::Logs) { 0 } else { gone.len() };
    assert_eq!(lines(&appended), lines(&all) + again, "an erased line is not there again: {erasure:?}");
}

async fn streams_are_erased(stand: &dyn Stand) {
    let of = |matcher| Erasure { stream: vec![matcher], ..everything() };
    check_gone(stand, of(Matcher::equal("job", "b")), &Signal::ALL, &PLACES[2..4]).await;
    check_gone(stand, of(Matcher::equal("job", "nobody")), &Signal::ALL, &[]).await;
    check_gone(stand, of(Matcher::equal("nowhere", "")), &Signal::ALL, &PLACES).await;
    let not_a = Matcher::new("job", MatchOp::NotMatches, "a|c").expect("the expression is one");
    check_gone(stand, of(not_a), &Signal::ALL, &PLACES[2..4]).await;
    check_gone(stand, of(Matcher::equal("__name__", "up")), &Signal::OF_METRICS, &PLACES).await;
}

async fn a_range_of_time_is_erased(stand: &dyn Stand) {
    let within = |start, end| Erasure { range: TimeRange::new(at(start), at(end)), ..everything() };
    check_gone(stand, within(10, 20), &Signal::ALL, &PLACES[1..4]).await;
    check_gone(stand, within(11, 19), &Signal::ALL, &[]).await;
    check_gone(stand, within(20, 1_000_000), &Signal::ALL, &PLACES[3..]).await;
    check_gone(stand, everything(), &Signal::ALL, &PLACES).await;
}

async fn rows_with_an_attribute_are_erased(stand: &dyn Stand) {
    let of = |matcher| Erasure { attributes: vec![matcher], ..everything() };
    let with_attributes = [Signal::Logs, Signal::Spans];
    check_gone(stand, of(Matcher::equal("who", "b")), &with_attributes, &PLACES[2..4]).await;
    check_gone(stand, of(Matcher::equal("secs", "10")), &with_attributes, &PLACES[1..3]).await;
    // Metrics have none, and an absent attribute is an empty one.
    check_gone(stand, of(Matcher::equal("who", "")), &Signal::OF_METRICS, &PLACES).await;
}

async fn only_rows_that_meet_every_condition_are_erased(stand: &dyn Stand) {
    let only = |signals: &[Signal]| Erasure { signals: signals.to_vec(), ..everything() };
    check_gone(stand, only(&[]), &[], &PLACES).await;
    check_gone(stand, only(&[Signal::Samples]), &[Signal::Samples], &PLACES).await;
    check_gone(stand, only(&[Signal::Spans, Signal::Logs]), &[Signal::Logs, Signal::Spans], &PLACES).await;
    let narrow = Erasure {
        signals: vec![Signal::Logs],
        range: TimeRange::new(at(0), at(50)),
        stream: vec![Matcher::equal("job", "b")],
        attributes: vec![Matcher::equal("who", "b"), Matcher::equal("secs", "20")],
    };
    check_gone(stand, narrow, &[Signal::Logs], &[("b", 20)]).await;
}

async fn labels_go_with_their_last_row(stand: &dyn Stand) {
    let store = stand.fresh().await;
    append_rows(&*store, &PLACES).await;
    let mut store = stand.disturb(store).await;
    erase(&store, &Erasure { stream: vec![Matcher::equal("job", "b")], ..everything() }).await;
    for _ in 0..2 {
        let values = store.label_values("job", &[], TimeRange::ALL).await.expect("values");
        assert_eq!(values, ["a"]);
        let series = store.series(&[], TimeRange::ALL, NO_LIMITS).await.expect("series");
        assert_eq!(series, [LabelSet::metric("up", [("job", "a")])]);
        store = stand.disturb(store).await;
    }
}

async fn what_was_replaced_does_not_come_back(stand: &dyn Stand) {
    let version = |who: &str| {
        let attributes = vec![("who".to_owned(), who.into())];
        Span { attributes, ..bare_span(LabelSet::new([("job", "a")]), 1) }
    };
    let labels = LabelSet::metric("up", [("job", "a")]);
    let store = stand.fresh().await;
    append_spans(&*store, vec![version("first")]).await;
    append(&*store, vec![samples(&labels, &[(1, 1.0)])]).await;
    let store = stand.disturb(store).await;
    append_spans(&*store, vec![version("second")]).await;
    append(&*store, vec![samples(&labels, &[(1, 2.0)])]).await;
    let store = stand.disturb(store).await;

    let erasure = |who| Erasure { attributes: vec![Matcher::equal("who", who)], ..everything() };
    let spans = async |store: &Arc<dyn Store>| {
        store.search_spans(&SpanQuery::of(TimeRange::ALL)).await.expect("a search succeeds")
    };
    erase(&store, &erasure("first")).await;
    assert_eq!(spans(&store).await, [version("second")], "it is not the first any more");
    erase(&store, &erasure("second")).await;
    erase(&store, &Erasure { signals: vec![Signal::Samples], ..everything() }).await;
    assert!(rows_of(&store).await.is_empty());
    let store = stand.disturb(store).await;
    assert!(rows_of(&store).await.is_empty());
}
