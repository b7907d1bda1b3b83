//! What log records and spans have in common.

use std::collections::BTreeMap;

use columns::attributes::{self, ValueRef};

use crate::bench::workload::{Attribute, Value};

pub const END: i64 = 1_795_000_000_000_000_000;

/// Begins the names of columns that are in another one already.
const ALONE: &str = "alone: ";

/// A name, and the bytes of a page.
pub type Column = (String, Vec<u8>);

pub fn print_columns(pages: impl Iterator<Item = Vec<Column>>, rows: usize) {
    let mut bytes: BTreeMap<String, usize> = BTreeMap::new();
    pages.flatten().for_each(|(name, column)| *bytes.entry(name).or_default() += column.len());
    for (name, bytes) in &bytes {
        println!("  {name:40} {:6.2} B a row", *bytes as f64 / rows as f64);
    }
    let all: usize = bytes.iter().filter(|(name, _)| !name.starts_with(ALONE)).map(|(_, bytes)| bytes).sum();
    println!("  {:40} {:6.2} B a row", "in all", all as f64 / rows as f64);
}

/// All attributes, and then each alone. Together they share the shapes of rows, so that one
/// costs a little less than alone.
pub fn attributes(rows: &[&[Attribute]]) -> Vec<Column> {
    let mut keys: Vec<&str> = rows.iter().flat_map(|row| row.iter().map(|(key, _)| *key)).collect();
    keys.sort_unstable();
    keys.dedup();
    let encode = |is_wanted: &dyn Fn(&str) -> bool| {
        attributes::encode(rows.iter().map(|row| {
            let wanted = row.iter().filter(|(key, _)| is_wanted(key));
            wanted.map(|(key, value)| (*key, borrowed(value))).collect::<Vec<_>>()
        }))
    };
    let mut columns: Vec<Column> = vec![("attributes".to_owned(), encode(&|_| true))];
    columns.extend(keys.iter().map(|key| (format!("{ALONE}{key}"), encode(&|one| one == *key))));
    columns
}

fn borrowed(value: &Value) -> ValueRef<'_> {
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
