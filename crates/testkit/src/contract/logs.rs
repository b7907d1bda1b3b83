//! Logs: records come back by every filter, in either order, up to a limit.
//!
//! Records at one instant come in order of their streams' labels, those of one stream in
//! order of arrival; newest first is exactly the reverse. A record that is appended twice
//! is there twice: two equal lines are two lines.

use std::sync::Arc;

use model::{Batch, LabelSet, LogRecord, LogSeverity, MatchOp, Matcher, TimeRange};
use storage::{LogQuery, Order, Store};

use super::{Stand, at};

pub async fn check(stand: &dyn Stand) {
    records_come_back_whole(stand).await;
    every_filter_holds(stand).await;
    order_and_limit(stand).await;
    equal_lines_stay_apart(stand).await;
}

fn record(secs: i64, agent: &str, severity: LogSeverity, body: &str, tool: &str) -> LogRecord {
    let attributes = if tool.is_empty() { Vec::new() } else { vec![("tool".to_owned(), tool.to_owned())] };
    let stream = LabelSet::new([("service", "fleet"), ("agent", agent)]);
    LogRecord { at: at(secs), stream, severity, body: body.to_owned(), attributes }
}

fn records() -> Vec<LogRecord> {
    use LogSeverity::{Debug, Error, Fatal, Info};
    vec![
        record(10, "a", Info, "Started work", ""),
        record(20, "b", Error, "tool FAILED: bash", "bash"),
        record(15, "a", Debug, "thinking", "read"),
        record(100_000, "a", Fatal, "gone\nfor good", "bash"),
        record(-5, "b", Info, "", ""),
    ]
}

fn everything() -> LogQuery {
    LogQuery {
        range: TimeRange::ALL,
        stream: Vec::new(),
        attributes: Vec::new(),
        severity_min: None,
        contains: None,
        order: Order::OldestFirst,
        limit: usize::MAX,
    }
}

async fn stored(stand: &dyn Stand) -> Arc<dyn Store> {
    let store = stand.fresh().await;
    for part in records().chunks(2) {
        store.append(Batch { series: Vec::new(), logs: part.to_vec() }).await.expect("logs are accepted");
    }
    stand.disturb(store).await
}

/// Which records, by their place in [`records`].
async fn search(store: &Arc<dyn Store>, query: LogQuery) -> Vec<usize> {
    let found = store.search_logs(&query).await.expect("a search succeeds");
    let place = |found: &LogRecord| records().iter().position(|record| record == found);
    found.iter().map(|found| place(found).expect("only what was appended is found")).collect()
}

async fn records_come_back_whole(stand: &dyn Stand) {
    let store = stored(stand).await;
    assert_eq!(search(&store, everything()).await, [4, 0, 2, 1, 3]);
}

async fn every_filter_holds(stand: &dyn Stand) {
    let store = stored(stand).await;
    let check = async |query: LogQuery, expected: &[usize]| {
        assert_eq!(search(&store, query.clone()).await, expected, "{query:?}");
    };
    check(LogQuery { range: TimeRange::new(at(10), at(15)), ..everything() }, &[0, 2]).await;
    check(LogQuery { range: TimeRange::new(at(11), at(14)), ..everything() }, &[]).await;
    check(LogQuery { stream: vec![Matcher::equal("agent", "b")], ..everything() }, &[4, 1]).await;
    check(LogQuery { stream: vec![Matcher::equal("tool", "bash")], ..everything() }, &[]).await;
    check(LogQuery { attributes: vec![Matcher::equal("tool", "bash")], ..everything() }, &[1, 3]).await;
    check(LogQuery { attributes: vec![Matcher::equal("tool", "")], ..everything() }, &[4, 0]).await;
    let not_bash = Matcher::new("tool", MatchOp::NotMatches, "b.*").expect("the expression is one");
    check(LogQuery { attributes: vec![not_bash], ..everything() }, &[4, 0, 2]).await;
    check(LogQuery { severity_min: Some(LogSeverity::Warn), ..everything() }, &[1, 3]).await;
    check(LogQuery { severity_min: Some(LogSeverity::Trace), ..everything() }, &[4, 0, 2, 1, 3]).await;
    check(LogQuery { contains: Some("failed".to_owned()), ..everything() }, &[1]).await;
    check(LogQuery { contains: Some("o".to_owned()), ..everything() }, &[0, 1, 3]).await;
    let both = LogQuery {
        stream: vec![Matcher::equal("agent", "a")],
        severity_min: Some(LogSeverity::Info),
        contains: Some("WORK".to_owned()),
        ..everything()
    };
    check(both, &[0]).await;
}

async fn order_and_limit(stand: &dyn Stand) {
    let store = stored(stand).await;
    let check = async |order, limit, expected: &[usize]| {
        let found = search(&store, LogQuery { order, limit, ..everything() }).await;
        assert_eq!(found, expected, "{order:?}, {limit}");
    };
    check(Order::OldestFirst, 2, &[4, 0]).await;
    check(Order::NewestFirst, 2, &[3, 1]).await;
    check(Order::NewestFirst, 100, &[3, 1, 2, 0, 4]).await;
    check(Order::NewestFirst, 0, &[]).await;
}

async fn equal_lines_stay_apart(stand: &dyn Stand) {
    let store = stand.fresh().await;
    let line = |agent, body: &str| record(1, agent, LogSeverity::Info, body, "");
    let first = vec![line("b", "1"), line("a", "2"), line("b", "3")];
    store.append(Batch { series: Vec::new(), logs: first }).await.expect("logs are accepted");
    let store = stand.disturb(store).await;
    let again = vec![line("b", "1"), line("a", "4")];
    store.append(Batch { series: Vec::new(), logs: again }).await.expect("logs are accepted");
    let store = stand.disturb(store).await;
    let bodies = async |order| -> String {
        let found = store.search_logs(&LogQuery { order, ..everything() }).await.expect("a search succeeds");
        found.into_iter().map(|record| record.body).collect()
    };
    assert_eq!(bodies(Order::OldestFirst).await, "24131");
    assert_eq!(bodies(Order::NewestFirst).await, "13142");
}
