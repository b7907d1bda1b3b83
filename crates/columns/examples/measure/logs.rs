//! Bytes and time of a log record and its attributes, column by column.

use columns::attributes::{self, Attributes, ValueRef};
use columns::{ids, numbers, strings};

use crate::bench::workload::{Events, LogLine, Value};
use crate::nanoseconds_each;

const END: i64 = 1_795_000_000_000_000_000;
const PAGES: u64 = 4;

pub fn measure() {
    let events = Events::ending_at(END, 6, 500, 1_000_000, 50_000);
    for rows in [4096, 16384] {
        let logs: Vec<Vec<LogLine>> = (0..PAGES)
            .map(|page| (0..rows).map(|row| events.log(500_000 + page * rows + row)).collect())
            .collect();
        println!("pages of {rows} log records");
        let encoded: Vec<_> = logs.iter().map(|page| encode(page)).collect();
        let mut total = 0.0;
        for (column, name) in NAMES.iter().enumerate() {
            let bytes: usize = encoded.iter().map(|page| page[column].len()).sum();
            total += bytes as f64 / (rows * PAGES) as f64;
            println!("  {name:10} {:6.2} B a row", bytes as f64 / (rows * PAGES) as f64);
        }
        let count = (rows * PAGES) as usize;
        let encode_ns =
            nanoseconds_each(count, || logs.iter().for_each(|page| assert!(!encode(page)[0].is_empty())));
        let bodies_ns =
            nanoseconds_each(count, || logs.iter().for_each(|page| assert!(!bodies(page).is_empty())));
        let decode_ns =
            nanoseconds_each(count, || encoded.iter().for_each(|page| decode(page, rows as usize)));
        println!(
            "  in all {total:.2} B a row, encode {encode_ns:.0} ns (bodies {bodies_ns:.0}), decode bodies and attributes {decode_ns:.0} ns"
        );
    }
}

const NAMES: [&str; 7] = ["times", "agents", "severities", "bodies", "trace ids", "span ids", "attributes"];

fn bodies(page: &[LogLine]) -> Vec<u8> {
    strings::encode(&page.iter().map(|log| log.body.as_str()).collect::<Vec<_>>())
}

fn encode(page: &[LogLine]) -> [Vec<u8>; 7] {
    let traced = || page.iter().filter_map(|log| log.trace.as_ref());
    [
        numbers::encode(&page.iter().map(|log| log.at_nanos).collect::<Vec<_>>()),
        numbers::encode(&page.iter().map(|log| log.agent as u32).collect::<Vec<_>>()),
        numbers::encode(&page.iter().map(|log| log.severity as u32).collect::<Vec<_>>()),
        bodies(page),
        ids::encode(&traced().map(|(trace, _)| id::<16>(trace)).collect::<Vec<_>>()),
        ids::encode(&traced().map(|(_, span)| id::<8>(span)).collect::<Vec<_>>()),
        attributes::encode(
            page.iter().map(|log| log.attributes.iter().map(|(key, value)| (*key, borrowed(value)))),
        ),
    ]
}

fn decode(page: &[Vec<u8>; 7], rows: usize) {
    assert_eq!(strings::decode(&page[3], rows).expect("just encoded").len(), rows);
    let attributes = Attributes::decode(&page[6], rows).expect("just encoded");
    assert_eq!(attributes.rows().expect("just encoded").len(), rows);
}

pub fn borrowed(value: &Value) -> ValueRef<'_> {
    match value {
        Value::Text(text) => ValueRef::Text(text),
        Value::Int(int) => ValueRef::Int(*int),
        Value::Float(float) => ValueRef::Float(*float),
    }
}

/// Hexadecimal digits as bytes.
pub fn id<const WIDTH: usize>(hex: &str) -> [u8; WIDTH] {
    std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap_or_default())
}
