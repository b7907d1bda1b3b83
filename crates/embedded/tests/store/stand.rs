//! Stores on simulated disks, chance from a seed, and the rows that tests write.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use disk::sim::SimDisk;
use embedded::{Embedded, EmbeddedParts, EmbeddedSettings, OpenError};
use model::{
    Batch, LabelSet, LogRecord, LogSeverity, Span, SpanId, SpanKind, SpanStatus, TimeRange, Timestamp,
    TraceId, Value,
};
use runtime::SharedClock;
use storage::{
    LogQuery, LogReader, QueryLimits, Retention, SampleReader, Signal, SpanQuery, SpanReader, Store,
};
use testkit::FakeClock;

pub const DIR: &str = "/data";

/// Large enough that only an explicit flush flushes; no reserve.
pub fn settings(dir: impl AsRef<Path>) -> EmbeddedSettings {
    let flush_age = Duration::from_secs(3600);
    EmbeddedSettings {
        flush_bytes: 8 << 20,
        flush_age,
        disk_reserve_bytes: 0,
        // Tests tell the time as they like.
        clock_jump_max: Duration::MAX,
        rollups: storage::Resolution::ALL.to_vec(),
        ..EmbeddedSettings::new(dir.as_ref())
    }
}

pub fn try_open(disk: &SimDisk) -> Result<Arc<Embedded>, OpenError> {
    open_with(settings(DIR), disk, Arc::new(FakeClock::new()))
}

pub fn open(disk: &SimDisk) -> Arc<Embedded> {
    try_open(disk).unwrap()
}

/// When the days of all test rows are over, so that neighbouring segments are merged.
pub async fn open_later(disk: &SimDisk) -> Arc<Embedded> {
    let clock = FakeClock::new();
    clock.advance(Duration::from_secs(400 * DAY as u64)).await;
    open_with(settings(DIR), disk, Arc::new(clock)).unwrap()
}

pub fn open_with(
    settings: EmbeddedSettings,
    disk: &SimDisk,
    clock: SharedClock,
) -> Result<Arc<Embedded>, OpenError> {
    Embedded::open(settings, EmbeddedParts { disk: Arc::new(disk.clone()), clock })
}

/// SplitMix64, as everywhere where a test has to be repeatable.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Drops every day that ended before the one that `secs` after midnight is in.
pub async fn drop_before(store: &dyn Store, secs: i64) -> Result<(), storage::UpkeepError> {
    let ages = Signal::ALL.map(|signal| (signal, Duration::ZERO)).to_vec();
    let retention = Retention { ages, ..Retention::default() };
    store.retain(&retention, Timestamp::from_secs(MIDNIGHT + secs)).await.map(drop)
}

pub const NO_LIMITS: QueryLimits = QueryLimits { series_max: u64::MAX, samples_max: u64::MAX };
pub const DAY: i64 = 86_400;
/// 2026-11-23T00:00:00Z.
pub const MIDNIGHT: i64 = 1_795_392_000;

pub fn everything() -> LogQuery {
    LogQuery::of(TimeRange::ALL)
}

/// Batch `number`: a series of its own, a sample of a shared one, a log line and a span,
/// each on two days.
pub fn numbered(number: u64) -> Batch {
    let mut batch = Batch::default();
    let name = number.to_string();
    for day in [0, DAY] {
        let at = Timestamp::from_secs(MIDNIGHT + day + number as i64);
        batch.push_sample(LabelSet::metric("of_batch", [("number", &name)]), at, number as f64);
        batch.push_sample(LabelSet::metric("shared", [("job", "test")]), at, number as f64);
        let stream = LabelSet::new([("service", "test")]);
        batch.logs.push(LogRecord::new(at, stream.clone(), LogSeverity::Info, name.as_str()));
        batch.spans.push(span(number, stream, at));
    }
    batch
}

fn span(number: u64, stream: LabelSet, start: Timestamp) -> Span {
    Span {
        trace: TraceId([number as u8; 16]),
        id: SpanId(number.to_be_bytes()),
        parent: None,
        stream,
        name: number.to_string(),
        kind: SpanKind::Client,
        status: SpanStatus::Unset,
        status_message: String::new(),
        start,
        duration_nanos: number,
        attributes: vec![("number".to_owned(), Value::Int(number as i64))],
        events: Vec::new(),
        links: Vec::new(),
    }
}

/// The numbers of the batches that are there. Panics if one is there in part, or a line of it twice.
pub async fn numbers(store: &dyn Store) -> Vec<u64> {
    let logs = LogReader::search_logs(store, &everything()).await.unwrap();
    let mut from_logs: Vec<u64> = logs.iter().map(|record| record.body.parse().unwrap()).collect();
    from_logs.sort_unstable();
    let spans = SpanReader::search_spans(store, &SpanQuery::of(TimeRange::ALL)).await.unwrap();
    let mut from_spans: Vec<u64> = spans.iter().map(|span| span.duration_nanos).collect();
    from_spans.sort_unstable();
    assert_eq!(from_spans, from_logs, "spans and lines are there together, and as often");
    let series = SampleReader::select(store, &[], TimeRange::ALL, NO_LIMITS).await.unwrap();
    let mut own = Vec::new();
    let mut shared = Vec::new();
    for series in &series {
        let values = series.samples.iter().map(|sample| sample.value as u64);
        if series.labels.metric_name() == Some("shared") { shared.extend(values) } else { own.extend(values) }
    }
    own.sort_unstable();
    shared.sort_unstable();
    assert_eq!(own, from_logs, "samples and lines are there together, and as often");
    assert_eq!(own, shared);
    let mut once = own.clone();
    once.dedup();
    assert_eq!(
        own,
        once.iter().flat_map(|number| [*number, *number]).collect::<Vec<_>>(),
        "both days, each once"
    );
    once
}
