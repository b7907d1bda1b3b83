//! Large segments of logs and spans are merged by copying their pages. Nobody can tell.

use disk::sim::SimDisk;
use model::{Batch, LabelSet, LogRecord, LogSeverity, Matcher, Span, TimeRange, Timestamp};
use storage::{Appender, Erasure, LogQuery, LogReader, Order, Signal, SpanQuery, SpanReader, Store, Upkeep};
use testkit::MemoryStore;

use crate::stand::{MIDNIGHT, numbered, open, open_later};

/// A page and a bit more.
const ROWS: u64 = 8200;
const AGENTS: u64 = 3;

fn agent(number: u64) -> LabelSet {
    LabelSet::new([("service", "test"), ("agent", &number.to_string())])
}

/// Spans and lines numbered from `first` on, agents by turns, times a little out of order.
fn batch(first: u64) -> Batch {
    let mut batch = Batch::default();
    let template = numbered(0).spans.remove(0);
    for number in first..first + ROWS {
        let at = Timestamp::from_secs(MIDNIGHT + (number ^ 7) as i64);
        let stream = agent(number % AGENTS);
        batch.logs.push(LogRecord::new(at, stream.clone(), LogSeverity::Info, format!("line {number}")));
        let id = model::SpanId(number.to_be_bytes());
        batch.spans.push(Span { id, stream, start: at, name: number.to_string(), ..template.clone() });
    }
    batch
}

async fn compare(store: &dyn Store, model: &MemoryStore, context: &str) {
    for (order, limit) in [(Order::OldestFirst, usize::MAX), (Order::NewestFirst, 10)] {
        let late = TimeRange::new(Timestamp::from_secs(MIDNIGHT + 9000), Timestamp::MAX);
        for range in [TimeRange::ALL, late] {
            for stream in [Vec::new(), vec![Matcher::equal("agent", "1")]] {
                let logs = LogQuery { stream: stream.clone(), order, limit, ..LogQuery::of(range) };
                let found = LogReader::search_logs(store, &logs).await.unwrap();
                assert!(found == model.search_logs(&logs).await.unwrap(), "{context}: logs, {order:?}");
                let spans = SpanQuery { stream, order, limit, ..SpanQuery::of(range) };
                let found = SpanReader::search_spans(store, &spans).await.unwrap();
                assert!(found == model.search_spans(&spans).await.unwrap(), "{context}: spans, {order:?}");
            }
        }
    }
}

async fn check(batches: Vec<Batch>) {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    let model = MemoryStore::new();
    for batch in batches {
        store.append(batch.clone()).await.unwrap();
        model.append(batch).await.unwrap();
        store.flush().await.unwrap();
    }
    drop(store);
    let store = open_later(&disk).await;
    store.keep_up().await.unwrap();
    compare(&*store, &model, "merged").await;
    let erasure = Erasure {
        signals: Signal::ALL.to_vec(),
        range: TimeRange::ALL,
        stream: vec![Matcher::equal("agent", "2")],
        attributes: Vec::new(),
    };
    store.erase(&erasure).await.unwrap();
    model.erase(&erasure).await.unwrap();
    store.keep_up().await.unwrap();
    compare(&*store, &model, "erased").await;
    drop(store);
    compare(&*open(&disk), &model, "opened again").await;
}

#[tokio::test]
async fn rows_are_where_they_were() {
    check([0, ROWS, 2 * ROWS].map(batch).to_vec()).await;
}

#[tokio::test]
async fn a_span_that_came_again_is_still_one() {
    let mut again = batch(ROWS);
    again.spans.extend(batch(0).spans.into_iter().take(5).map(|span| Span { duration_nanos: 99, ..span }));
    check(vec![batch(0), again]).await;
}
