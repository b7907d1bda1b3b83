//! What can be asked of a store, and the limits of asking.

use std::time::Duration;

use model::{Attributes, LogRecord, LogSeverity, Matcher, Span, SpanStatus, TimeRange, TraceId};

use crate::words::words;

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
    /// On the record's attributes as text; an absent attribute is an empty one, and of
    /// several of one name the first counts.
    pub attributes: Vec<Matcher>,
    pub severity_min: Option<LogSeverity>,
    pub trace: Option<TraceId>,
    /// Each occurs in the body as a word (see [`words`]). The fastest question about a text.
    pub words: Vec<String>,
    /// Occurs in the body, ASCII case ignored.
    pub contains: Option<String>,
    pub order: Order,
    pub limit: usize,
}

impl LogQuery {
    /// Everything in the range, oldest first.
    pub fn of(range: TimeRange) -> Self {
        Self {
            range,
            stream: Vec::new(),
            attributes: Vec::new(),
            severity_min: None,
            trace: None,
            words: Vec::new(),
            contains: None,
            order: Order::OldestFirst,
            limit: usize::MAX,
        }
    }

    /// Whether one record meets every condition.
    pub fn selects(&self, record: &LogRecord) -> bool {
        self.range.contains(record.at)
            && self.severity_min.is_none_or(|least| least <= record.severity)
            && self.trace.is_none_or(|trace| record.trace == Some(trace))
            && self.stream.iter().all(|matcher| matcher.matches(&record.stream))
            && self.attributes.iter().all(|matcher| attribute_matches(matcher, &record.attributes))
            && self.selects_body(&record.body)
    }

    /// Whether a body meets the conditions on bodies.
    pub fn selects_body(&self, body: &str) -> bool {
        self.contains.as_deref().is_none_or(|part| contains_ignoring_case(body, part))
            && has_words(body, &self.words)
    }
}

/// Which spans to return. All conditions hold together.
#[derive(Clone, Debug)]
pub struct SpanQuery {
    /// In which the span starts.
    pub range: TimeRange,
    /// On the stream's labels.
    pub stream: Vec<Matcher>,
    /// On the span's attributes, as for logs.
    pub attributes: Vec<Matcher>,
    pub trace: Option<TraceId>,
    pub name: Option<String>,
    pub status: Option<SpanStatus>,
    pub duration_min: Duration,
    pub order: Order,
    pub limit: usize,
}

impl SpanQuery {
    /// Everything in the range, oldest first.
    pub fn of(range: TimeRange) -> Self {
        Self {
            range,
            stream: Vec::new(),
            attributes: Vec::new(),
            trace: None,
            name: None,
            status: None,
            duration_min: Duration::ZERO,
            order: Order::OldestFirst,
            limit: usize::MAX,
        }
    }

    /// All spans of one trace, in order of their start.
    pub fn of_trace(trace: TraceId) -> Self {
        Self { trace: Some(trace), ..Self::of(TimeRange::ALL) }
    }

    /// Whether one span meets every condition.
    pub fn selects(&self, span: &Span) -> bool {
        self.range.contains(span.start)
            && self.trace.is_none_or(|trace| span.trace == trace)
            && self.status.is_none_or(|status| span.status == status)
            && self.name.as_deref().is_none_or(|name| span.name == name)
            && self.duration_min <= Duration::from_nanos(span.duration_nanos)
            && self.stream.iter().all(|matcher| matcher.matches(&span.stream))
            && self.attributes.iter().all(|matcher| attribute_matches(matcher, &span.attributes))
    }
}

/// Whether the first attribute of the matcher's name has a value that it selects.
pub fn attribute_matches(matcher: &Matcher, attributes: &Attributes) -> bool {
    match attributes.iter().find(|(name, _)| name == matcher.name()) {
        None => matcher.matches_absence(),
        Some((_, model::Value::Text(text))) => matcher.matches_value(text),
        Some((_, value)) => matcher.matches_value(&value.to_string()),
    }
}

/// Whether `part` occurs in `body`, ASCII case ignored.
pub fn contains_ignoring_case(body: &str, part: &str) -> bool {
    let (body, part) = (body.as_bytes(), part.as_bytes());
    let Some(first) = part.first() else { return true };
    let places = memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), body);
    places
        .filter_map(|place| body.get(place..place + part.len()))
        .any(|candidate| candidate.eq_ignore_ascii_case(part))
}

fn has_words(body: &str, wanted: &[String]) -> bool {
    wanted.iter().all(|wanted| words(body).any(|word| word.eq_ignore_ascii_case(wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_wherever_it_is_and_in_any_case() {
        for (body, part, expected) in [
            ("Rate limit", "rate LIMIT", true),
            ("aab", "ab", true),
            ("aab", "abc", false),
            ("grüße", "ÜSS", false),
            ("grüße", "ße", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(contains_ignoring_case(body, part), expected, "{part} in {body}");
        }
    }
}
