//! Native histograms, and their pages.
//!
//! ```text
//! page   byte 1 (version), heads, then a block for each column:
//!        times      numbers (i64)
//!        shapes     packed: uint shapes, for each: byte schema, word zero threshold, the
//!                   indexes of positive and of negative buckets (uint of them, for each:
//!                   int difference to the one before, from 0), uint custom bounds, words
//!        which      numbers (u32): the shape of each row
//!        resets     numbers (u32)
//!        sums       floats
//!        counts     byte kind, then a block each: counts of all observations, of those in
//!        zeros      the zero bucket, and of the buckets of all rows, positive ones first:
//!        buckets    0 floats; 1 numbers (i64), the difference to the row before, if that is
//!                   of the same stream and shape, or else to 0
//! ```
//!
//! Nearly all histograms count whole observations, keep their shape for long, and grow
//! slowly: what is left are small numbers.

use std::collections::HashMap;
use std::sync::Arc;

use columns::bytes::{Cursor, pack, put_int, put_uint, unpack};
use columns::{Corrupt, ROWS_MAX, floats, numbers};
use model::{Bucket, CounterReset, Histogram, HistogramSample, Matcher, TimeRange, Timestamp};

use super::events::{PageReader, PageWriter};
use super::{Page, Rows};
use crate::table::Table;

const VERSION: u8 = 1;
const WHAT: &str = "a page of histograms";

const FLOATS: u8 = 0;
const DIFFERENCES: u8 = 1;

/// Whole numbers up to here are exact.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Native histograms of one series. Of several at one instant the last appended wins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramRows(pub Vec<HistogramSample>);

/// What a histogram costs besides its buckets, roughly.
const HISTOGRAM_BYTES: usize = 160;

impl Rows for HistogramRows {
    const TABLE: Table = Table::Histograms;

    /// As many buckets as a page can have at the very most, if each row has as many as
    /// [`crate::Limits::BUCKETS_MAX`] lets it have.
    const PAGE_ROWS_MAX: usize = ROWS_MAX / crate::Limits::BUCKETS_MAX;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn weight(&self) -> u64 {
        self.0.iter().map(|sample| bucket_count(&sample.histogram) as u64).sum()
    }

    fn bytes(&self) -> usize {
        let bytes = |sample: &HistogramSample| {
            let histogram = &sample.histogram;
            HISTOGRAM_BYTES + 16 * bucket_count(histogram) + 8 * histogram.custom_bounds.len()
        };
        self.0.iter().map(bytes).sum()
    }

    fn times(&self) -> Option<TimeRange> {
        Some(TimeRange::new(self.0.first()?.at, self.0.last()?.at))
    }

    fn append(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    fn settle(&mut self) {
        if self.0.is_sorted_by(|a, b| a.at < b.at) {
            return;
        }
        self.0.reverse();
        self.0.sort_by_key(|sample| sample.at);
        self.0.dedup_by_key(|sample| sample.at);
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self(self.0.split_off(at))
    }

    fn clip(&mut self, range: TimeRange) {
        self.0.retain(|sample| range.contains(sample.at));
    }

    fn erase(&mut self, range: TimeRange, attributes: &[Matcher]) {
        if attributes.iter().all(Matcher::matches_absence) {
            self.0.retain(|sample| !range.contains(sample.at));
        }
    }

    fn encode(streams: &[(u32, Self)]) -> Page {
        let rows = || streams.iter().flat_map(|(_, rows)| &rows.0);
        let mut page = PageWriter::new(VERSION, streams.iter().map(|(stream, rows)| (*stream, rows.0.len())));
        let shapes = Shapes::of(rows().map(|sample| &*sample.histogram));
        page.column(&numbers::encode(&rows().map(|sample| sample.at.as_nanos()).collect::<Vec<_>>()));
        page.column(&shapes.bytes);
        page.column(&numbers::encode(&shapes.which));
        page.column(&numbers::encode(
            &rows().map(|sample| sample.histogram.reset as u32).collect::<Vec<u32>>(),
        ));
        page.column(&floats::encode(&rows().map(|sample| sample.histogram.sum).collect::<Vec<_>>()));
        let counts = if rows().all(|sample| counts_of(&sample.histogram).all(is_whole)) {
            put_differences(streams, &shapes.which)
        } else {
            let of = |take: fn(&Histogram) -> Vec<f64>| {
                floats::encode(&rows().flat_map(|sample| take(&sample.histogram)).collect::<Vec<_>>())
            };
            let columns = [
                of(|histogram| vec![histogram.count]),
                of(|histogram| vec![histogram.zero_count]),
                of(|histogram| buckets_of(histogram).collect()),
            ];
            (FLOATS, columns)
        };
        page.out.push(counts.0);
        counts.1.iter().for_each(|column| page.column(column));
        Page { bytes: page.out, filter: Vec::new() }
    }

    fn decode(page: &[u8], wanted: Option<&[u32]>) -> Result<Vec<(u32, Self)>, Corrupt> {
        let mut page = PageReader::new(page, VERSION, WHAT)?;
        let rows = page.rows;
        let times = numbers::decode::<i64>(page.column()?, rows)?;
        let shapes = read_shapes(page.column()?)?;
        let which = numbers::decode::<u32>(page.column()?, rows)?;
        let shape_of = |row: usize| shapes.get(which[row] as usize).ok_or(Corrupt(WHAT));
        let resets = numbers::decode::<u32>(page.column()?, rows)?;
        let sums = floats::decode(page.column()?, rows)?;
        // Where the buckets of each row begin, and the end.
        let mut starts = vec![0; rows + 1];
        let mut size = 0;
        for row in 0..rows {
            let shape = shape_of(row)?;
            starts[row + 1] = starts[row] + bucket_count(shape);
            size += size_of(shape);
            if size > ROWS_MAX {
                return Err(Corrupt(WHAT));
            }
        }
        let kind = page.byte()?;
        let continued = continued_rows(&page.streams, &which);
        let counts = read_counts(kind, page.column()?, &continued, |row| row)?;
        let zeros = read_counts(kind, page.column()?, &continued, |row| row)?;
        let buckets = read_counts(kind, page.column()?, &continued, |row| starts[row])?;
        let heads = page.finish()?;
        let chosen = heads.rows_of(wanted);
        let found = heads.make(&chosen, |row| {
            let shape = shape_of(row)?;
            let mut histogram = shape.clone();
            histogram.count = counts[row];
            histogram.zero_count = zeros[row];
            histogram.sum = sums[row];
            histogram.reset = *RESETS.get(resets[row] as usize).ok_or(Corrupt(WHAT))?;
            let all = histogram.positive.iter_mut().chain(&mut histogram.negative);
            all.zip(&buckets[starts[row]..starts[row + 1]]).for_each(|(bucket, count)| bucket.count = *count);
            Ok(HistogramSample { at: Timestamp::from_nanos(times[row]), histogram: Arc::new(histogram) })
        })?;
        Ok(found.into_iter().map(|(stream, samples)| (stream, Self(samples))).collect())
    }
}

/// By their numbers in files.
pub const RESETS: [CounterReset; 4] =
    [CounterReset::Unknown, CounterReset::Reset, CounterReset::NotReset, CounterReset::Gauge];

fn bucket_count(histogram: &Histogram) -> usize {
    histogram.positive.len() + histogram.negative.len()
}

/// What [`Limits::BUCKETS_MAX`](crate::Limits::BUCKETS_MAX) bounds.
pub fn size_of(histogram: &Histogram) -> usize {
    bucket_count(histogram) + histogram.custom_bounds.len()
}

fn buckets_of(histogram: &Histogram) -> impl Iterator<Item = f64> {
    histogram.positive.iter().chain(&histogram.negative).map(|bucket| bucket.count)
}

fn counts_of(histogram: &Histogram) -> impl Iterator<Item = f64> {
    [histogram.count, histogram.zero_count].into_iter().chain(buckets_of(histogram))
}

/// Whether an integer says it bit by bit.
fn is_whole(count: f64) -> bool {
    count.is_sign_positive() && count <= WHOLE_MAX && count.fract() == 0.0
}

/// Everything of a histogram but its counts, its sum and its reset: as bytes, each once.
struct Shapes {
    bytes: Vec<u8>,
    /// The shape of each row.
    which: Vec<u32>,
}

impl Shapes {
    fn of<'a>(rows: impl Iterator<Item = &'a Histogram>) -> Self {
        let mut known: HashMap<Vec<u8>, u32> = HashMap::new();
        let (mut shapes, mut which) = (Vec::new(), Vec::new());
        for histogram in rows {
            let shape = shape_bytes(histogram);
            let next = known.len() as u32;
            which.push(*known.entry(shape).or_insert_with_key(|shape| {
                shapes.extend_from_slice(shape);
                next
            }));
        }
        let mut raw = Vec::with_capacity(shapes.len() + 4);
        put_uint(&mut raw, known.len() as u64);
        raw.extend_from_slice(&shapes);
        let mut bytes = Vec::new();
        pack(&mut bytes, &raw);
        Self { bytes, which }
    }
}

fn shape_bytes(histogram: &Histogram) -> Vec<u8> {
    let mut out = vec![histogram.schema as u8];
    out.extend_from_slice(&histogram.zero_threshold.to_bits().to_le_bytes());
    put_indexes(&mut out, &histogram.positive);
    put_indexes(&mut out, &histogram.negative);
    put_uint(&mut out, histogram.custom_bounds.len() as u64);
    histogram.custom_bounds.iter().for_each(|bound| out.extend_from_slice(&bound.to_bits().to_le_bytes()));
    out
}

fn put_indexes(out: &mut Vec<u8>, buckets: &[Bucket]) {
    put_uint(out, buckets.len() as u64);
    let mut last = 0;
    for bucket in buckets {
        put_int(out, i64::from(bucket.index) - last);
        last = i64::from(bucket.index);
    }
}

/// Histograms of which every count is zero.
fn read_shapes(column: &[u8]) -> Result<Vec<Histogram>, Corrupt> {
    let raw = unpack(column, WHAT)?;
    let mut cursor = Cursor::new(&raw, WHAT);
    let shapes: Result<Vec<Histogram>, Corrupt> =
        (0..cursor.count()?).map(|_| read_shape(&mut cursor)).collect();
    cursor.finish()?;
    shapes
}

fn read_shape(cursor: &mut Cursor<'_>) -> Result<Histogram, Corrupt> {
    let schema = cursor.byte()? as i8;
    let zero_threshold = f64::from_bits(cursor.word()?);
    let (positive, negative) = (read_indexes(cursor)?, read_indexes(cursor)?);
    let custom_bounds: Result<Vec<f64>, Corrupt> =
        (0..cursor.count()?).map(|_| Ok(f64::from_bits(cursor.word()?))).collect();
    Ok(Histogram {
        schema,
        zero_threshold,
        positive,
        negative,
        custom_bounds: custom_bounds?,
        ..Histogram::default()
    })
}

fn read_indexes(cursor: &mut Cursor<'_>) -> Result<Vec<Bucket>, Corrupt> {
    let (count, mut last) = (cursor.count()?, 0i64);
    let read = |_| {
        last = last.wrapping_add(cursor.int()?);
        let index = i32::try_from(last).map_err(|_| cursor.corrupt())?;
        Ok(Bucket { index, count: 0.0 })
    };
    (0..count).map(read).collect()
}

/// Whether each row continues the one before: the same stream, the same shape.
fn continued_rows(streams: &[(u32, usize)], which: &[u32]) -> Vec<bool> {
    let mut continued = Vec::with_capacity(which.len());
    for (_, rows) in streams {
        let start = continued.len();
        continued.extend((start..start + rows).map(|row| row > start && which[row] == which[row - 1]));
    }
    continued
}

fn put_differences(streams: &[(u32, HistogramRows)], which: &[u32]) -> (u8, [Vec<u8>; 3]) {
    let rows: Vec<&Histogram> =
        streams.iter().flat_map(|(_, rows)| &rows.0).map(|sample| &*sample.histogram).collect();
    let heads: Vec<(u32, usize)> = streams.iter().map(|(stream, rows)| (*stream, rows.0.len())).collect();
    let (mut counts, mut zeros, mut buckets) = (Vec::new(), Vec::new(), Vec::new());
    for (row, is_continued) in continued_rows(&heads, which).into_iter().enumerate() {
        let (now, before) = (rows[row], is_continued.then(|| rows[row - 1]));
        // Whole and not too large, so that nothing is lost.
        let difference = |now: f64, before: f64| now as i64 - before as i64;
        counts.push(difference(now.count, before.map_or(0.0, |before| before.count)));
        zeros.push(difference(now.zero_count, before.map_or(0.0, |before| before.zero_count)));
        let mut before = before.into_iter().flat_map(buckets_of);
        buckets.extend(buckets_of(now).map(|count| difference(count, before.next().unwrap_or(0.0))));
    }
    (DIFFERENCES, [counts, zeros, buckets].map(|column| numbers::encode(&column)))
}

/// `start_of` a row says where its counts begin in the column.
fn read_counts(
    kind: u8,
    column: &[u8],
    continued: &[bool],
    start_of: impl Fn(usize) -> usize,
) -> Result<Vec<f64>, Corrupt> {
    let rows = continued.len();
    match kind {
        FLOATS => floats::decode(column, start_of(rows)),
        DIFFERENCES => {
            let mut counts = numbers::decode::<i64>(column, start_of(rows))?;
            for row in (0..rows).filter(|row| continued[*row]) {
                let width = start_of(row + 1) - start_of(row);
                for at in start_of(row)..start_of(row + 1) {
                    counts[at] = counts[at].wrapping_add(counts[at - width]);
                }
            }
            Ok(counts.into_iter().map(|count| count as f64).collect())
        }
        _ => Err(Corrupt(WHAT)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn sample(at: i64, count: f64, indexes: &[i32]) -> HistogramSample {
        let bucket = |index: &i32| Bucket { index: *index, count };
        let histogram = Histogram {
            schema: 3,
            count,
            sum: count / 3.0,
            positive: indexes.iter().map(bucket).collect(),
            negative: vec![Bucket { index: i32::MIN, count: 1.0 }],
            ..Histogram::default()
        };
        HistogramSample { at: Timestamp::from_nanos(at), histogram: Arc::new(histogram) }
    }

    fn rows(count: impl Fn(i32) -> f64) -> Vec<(u32, HistogramRows)> {
        let indexes = |step: i32| if step < 5 { vec![-3, 0, 7] } else { vec![-3, 0, 7, i32::MAX] };
        let of = |offset: i32| {
            let samples = (0..9).map(|step| sample(i64::from(step), count(step + offset), &indexes(step)));
            (offset as u32, HistogramRows(samples.collect()))
        };
        vec![of(0), of(100)]
    }

    #[test]
    fn pages_come_back_whole_and_broken_counts_alike() {
        for streams in [rows(f64::from), rows(|step| f64::from(step) + 0.5), rows(|step| f64::from(9 - step))]
        {
            let page = HistogramRows::encode(&streams);
            assert_eq!(HistogramRows::decode(&page.bytes, None).unwrap(), streams);
            assert_eq!(HistogramRows::decode(&page.bytes, Some(&[100])).unwrap(), streams[1..]);
        }
    }

    #[test]
    fn a_histogram_that_grows_slowly_takes_a_byte_for_each_count() {
        let indexes: Vec<i32> = (0..30).collect();
        let growing = (0..200).map(|step| sample(i64::from(step) * 15, 1e9 + f64::from(step * 7), &indexes));
        let page = HistogramRows::encode(&[(0, HistogramRows(growing.collect()))]);
        assert!(page.bytes.len() < 200 * 32, "{} bytes", page.bytes.len());
    }

    #[test]
    fn damaged_bytes_are_an_error_or_another_page() {
        let page = HistogramRows::encode(&rows(f64::from)).bytes;
        for at in 0..page.len() {
            for flipped in [1, 0x80, 0xff] {
                let mut damaged = page.clone();
                damaged[at] ^= flipped;
                drop(HistogramRows::decode(&damaged, None));
            }
            drop(HistogramRows::decode(&page[..at], None));
        }
    }
}
