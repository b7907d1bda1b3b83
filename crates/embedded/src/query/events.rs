//! Log records and spans by filter, in order of time.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use columns::Corrupt;
use model::{LabelSet, LogRecord, MatchOp, Matcher, Span, TimeRange, Timestamp};
use storage::{LogQuery, Order, QueryError, SpanQuery};

use super::{DayQuery, days_of, unreadable};
use crate::memtable::RowsInMemory;
use crate::rows::{
    LogRows, Probe, SpanRows, attribute_hash, decode_selected_logs, decode_selected_spans, name_hash,
    trace_hash, word_hash,
};
use crate::segment::PageOrder;
use crate::shared::Shared;

pub fn search_logs(shared: &Shared, query: &LogQuery) -> Result<Vec<LogRecord>, QueryError> {
    let mut hashes: Vec<u64> = query.words.iter().filter_map(|word| word_hash(word)).collect();
    hashes.extend(query.contains.iter().flat_map(|part| whole_words(part)).filter_map(word_hash));
    hashes.extend(query.trace.map(|trace| trace_hash(&trace.0)));
    hashes.extend(attribute_hashes(&query.attributes));
    let search = Search {
        stream: &query.stream,
        range: query.range,
        probe: Probe::new(hashes),
        trace: Probe::new(query.trace.iter().map(|trace| trace_hash(&trace.0)).collect()),
        order: query.order,
        limit: query.limit,
    };
    let decode = |page: &[u8], streams: &[u32], range| decode_selected_logs(page, streams, range, query);
    let found = search.run::<LogRows>(shared, decode, |record| query.selects(record))?;
    Ok(found.into_iter().map(Arc::unwrap_or_clone).collect())
}

pub fn search_spans(shared: &Shared, query: &SpanQuery) -> Result<Vec<Span>, QueryError> {
    let mut hashes: Vec<u64> = query.trace.iter().map(|trace| trace_hash(&trace.0)).collect();
    hashes.extend(query.name.iter().map(|name| name_hash(name)));
    hashes.extend(attribute_hashes(&query.attributes));
    let search = Search {
        stream: &query.stream,
        range: query.range,
        probe: Probe::new(hashes),
        trace: Probe::new(query.trace.iter().map(|trace| trace_hash(&trace.0)).collect()),
        order: query.order,
        limit: query.limit,
    };
    let decode = |page: &[u8], streams: &[u32], range| decode_selected_spans(page, streams, range, query);
    let found = search.run::<SpanRows>(shared, decode, |span| query.selects(span))?;
    Ok(found.into_iter().map(Arc::unwrap_or_clone).collect())
}

/// Words of which it is sure that they stand alone wherever `part` occurs: the first and
/// the last may go on outside of it.
fn whole_words(part: &str) -> impl Iterator<Item = &str> {
    let start = part.as_ptr() as usize;
    storage::words(part).filter(move |word| {
        let at = word.as_ptr() as usize - start;
        at > 0 && at + word.len() < part.len()
    })
}

/// Conditions that a filter knows: an attribute has exactly this value.
fn attribute_hashes(matchers: &[Matcher]) -> impl Iterator<Item = u64> {
    let exact =
        matchers.iter().filter(|matcher| matcher.op() == MatchOp::Equal && !matcher.value().is_empty());
    exact.filter_map(|matcher| attribute_hash(matcher.name(), matcher.value()))
}

/// Rows that are events: each has its own instant and stream.
trait EventRows: RowsInMemory {
    type Event: Clone;

    fn into_events(self) -> Vec<Arc<Self::Event>>;
    fn at(event: &Self::Event) -> Timestamp;
    fn stream(event: &Self::Event) -> &LabelSet;
    fn set_stream(event: &mut Self::Event, stream: &LabelSet);

    /// Whether two events of one stream and instant are the same one, appended again.
    fn is_same(a: &Self::Event, b: &Self::Event) -> bool;

    /// The order of events of one stream and instant, as far as there is one.
    fn compare(a: &Self::Event, b: &Self::Event) -> Ordering;
}

impl EventRows for LogRows {
    type Event = LogRecord;

    fn into_events(self) -> Vec<Arc<LogRecord>> {
        self.0
    }

    fn at(event: &LogRecord) -> Timestamp {
        event.at
    }

    fn stream(event: &LogRecord) -> &LabelSet {
        &event.stream
    }

    fn set_stream(event: &mut LogRecord, stream: &LabelSet) {
        event.stream = stream.clone();
    }

    fn is_same(_: &LogRecord, _: &LogRecord) -> bool {
        false
    }

    fn compare(_: &LogRecord, _: &LogRecord) -> Ordering {
        Ordering::Equal
    }
}

impl EventRows for SpanRows {
    type Event = Span;

    fn into_events(self) -> Vec<Arc<Span>> {
        self.0
    }

    fn at(event: &Span) -> Timestamp {
        event.start
    }

    fn stream(event: &Span) -> &LabelSet {
        &event.stream
    }

    fn set_stream(event: &mut Span, stream: &LabelSet) {
        event.stream = stream.clone();
    }

    fn is_same(a: &Span, b: &Span) -> bool {
        (a.trace, a.id) == (b.trace, b.id)
    }

    fn compare(a: &Span, b: &Span) -> Ordering {
        (a.trace, a.id).cmp(&(b.trace, b.id))
    }
}

struct Search<'a> {
    stream: &'a [Matcher],
    range: TimeRange,
    probe: Probe,
    /// The part of the probe that holds for a row whatever replaces it.
    trace: Probe,
    order: Order,
    limit: usize,
}

impl Search<'_> {
    fn run<R: EventRows>(
        &self,
        shared: &Shared,
        decode: impl Fn(&[u8], &[u32], TimeRange) -> Result<Vec<(u32, R)>, Corrupt> + Sync,
        selects: impl Fn(&R::Event) -> bool,
    ) -> Result<Vec<Arc<R::Event>>, QueryError> {
        let snapshot = shared.snapshot();
        let mut hits = Hits::<R>::new(self.order, self.limit, self.range);
        let mut days = days_of::<R>(&snapshot, self.range);
        // The days that are asked for first are read first, so that later ones need no reading.
        if self.order == Order::NewestFirst {
            days.reverse();
        }
        for day in days {
            let Some(range) = hits.open_range() else { break };
            if !day.times().overlaps(range) {
                continue;
            }
            let query = DayQuery::<R>::new(shared, &snapshot, day, self.stream).map_err(unreadable)?;
            let mut streams = StreamLabels { query: &query, known: HashMap::new() };
            let mut age = MEMORY_AGE;
            query.read_memory(range, |stream, rows| {
                // Rows of the frozen memtable come first and are older.
                age += 1;
                hits.add(rows, Age { source: age, page: 0 }, streams.of(stream)?, &selects);
                Ok::<(), QueryError>(())
            })?;
            let mut segments: Vec<_> = query.segments(self.range).collect();
            if self.order == Order::NewestFirst {
                segments.reverse();
            }
            for segment in segments {
                let Some(range) = hits.open_range() else { break };
                if !segment.times().overlaps(range) {
                    continue;
                }
                let replaced = query.replaced_in(segment, range, &self.trace).map_err(unreadable)?;
                let age = segment.footer().wal.last;
                // The more is found, the less of the time is left to look at.
                let open = Cell::new(range);
                let wanted = (&self.probe, self.page_order());
                query.read_selected(segment, &|| open.get(), wanted, &decode, |page, stream, mut rows| {
                    if let Some(replaced) = replaced.get(&stream) {
                        rows.leave_out(replaced);
                    }
                    hits.add(rows, Age { source: age, page }, streams.of(stream)?, &selects);
                    open.set(hits.range);
                    Ok::<(), QueryError>(())
                })?;
            }
        }
        Ok(hits.finish())
    }

    fn page_order(&self) -> PageOrder {
        match self.order {
            Order::OldestFirst => PageOrder::OldestFirst,
            Order::NewestFirst => PageOrder::NewestFirst,
        }
    }
}

/// Rows in memory are newer than those of every WAL file that became a segment.
const MEMORY_AGE: u64 = u64::MAX / 2;

/// Labels of streams, each read once.
struct StreamLabels<'a, R: RowsInMemory> {
    query: &'a DayQuery<'a, R>,
    known: HashMap<u32, Option<LabelSet>>,
}

impl<R: RowsInMemory> StreamLabels<'_, R> {
    fn of(&mut self, stream: u32) -> Result<Option<&LabelSet>, QueryError> {
        if !self.known.contains_key(&stream) {
            let labels = self.query.labels(stream).map_err(unreadable)?;
            self.known.insert(stream, labels);
        }
        Ok(self.known.get(&stream).and_then(Option::as_ref))
    }
}

/// The best hits so far, at most about twice as many as are wanted.
struct Hits<R: EventRows> {
    order: Order,
    limit: usize,
    range: TimeRange,
    found: Vec<Hit<R>>,
}

struct Hit<R: EventRows> {
    event: Arc<R::Event>,
    age: Age,
}

/// Within a stream and instant, events of a greater age came later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Age {
    /// The last WAL file of the segment, or more for memory.
    source: u64,
    /// Its place in the segment: pages need not be read in their order.
    page: u32,
}

impl<R: EventRows> Hits<R> {
    fn new(order: Order, limit: usize, range: TimeRange) -> Self {
        Self { order, limit, range, found: Vec::new() }
    }

    /// Rows of one stream and source, in order of arrival within each instant.
    fn add(&mut self, rows: R, age: Age, stream: Option<&LabelSet>, selects: impl Fn(&R::Event) -> bool) {
        // A stream without labels is one of a part that has just gone to quarantine.
        let Some(stream) = stream else { return };
        for mut event in rows.into_events() {
            if !self.range.contains(R::at(&event)) {
                continue;
            }
            if R::stream(&event) != stream {
                R::set_stream(Arc::make_mut(&mut event), stream);
            }
            if selects(&event) {
                self.found.push(Hit { event, age });
            }
        }
        if self.found.len() > self.limit.saturating_mul(2).saturating_add(1024) {
            self.narrow();
        }
    }

    /// Where better hits than the known ones can still be; `None` when no more are wanted.
    fn open_range(&mut self) -> Option<TimeRange> {
        if self.limit == 0 {
            return None;
        }
        self.narrow();
        Some(self.range)
    }

    /// Keeps the best hits, and forgets the time in which there can be no better ones.
    fn narrow(&mut self) {
        if self.found.len() < self.limit {
            return;
        }
        self.cut();
        if self.found.len() < self.limit {
            return;
        }
        match self.order {
            Order::OldestFirst => {
                self.range.end = self.found.last().map_or(self.range.end, |hit| R::at(&hit.event));
            }
            Order::NewestFirst => {
                self.range.start = self.found.first().map_or(self.range.start, |hit| R::at(&hit.event));
            }
        }
    }

    /// Keeps the best, in order, oldest first.
    fn cut(&mut self) {
        self.found.sort_by(Hit::compare);
        // Of events that are the same one, the later stays.
        self.found.dedup_by(|later, first| {
            let is_same = later.is_same(first);
            if is_same {
                std::mem::swap(later, first);
            }
            is_same
        });
        if self.found.len() < self.limit {
            return;
        }
        match self.order {
            Order::OldestFirst => self.found.truncate(self.limit),
            Order::NewestFirst => drop(self.found.drain(..self.found.len() - self.limit)),
        }
    }

    fn finish(mut self) -> Vec<Arc<R::Event>> {
        self.cut();
        if self.order == Order::NewestFirst {
            self.found.reverse();
        }
        self.found.into_iter().map(|hit| hit.event).collect()
    }
}

impl<R: EventRows> Hit<R> {
    /// By time, then stream, then what the table says, then arrival (the sort is stable):
    /// the same before and after a flush.
    fn compare(&self, other: &Self) -> Ordering {
        let (a, b) = (&*self.event, &*other.event);
        let time = R::at(a).cmp(&R::at(b));
        let stream = || R::stream(a).cmp(R::stream(b));
        time.then_with(stream).then_with(|| R::compare(a, b)).then_with(|| self.age.cmp(&other.age))
    }

    fn is_same(&self, other: &Self) -> bool {
        let (a, b) = (&*self.event, &*other.event);
        R::at(a) == R::at(b) && R::is_same(a, b) && R::stream(a) == R::stream(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_surely_stand_alone_are_looked_up() {
        assert_eq!(whole_words("te limit ex").collect::<Vec<_>>(), ["limit"]);
        assert_eq!(whole_words(" limit ").collect::<Vec<_>>(), ["limit"]);
        assert_eq!(whole_words("limit").count(), 0);
    }
}
