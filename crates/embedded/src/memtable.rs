//! Acknowledged rows that are in no segment yet.
//!
//! Rows are appended to their stream as they come; readers bring them into order. Which
//! WAL files the rows of each table and day came from is kept beside them, because the
//! segment that will hold them says so.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use model::{Batch, LabelSet, METRIC_NAME, MatchOp, Matcher, Sample, TimeRange};
use xxhash_rust::xxh3::Xxh3;

use crate::table::{Day, LogRow, Row, Table};

/// The WAL files that rows came from, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WalRange {
    pub first: u64,
    pub last: u64,
}

impl WalRange {
    pub fn contains(self, wal: u64) -> bool {
        self.first <= wal && wal <= self.last
    }

    pub fn covers(self, other: WalRange) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    pub fn union(self, other: WalRange) -> WalRange {
        WalRange { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

#[derive(Debug, Default)]
pub struct Memtable {
    pub samples: Streams<Sample>,
    pub logs: Streams<LogRow>,
    pub covered: BTreeMap<(Table, Day), WalRange>,
    /// Roughly what all of it takes.
    pub bytes: usize,
    /// On the monotonic clock, when the first row came.
    pub since: Option<Duration>,
}

impl Memtable {
    pub fn insert(&mut self, batch: Batch, wal: u64, now: Duration) {
        self.since.get_or_insert(now);
        for series in batch.series {
            let days = series.samples.iter().map(|sample| Day::of(sample.at));
            cover(&mut self.covered, Table::Samples, days, wal);
            self.bytes += self.samples.extend(&series.labels, series.samples);
        }
        cover(&mut self.covered, Table::Logs, batch.logs.iter().map(|record| Day::of(record.at)), wal);
        for record in batch.logs {
            let stream = record.stream.clone();
            self.bytes += self.logs.extend(&stream, [LogRow(Arc::new(record))]);
        }
    }

    pub fn stream_count(&self) -> usize {
        self.samples.streams.len() + self.logs.streams.len()
    }
}

fn cover(
    covered: &mut BTreeMap<(Table, Day), WalRange>,
    table: Table,
    days: impl Iterator<Item = Day>,
    wal: u64,
) {
    // Neighbours mostly share their day: look each run up once.
    let mut last = None;
    for day in days {
        if last == Some(day) {
            continue;
        }
        last = Some(day);
        let here = WalRange { first: wal, last: wal };
        covered.entry((table, day)).and_modify(|range| *range = range.union(here)).or_insert(here);
    }
}

/// The streams of one table.
#[derive(Debug)]
pub struct Streams<R> {
    numbers: HashMap<u128, u32>,
    streams: Vec<Stream<R>>,
    /// Streams of each metric, because nearly every query names one.
    by_metric: HashMap<Box<str>, Vec<u32>>,
}

#[derive(Debug)]
pub struct Stream<R> {
    pub labels: LabelSet,
    /// In order of arrival.
    pub rows: Vec<R>,
}

impl<R> Default for Streams<R> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), streams: Vec::new(), by_metric: HashMap::new() }
    }
}

/// What a stream takes besides its rows and label bytes, roughly: map entries, pointers.
const STREAM_OVERHEAD_BYTES: usize = 200;

impl<R: Row> Streams<R> {
    /// Returns about how many bytes that took.
    fn extend(&mut self, labels: &LabelSet, rows: impl IntoIterator<Item = R>) -> usize {
        let known = self.streams.len();
        let number = *self.numbers.entry(stream_hash(labels)).or_insert(known as u32);
        let mut bytes = 0;
        if number as usize == known {
            self.streams.push(Stream { labels: labels.clone(), rows: Vec::new() });
            self.by_metric.entry(labels.value(METRIC_NAME).into()).or_default().push(number);
            bytes += STREAM_OVERHEAD_BYTES + label_bytes(labels);
        }
        let target = &mut self.streams[number as usize].rows;
        for row in rows {
            bytes += row.bytes();
            target.push(row);
        }
        bytes
    }

    pub fn row_count(&self) -> usize {
        self.streams.iter().map(|stream| stream.rows.len()).sum()
    }

    /// The rows of one day, stream by stream in order of labels, each in order of time.
    pub fn of_day(&self, day: Day) -> impl Iterator<Item = (&LabelSet, Vec<R>)> {
        let mut streams: Vec<&Stream<R>> = self.streams.iter().collect();
        streams.sort_by(|a, b| a.labels.cmp(&b.labels));
        streams.into_iter().filter_map(move |stream| {
            let mut rows: Vec<R> =
                stream.rows.iter().filter(|row| Day::of(row.at()) == day).cloned().collect();
            R::settle(&mut rows);
            (!rows.is_empty()).then_some((&stream.labels, rows))
        })
    }

    /// Selected streams with their rows in the range that `keep` wants, in order of arrival.
    pub fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        keep: impl Fn(&R) -> bool,
    ) -> Vec<(LabelSet, Vec<R>)> {
        self.candidates(matchers)
            .filter(|stream| matchers.iter().all(|matcher| matcher.matches(&stream.labels)))
            .filter_map(|stream| {
                let wanted = stream.rows.iter().filter(|row| range.contains(row.at()) && keep(row));
                let rows: Vec<R> = wanted.cloned().collect();
                (!rows.is_empty()).then(|| (stream.labels.clone(), rows))
            })
            .collect()
    }

    /// Labels of selected streams that have a row in the range.
    pub fn labels<'a>(
        &'a self,
        matchers: &'a [Matcher],
        range: TimeRange,
    ) -> impl Iterator<Item = &'a LabelSet> {
        self.candidates(matchers)
            .filter(|stream| matchers.iter().all(|matcher| matcher.matches(&stream.labels)))
            .filter(move |stream| stream.rows.iter().any(|row| range.contains(row.at())))
            .map(|stream| &stream.labels)
    }

    fn candidates(&self, matchers: &[Matcher]) -> Box<dyn Iterator<Item = &Stream<R>> + '_> {
        let metric =
            matchers.iter().find(|matcher| matcher.name() == METRIC_NAME && matcher.op() == MatchOp::Equal);
        match metric {
            None => Box::new(self.streams.iter()),
            Some(metric) => {
                let numbers = self.by_metric.get(metric.value()).map_or(&[][..], Vec::as_slice);
                Box::new(numbers.iter().map(|number| &self.streams[*number as usize]))
            }
        }
    }
}

fn label_bytes(labels: &LabelSet) -> usize {
    labels.iter().map(|(name, value)| name.len() + value.len() + 32).sum()
}

/// The identity of a stream: its labels in their order. `FF` occurs in no UTF-8 text, so
/// it parts them.
fn stream_hash(labels: &LabelSet) -> u128 {
    let mut hasher = Xxh3::new();
    for (name, value) in labels.iter() {
        hasher.update(name.as_bytes());
        hasher.update(&[0xff]);
        hasher.update(value.as_bytes());
        hasher.update(&[0xff]);
    }
    hasher.digest128()
}
