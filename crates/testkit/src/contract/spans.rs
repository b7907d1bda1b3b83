//! Spans: they come back whole, by every filter, in either order, up to a limit.

mod replaced;

use std::sync::Arc;
use std::time::Duration;

use model::{
    LabelSet, MatchOp, Matcher, STALE_NAN, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus,
    TimeRange, Timestamp, TraceId, Value,
};
use storage::{Order, SpanQuery, Store};

use super::rows::bare_span;
use super::{Stand, append_spans, at};

pub async fn check(stand: &dyn Stand) {
    spans_come_back_whole(stand).await;
    floats_keep_every_bit(stand).await;
    every_filter_holds(stand).await;
    order_and_limit(stand).await;
    spans_at_one_instant_have_an_order(stand).await;
    replaced::check(stand).await;
    many_spans_over_days_come_back(stand).await;
}

fn stream(service: &str) -> LabelSet {
    LabelSet::new([("service", service)])
}

fn everything() -> SpanQuery {
    SpanQuery::of(TimeRange::ALL)
}

async fn stored(stand: &dyn Stand, spans: &[Span]) -> Arc<dyn Store> {
    let store = stand.fresh().await;
    for part in spans.chunks(2) {
        append_spans(&*store, part.to_vec()).await;
    }
    stand.disturb(store).await
}

async fn found(store: &Arc<dyn Store>, query: &SpanQuery) -> Vec<Span> {
    store.search_spans(query).await.expect("a search succeeds")
}

/// The query finds exactly these of the spans, by their places and in this order.
async fn check_finds(store: &Arc<dyn Store>, spans: &[Span], query: SpanQuery, expected: &[usize]) {
    let place = |found: &Span| spans.iter().position(|span| span == found);
    let places: Vec<Option<usize>> = found(store, &query).await.iter().map(place).collect();
    let expected: Vec<Option<usize>> = expected.iter().copied().map(Some).collect();
    assert_eq!(places, expected, "{query:?}");
}

fn attributes() -> model::Attributes {
    vec![
        ("z".to_owned(), Value::Int(i64::MIN)),
        ("a".to_owned(), Value::Bool(true)),
        ("z".to_owned(), Value::Float(0.1)),
        ("z".to_owned(), "grüße\0".into()),
        (String::new(), "".into()),
        ("number".to_owned(), "42".into()),
    ]
}

fn full() -> Span {
    let event = |at, name: &str, attributes| SpanEvent { at, name: name.to_owned(), attributes };
    let link =
        |byte, attributes| SpanLink { trace: TraceId([byte; 16]), span: SpanId([byte; 8]), attributes };
    Span {
        trace: TraceId([0xff; 16]),
        id: SpanId([0xff; 8]),
        parent: Some(SpanId([1; 8])),
        name: "POST /session/:id".to_owned(),
        kind: SpanKind::Consumer,
        status: SpanStatus::Error,
        status_message: "timed out\nafter 30 s".to_owned(),
        duration_nanos: 1_234_567_891,
        attributes: attributes(),
        events: vec![
            event(at(3), "retry", attributes()),
            event(at(2), "", Vec::new()),
            event(Timestamp::MIN, "before all", Vec::new()),
            event(Timestamp::MAX, "after all", Vec::new()),
        ],
        links: vec![link(2, attributes()), link(0, Vec::new()), link(2, Vec::new())],
        ..bare_span(stream("a"), 1)
    }
}

async fn spans_come_back_whole(stand: &dyn Stand) {
    let mut spans = vec![
        Span { start: Timestamp::MIN, duration_nanos: u64::MAX, ..bare_span(LabelSet::empty(), 0) },
        // An id of zeros is not an absent one.
        Span { parent: Some(SpanId([0; 8])), ..bare_span(stream("a"), 0) },
        full(),
        bare_span(stream("a"), 5),
    ];
    let of_kind = |(secs, kind)| Span { kind, ..bare_span(stream("kinds"), secs) };
    spans.extend((10..).zip(SpanKind::ALL).map(of_kind));
    let of_status = |(secs, status)| Span { status, ..bare_span(stream("statuses"), secs) };
    spans.extend((20..).zip(SpanStatus::ALL).map(of_status));
    spans.push(Span { start: Timestamp::MAX, duration_nanos: u64::MAX, ..bare_span(stream("b"), 0) });
    let store = stored(stand, &spans).await;
    assert_eq!(found(&store, &everything()).await, spans);
}

async fn floats_keep_every_bit(stand: &dyn Stand) {
    let values = [STALE_NAN, f64::from_bits(0xfff8_0000_dead_beef), f64::INFINITY, -0.0, f64::MIN_POSITIVE];
    let attributes = values.map(|value| ("v".to_owned(), Value::Float(value))).to_vec();
    let store = stored(stand, &[Span { attributes, ..bare_span(stream("a"), 1) }]).await;
    let found = found(&store, &everything()).await;
    let bits = found[0].attributes.iter().map(|(_, value)| match value {
        Value::Float(value) => value.to_bits(),
        other => panic!("{other:?} was a number"),
    });
    assert_eq!(bits.collect::<Vec<u64>>(), values.map(f64::to_bits));
}

fn spans() -> Vec<Span> {
    let span = |secs, service, name: &str, millis: u64| Span {
        name: name.to_owned(),
        duration_nanos: millis * 1_000_000,
        ..bare_span(stream(service), secs)
    };
    let trace = TraceId([7; 16]);
    vec![
        Span { trace, ..span(10, "a", "turn", 900) },
        Span { trace, attributes: attributes(), ..span(11, "b", "tool", 100) },
        Span { status: SpanStatus::Error, ..span(-5, "a", "tool", 50) },
        Span { trace, status: SpanStatus::Ok, ..span(100_000, "b", "turn", 0) },
    ]
}

async fn every_filter_holds(stand: &dyn Stand) {
    let store = stored(stand, &spans()).await;
    let check = async |query, expected: &[usize]| check_finds(&store, &spans(), query, expected).await;
    let within = |start, end| SpanQuery::of(TimeRange::new(at(start), at(end)));
    let of_stream = |name, value| SpanQuery { stream: vec![Matcher::equal(name, value)], ..everything() };
    let with = |name, value| SpanQuery { attributes: vec![Matcher::equal(name, value)], ..everything() };
    let named = |name: &str| SpanQuery { name: Some(name.to_owned()), ..everything() };
    let lasting = |millis| SpanQuery { duration_min: Duration::from_millis(millis), ..everything() };
    check(everything(), &[2, 0, 1, 3]).await;
    // It counts when a span starts, not how long it lasts.
    check(within(10, 10), &[0]).await;
    check(within(-5, 11), &[2, 0, 1]).await;
    check(within(12, 99_999), &[]).await;
    check(of_stream("service", "b"), &[1, 3]).await;
    check(of_stream("number", "42"), &[]).await;
    check(with("number", "42"), &[1]).await;
    check(with("z", "-9223372036854775808"), &[1]).await;
    check(with("z", "0.1"), &[]).await;
    check(with("a", "true"), &[1]).await;
    check(with("a", ""), &[2, 0, 3]).await;
    let absent = Matcher::new("a", MatchOp::NotMatches, ".+").expect("the expression is one");
    check(SpanQuery { attributes: vec![absent], ..everything() }, &[2, 0, 3]).await;
    check(SpanQuery::of_trace(TraceId([7; 16])), &[0, 1, 3]).await;
    check(SpanQuery { range: within(11, 12).range, ..SpanQuery::of_trace(TraceId([7; 16])) }, &[1]).await;
    check(SpanQuery::of_trace(TraceId([8; 16])), &[]).await;
    check(named("tool"), &[2, 1]).await;
    check(named("too"), &[]).await;
    check(named(""), &[]).await;
    check(SpanQuery { status: Some(SpanStatus::Error), ..everything() }, &[2]).await;
    check(SpanQuery { status: Some(SpanStatus::Unset), ..everything() }, &[0, 1]).await;
    check(lasting(100), &[0, 1]).await;
    check(lasting(901), &[]).await;
    check(SpanQuery { duration_min: Duration::MAX, ..everything() }, &[]).await;
    let all_at_once = SpanQuery { stream: of_stream("service", "a").stream, ..named("tool") };
    check(SpanQuery { status: Some(SpanStatus::Error), ..all_at_once.clone() }, &[2]).await;
    check(SpanQuery { status: Some(SpanStatus::Ok), ..all_at_once }, &[]).await;
}

async fn order_and_limit(stand: &dyn Stand) {
    let store = stored(stand, &spans()).await;
    let check = async |order, limit, expected: &[usize]| {
        check_finds(&store, &spans(), SpanQuery { order, limit, ..everything() }, expected).await;
    };
    check(Order::OldestFirst, 2, &[2, 0]).await;
    check(Order::NewestFirst, 2, &[3, 1]).await;
    check(Order::NewestFirst, 100, &[3, 1, 0, 2]).await;
    check(Order::OldestFirst, 0, &[]).await;
}

async fn spans_at_one_instant_have_an_order(stand: &dyn Stand) {
    let span = |service, trace, id| Span {
        trace: TraceId([trace; 16]),
        id: SpanId([id; 8]),
        ..bare_span(stream(service), 1)
    };
    let spans = [span("b", 1, 1), span("a", 2, 1), span("a", 1, 9), span("b", 0, 9), span("a", 1, 3)];
    let store = stored(stand, &spans).await;
    let check = async |order, limit, expected: &[usize]| {
        check_finds(&store, &spans, SpanQuery { order, limit, ..everything() }, expected).await;
    };
    check(Order::OldestFirst, 100, &[4, 2, 1, 3, 0]).await;
    check(Order::NewestFirst, 100, &[0, 3, 1, 2, 4]).await;
    check(Order::OldestFirst, 2, &[4, 2]).await;
    check(Order::NewestFirst, 2, &[0, 3]).await;
}

async fn many_spans_over_days_come_back(stand: &dyn Stand) {
    let span = |number: u64| Span {
        trace: TraceId(u128::from(number / 10).to_be_bytes()),
        name: format!("step {}", number % 10),
        duration_nanos: number,
        attributes: vec![("n".to_owned(), Value::Int(number.cast_signed()))],
        ..bare_span(stream(&format!("s{}", number % 7)), number.cast_signed() * 60)
    };
    let spans: Vec<Span> = (0..4000).map(span).collect();
    let store = stand.fresh().await;
    for part in spans.chunks(1000) {
        append_spans(&*store, part.to_vec()).await;
    }
    let store = stand.disturb(store).await;
    assert!(found(&store, &everything()).await == spans);
    let check = async |query, expected: &[usize]| check_finds(&store, &spans, query, expected).await;
    let trace = |number: u128| SpanQuery::of_trace(TraceId(number.to_be_bytes()));
    let all_of_it: Vec<usize> = (1440..1450).collect();
    check(trace(144), &all_of_it).await;
    check(SpanQuery { order: Order::NewestFirst, limit: 2, ..trace(399) }, &[3999, 3998]).await;
    check(SpanQuery { attributes: vec![Matcher::equal("n", "2345")], ..everything() }, &[2345]).await;
    check(SpanQuery { duration_min: Duration::from_nanos(3998), ..everything() }, &[3998, 3999]).await;
    let named = SpanQuery { name: Some("step 3".to_owned()), limit: 2, ..everything() };
    check(SpanQuery { stream: vec![Matcher::equal("service", "s1")], ..named }, &[43, 113]).await;
}
