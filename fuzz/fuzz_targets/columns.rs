//! The decoders of columns. The first byte chooses one, the second says how many rows.

#![no_main]

use columns::{attributes, bytes, filter, floats, ids, numbers, samples, starts, strings};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let [decoder, rows, page @ ..] = input else { return };
    let rows = usize::from(*rows) * 3;
    match decoder % 14 {
        0 => drop(numbers::decode::<i64>(page, rows)),
        1 => drop(numbers::decode::<u64>(page, rows)),
        2 => drop(numbers::decode::<u32>(page, rows)),
        3 => drop(floats::decode(page, rows)),
        4 => drop(strings::decode(page, rows)),
        5 => drop(ids::decode::<16>(page, rows)),
        6 => drop(ids::decode::<8>(page, rows)),
        7 => drop(ids::decode_parents(page, &vec![[7; 8]; rows])),
        8 => drop(bytes::unpack(page, "a page")),
        9 => drop(filter::Filter::decode(page).map(|filter| filter.may_contain(rows as u64))),
        10 => drop(decode_samples(page)),
        11 => drop(starts::decode(page, &vec![7; rows], &vec![None; rows])),
        12 => drop(ids::decode_parent_rows(page, rows)),
        _ => drop(attributes::Attributes::decode(page, rows).and_then(|found| found.rows().map(drop))),
    }
});

fn decode_samples(page: &[u8]) -> Result<(), columns::Corrupt> {
    let mut page = samples::Page::decode(page)?;
    for run in 0..page.heads().len() {
        page.times(run)?;
        page.values(run)?;
    }
    Ok(())
}
