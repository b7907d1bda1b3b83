//! What log records and spans have in common on their way into the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bench::workload::{Attribute, Events, Value};
use model::{Attributes, LabelSet, TimeRange, Timestamp};

/// The requests of all connections; each takes the next one when it is free.
#[derive(Clone)]
pub struct Requests {
    pub events: Arc<Events>,
    /// Of each agent. A receiver knows the streams that it has seen.
    pub streams: Arc<[LabelSet]>,
    next: Arc<AtomicU64>,
}

impl Requests {
    pub fn new(events: Events) -> Self {
        let streams = (0..events.agents).map(|agent| LabelSet::new(Events::resource(agent))).collect();
        Self { events: Arc::new(events), streams, next: Arc::default() }
    }

    /// The number of a request that nobody has taken.
    pub fn take(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

/// All of the time that the events span, in so many ranges that one holds about `rows` of
/// `count`: nobody reads ten million rows at once.
pub fn slices(events: &Events, count: u64, rows: u64) -> Vec<TimeRange> {
    let slices = (count / rows).max(1) as i64;
    let nanos = events.length_nanos / slices;
    let slice = |number: i64| {
        let start = events.start_nanos + number * nanos;
        // Events may begin a little after the end of their time.
        let end = if number + 1 == slices { i64::MAX } else { start + nanos - 1 };
        TimeRange::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end))
    };
    (0..slices).map(slice).collect()
}

pub fn attributes(of: &[Attribute]) -> Attributes {
    let value = |value: &Value| match value {
        Value::Text(text) => model::Value::Text(text.clone()),
        Value::Int(number) => model::Value::Int(*number),
        Value::Float(number) => model::Value::Float(*number),
    };
    of.iter().map(|(name, of)| ((*name).to_owned(), value(of))).collect()
}

/// As text and numbers, without any framing.
pub fn raw_bytes(of: &[Attribute]) -> usize {
    of.iter().map(|(name, value)| name.len() + value.bytes()).sum()
}
