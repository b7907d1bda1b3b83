//! What is remembered of streams from one request to the next: the totals of deltas, and since
//! when cumulative ones count.
//!
//! Deltas are added up by the series that they become, so that several senders of one series
//! make one total; what was counted already is known for each sender. All of it is bounded:
//! what was not heard of for the longest is forgotten first, and counts from nothing when it
//! comes again, which PromQL takes for the reset that it is.

use std::collections::HashMap;

use model::KeysAreHashes;

use super::PointError;
use super::total::Total;

/// When a point was measured, in nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// 0 when it is not said.
    pub start: u64,
    pub end: u64,
}

impl Span {
    pub fn start_ms(self) -> i64 {
        (self.start / NANOS_PER_MS) as i64
    }

    pub fn end_ms(self) -> i64 {
        (self.end / NANOS_PER_MS) as i64
    }
}

const NANOS_PER_MS: u64 = 1_000_000;

/// A zero is put where a series begins, so that what was counted until its first point counts
/// as an increase. Not for one that began long ago: its past is not for today's queries.
const BEGINNING_MS_MAX: i64 = 60 * 60 * 1000;

/// Senders of one series that are told apart.
const WRITERS_MAX: usize = 64;

/// What to write of a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    pub total: Total,
    pub at_ms: i64,
    /// The instant of a zero before it.
    pub zero_ms: Option<i64>,
    /// It was counted before: the same total is written again, which changes nothing.
    pub is_repeated: bool,
}

/// What a cumulative point is to its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// It counts on.
    Known,
    /// It is the first of its start; the zero is due at this instant.
    New(Option<i64>),
    /// Another sender of the same series began later: this one gets a series of its own, or
    /// each point would look like a reset of the other.
    Beside,
}

#[derive(Debug)]
pub struct Streams {
    streams_max: usize,
    streams: HashMap<u128, Stream, KeysAreHashes>,
    /// Counts up with each use, to know what was not used for the longest.
    uses: u64,
    /// What was changed since [`changes`](Streams::changes) were last taken.
    changed: Vec<(u128, Option<Stream>)>,
}

/// What one request has changed, as it was before.
#[must_use]
#[derive(Debug, Default)]
pub struct Changes(Vec<(u128, Option<Stream>)>);

#[derive(Clone, Debug)]
struct Stream {
    last_use: u64,
    /// Of the cumulative stream, in nanoseconds.
    start: u64,
    last_ms: i64,
    /// Of deltas.
    total: Option<Total>,
    writers: Vec<(u128, Span)>,
}

impl Streams {
    pub fn new(streams_max: usize) -> Self {
        Self { streams_max: streams_max.max(1), streams: HashMap::default(), uses: 0, changed: Vec::new() }
    }

    /// Adds a delta to the total of its series. `writer` is who sends it.
    pub fn add(
        &mut self,
        series: u128,
        writer: u128,
        delta: &Total,
        span: Span,
    ) -> Result<Written, PointError> {
        let before = self.streams.get(&series).cloned();
        let stream = self.touch(series);
        let known = stream.writers.iter().position(|(known, _)| *known == writer);
        let last = known.and_then(|place| stream.writers.get(place)).map(|(_, last)| *last);
        if let (Some(last), Some(total)) = (last, &stream.total) {
            if last == span {
                let (total, at_ms) = (total.clone(), stream.last_ms);
                return Ok(Written { total, at_ms, zero_ms: None, is_repeated: true });
            }
            let overlaps = span.end <= last.end || (span.start != 0 && span.start < last.end);
            if overlaps {
                return Err(PointError::Overlap);
            }
        }
        let is_new = stream.total.is_none();
        match &mut stream.total {
            Some(total) => total.add(delta),
            none => *none = Some(delta.clone()),
        }
        match known.and_then(|place| stream.writers.get_mut(place)) {
            Some((_, last)) => *last = span,
            None => {
                if stream.writers.len() >= WRITERS_MAX {
                    stream.writers.remove(0);
                }
                stream.writers.push((writer, span));
            }
        }
        stream.last_ms = stream.last_ms.max(span.end_ms());
        let at_ms = stream.last_ms;
        let total = stream.total.clone().unwrap_or_else(|| delta.clone());
        self.changed.push((series, before));
        let zero_ms = is_new.then(|| zero_ms(span)).flatten();
        Ok(Written { total, at_ms, zero_ms, is_repeated: false })
    }

    /// Whether a cumulative point counts on from the one before.
    pub fn begin(&mut self, series: u128, span: Span) -> Beginning {
        if span.start == 0 {
            return Beginning::Known;
        }
        let before = self.streams.get(&series);
        if before.is_some_and(|stream| span.start < stream.start) {
            return Beginning::Beside;
        }
        let is_known = before.is_some_and(|stream| stream.start == span.start);
        if !is_known {
            let before = before.cloned();
            self.changed.push((series, before));
        }
        let stream = self.touch(series);
        let last_ms = stream.last_ms;
        stream.last_ms = last_ms.max(span.end_ms());
        if is_known {
            return Beginning::Known;
        }
        stream.start = span.start;
        Beginning::New(zero_ms(span).filter(|zero_ms| last_ms < *zero_ms))
    }

    fn touch(&mut self, series: u128) -> &mut Stream {
        self.uses += 1;
        let last_use = self.uses;
        let new = || Stream { last_use, start: 0, last_ms: i64::MIN, total: None, writers: Vec::new() };
        let stream = self.streams.entry(series).or_insert_with(new);
        stream.last_use = last_use;
        stream
    }

    /// The changes of the request that was converted last. Requests are converted one by one,
    /// and may be kept in any order.
    pub fn changes(&mut self) -> Changes {
        self.make_room();
        Changes(std::mem::take(&mut self.changed))
    }

    /// The batch is not kept: its points will come again.
    pub fn take_back(&mut self, changes: Changes) {
        for (series, before) in changes.0.into_iter().rev() {
            match before {
                Some(stream) => drop(self.streams.insert(series, stream)),
                None => drop(self.streams.remove(&series)),
            }
        }
    }

    /// Forgets an eighth at once, so that it is seldom.
    fn make_room(&mut self) {
        if self.streams.len() <= self.streams_max {
            return;
        }
        let excess = self.streams.len() - self.streams_max + self.streams_max / 8;
        let mut uses: Vec<u64> = self.streams.values().map(|stream| stream.last_use).collect();
        let place = excess.min(uses.len()).saturating_sub(1);
        let (_, last, _) = uses.select_nth_unstable(place);
        let last = *last;
        let before = self.streams.len();
        self.streams.retain(|_, stream| stream.last_use > last);
        metrics::counter!("watchkeeper_otlp_streams_forgotten_total")
            .increment((before - self.streams.len()) as u64);
    }
}

/// Just behind the start, where the point before a reset may stand.
fn zero_ms(span: Span) -> Option<i64> {
    let (start, end) = (span.start_ms(), span.end_ms());
    let is_near = span.start != 0 && start + 1 < end && end - start <= BEGINNING_MS_MAX;
    is_near.then_some(start + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// In seconds.
    fn span(start: u64, end: u64) -> Span {
        Span { start: start * 1_000_000_000, end: end * 1_000_000_000 }
    }

    fn add(streams: &mut Streams, writer: u128, value: f64, span: Span) -> Result<(f64, i64), PointError> {
        let written = streams.add(1, writer, &Total::Number(value), span)?;
        let Total::Number(total) = written.total else { panic!("{written:?}") };
        Ok((total, written.at_ms / 1000))
    }

    #[test]
    fn deltas_become_a_total_and_the_first_has_a_zero_before_it() {
        let mut streams = Streams::new(10);
        let first = streams.add(1, 7, &Total::Number(5.0), span(10, 20)).unwrap();
        assert_eq!((first.zero_ms, first.at_ms), (Some(10_001), 20_000));
        assert_eq!(add(&mut streams, 7, 2.0, span(20, 30)), Ok((7.0, 30)));
        assert_eq!(add(&mut streams, 7, 1.0, span(45, 50)), Ok((8.0, 50)));
    }

    #[test]
    fn what_was_counted_is_not_counted_again() {
        let mut streams = Streams::new(10);
        add(&mut streams, 7, 5.0, span(10, 20)).unwrap();
        let again = streams.add(1, 7, &Total::Number(5.0), span(10, 20)).unwrap();
        assert!(again.is_repeated && again.total == Total::Number(5.0));
        for overlapping in [span(10, 21), span(5, 15), span(19, 30), span(0, 20)] {
            assert_eq!(add(&mut streams, 7, 1.0, overlapping), Err(PointError::Overlap), "{overlapping:?}");
        }
        assert_eq!(add(&mut streams, 7, 1.0, span(20, 30)), Ok((6.0, 30)));
    }

    #[test]
    fn several_senders_of_one_series_make_one_total_that_never_falls() {
        let mut streams = Streams::new(10);
        assert_eq!(add(&mut streams, 7, 5.0, span(10, 20)), Ok((5.0, 20)));
        assert_eq!(add(&mut streams, 8, 3.0, span(5, 15)), Ok((8.0, 20)));
        assert_eq!(add(&mut streams, 8, 1.0, span(15, 25)), Ok((9.0, 25)));
    }

    #[test]
    fn what_was_not_kept_comes_again() {
        let mut streams = Streams::new(10);
        add(&mut streams, 7, 5.0, span(10, 20)).unwrap();
        drop(streams.changes());
        add(&mut streams, 7, 2.0, span(20, 30)).unwrap();
        add(&mut streams, 7, 2.0, span(30, 40)).unwrap();
        let lost = streams.changes();
        streams.take_back(lost);
        assert_eq!(add(&mut streams, 7, 2.0, span(20, 30)), Ok((7.0, 30)));
    }

    #[test]
    fn what_one_request_loses_costs_no_other() {
        let mut streams = Streams::new(10);
        let _ = streams.begin(2, span(10, 20));
        let lost = streams.changes();
        add(&mut streams, 7, 5.0, span(10, 20)).unwrap();
        drop(streams.changes());
        streams.take_back(lost);
        assert_eq!(streams.begin(2, span(10, 20)), Beginning::New(Some(10_001)));
        assert_eq!(add(&mut streams, 7, 2.0, span(20, 30)), Ok((7.0, 30)));
    }

    #[test]
    fn a_new_start_is_a_reset_and_an_older_one_another_sender() {
        let mut streams = Streams::new(10);
        assert_eq!(streams.begin(1, span(10, 20)), Beginning::New(Some(10_001)));
        assert_eq!(streams.begin(1, span(10, 30)), Beginning::Known);
        assert_eq!(streams.begin(1, span(35, 40)), Beginning::New(Some(35_001)));
        assert_eq!(streams.begin(1, span(10, 41)), Beginning::Beside);
        assert_eq!(streams.begin(1, span(35, 50)), Beginning::Known);
        // Its zero would stand before points that are there.
        assert_eq!(streams.begin(1, span(45, 60)), Beginning::New(None));
        assert_eq!(streams.begin(2, span(0, 60)), Beginning::Known);
        assert_eq!(streams.begin(3, span(1, 60 * 60 * 3)), Beginning::New(None));
    }

    #[test]
    fn the_longest_unheard_are_forgotten_first() {
        let mut streams = Streams::new(80);
        for series in 0..80 {
            streams.add(series, 7, &Total::Number(1.0), span(10, 20)).unwrap();
        }
        streams.add(0, 7, &Total::Number(1.0), span(20, 30)).unwrap();
        streams.add(80, 7, &Total::Number(1.0), span(10, 20)).unwrap();
        drop(streams.changes());
        assert_eq!(streams.streams.len(), 70);
        assert!(streams.streams.contains_key(&0) && streams.streams.contains_key(&80));
        assert!(!streams.streams.contains_key(&1));
    }
}
