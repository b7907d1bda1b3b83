//! What was sent to a store, what was answered, and so what may and must be found in it.
//!
//! Every row has a number of its own. A row that was acknowledged and neither erased nor
//! dropped is there exactly once for each time it was sent; all but log records replace
//! themselves when they come again. Of a batch that was not acknowledged all rows are there or
//! none. What was erased or dropped stays away; while an erasure or a removal ended with an
//! error, it may be either.

use std::collections::BTreeMap;
use std::sync::Arc;

use embedded::Embedded;
use model::{
    Batch, Exemplar, ExemplarSeries, Histogram, HistogramSample, HistogramSeries, LabelSet, LogRecord,
    LogSeverity, Span, SpanId, SpanKind, SpanStatus, TimeRange, Timestamp, TraceId,
};
use runtime::Clock;
use storage::{LogReader, QueryError, SampleReader, Signal, SpanQuery, SpanReader};
use testkit::FakeClock;

use crate::stand::{Chance, DAY, NO_LIMITS, everything};

#[derive(Clone, Debug)]
pub struct Row {
    number: u64,
    batch: u64,
    pub signal: Signal,
    pub day: i64,
    pub agent: u64,
    pub who: u64,
    /// How often it must be found, and how often more it may be.
    sure: u64,
    maybe: u64,
}

#[derive(Debug, Default)]
pub struct Ledger {
    rows: BTreeMap<u64, Row>,
    next_row: u64,
    next_batch: u64,
    /// Sent once and not acknowledged: wholly there or not at all. Of one that was touched
    /// otherwise since nothing is known.
    open: Vec<u64>,
    is_settled: bool,
}

/// How often each row was found.
pub type Found = BTreeMap<u64, u64>;

pub fn agent(number: u64) -> String {
    format!("agent-{number}")
}

/// The day of the clock, counted from 1970.
pub fn today(clock: &FakeClock) -> i64 {
    clock.now().as_secs() / DAY
}

impl Ledger {
    /// A new batch of rows of the last three days, in no order.
    pub fn fresh_batch(&mut self, chance: &mut Chance, today: i64) -> u64 {
        let batch = self.next_batch;
        self.next_batch += 1;
        for _ in 0..1 + chance.below(6) {
            let number = self.next_row;
            self.next_row += 1;
            let row = Row {
                number,
                batch,
                signal: Signal::ALL[chance.below(Signal::ALL.len() as u64) as usize],
                day: today - [0, 0, 1, 2][chance.below(4) as usize],
                // Some streams come again and again, some only once.
                agent: if chance.below(4) == 0 { 100 + number } else { chance.below(4) },
                who: chance.below(3),
                sure: 0,
                maybe: 0,
            };
            self.rows.insert(number, row);
        }
        batch
    }

    pub fn known_batch(&self, chance: &mut Chance) -> Option<u64> {
        (self.next_batch > 0).then(|| chance.below(self.next_batch))
    }

    pub fn batch(&self, batch: u64) -> Batch {
        let mut found = Batch::default();
        self.rows.values().filter(|row| row.batch == batch).for_each(|row| row.add_to(&mut found));
        found
    }

    pub fn sent(&mut self, batch: u64, is_acknowledged: bool) {
        let rows = || self.rows.values().filter(|row| row.batch == batch);
        let is_first = rows().all(|row| row.sure + row.maybe == 0);
        self.open.retain(|open| *open != batch);
        if is_first && !is_acknowledged {
            self.open.push(batch);
        }
        for row in self.rows.values_mut().filter(|row| row.batch == batch) {
            if is_acknowledged {
                row.sure += 1;
            } else {
                row.maybe += 1;
            }
            if row.signal != Signal::Logs {
                row.sure = row.sure.min(1);
            }
        }
    }

    /// The rows that `is_meant` are gone; not surely after an error.
    pub fn gone(&mut self, is_sure: bool, is_meant: impl Fn(&Row) -> bool) {
        self.erased(is_sure, is_sure, is_meant);
    }

    /// The same, when rows that were acknowledged are gone more surely than those that
    /// were not.
    pub fn erased(&mut self, is_sure: bool, is_open_sure: bool, is_meant: impl Fn(&Row) -> bool) {
        for row in self.rows.values_mut().filter(|row| is_meant(row)) {
            if !is_sure {
                row.maybe += row.sure;
            }
            if is_open_sure {
                row.maybe = 0;
            }
            row.sure = 0;
            self.open.retain(|open| *open != row.batch);
        }
    }

    /// From now on everything that is found is on the medium, and has to stay.
    pub fn power_went(&mut self) {
        self.is_settled = true;
    }

    pub async fn read(store: &Embedded) -> Result<Found, QueryError> {
        let mut found = Found::new();
        let mut take = |row: u64| *found.entry(row).or_default() += 1;
        for series in store.select(&[], TimeRange::ALL, NO_LIMITS).await? {
            for sample in &series.samples {
                take(identified(sample.value as u64, &series.labels, sample.at));
            }
        }
        for series in store.select_histograms(&[], TimeRange::ALL, NO_LIMITS).await? {
            for sample in &series.samples {
                take(identified(sample.histogram.count as u64, &series.labels, sample.at));
            }
        }
        for series in store.select_exemplars(&[], TimeRange::ALL, NO_LIMITS).await? {
            for exemplar in &series.exemplars {
                take(identified(exemplar.value as u64, &series.labels, exemplar.at));
            }
        }
        for record in store.search_logs(&everything()).await? {
            take(identified(record.body.parse().unwrap(), &record.stream, record.at));
        }
        for span in store.search_spans(&SpanQuery::of(TimeRange::ALL)).await? {
            take(identified(span.duration_nanos, &span.stream, span.start));
        }
        Ok(found)
    }

    pub fn check(&mut self, found: &Found, story: &[String]) {
        let told = |row: &Row, count: u64| format!("found {count} times: {row:?}, {story:#?}");
        for row in self.rows.values() {
            let count = found.get(&row.number).copied().unwrap_or(0);
            let most =
                if row.signal == Signal::Logs { row.sure + row.maybe } else { 1.min(row.sure + row.maybe) };
            assert!(count >= row.sure, "lost: {}", told(row, count));
            assert!(count <= most, "twice or back again: {}", told(row, count));
        }
        for batch in &self.open {
            let rows: Vec<&Row> = self.rows.values().filter(|row| row.batch == *batch).collect();
            let there = rows.iter().filter(|row| found.contains_key(&row.number)).count();
            assert!(
                there == 0 || there == rows.len(),
                "batch {batch} is there in part: {rows:?}, {story:#?}"
            );
        }
        if std::mem::take(&mut self.is_settled) {
            self.open.clear();
            for row in self.rows.values_mut() {
                row.sure = found.get(&row.number).copied().unwrap_or(0);
                row.maybe = 0;
            }
        }
    }
}

/// The number of a row, after its labels and time were found to be its own.
fn identified(number: u64, labels: &LabelSet, at: Timestamp) -> u64 {
    assert_eq!(at.as_nanos() as u64 % 1_000_000, number, "a row has its own time");
    assert_eq!(labels.get("agent"), Some(&*agent(labels.get("number").unwrap().parse().unwrap())));
    number
}

impl Row {
    fn add_to(&self, batch: &mut Batch) {
        // Times are in no order, and each is a row's own.
        let secs = self.day * DAY + (self.number * 7919) as i64 % DAY;
        let at = Timestamp::from_nanos(secs * 1_000_000_000 + self.number as i64);
        let (name, number) = (agent(self.agent), self.agent.to_string());
        let labels = LabelSet::new([("agent", name.as_str()), ("number", &number)]);
        let attributes = vec![("who".to_owned(), self.who.to_string().into())];
        match self.signal {
            Signal::Samples => batch.push_sample(labels, at, self.number as f64),
            Signal::Histograms => {
                let count = self.number as f64;
                let bucket = model::Bucket { index: self.who as i32, count };
                let histogram = Histogram { count, positive: vec![bucket], ..Histogram::default() };
                let samples = vec![HistogramSample { at, histogram: Arc::new(histogram) }];
                batch.histograms.push(HistogramSeries { labels, samples });
            }
            Signal::Exemplars => {
                let traced = LabelSet::new([("trace_id", self.number.to_string().as_str())]);
                let exemplars = vec![Exemplar { at, value: self.number as f64, labels: traced }];
                batch.exemplars.push(ExemplarSeries { labels, exemplars });
            }
            Signal::Logs => {
                let record = LogRecord::new(at, labels, LogSeverity::Info, self.number.to_string());
                batch.logs.push(LogRecord { attributes, ..record });
            }
            Signal::Spans => batch.spans.push(Span {
                trace: TraceId([1; 16]),
                id: SpanId(self.number.to_be_bytes()),
                parent: None,
                stream: labels,
                name: "work".to_owned(),
                kind: SpanKind::Client,
                status: SpanStatus::Unset,
                status_message: String::new(),
                start: at,
                duration_nanos: self.number,
                attributes,
                events: Vec::new(),
                links: Vec::new(),
            }),
        }
    }
}
