//! Bytes of a span, column by column, in pages as a store writes them.

use columns::{filter, ids, numbers, starts, strings};

use crate::bench::workload::{Events, SpanLine, Value};
use crate::events::{self, Column, id};

/// What one flush of the store holds, sorted by agent and then by time.
const FLUSH_TRACES: u64 = 4_000;

pub fn measure() {
    let events = Events::ending_at(events::END, 6, 500, 1_000_000, 50_000);
    let mut spans: Vec<SpanLine> = (0..FLUSH_TRACES).flat_map(|trace| events.trace(20_000 + trace)).collect();
    spans.sort_by_key(|span| (span.agent, span.start_nanos));
    for rows in [8_192, 16_384] {
        println!("pages of {rows} spans");
        let pages: Vec<&[SpanLine]> = spans.chunks_exact(rows).collect();
        events::print_columns(pages.iter().map(|page| encode(page)), rows * pages.len());
    }
}

fn encode(page: &[SpanLine]) -> Vec<Column> {
    let span_ids: Vec<[u8; 8]> = page.iter().map(|span| id::<8>(&span.span_id)).collect();
    let parent = |span: &SpanLine| (!span.parent_id.is_empty()).then(|| id::<8>(&span.parent_id));
    let parents: Vec<Option<[u8; 8]>> = page.iter().map(parent).collect();
    let texts = |of: &dyn Fn(&SpanLine) -> String| -> Vec<u8> {
        let texts: Vec<String> = page.iter().map(of).collect();
        strings::encode(&texts.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let error = |span: &SpanLine| span.error.clone().unwrap_or_default();
    let durations: Vec<u64> = page.iter().map(|span| (span.end_nanos - span.start_nanos) as u64).collect();
    let times: Vec<i64> = page.iter().map(|span| span.start_nanos).collect();
    let parents = ids::encode_parents(&parents, &span_ids);
    let parent_rows = ids::decode_parent_rows(&parents, page.len()).expect("just encoded");
    let mut columns: Vec<Column> = vec![
        ("starts".to_owned(), starts::encode(&times, &durations, &parent_rows)),
        ("durations".to_owned(), numbers::encode(&durations)),
        (
            "trace ids".to_owned(),
            ids::encode(&page.iter().map(|span| id::<16>(&span.trace_id)).collect::<Vec<_>>()),
        ),
        ("span ids".to_owned(), ids::encode(&span_ids)),
        ("parents".to_owned(), parents),
        ("names".to_owned(), texts(&|span| span.name.clone())),
        (
            "kinds".to_owned(),
            numbers::encode(&page.iter().map(|span| u32::from(span.is_client)).collect::<Vec<_>>()),
        ),
        ("messages".to_owned(), texts(&error)),
    ];
    columns.extend(events::attributes(&page.iter().map(|span| &*span.attributes).collect::<Vec<_>>()));
    let texts = page.iter().flat_map(|span| span.attributes.iter()).filter_map(|(key, value)| match value {
        Value::Text(text) => Some(filter::hash_pair(key, text.as_bytes())),
        _ => None,
    });
    columns.push(("filter of attributes".to_owned(), filter::encode(texts.collect())));
    columns
}
