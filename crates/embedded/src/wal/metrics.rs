//! Native histograms and exemplars as they stand in a record.

use std::sync::Arc;

use columns::Corrupt;
use columns::bytes::{Cursor, put_int, put_uint};
use model::{Bucket, Exemplar, Histogram, HistogramSample, Timestamp};

use super::record::{put_labels, read_labels};
use crate::rows::RESETS;

pub fn put_histogram(out: &mut Vec<u8>, sample: &HistogramSample) {
    let Histogram { schema, zero_threshold, zero_count, count, sum, .. } = &*sample.histogram;
    put_word(out, sample.at.as_nanos() as u64);
    out.extend([*schema as u8, sample.histogram.reset as u8]);
    [zero_threshold, zero_count, count, sum].into_iter().for_each(|number| put_word(out, number.to_bits()));
    put_buckets(out, &sample.histogram.positive);
    put_buckets(out, &sample.histogram.negative);
    put_uint(out, sample.histogram.custom_bounds.len() as u64);
    sample.histogram.custom_bounds.iter().for_each(|bound| put_word(out, bound.to_bits()));
}

pub fn read_histogram(cursor: &mut Cursor<'_>) -> Result<HistogramSample, Corrupt> {
    let at = Timestamp::from_nanos(cursor.word()? as i64);
    let schema = cursor.byte()? as i8;
    let reset = RESETS.get(usize::from(cursor.byte()?)).copied().ok_or(cursor.corrupt())?;
    let mut number = || cursor.word().map(f64::from_bits);
    let (zero_threshold, zero_count, count, sum) = (number()?, number()?, number()?, number()?);
    let (positive, negative) = (read_buckets(cursor)?, read_buckets(cursor)?);
    let custom_bounds: Result<Vec<f64>, Corrupt> =
        (0..cursor.count()?).map(|_| cursor.word().map(f64::from_bits)).collect();
    let histogram = Histogram {
        schema,
        zero_threshold,
        zero_count,
        count,
        sum,
        positive,
        negative,
        custom_bounds: custom_bounds?,
        reset,
    };
    Ok(HistogramSample { at, histogram: Arc::new(histogram) })
}

fn put_buckets(out: &mut Vec<u8>, buckets: &[Bucket]) {
    put_uint(out, buckets.len() as u64);
    for bucket in buckets {
        put_int(out, i64::from(bucket.index));
        put_word(out, bucket.count.to_bits());
    }
}

fn read_buckets(cursor: &mut Cursor<'_>) -> Result<Vec<Bucket>, Corrupt> {
    let count = cursor.count()?;
    let bucket = |_| {
        let index = i32::try_from(cursor.int()?).map_err(|_| cursor.corrupt())?;
        Ok(Bucket { index, count: f64::from_bits(cursor.word()?) })
    };
    (0..count).map(bucket).collect()
}

pub fn put_exemplar(out: &mut Vec<u8>, exemplar: &Exemplar) {
    put_word(out, exemplar.at.as_nanos() as u64);
    put_word(out, exemplar.value.to_bits());
    put_labels(out, &exemplar.labels);
}

pub fn read_exemplar(cursor: &mut Cursor<'_>) -> Result<Exemplar, Corrupt> {
    let at = Timestamp::from_nanos(cursor.word()? as i64);
    Ok(Exemplar { at, value: f64::from_bits(cursor.word()?), labels: read_labels(cursor)? })
}

fn put_word(out: &mut Vec<u8>, word: u64) {
    out.extend_from_slice(&word.to_le_bytes());
}
