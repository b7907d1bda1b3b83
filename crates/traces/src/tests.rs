//! Traces to test with, and what holds for every tree.

use std::ops::Range;

use model::{LabelSet, Span, SpanId, SpanKind, SpanStatus, Timestamp, TraceId};

use crate::{Repeat, Trace};

/// `parent` 0 is none.
pub fn span(name: &str, id: u64, parent: u64, start: i64, duration_nanos: u64) -> Span {
    Span {
        trace: TraceId([1; 16]),
        id: SpanId(id.to_be_bytes()),
        parent: (parent > 0).then(|| SpanId(parent.to_be_bytes())),
        stream: LabelSet::empty(),
        name: name.to_owned(),
        kind: SpanKind::Internal,
        status: SpanStatus::Unset,
        status_message: String::new(),
        start: Timestamp::from_nanos(start),
        duration_nanos,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
    }
}

pub fn traced(spans: &[(&str, u64, u64, Range<i64>)]) -> Trace {
    let made = |(name, id, parent, times): &(&str, u64, u64, Range<i64>)| {
        span(name, *id, *parent, times.start, times.end.abs_diff(times.start))
    };
    Trace::of(spans.iter().map(made).collect()).expect("there is a span")
}

fn rows(trace: &Trace) -> Vec<(&str, usize, usize, u64)> {
    let spans = trace.spans().iter().zip(trace.nodes());
    spans.map(|(span, node)| (span.name.as_str(), node.depth, node.descendants, node.self_nanos)).collect()
}

#[test]
fn parents_stand_before_their_children_whatever_the_order() {
    let trace = traced(&[
        ("spawn", 4, 3, 55..60),
        ("bash", 3, 1, 50..90),
        ("turn", 1, 0, 0..100),
        ("chat", 2, 1, 10..40),
    ]);
    assert_eq!(
        rows(&trace),
        [("turn", 0, 3, 30), ("chat", 1, 0, 30), ("bash", 1, 1, 35), ("spawn", 2, 0, 5)]
    );
    assert_eq!(trace.children(0).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((trace.start().as_nanos(), trace.duration_nanos(), trace.orphans()), (0, 100, 0));
}

#[test]
fn time_that_several_children_share_is_covered_once() {
    let trace =
        traced(&[("turn", 1, 0, 0..100), ("a", 2, 1, 10..50), ("b", 3, 1, 30..60), ("c", 4, 1, 35..40)]);
    assert_eq!(trace.nodes()[0].self_nanos, 50);
}

#[test]
fn spans_without_their_parent_are_roots() {
    let trace = traced(&[("lost", 2, 9, 10..20), ("root", 1, 0, 0..5)]);
    assert_eq!(rows(&trace), [("root", 0, 0, 5), ("lost", 0, 0, 10)]);
    assert_eq!((trace.orphans(), trace.duration_nanos()), (1, 20));
}

#[test]
fn circles_are_cut_and_a_span_that_comes_again_replaces_the_first() {
    let trace =
        traced(&[("a", 1, 2, 0..10), ("b", 2, 1, 1..5), ("self", 3, 3, 2..3), ("a again", 1, 2, 0..20)]);
    assert_eq!(trace.spans().len(), 3);
    assert_eq!(trace.roots().count(), 2);
    assert!(trace.spans().iter().any(|span| span.name == "a again"));
    assert!(Trace::of(Vec::new()).is_none());
}

#[test]
fn a_long_chain_needs_no_stack() {
    let spans = (1..=100_000u64).map(|id| span("s", id, id - 1, id as i64, 1_000_000 - 2 * id));
    let trace = Trace::of(spans.collect()).expect("there are spans");
    assert_eq!(trace.nodes().last().map(|node| node.depth), Some(99_999));
    assert!(!trace.critical_path().is_empty());
}

#[test]
fn calls_that_come_again_are_told_with_their_time() {
    let trace = traced(&[
        ("turn", 1, 0, 0..100),
        ("read", 2, 1, 0..10),
        ("read", 3, 1, 20..25),
        ("chat", 4, 1, 30..90),
        ("read", 5, 4, 40..41),
    ]);
    assert_eq!(trace.repeats(2), [Repeat { parent: Some(0), rows: vec![1, 2], nanos: 15 }]);
}
