//! Rows as the bytes of a block: columns, one after the other, then compressed.

use std::sync::Arc;

use model::{LabelSet, LogRecord, Sample, Timestamp};

use crate::batch::{put_log, read_log};
use crate::encoding::{Corrupt, Cursor, put_int};
use crate::table::{LogRow, Row};

/// A row that knows how it is kept in blocks.
pub trait BlockRow: Row {
    fn encode(rows: &[Self], out: &mut Vec<u8>);
    fn decode(bytes: &[u8], rows: usize) -> Result<Vec<Self>, Corrupt>;
}

/// Times are written as the change of their difference: for a scrape every 30 seconds,
/// nearly always 0.
fn put_times<R: Row>(rows: &[R], out: &mut Vec<u8>) {
    let (mut last, mut step) = (0i64, 0i64);
    for row in rows {
        let next = row.at().as_nanos().wrapping_sub(last);
        put_int(out, next.wrapping_sub(step));
        (last, step) = (row.at().as_nanos(), next);
    }
}

fn read_times(cursor: &mut Cursor<'_>, rows: usize) -> Result<Vec<Timestamp>, Corrupt> {
    let (mut last, mut step) = (0i64, 0i64);
    (0..rows)
        .map(|_| {
            step = step.wrapping_add(cursor.int()?);
            last = last.wrapping_add(step);
            Ok(Timestamp::from_nanos(last))
        })
        .collect()
}

impl BlockRow for Sample {
    /// Values are XORed with the one before and written byte plane by byte plane: what
    /// neighbours have in common becomes runs of zeros.
    fn encode(rows: &[Self], out: &mut Vec<u8>) {
        put_times(rows, out);
        let mut last = 0;
        let changes: Vec<[u8; 8]> = rows
            .iter()
            .map(|row| {
                let bits = row.value.to_bits();
                let change = bits ^ last;
                last = bits;
                change.to_be_bytes()
            })
            .collect();
        for plane in 0..8 {
            out.extend(changes.iter().map(|change| change[plane]));
        }
    }

    fn decode(bytes: &[u8], rows: usize) -> Result<Vec<Self>, Corrupt> {
        let mut cursor = Cursor::new(bytes, "a block of samples");
        let times = read_times(&mut cursor, rows)?;
        let planes = cursor.take(8 * rows)?;
        cursor.finish()?;
        let mut last = 0u64;
        let sample = |(row, at)| {
            let change: [u8; 8] = std::array::from_fn(|plane| planes[plane * rows + row]);
            last ^= u64::from_be_bytes(change);
            Sample { at, value: f64::from_bits(last) }
        };
        Ok(times.into_iter().enumerate().map(sample).collect())
    }
}

impl BlockRow for LogRow {
    fn encode(rows: &[Self], out: &mut Vec<u8>) {
        put_times(rows, out);
        rows.iter().for_each(|row| put_log(out, &row.0));
    }

    fn decode(bytes: &[u8], rows: usize) -> Result<Vec<Self>, Corrupt> {
        let mut cursor = Cursor::new(bytes, "a block of logs");
        let times = read_times(&mut cursor, rows)?;
        let decoded: Result<Vec<Self>, Corrupt> = times
            .into_iter()
            .map(|at| {
                let (severity, body, attributes) = read_log(&mut cursor)?;
                let stream = LabelSet::empty();
                Ok(LogRow(Arc::new(LogRecord { at, stream, severity, body, attributes })))
            })
            .collect();
        cursor.finish()?;
        decoded
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn samples_come_back_bit_by_bit(rows in proptest::collection::vec(any::<(i64, u64)>(), 0..50)) {
            let samples: Vec<Sample> = rows
                .iter()
                .map(|(at, bits)| Sample { at: Timestamp::from_nanos(*at), value: f64::from_bits(*bits) })
                .collect();
            let mut bytes = Vec::new();
            Sample::encode(&samples, &mut bytes);
            let decoded = Sample::decode(&bytes, samples.len()).unwrap();
            let found: Vec<(i64, u64)> =
                decoded.iter().map(|sample| (sample.at.as_nanos(), sample.value.to_bits())).collect();
            prop_assert_eq!(found, rows);
        }

        #[test]
        fn any_bytes_decode_or_are_corrupt(bytes: Vec<u8>, rows in 0usize..100) {
            drop(Sample::decode(&bytes, rows));
            drop(LogRow::decode(&bytes, rows));
        }
    }
}
