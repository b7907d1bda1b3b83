//! Goes through a store's events, piece by piece, until somebody has seen enough.
//!
//! The store is asked for some hundred to some thousand events at a time, as many as take
//! about [`PIECE_BYTES`]; those that the search matches are handed over. Whoever stops early
//! gets the place where to go on, and nobody is told less than how far the search came.

use std::ops::ControlFlow;
use std::time::Duration;

use model::{LogRecord, Span, TimeRange, Timestamp, Value};
use runtime::SharedClock;
use storage::{Order, QueryError, Store};

use crate::{Event, Query};

/// What the first piece has at most.
const FIRST_EVENTS: usize = 200;
const PIECE_EVENTS_MAX: usize = 10_000;
const PIECE_BYTES: usize = 8 << 20;

/// Where a scan goes on: behind so many events of one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub at: Timestamp,
    /// Events of this instant that were looked at already.
    pub seen: usize,
}

impl Place {
    /// As one word that a caller hands back, for example in an address.
    pub fn to_cursor(self) -> String {
        format!("{}-{}", self.at.as_nanos(), self.seen)
    }

    pub fn from_cursor(cursor: &str) -> Option<Self> {
        let (at, seen) = cursor.rsplit_once('-')?;
        Some(Self { at: Timestamp::from_nanos(at.parse().ok()?), seen: seen.parse().ok()? })
    }
}

/// What is to be gone through.
#[derive(Clone, Debug)]
pub struct Scan {
    pub query: Query,
    pub range: TimeRange,
    pub order: Order,
    /// Absent at the beginning.
    pub from: Option<Place>,
    /// After so long it ends where it is.
    pub patience: Duration,
}

/// How far a scan came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Events that the store had to hand over.
    pub looked_at: u64,
    pub matched: u64,
    /// Where to go on; absent when everything in the range was searched.
    pub next: Option<Place>,
}

/// Log records or spans, as a scan needs them.
pub trait Searched: Event + Sized + Send {
    fn at(&self) -> Timestamp;

    /// Roughly what it takes in memory.
    fn bytes(&self) -> usize;

    fn fetch(
        store: &dyn Store,
        query: &Query,
        piece: Piece,
    ) -> impl Future<Output = Result<Vec<Self>, QueryError>> + Send;
}

/// What the store is asked for at once.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    range: TimeRange,
    order: Order,
    limit: usize,
}

impl Searched for LogRecord {
    fn at(&self) -> Timestamp {
        self.at
    }

    fn bytes(&self) -> usize {
        200 + self.body.len() + attribute_bytes(&self.attributes)
    }

    async fn fetch(store: &dyn Store, query: &Query, piece: Piece) -> Result<Vec<Self>, QueryError> {
        let mut asked = query.log_query(piece.range);
        (asked.order, asked.limit) = (piece.order, piece.limit);
        store.search_logs(&asked).await
    }
}

impl Searched for Span {
    fn at(&self) -> Timestamp {
        self.start
    }

    fn bytes(&self) -> usize {
        let events = self.events.iter().map(|event| 64 + attribute_bytes(&event.attributes));
        300 + self.name.len() + attribute_bytes(&self.attributes) + events.sum::<usize>()
    }

    async fn fetch(store: &dyn Store, query: &Query, piece: Piece) -> Result<Vec<Self>, QueryError> {
        let mut asked = query.span_query(piece.range);
        (asked.order, asked.limit) = (piece.order, piece.limit);
        store.search_spans(&asked).await
    }
}

fn attribute_bytes(attributes: &model::Attributes) -> usize {
    let text = |value: &Value| if let Value::Text(text) = value { text.len() } else { 8 };
    attributes.iter().map(|(name, value)| 48 + name.len() + text(value)).sum()
}

/// Hands every event that matches to `take`, until that breaks off.
pub async fn scan<E: Searched>(
    store: &dyn Store,
    clock: &SharedClock,
    scan: &Scan,
    mut take: impl FnMut(E) -> ControlFlow<()> + Send,
) -> Result<Reached, QueryError> {
    let started = clock.monotonic();
    let mut reached = Reached { looked_at: 0, matched: 0, next: scan.from };
    let mut events = FIRST_EVENTS;
    loop {
        let seen = reached.next.map_or(0, |place| place.seen);
        let piece = Piece {
            range: rest(scan.range, scan.order, reached.next),
            order: scan.order,
            // Those of the instant where it goes on come once more.
            limit: events.saturating_add(seen),
        };
        let found = E::fetch(store, &scan.query, piece).await?;
        let is_last = found.len() < piece.limit;
        let (mut count, mut bytes) = (0, 0);
        for event in found.into_iter().skip(seen) {
            if count % 256 == 255 {
                // Expressions over long texts take their time; others want to run too.
                tokio::task::yield_now().await;
            }
            count += 1;
            bytes += event.bytes();
            reached.looked_at += 1;
            reached.next = Some(behind(reached.next, event.at()));
            if scan.query.matches(&event) {
                reached.matched += 1;
                if take(event).is_break() {
                    return Ok(reached);
                }
            }
        }
        if is_last {
            return Ok(Reached { next: None, ..reached });
        }
        if clock.monotonic().saturating_sub(started) >= scan.patience {
            return Ok(reached);
        }
        // As many as fit, but no sudden leaps.
        let fitting = PIECE_BYTES.checked_div(bytes / count.max(1)).unwrap_or(PIECE_EVENTS_MAX);
        events = fitting.clamp(1, (4 * events).min(PIECE_EVENTS_MAX));
    }
}

/// What is left of the range; the instant of the place is part of it.
fn rest(range: TimeRange, order: Order, from: Option<Place>) -> TimeRange {
    match (from, order) {
        (None, _) => range,
        (Some(place), Order::OldestFirst) => TimeRange::new(place.at.max(range.start), range.end),
        (Some(place), Order::NewestFirst) => TimeRange::new(range.start, place.at.min(range.end)),
    }
}

fn behind(place: Option<Place>, at: Timestamp) -> Place {
    match place {
        Some(place) if place.at == at => Place { seen: place.seen + 1, ..place },
        _ => Place { at, seen: 1 },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use model::{Batch, LabelSet, LogSeverity};
    use proptest::prelude::*;
    use storage::Appender;
    use testkit::{FakeClock, MemoryStore};

    use super::*;

    fn record(at: i64, number: usize) -> LogRecord {
        let stream = LabelSet::new([("service", if number.is_multiple_of(3) { "a" } else { "b" })]);
        LogRecord::new(Timestamp::from_nanos(at), stream, LogSeverity::Info, format!("line {number}"))
    }

    async fn page(
        store: &MemoryStore,
        text: &str,
        order: Order,
        from: Option<Place>,
        most: usize,
    ) -> (Vec<String>, Reached) {
        let clock: SharedClock = Arc::new(FakeClock::new());
        let (query, range) = (crate::parse(text).unwrap(), TimeRange::ALL);
        let asked = Scan { query, range, order, from, patience: Duration::from_secs(1) };
        let mut found = Vec::new();
        let reached = scan::<LogRecord>(store, &clock, &asked, |record| {
            found.push(record.body);
            if found.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let reached = reached.await.unwrap();
        (found, reached)
    }

    proptest! {
        #[test]
        fn pages_together_are_all_that_matches(
            times in proptest::collection::vec(0..9i64, 0..700),
            most in 8..120usize,
            is_newest_first in any::<bool>(),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let store = MemoryStore::new();
                let logs = times.iter().enumerate().map(|(number, at)| record(*at, number)).collect();
                store.append(Batch { logs, ..Batch::default() }).await.unwrap();
                let order = if is_newest_first { Order::NewestFirst } else { Order::OldestFirst };
                let (all, reached) = page(&store, "service:a", order, None, usize::MAX).await;
                prop_assert_eq!((reached.next, reached.matched), (None, all.len() as u64));
                prop_assert_eq!(all.len(), times.len().div_ceil(3));
                let (mut together, mut from) = (Vec::new(), None);
                loop {
                    let (found, reached) = page(&store, "service:a", order, from, most).await;
                    prop_assert!(found.len() <= most);
                    together.extend(found);
                    from = reached.next.map(|next| Place::from_cursor(&next.to_cursor()).unwrap());
                    if from.is_none() {
                        break;
                    }
                }
                prop_assert_eq!(together, all);
                Ok(())
            })?;
        }
    }

    #[tokio::test]
    async fn a_scan_that_takes_too_long_says_where_it_is() {
        let store = MemoryStore::new();
        let logs = (0..1000).map(|number| record(number as i64, number)).collect();
        store.append(Batch { logs, ..Batch::default() }).await.unwrap();
        let clock: SharedClock = Arc::new(FakeClock::new());
        let (query, patience) = (crate::parse("line").unwrap(), Duration::ZERO);
        let order = Order::OldestFirst;
        let asked = Scan { query, range: TimeRange::ALL, order, from: None, patience };
        let reached = scan::<LogRecord>(&store, &clock, &asked, |_| ControlFlow::Continue(())).await;
        let next = Some(Place { at: Timestamp::from_nanos(FIRST_EVENTS as i64 - 1), seen: 1 });
        let looked_at = FIRST_EVENTS as u64;
        assert_eq!(reached.unwrap(), Reached { looked_at, matched: looked_at, next });
    }

    #[test]
    fn a_cursor_that_is_none_is_no_place() {
        let place = Place { at: Timestamp::from_nanos(-5), seen: 7 };
        assert_eq!(Place::from_cursor(&place.to_cursor()), Some(place));
        for wrong in ["", "5", "a-1", "1-", "1-b", "99999999999999999999-1"] {
            assert_eq!(Place::from_cursor(wrong), None, "{wrong}");
        }
    }
}
