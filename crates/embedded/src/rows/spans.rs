//! Spans, and their pages.
//!
//! ```text
//! page   byte 1 (version), heads, then a block for each column:
//!        starts
//!        durations   numbers (u64)
//!        traces      ids of 16 bytes
//!        ids         ids of 8 bytes
//!        parents
//!        names       strings
//!        kinds       numbers (u32), OpenTelemetry's
//!        statuses    numbers (u32), OpenTelemetry's
//!        messages    strings
//!        attributes
//!        details     packed: for each row that has events or links: uint rows before it
//!                    since the last such row, uint events (word time, text name,
//!                    attributes), uint links (16 and 8 bytes of ids, attributes)
//! ```
//!
//! The filter of a page knows traces, names, and attributes with their values.

use std::collections::HashSet;
use std::sync::Arc;

use columns::attributes::Attributes;
use columns::bytes::{Cursor, pack, put_text, put_uint, unpack};
use columns::{Corrupt, filter, ids, numbers, starts, strings};
use model::{
    LabelSet, Matcher, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, TimeRange, Timestamp, TraceId,
};
use storage::{SpanQuery, attribute_matches};

use super::events::{
    Heads, PageReader, PageWriter, attribute_hashes, name_hash, owned, retain_by_attributes, trace_hash,
};
use super::logs::attribute_bytes;
use super::{Identity, Page, Rows};
use crate::table::Table;
use crate::wal::{put_attributes, read_attributes};

const VERSION: u8 = 1;
const WHAT: &str = "a page of spans";

/// Spans of one stream, shared with the queries that found them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanRows(pub Vec<Arc<Span>>);

/// What a span costs besides its texts, roughly.
const SPAN_BYTES: usize = 300;

impl Rows for SpanRows {
    const TABLE: Table = Table::Spans;

    const PAGE_ROWS_MAX: usize = 8192;
    const COPY_ROWS_MIN: u64 = Self::PAGE_ROWS_MAX as u64;
    const REPLACES: bool = true;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn bytes(&self) -> usize {
        let bytes = |span: &Arc<Span>| {
            let details: usize =
                span.events.iter().map(|event| 64 + attribute_bytes(&event.attributes)).sum();
            let links = 64 * span.links.len();
            SPAN_BYTES + span.name.len() + attribute_bytes(&span.attributes) + details + links
        };
        self.0.iter().map(bytes).sum()
    }

    fn times(&self) -> Option<TimeRange> {
        Some(TimeRange::new(self.0.first()?.start, self.0.last()?.start))
    }

    fn append(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// A span that came again replaces the one before.
    fn settle(&mut self) {
        let key = |span: &Arc<Span>| (span.start, span.trace, span.id);
        if self.0.is_sorted_by(|a, b| key(a) < key(b)) {
            return;
        }
        self.0.reverse();
        self.0.sort_by_key(key);
        self.0.dedup_by_key(|span| key(span));
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self(self.0.split_off(at))
    }

    fn clip(&mut self, range: TimeRange) {
        self.0.retain(|span| range.contains(span.start));
    }

    fn identities(&self) -> Vec<Identity> {
        self.0.iter().map(|span| identity(span)).collect()
    }

    fn identities_in(page: &[u8], range: TimeRange) -> Result<Vec<(u32, Identity)>, Corrupt> {
        let mut page = PageReader::new(page, VERSION, WHAT)?;
        let rows = page.rows;
        let (starts, durations) = (page.column()?, page.column()?);
        let traces = ids::decode::<16>(page.column()?, rows)?;
        let span_ids = ids::decode::<8>(page.column()?, rows)?;
        let starts = decode_starts(starts, durations, page.column()?, rows)?;
        let streams = page.streams.iter().flat_map(|(stream, rows)| std::iter::repeat_n(*stream, *rows));
        let all = streams.zip(starts).zip(traces.iter().zip(&span_ids));
        let all = all.map(|((stream, start), (trace, id))| {
            (stream, identity_of(Timestamp::from_nanos(start), trace, id))
        });
        Ok(all.filter(|(_, (start, _))| range.contains(*start)).collect())
    }

    fn leave_out(&mut self, replaced: &HashSet<Identity>) {
        if !replaced.is_empty() {
            self.0.retain(|span| !replaced.contains(&identity(span)));
        }
    }

    fn erase(&mut self, range: TimeRange, attributes: &[Matcher]) {
        self.0.retain(|span| {
            let is_selected = attributes.iter().all(|matcher| attribute_matches(matcher, &span.attributes));
            !(range.contains(span.start) && is_selected)
        });
    }

    fn encode(streams: &[(u32, Self)]) -> Page {
        let rows = || streams.iter().flat_map(|(_, rows)| &rows.0);
        let span_ids: Vec<[u8; 8]> = rows().map(|span| span.id.0).collect();
        let parents: Vec<Option<[u8; 8]>> = rows().map(|span| span.parent.map(|id| id.0)).collect();
        let mut page = PageWriter::new(VERSION, streams.iter().map(|(stream, rows)| (*stream, rows.len())));
        let parents = ids::encode_parents(&parents, &span_ids);
        let durations: Vec<u64> = rows().map(|span| span.duration_nanos).collect();
        page.column(&encode_starts(rows(), &durations, &parents));
        page.column(&numbers::encode(&durations));
        page.column(&ids::encode(&rows().map(|span| span.trace.0).collect::<Vec<_>>()));
        page.column(&ids::encode(&span_ids));
        page.column(&parents);
        page.column(&strings::encode(&rows().map(|span| span.name.as_str()).collect::<Vec<&str>>()));
        page.column(&numbers::encode(&rows().map(|span| span.kind as u32).collect::<Vec<u32>>()));
        page.column(&numbers::encode(&rows().map(|span| span.status as u32).collect::<Vec<u32>>()));
        page.column(&strings::encode(
            &rows().map(|span| span.status_message.as_str()).collect::<Vec<&str>>(),
        ));
        page.attributes(rows().map(|span| &span.attributes));
        page.column(&encode_details(rows()));
        let mut hashes = Vec::new();
        for span in rows() {
            hashes.push(trace_hash(&span.trace.0));
            hashes.push(name_hash(&span.name));
            hashes.extend(attribute_hashes(&span.attributes));
        }
        Page { bytes: page.out, filter: filter::encode(hashes) }
    }

    fn decode(page: &[u8], wanted: Option<&[u32]>) -> Result<Vec<(u32, Self)>, Corrupt> {
        let page = SpanPage::read(page)?;
        let chosen = page.heads.rows_of(wanted);
        page.make(&chosen)
    }
}

/// A page of which nothing but the streams is decoded yet.
struct SpanPage<'a> {
    heads: Heads,
    starts: &'a [u8],
    durations: &'a [u8],
    traces: &'a [u8],
    ids: &'a [u8],
    parents: &'a [u8],
    names: &'a [u8],
    kinds: &'a [u8],
    statuses: &'a [u8],
    messages: &'a [u8],
    attributes: &'a [u8],
    details: &'a [u8],
}

impl<'a> SpanPage<'a> {
    fn read(page: &'a [u8]) -> Result<Self, Corrupt> {
        let mut page = PageReader::new(page, VERSION, WHAT)?;
        let mut column = || page.column();
        let (starts, durations, traces, ids, parents) =
            (column()?, column()?, column()?, column()?, column()?);
        let (names, kinds, statuses, messages) = (column()?, column()?, column()?, column()?);
        let (attributes, details) = (column()?, column()?);
        let heads = page.finish()?;
        Ok(Self {
            heads,
            starts,
            durations,
            traces,
            ids,
            parents,
            names,
            kinds,
            statuses,
            messages,
            attributes,
            details,
        })
    }

    fn attributes(&self) -> Result<Attributes<'a>, Corrupt> {
        Attributes::decode(self.attributes, self.heads.rows)
    }

    fn starts(&self) -> Result<Vec<i64>, Corrupt> {
        decode_starts(self.starts, self.durations, self.parents, self.heads.rows)
    }

    fn make(&self, chosen: &[usize]) -> Result<Vec<(u32, SpanRows)>, Corrupt> {
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.heads.rows;
        let starts = self.starts()?;
        let durations = numbers::decode::<u64>(self.durations, rows)?;
        let traces = ids::decode::<16>(self.traces, rows)?;
        let span_ids = ids::decode::<8>(self.ids, rows)?;
        let parents = ids::decode_parents(self.parents, &span_ids)?;
        let names = strings::decode(self.names, rows)?;
        let kinds = numbers::decode::<u32>(self.kinds, rows)?;
        let statuses = numbers::decode::<u32>(self.statuses, rows)?;
        let messages = strings::decode(self.messages, rows)?;
        let attributes = self.attributes()?.rows()?;
        let mut details = decode_details(self.details, rows)?;
        let found = self.heads.make(chosen, |row| {
            let (events, links) = details.remove(&row).unwrap_or_default();
            Ok(Arc::new(Span {
                trace: TraceId(traces[row]),
                id: SpanId(span_ids[row]),
                parent: parents[row].map(SpanId),
                stream: LabelSet::empty(),
                name: names.get(row).to_owned(),
                kind: *SpanKind::ALL.get(kinds[row] as usize).ok_or(Corrupt(WHAT))?,
                status: *SpanStatus::ALL.get(statuses[row] as usize).ok_or(Corrupt(WHAT))?,
                status_message: messages.get(row).to_owned(),
                start: Timestamp::from_nanos(starts[row]),
                duration_nanos: durations[row],
                attributes: owned(attributes.row(row)),
                events,
                links,
            }))
        })?;
        Ok(found.into_iter().map(|(stream, spans)| (stream, SpanRows(spans))).collect())
    }
}

/// The rows of a page that a query may select, as for logs.
pub fn decode_selected(
    page: &[u8],
    wanted: &[u32],
    range: TimeRange,
    query: &SpanQuery,
) -> Result<Vec<(u32, SpanRows)>, Corrupt> {
    let page = SpanPage::read(page)?;
    let rows = page.heads.rows;
    let mut chosen = page.heads.rows_of(Some(wanted));
    let starts = page.starts()?;
    chosen.retain(|row| range.contains(Timestamp::from_nanos(starts[*row])));
    if let Some(trace) = query.trace.filter(|_| !chosen.is_empty()) {
        let traces = ids::decode::<16>(page.traces, rows)?;
        chosen.retain(|row| traces[*row] == trace.0);
    }
    if let Some(status) = query.status.filter(|_| !chosen.is_empty()) {
        let statuses = numbers::decode::<u32>(page.statuses, rows)?;
        chosen.retain(|row| statuses[*row] == status as u32);
    }
    if !query.duration_min.is_zero() && !chosen.is_empty() {
        let durations = numbers::decode::<u64>(page.durations, rows)?;
        chosen.retain(|row| query.duration_min.as_nanos() <= u128::from(durations[*row]));
    }
    if let Some(name) = query.name.as_deref().filter(|_| !chosen.is_empty()) {
        let names = strings::decode(page.names, rows)?;
        chosen.retain(|row| names.get(*row) == name);
    }
    if !query.attributes.is_empty() && !chosen.is_empty() {
        retain_by_attributes(&page.attributes()?, &query.attributes, &mut chosen)?;
    }
    page.make(&chosen)
}

/// `parents` is the column as it stands in the page: reading sees the same.
fn encode_starts<'a>(
    rows: impl Iterator<Item = &'a Arc<Span>>,
    durations: &[u64],
    parents: &[u8],
) -> Vec<u8> {
    let starts: Vec<i64> = rows.map(|span| span.start.as_nanos()).collect();
    match ids::decode_parent_rows(parents, starts.len()) {
        Ok(parent_rows) => starts::encode(&starts, durations, &parent_rows),
        // Never for a column that was just encoded; plain times are right beside any other.
        Err(Corrupt(_)) => numbers::encode(&starts),
    }
}

fn decode_starts(starts: &[u8], durations: &[u8], parents: &[u8], rows: usize) -> Result<Vec<i64>, Corrupt> {
    let durations = numbers::decode::<u64>(durations, rows)?;
    starts::decode(starts, &durations, &ids::decode_parent_rows(parents, rows)?)
}

fn identity(span: &Span) -> Identity {
    identity_of(span.start, &span.trace.0, &span.id.0)
}

fn identity_of(start: Timestamp, trace: &[u8; 16], id: &[u8; 8]) -> Identity {
    let mut ids = [0; 24];
    ids[..16].copy_from_slice(trace);
    ids[16..].copy_from_slice(id);
    (start, ids)
}

/// Few spans have events or links, so they are not columns.
fn encode_details<'a>(rows: impl Iterator<Item = &'a Arc<Span>>) -> Vec<u8> {
    let mut raw = Vec::new();
    let mut skipped = 0u64;
    for span in rows {
        if span.events.is_empty() && span.links.is_empty() {
            skipped += 1;
            continue;
        }
        put_uint(&mut raw, skipped);
        skipped = 0;
        put_uint(&mut raw, span.events.len() as u64);
        for event in &span.events {
            raw.extend_from_slice(&event.at.as_nanos().to_le_bytes());
            put_text(&mut raw, &event.name);
            put_attributes(&mut raw, &event.attributes);
        }
        put_uint(&mut raw, span.links.len() as u64);
        for link in &span.links {
            raw.extend_from_slice(&link.trace.0);
            raw.extend_from_slice(&link.span.0);
            put_attributes(&mut raw, &link.attributes);
        }
    }
    let mut out = Vec::new();
    pack(&mut out, &raw);
    out
}

type Details = std::collections::HashMap<usize, (Vec<SpanEvent>, Vec<SpanLink>)>;

fn decode_details(bytes: &[u8], rows: usize) -> Result<Details, Corrupt> {
    let raw = unpack(bytes, WHAT)?;
    let mut cursor = Cursor::new(&raw, WHAT);
    let mut details = Details::new();
    let mut row = 0;
    while !cursor.clone().rest().is_empty() {
        row += cursor.at_most(rows)?;
        if row >= rows {
            return Err(Corrupt(WHAT));
        }
        let events: Result<Vec<SpanEvent>, Corrupt> = (0..cursor.count()?)
            .map(|_| {
                let at = Timestamp::from_nanos(cursor.word()? as i64);
                let name = cursor.text()?.to_owned();
                Ok(SpanEvent { at, name, attributes: read_attributes(&mut cursor)? })
            })
            .collect();
        let events = events?;
        let links: Result<Vec<SpanLink>, Corrupt> = (0..cursor.count()?)
            .map(|_| {
                let (trace, span) = (TraceId(cursor.array()?), SpanId(cursor.array()?));
                Ok(SpanLink { trace, span, attributes: read_attributes(&mut cursor)? })
            })
            .collect();
        details.insert(row, (events, links?));
        row += 1;
    }
    Ok(details)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn span(id: u8, start: i64) -> Span {
        Span {
            trace: TraceId([1; 16]),
            id: SpanId([id; 8]),
            parent: None,
            stream: LabelSet::empty(),
            name: "chat".to_owned(),
            kind: SpanKind::Client,
            status: SpanStatus::Unset,
            status_message: String::new(),
            start: Timestamp::from_nanos(start),
            duration_nanos: 5,
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
        }
    }

    #[test]
    fn spans_come_back_with_all_they_have() {
        let mut rich = span(2, 9);
        rich.parent = Some(SpanId([1; 8]));
        rich.status = SpanStatus::Error;
        rich.status_message = "overloaded".to_owned();
        rich.duration_nanos = u64::MAX;
        rich.attributes = vec![("gen_ai.request.model".into(), "m".into())];
        rich.events = vec![SpanEvent { at: Timestamp::MIN, name: "e".into(), attributes: Vec::new() }];
        rich.links = vec![SpanLink { trace: TraceId([9; 16]), span: SpanId([9; 8]), attributes: Vec::new() }];
        let first = SpanRows(vec![Arc::new(span(1, 3)), Arc::new(rich)]);
        let streams = [(0, first), (4, SpanRows(vec![Arc::new(span(3, 1))]))];
        let page = SpanRows::encode(&streams);
        assert_eq!(SpanRows::decode(&page.bytes, None).unwrap(), streams);
        assert_eq!(SpanRows::decode(&page.bytes, Some(&[4])).unwrap(), streams[1..]);
    }

    #[test]
    fn a_span_that_comes_again_replaces_the_one_before() {
        let mut ended = span(1, 3);
        ended.duration_nanos = 99;
        let mut rows = SpanRows(vec![Arc::new(span(1, 3)), Arc::new(span(2, 1)), Arc::new(ended.clone())]);
        rows.settle();
        assert_eq!(rows, SpanRows(vec![Arc::new(span(2, 1)), Arc::new(ended)]));
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_corrupt(bytes: Vec<u8>) {
            drop(SpanRows::decode(&[&[VERSION], &bytes[..]].concat(), None));
            drop(decode_details(&bytes, 10));
        }
    }
}
