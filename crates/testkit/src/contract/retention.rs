//! Retention: whole UTC days go, and nothing else.

use std::sync::Arc;

use model::{Batch, LabelSet, LogRecord, LogSeverity, Matcher, TimeRange};
use storage::{LogQuery, Order, Store};

use super::{NO_LIMITS, Stand, append, at, samples};

const DAY: i64 = 86_400;

pub async fn check(stand: &dyn Stand) {
    days_before_the_cutoff_go(stand).await;
    a_day_that_was_dropped_can_be_filled_again(stand).await;
    usage_counts_rows(stand).await;
}

async fn stored(stand: &dyn Stand) -> Arc<dyn Store> {
    let store = stand.fresh().await;
    let labels = LabelSet::metric("up", [("job", "a")]);
    let rows = [(-2 * DAY, 1.0), (-1, 2.0), (0, 3.0), (5, 4.0)];
    append(&*store, vec![samples(&labels, &rows)]).await;
    append(&*store, vec![samples(&LabelSet::metric("old", [("job", "b")]), &[(-DAY, 1.0)])]).await;
    let log = |secs| LogRecord {
        at: at(secs),
        stream: LabelSet::new([("service", "x")]),
        severity: LogSeverity::Info,
        body: secs.to_string(),
        attributes: Vec::new(),
    };
    store.append(Batch { series: Vec::new(), logs: vec![log(-1), log(1)] }).await.expect("logs are accepted");
    stand.disturb(store).await
}

async fn seconds(store: &Arc<dyn Store>) -> Vec<i64> {
    let found = store.select(&[], TimeRange::ALL, NO_LIMITS).await.expect("a selection succeeds");
    let mut all: Vec<i64> = found
        .iter()
        .flat_map(|series| &series.samples)
        .map(|row| row.at.as_secs() - at(0).as_secs())
        .collect();
    all.sort_unstable();
    all
}

async fn bodies(store: &Arc<dyn Store>) -> Vec<String> {
    let query = LogQuery {
        range: TimeRange::ALL,
        stream: Vec::new(),
        attributes: Vec::new(),
        severity_min: None,
        contains: None,
        order: Order::OldestFirst,
        limit: usize::MAX,
    };
    let found = store.search_logs(&query).await.expect("a search succeeds");
    found.into_iter().map(|record| record.body).collect()
}

async fn days_before_the_cutoff_go(stand: &dyn Stand) {
    let store = stored(stand).await;
    let drop_before =
        async |store: &Arc<dyn Store>, secs| store.drop_before(at(secs)).await.expect("days go");
    assert_eq!(drop_before(&store, -2 * DAY + 60).await, 0, "the day of the cutoff stays");
    assert_eq!(seconds(&store).await.len(), 5);
    assert_eq!(drop_before(&store, -DAY).await, 1);
    assert_eq!(seconds(&store).await, [-DAY, -1, 0, 5]);
    assert_eq!(drop_before(&store, 60).await, 2, "one day of samples and one of logs");
    let store = stand.disturb(store).await;
    assert_eq!(seconds(&store).await, [0, 5]);
    assert_eq!(bodies(&store).await, ["1"]);
    let values = store.label_values("job", &[], TimeRange::ALL).await.expect("values");
    assert_eq!(values, ["a"], "labels go with their last day");
}

async fn a_day_that_was_dropped_can_be_filled_again(stand: &dyn Stand) {
    let store = stored(stand).await;
    store.drop_before(at(0)).await.expect("days go");
    append(&*store, vec![samples(&LabelSet::metric("old", [("job", "c")]), &[(-7, 1.0)])]).await;
    let store = stand.disturb(store).await;
    let found = store.select(&[Matcher::equal("job", "c")], TimeRange::ALL, NO_LIMITS).await;
    assert_eq!(found.expect("a selection succeeds").len(), 1);
    assert_eq!(seconds(&store).await, [-7, 0, 5]);
}

async fn usage_counts_rows(stand: &dyn Stand) {
    let store = stored(stand).await;
    let usage = store.usage().await.expect("usage");
    let rows: Vec<(&str, u64)> = usage.tables.iter().map(|table| (table.table, table.rows)).collect();
    assert_eq!(rows, [("samples", 5), ("logs", 2)]);
}
