//! Bytes and time of a log record, column by column, in pages as a store writes them.

use columns::{filter, ids, numbers, strings};

use crate::bench::workload::{Events, LogLine};
use crate::events::{self, Column, id};
use crate::nanoseconds_each;

/// What one flush of the store holds, sorted by agent and then by time.
const FLUSH_ROWS: u64 = 100_000;

pub fn measure() {
    let events = Events::ending_at(events::END, 6, 500, 1_000_000, 50_000);
    let mut logs: Vec<LogLine> = (0..FLUSH_ROWS).map(|row| events.log(500_000 + row)).collect();
    logs.sort_by_key(|log| (log.agent, log.at_nanos));
    for rows in [8_192, 16_384] {
        println!("pages of {rows} log records");
        let pages: Vec<&[LogLine]> = logs.chunks_exact(rows).collect();
        events::print_columns(pages.iter().map(|page| encode(page)), rows * pages.len());
        let encode_ns = nanoseconds_each(rows, || assert!(!encode(pages[0]).is_empty()));
        let bodies_ns = nanoseconds_each(rows, || assert!(!bodies(pages[0]).is_empty()));
        let encoded = bodies(pages[0]);
        let decode_ns = nanoseconds_each(rows, || {
            assert_eq!(strings::decode(&encoded, rows).expect("just encoded").len(), rows);
        });
        println!("  encode {encode_ns:.0} ns a row (bodies {bodies_ns:.0}), decode bodies {decode_ns:.0} ns");
    }
}

fn bodies(page: &[LogLine]) -> Vec<u8> {
    strings::encode(&page.iter().map(|log| log.body.as_str()).collect::<Vec<_>>())
}

fn encode(page: &[LogLine]) -> Vec<Column> {
    let traced = || page.iter().filter_map(|log| log.trace.as_ref());
    let mut columns = vec![
        ("times".to_owned(), numbers::encode(&page.iter().map(|log| log.at_nanos).collect::<Vec<_>>())),
        (
            "severities".to_owned(),
            numbers::encode(&page.iter().map(|log| log.severity as u32).collect::<Vec<_>>()),
        ),
        ("bodies".to_owned(), bodies(page)),
        (
            "is traced".to_owned(),
            numbers::encode(&page.iter().map(|log| u32::from(log.trace.is_some())).collect::<Vec<_>>()),
        ),
        (
            "trace ids".to_owned(),
            ids::encode(&traced().map(|(trace, _)| id::<16>(trace)).collect::<Vec<_>>()),
        ),
        ("span ids".to_owned(), ids::encode(&traced().map(|(_, span)| id::<8>(span)).collect::<Vec<_>>())),
    ];
    columns.extend(events::attributes(&page.iter().map(|log| &*log.attributes).collect::<Vec<_>>()));
    let words = page.iter().flat_map(|log| log.body.split(|of: char| !of.is_alphanumeric()));
    let words = words.filter(|word| word.len() > 5 || !word.bytes().all(|byte| byte.is_ascii_digit()));
    columns.push(("filter of words".to_owned(), filter::encode(words.map(filter::hash_word).collect())));
    columns.push((
        "filter of traces".to_owned(),
        filter::encode(traced().map(|(trace, _)| filter::hash_word(trace)).collect()),
    ));
    columns
}
