//! Logs: records come back by every filter, in either order, up to a limit.
//!
//! Records at one instant come in order of their streams' labels, those of one stream in
//! order of arrival; newest first is exactly the reverse. A record that is appended twice
//! is there twice: two equal lines are two lines.

use std::sync::Arc;

use model::{
    LabelSet, LogRecord, LogSeverity, MatchOp, Matcher, SpanId, TimeRange, Timestamp, TraceId, Value,
};
use storage::{LogQuery, Order, Store};

use super::{Stand, append_logs, at};

pub async fn check(stand: &dyn Stand) {
    records_come_back_whole(stand).await;
    every_filter_holds(stand).await;
    words_are_found_whole(stand).await;
    values_of_every_type_are_matched_as_text(stand).await;
    order_and_limit(stand).await;
    equal_lines_stay_apart(stand).await;
    many_records_over_days_come_back(stand).await;
}

const TRACE: TraceId = TraceId([7; 16]);

fn line(secs: i64, agent: &str, severity: LogSeverity, body: &str) -> LogRecord {
    let stream = LabelSet::new([("service", "fleet"), ("agent", agent)]);
    LogRecord::new(at(secs), stream, severity, body)
}

fn of_tool(record: LogRecord, tool: &str) -> LogRecord {
    LogRecord { attributes: vec![("tool".to_owned(), tool.into())], ..record }
}

fn records() -> Vec<LogRecord> {
    use LogSeverity::{Debug, Error, Fatal, Info};
    vec![
        line(10, "a", Info, "Started work"),
        of_tool(line(20, "b", Error, "tool FAILED: bash"), "bash"),
        of_tool(LogRecord { trace: Some(TRACE), ..line(15, "a", Debug, "thinking") }, "read"),
        of_tool(line(100_000, "a", Fatal, "gone\nfor good"), "bash"),
        LogRecord { trace: Some(TRACE), span: Some(SpanId([9; 8])), ..line(-5, "b", Info, "") },
    ]
}

fn everything() -> LogQuery {
    LogQuery::of(TimeRange::ALL)
}

async fn stored(stand: &dyn Stand, records: &[LogRecord]) -> Arc<dyn Store> {
    let store = stand.fresh().await;
    for part in records.chunks(2) {
        append_logs(&*store, part.to_vec()).await;
    }
    stand.disturb(store).await
}

async fn found(store: &Arc<dyn Store>, query: &LogQuery) -> Vec<LogRecord> {
    store.search_logs(query).await.expect("a search succeeds")
}

/// The query finds exactly these of the records, by their places and in this order.
async fn check_finds(store: &Arc<dyn Store>, records: &[LogRecord], query: LogQuery, expected: &[usize]) {
    let place = |found: &LogRecord| records.iter().position(|record| record == found);
    let places: Vec<Option<usize>> = found(store, &query).await.iter().map(place).collect();
    let expected: Vec<Option<usize>> = expected.iter().copied().map(Some).collect();
    assert_eq!(places, expected, "{query:?}");
}

async fn records_come_back_whole(stand: &dyn Stand) {
    let mut extremes = records();
    let long = "ü\0\n".repeat(50_000);
    extremes.extend([
        LogRecord { at: Timestamp::MIN, ..line(0, "a", LogSeverity::Trace, &long) },
        LogRecord { at: Timestamp::MAX, stream: LabelSet::empty(), ..line(0, "", LogSeverity::Warn, "…") },
        // An id of zeros is not an absent one.
        LogRecord {
            trace: Some(TraceId([0; 16])),
            span: Some(SpanId([0; 8])),
            attributes: vec![
                ("b".to_owned(), Value::Int(i64::MIN)),
                ("a".to_owned(), Value::Bool(false)),
                ("b".to_owned(), Value::Float(-1e300)),
                (String::new(), "".into()),
            ],
            ..line(1, "a", LogSeverity::Fatal, "whole")
        },
    ]);
    let store = stored(stand, &extremes).await;
    check_finds(&store, &extremes, everything(), &[5, 4, 7, 0, 2, 1, 3, 6]).await;
}

async fn every_filter_holds(stand: &dyn Stand) {
    let store = stored(stand, &records()).await;
    let check = async |query, expected: &[usize]| check_finds(&store, &records(), query, expected).await;
    let within = |start, end| LogQuery::of(TimeRange::new(at(start), at(end)));
    let of_stream = |name, value| LogQuery { stream: vec![Matcher::equal(name, value)], ..everything() };
    let of_tool = |matcher| LogQuery { attributes: vec![matcher], ..everything() };
    check(within(10, 15), &[0, 2]).await;
    check(within(11, 14), &[]).await;
    check(of_stream("agent", "b"), &[4, 1]).await;
    check(of_stream("tool", "bash"), &[]).await;
    check(of_tool(Matcher::equal("tool", "bash")), &[1, 3]).await;
    check(of_tool(Matcher::equal("tool", "")), &[4, 0]).await;
    check(of_tool(Matcher::equal("agent", "a")), &[]).await;
    let not_bash = Matcher::new("tool", MatchOp::NotMatches, "b.*").expect("the expression is one");
    check(of_tool(not_bash), &[4, 0, 2]).await;
    check(LogQuery { severity_min: Some(LogSeverity::Warn), ..everything() }, &[1, 3]).await;
    check(LogQuery { severity_min: Some(LogSeverity::Trace), ..everything() }, &[4, 0, 2, 1, 3]).await;
    check(LogQuery { trace: Some(TRACE), ..everything() }, &[4, 2]).await;
    check(LogQuery { trace: Some(TRACE), ..within(0, 100) }, &[2]).await;
    check(LogQuery { trace: Some(TraceId([0; 16])), ..everything() }, &[]).await;
    check(LogQuery { contains: Some("failed".to_owned()), ..everything() }, &[1]).await;
    check(LogQuery { contains: Some("o".to_owned()), ..everything() }, &[0, 1, 3]).await;
    check(LogQuery { contains: Some(String::new()), ..everything() }, &[4, 0, 2, 1, 3]).await;
    let all_at_once = LogQuery {
        severity_min: Some(LogSeverity::Info),
        contains: Some("WORK".to_owned()),
        words: vec!["started".to_owned()],
        ..of_stream("agent", "a")
    };
    check(all_at_once, &[0]).await;
}

async fn words_are_found_whole(stand: &dyn Stand) {
    let bodies = ["rate-limit: 429 (tool_call)", "Rate limited", "grüße an alle", "429429", ""];
    let records: Vec<LogRecord> =
        (0..).zip(bodies).map(|(secs, body)| line(secs, "a", LogSeverity::Info, body)).collect();
    let store = stored(stand, &records).await;
    let check = async |words: &[&str], expected: &[usize]| {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        check_finds(&store, &records, LogQuery { words, ..everything() }, expected).await;
    };
    check(&["rate"], &[0, 1]).await;
    check(&["RATE", "Limit"], &[0]).await;
    check(&["limit", "limited"], &[]).await;
    check(&["429"], &[0]).await;
    check(&["tool_call"], &[0]).await;
    check(&["tool"], &[]).await;
    check(&["grüße"], &[2]).await;
    check(&["GRüßE"], &[2]).await;
    check(&["nowhere"], &[]).await;
    // No body has a word with a gap in it.
    check(&["rate limited"], &[]).await;
    check(&[""], &[]).await;
    check(&[], &[0, 1, 2, 3, 4]).await;
}

async fn values_of_every_type_are_matched_as_text(stand: &dyn Stand) {
    let values =
        [Value::Int(42), "42".into(), Value::Bool(true), Value::Float(0.5), Value::Float(42.0), "".into()];
    let record = |(secs, value)| LogRecord {
        attributes: vec![("v".to_owned(), value), ("v".to_owned(), "second".into())],
        ..line(secs, "a", LogSeverity::Info, "")
    };
    let records: Vec<LogRecord> = (0..).zip(values).map(record).collect();
    let store = stored(stand, &records).await;
    let check = async |op, value: &str, expected: &[usize]| {
        let attributes = vec![Matcher::new("v", op, value).expect("the expression is one")];
        check_finds(&store, &records, LogQuery { attributes, ..everything() }, expected).await;
    };
    check(MatchOp::Equal, "42", &[0, 1, 4]).await;
    check(MatchOp::Equal, "true", &[2]).await;
    check(MatchOp::Equal, "0.5", &[3]).await;
    check(MatchOp::Matches, "4.|t.*", &[0, 1, 2, 4]).await;
    check(MatchOp::NotEqual, "42", &[2, 3, 5]).await;
    check(MatchOp::Equal, "", &[5]).await;
    // Of several of one name the first counts.
    check(MatchOp::Equal, "second", &[]).await;
}

async fn order_and_limit(stand: &dyn Stand) {
    let store = stored(stand, &records()).await;
    let check = async |order, limit, expected: &[usize]| {
        check_finds(&store, &records(), LogQuery { order, limit, ..everything() }, expected).await;
    };
    check(Order::OldestFirst, 2, &[4, 0]).await;
    check(Order::NewestFirst, 2, &[3, 1]).await;
    check(Order::NewestFirst, 100, &[3, 1, 2, 0, 4]).await;
    check(Order::NewestFirst, 0, &[]).await;
}

async fn equal_lines_stay_apart(stand: &dyn Stand) {
    let store = stand.fresh().await;
    let line = |agent, body: &str| line(1, agent, LogSeverity::Info, body);
    append_logs(&*store, vec![line("b", "1"), line("a", "2"), line("b", "3"), line("b", "3")]).await;
    let store = stand.disturb(store).await;
    append_logs(&*store, vec![line("b", "1"), line("a", "4")]).await;
    let store = stand.disturb(store).await;
    let check = async |order, limit, expected: &str| {
        let found = found(&store, &LogQuery { order, limit, ..everything() }).await;
        let bodies: String = found.into_iter().map(|record| record.body).collect();
        assert_eq!(bodies, expected, "{order:?}, {limit}");
    };
    check(Order::OldestFirst, 100, "241331").await;
    check(Order::NewestFirst, 100, "133142").await;
    check(Order::OldestFirst, 3, "241").await;
    check(Order::NewestFirst, 3, "133").await;
}

async fn many_records_over_days_come_back(stand: &dyn Stand) {
    let record = |number: i64| LogRecord {
        trace: (number % 100 == 0).then_some(TRACE),
        attributes: vec![("n".to_owned(), Value::Int(number))],
        ..line(number * 60, &(number % 7).to_string(), LogSeverity::Info, &format!("line n{number}"))
    };
    let records: Vec<LogRecord> = (0..5000).map(record).collect();
    let store = stand.fresh().await;
    for part in records.chunks(1000) {
        append_logs(&*store, part.to_vec()).await;
    }
    let store = stand.disturb(store).await;
    assert!(found(&store, &everything()).await == records);
    let check = async |query, expected: &[usize]| check_finds(&store, &records, query, expected).await;
    let newest = LogQuery { order: Order::NewestFirst, limit: 2, ..everything() };
    check(LogQuery { words: vec!["N4321".to_owned()], ..everything() }, &[4321]).await;
    check(LogQuery { attributes: vec![Matcher::equal("n", "77")], ..everything() }, &[77]).await;
    check(LogQuery { trace: Some(TRACE), limit: 3, ..everything() }, &[0, 100, 200]).await;
    check(LogQuery { stream: vec![Matcher::equal("agent", "3")], ..newest.clone() }, &[4994, 4987]).await;
    let early = TimeRange::new(at(0), at(90_000));
    check(LogQuery { range: early, contains: Some("N99".to_owned()), ..newest }, &[999, 998]).await;
}
