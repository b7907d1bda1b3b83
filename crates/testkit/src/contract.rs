//! What every engine behind the seam must do. Run by each engine's tests.
//!
//! A [`Stand`] offers fresh stores and, between the writing and the reading of a test,
//! does to them what must change nothing: flush, reopen, merge, or nothing at all.

mod days;
mod erasure;
mod exemplars;
mod histograms;
mod logs;
mod retention;
mod rollups;
mod rows;
mod samples;
mod spans;

use std::sync::Arc;

use async_trait::async_trait;
use model::{Batch, LabelSet, LogRecord, Sample, SeriesSamples, Span, Timestamp};
use storage::{Appended, QueryLimits, Store};

/// Where a store comes from and what happens to it before it is read.
#[async_trait]
pub trait Stand: Send + Sync {
    /// A new store without rows.
    async fn fresh(&self) -> Arc<dyn Store>;

    /// Whatever must change nothing. Returns the store to go on with.
    async fn disturb(&self, store: Arc<dyn Store>) -> Arc<dyn Store>;
}

/// All contract tests. Panics, naming the requirement, at the first that is not met.
pub async fn check(stand: &dyn Stand) {
    samples::check(stand).await;
    histograms::check(stand).await;
    exemplars::check(stand).await;
    logs::check(stand).await;
    spans::check(stand).await;
    days::check(stand).await;
    retention::check(stand).await;
    erasure::check(stand).await;
    rollups::check(stand).await;
}

/// 2026-11-23T00:00:00Z, so that tests know where days end.
const MIDNIGHT: i64 = 1_795_392_000;

/// Seconds after [`MIDNIGHT`].
fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(MIDNIGHT + secs)
}

fn samples(labels: &LabelSet, rows: &[(i64, f64)]) -> SeriesSamples {
    let samples = rows.iter().map(|(secs, value)| Sample { at: at(*secs), value: *value }).collect();
    SeriesSamples { labels: labels.clone(), samples }
}

async fn append(store: &dyn Store, series: Vec<SeriesSamples>) {
    append_batch(store, Batch { series, ..Batch::default() }).await;
}

async fn append_logs(store: &dyn Store, logs: Vec<LogRecord>) {
    append_batch(store, Batch { logs, ..Batch::default() }).await;
}

async fn append_spans(store: &dyn Store, spans: Vec<Span>) {
    append_batch(store, Batch { spans, ..Batch::default() }).await;
}

async fn append_batch(store: &dyn Store, batch: Batch) {
    let appended = store.append(batch).await.expect("a batch is accepted");
    assert_eq!(appended, Appended::default(), "nothing of it passes a limit");
}

const NO_LIMITS: QueryLimits = QueryLimits { series_max: u64::MAX, samples_max: u64::MAX };
