//! Queries over logs, limits of queries, and what a store takes up.

use model::{LogRecord, LogSeverity, Matcher, TimeRange};

/// Bounds what one query may touch.
#[derive(Clone, Copy, Debug)]
pub struct QueryLimits {
    pub series_max: u64,
    pub samples_max: u64,
}

impl Default for QueryLimits {
    /// 50 million samples is Prometheus' own default; at 16 bytes each, 800 MB.
    fn default() -> Self {
        Self { series_max: 1_000_000, samples_max: 50_000_000 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    OldestFirst,
    NewestFirst,
}

/// Which log records to return. All conditions hold together.
#[derive(Clone, Debug)]
pub struct LogQuery {
    pub range: TimeRange,
    /// On the stream's labels.
    pub stream: Vec<Matcher>,
    /// On the record's attributes; an absent attribute is an empty one.
    pub attributes: Vec<Matcher>,
    pub severity_min: Option<LogSeverity>,
    /// Occurs in the body, ASCII case ignored.
    pub contains: Option<String>,
    pub order: Order,
    pub limit: usize,
}

impl LogQuery {
    /// Whether one record meets every condition.
    pub fn selects(&self, record: &LogRecord) -> bool {
        let attribute = |name: &str| {
            let found = record.attributes.iter().find(|(candidate, _)| candidate == name);
            found.map_or("", |(_, value)| value)
        };
        self.range.contains(record.at)
            && self.severity_min.is_none_or(|least| least <= record.severity)
            && self.stream.iter().all(|matcher| matcher.matches(&record.stream))
            && self.attributes.iter().all(|matcher| matcher.matches_value(attribute(matcher.name())))
            && self.contains.as_deref().is_none_or(|part| contains_ignoring_case(&record.body, part))
    }
}

fn contains_ignoring_case(body: &str, part: &str) -> bool {
    let part = part.as_bytes();
    part.is_empty() || body.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

/// What one table takes up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableUsage {
    pub table: &'static str,
    pub rows: u64,
    pub bytes: u64,
    pub days: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub tables: Vec<TableUsage>,
    /// Bytes of acknowledged batches that are in no table yet.
    pub wal_bytes: u64,
    /// Streams in memory.
    pub active_streams: u64,
}
