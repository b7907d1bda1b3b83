//! Log records, and their pages.
//!
//! ```text
//! page   byte 1 (version), heads, then a block for each column:
//!        times       numbers (i64)
//!        severities  numbers (u32)
//!        bodies      strings
//!        traces      optional ids of 16 bytes
//!        spans       optional ids of 8 bytes
//!        attributes
//! ```
//!
//! The filter of a page knows the words of bodies, traces, and attributes with their values.

use std::sync::Arc;

use columns::attributes::Attributes;
use columns::strings::{self, Strings};
use columns::{Corrupt, filter, numbers};
use model::{LabelSet, LogRecord, LogSeverity, Matcher, SpanId, TimeRange, Timestamp, TraceId, Value};
use storage::{LogQuery, attribute_matches, contains_ignoring_case};

use super::events::{
    Heads, OptionalIds, PageReader, PageWriter, attribute_hashes, owned, retain_by_attributes, trace_hash,
    word_hash,
};
use super::{Page, Rows};
use crate::table::Table;

const VERSION: u8 = 1;
const WHAT: &str = "a page of logs";

/// Log records of one stream, shared with the queries that found them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogRows(pub Vec<Arc<LogRecord>>);

/// What a record costs besides its texts, roughly.
const RECORD_BYTES: usize = 200;

impl Rows for LogRows {
    const TABLE: Table = Table::Logs;

    const PAGE_ROWS_MAX: usize = 8192;
    const COPY_ROWS_MIN: u64 = Self::PAGE_ROWS_MAX as u64;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn bytes(&self) -> usize {
        self.0
            .iter()
            .map(|record| RECORD_BYTES + record.body.len() + attribute_bytes(&record.attributes))
            .sum()
    }

    fn times(&self) -> Option<TimeRange> {
        Some(TimeRange::new(self.0.first()?.at, self.0.last()?.at))
    }

    fn append(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// Records of one instant stay in order of arrival: two equal lines are two lines.
    fn settle(&mut self) {
        self.0.sort_by_key(|record| record.at);
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self(self.0.split_off(at))
    }

    fn clip(&mut self, range: TimeRange) {
        self.0.retain(|record| range.contains(record.at));
    }

    fn erase(&mut self, range: TimeRange, attributes: &[Matcher]) {
        self.0.retain(|record| {
            let is_selected = attributes.iter().all(|matcher| attribute_matches(matcher, &record.attributes));
            !(range.contains(record.at) && is_selected)
        });
    }

    fn encode(streams: &[(u32, Self)]) -> Page {
        let rows = || streams.iter().flat_map(|(_, rows)| &rows.0);
        let mut page = PageWriter::new(VERSION, streams.iter().map(|(stream, rows)| (*stream, rows.len())));
        page.column(&numbers::encode(&rows().map(|record| record.at.as_nanos()).collect::<Vec<i64>>()));
        page.column(&numbers::encode(&rows().map(|record| record.severity as u32).collect::<Vec<u32>>()));
        page.column(&strings::encode(&rows().map(|record| record.body.as_str()).collect::<Vec<&str>>()));
        page.optional_ids(&rows().map(|record| record.trace.map(|id| id.0)).collect::<Vec<_>>());
        page.optional_ids(&rows().map(|record| record.span.map(|id| id.0)).collect::<Vec<_>>());
        page.attributes(rows().map(|record| &record.attributes));
        let mut hashes = Vec::new();
        for record in rows() {
            hashes.extend(storage::words(&record.body).filter_map(word_hash));
            hashes.extend(attribute_hashes(&record.attributes));
            hashes.extend(record.trace.map(|trace| trace_hash(&trace.0)));
        }
        Page { bytes: page.out, filter: filter::encode(hashes) }
    }

    fn decode(page: &[u8], wanted: Option<&[u32]>) -> Result<Vec<(u32, Self)>, Corrupt> {
        let page = LogPage::read(page)?;
        let chosen = page.heads.rows_of(wanted);
        page.make(&chosen, None)
    }
}

/// A page of which nothing but the streams is decoded yet.
struct LogPage<'a> {
    heads: Heads,
    times: &'a [u8],
    severities: &'a [u8],
    bodies: &'a [u8],
    traces: OptionalIds<'a>,
    spans: OptionalIds<'a>,
    attributes: &'a [u8],
}

impl<'a> LogPage<'a> {
    fn read(page: &'a [u8]) -> Result<Self, Corrupt> {
        let mut page = PageReader::new(page, VERSION, WHAT)?;
        let times = page.column()?;
        let severities = page.column()?;
        let bodies = page.column()?;
        let (traces, spans) = (page.optional_ids()?, page.optional_ids()?);
        let attributes = page.column()?;
        Ok(Self { heads: page.finish()?, times, severities, bodies, traces, spans, attributes })
    }

    fn attributes(&self) -> Result<Attributes<'a>, Corrupt> {
        Attributes::decode(self.attributes, self.heads.rows)
    }

    /// Bodies that have been decoded already are not decoded again.
    fn make(&self, chosen: &[usize], bodies: Option<Strings>) -> Result<Vec<(u32, LogRows)>, Corrupt> {
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.heads.rows;
        let times = numbers::decode::<i64>(self.times, rows)?;
        let severities = numbers::decode::<u32>(self.severities, rows)?;
        let bodies = bodies.map_or_else(|| strings::decode(self.bodies, rows), Ok)?;
        let (traces, spans) = (self.traces.decode::<16>(rows)?, self.spans.decode::<8>(rows)?);
        let attributes = self.attributes()?.rows()?;
        let found = self.heads.make(chosen, |row| {
            Ok(Arc::new(LogRecord {
                at: Timestamp::from_nanos(times[row]),
                stream: LabelSet::empty(),
                severity: severity(severities[row])?,
                body: bodies.get(row).to_owned(),
                trace: traces[row].map(TraceId),
                span: spans[row].map(SpanId),
                attributes: owned(attributes.row(row)),
            }))
        })?;
        Ok(found.into_iter().map(|(stream, records)| (stream, LogRows(records))).collect())
    }
}

/// The rows of a page that a query may select, of the wanted streams. One condition after
/// the other is judged, the cheapest first, and only its own column is decoded for it.
pub fn decode_selected(
    page: &[u8],
    wanted: &[u32],
    range: TimeRange,
    query: &LogQuery,
) -> Result<Vec<(u32, LogRows)>, Corrupt> {
    let page = LogPage::read(page)?;
    let rows = page.heads.rows;
    let mut chosen = page.heads.rows_of(Some(wanted));
    let times = numbers::decode::<i64>(page.times, rows)?;
    chosen.retain(|row| range.contains(Timestamp::from_nanos(times[*row])));
    if let Some(least) = query.severity_min.filter(|_| !chosen.is_empty()) {
        let severities = numbers::decode::<u32>(page.severities, rows)?;
        chosen.retain(|row| severities[*row] >= least as u32);
    }
    if let Some(trace) = query.trace.filter(|_| !chosen.is_empty()) {
        let traces = page.traces.decode::<16>(rows)?;
        chosen.retain(|row| traces[*row] == Some(trace.0));
    }
    if !query.attributes.is_empty() && !chosen.is_empty() {
        retain_by_attributes(&page.attributes()?, &query.attributes, &mut chosen)?;
    }
    let asks_bodies = query.contains.is_some() || !query.words.is_empty();
    if !asks_bodies || chosen.is_empty() {
        return page.make(&chosen, None);
    }
    // What is not in a template, apart from its holes, is in none of its bodies either.
    let parts = query.contains.iter().chain(&query.words);
    let parts: Vec<&String> = parts.filter(|part| strings::stands_outside_of_holes(part)).collect();
    let keeps = |text: &str| parts.iter().all(|part| contains_ignoring_case(text, part));
    let bodies = strings::decode_if(page.bodies, rows, &keeps)?;
    chosen.retain(|row| query.selects_body(bodies.get(*row)));
    page.make(&chosen, Some(bodies))
}

fn severity(number: u32) -> Result<LogSeverity, Corrupt> {
    LogSeverity::ALL.into_iter().find(|severity| *severity as u32 == number).ok_or(Corrupt(WHAT))
}

pub fn attribute_bytes(attributes: &model::Attributes) -> usize {
    let text = |value: &Value| if let Value::Text(text) = value { text.len() } else { 0 };
    attributes.iter().map(|(name, value)| 64 + name.len() + text(value)).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn records_come_back_with_all_they_have() {
        let mut plain =
            LogRecord::new(Timestamp::from_nanos(-7), LabelSet::empty(), LogSeverity::Fatal, "grüße\0");
        plain.attributes = vec![("a".into(), "x".into()), ("a".into(), Value::Int(-1))];
        let mut traced = LogRecord::new(Timestamp::MAX, LabelSet::empty(), LogSeverity::Trace, "");
        traced.trace = Some(TraceId([7; 16]));
        traced.span = Some(SpanId([8; 8]));
        traced.attributes = vec![("f".into(), Value::Float(-0.0)), ("b".into(), Value::Bool(true))];
        let streams = [(3, LogRows(vec![Arc::new(plain)])), (9, LogRows(vec![Arc::new(traced)]))];
        let page = LogRows::encode(&streams);
        assert_eq!(LogRows::decode(&page.bytes, None).unwrap(), streams);
        assert_eq!(LogRows::decode(&page.bytes, Some(&[9])).unwrap(), streams[1..]);
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_corrupt(bytes: Vec<u8>) {
            drop(LogRows::decode(&[&[VERSION], &bytes[..]].concat(), None));
        }
    }
}
