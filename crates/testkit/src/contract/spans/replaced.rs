//! A span that is appended again takes the place of the one before.

use std::sync::Arc;

use model::{Span, SpanId, TraceId};
use storage::{Order, SpanQuery, Store};

use super::super::rows::bare_span;
use super::super::{Stand, append_spans, at};
use super::{everything, found, stored, stream};

pub async fn check(stand: &dyn Stand) {
    the_later_of_two_wins(stand).await;
    only_trace_id_and_start_make_a_span_the_same(stand).await;
}

async fn the_later_of_two_wins(stand: &dyn Stand) {
    let version = |name: &str| Span { name: name.to_owned(), ..bare_span(stream("a"), 1) };
    let check = async |store: &Arc<dyn Store>, expected: &str, gone: &[&str]| {
        assert_eq!(found(store, &everything()).await, [version(expected)]);
        for order in [Order::OldestFirst, Order::NewestFirst] {
            let one = SpanQuery { order, limit: 1, ..everything() };
            assert_eq!(found(store, &one).await, [version(expected)]);
        }
        for name in gone {
            let query = SpanQuery { name: Some((*name).to_owned()), ..everything() };
            assert_eq!(found(store, &query).await, [], "`{name}` was replaced");
        }
    };
    let store = stand.fresh().await;
    append_spans(&*store, vec![version("one"), version("two")]).await;
    check(&store, "two", &["one"]).await;
    let store = stand.disturb(store).await;
    check(&store, "two", &["one"]).await;
    append_spans(&*store, vec![version("three")]).await;
    check(&store, "three", &["one", "two"]).await;
    let store = stand.disturb(store).await;
    check(&store, "three", &["one", "two"]).await;
    append_spans(&*store, vec![version("one")]).await;
    append_spans(&*store, vec![version("one")]).await;
    let store = stand.disturb(store).await;
    check(&store, "one", &["two", "three"]).await;
}

async fn only_trace_id_and_start_make_a_span_the_same(stand: &dyn Stand) {
    let span = bare_span(stream("a"), 1);
    let spans = [
        span.clone(),
        Span { start: at(2), ..span.clone() },
        Span { trace: TraceId([1; 16]), start: at(3), ..span.clone() },
        Span { trace: TraceId([2; 16]), start: at(3), ..span.clone() },
        Span { id: SpanId([8; 8]), start: at(4), ..span.clone() },
        Span { id: SpanId([9; 8]), start: at(4), ..span },
    ];
    let store = stored(stand, &spans).await;
    append_spans(&*store, spans.to_vec()).await;
    let store = stand.disturb(store).await;
    assert_eq!(found(&store, &everything()).await, spans);
}
