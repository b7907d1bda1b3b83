//! Buckets of rolled up samples, and their pages.
//!
//! ```text
//! page   byte 1 (version)
//!        grids       uint count, then blocks: how many buckets each has (numbers u32); the
//!                    numbers of their buckets since 1970, one grid after the other
//!                    (numbers i64)
//!        streams     uint count, then blocks: their numbers (numbers u32); which grid each
//!                    is on (numbers u32)
//!        columns     blocks, each for all rows in order of streams:
//!                    counts (numbers u64), firsts (floats), lasts (floats), then a guessed
//!                    column each of: least, greatest, sums, increases
//! guessed            blocks: which guess is right, bit by bit, for each row (numbers u32),
//!                    0 for none; the values of rows without a guess (floats)
//! ```
//!
//! Most series of a page have samples in the same buckets: such a grid is kept once. Most
//! of the other columns follow from those before: a quiet gauge is at its first value all
//! the time, a counter begins at its least and ends at its greatest.
//!
//! | column | guess 1 | guess 2 | guess 3 |
//! |---|---|---|---|
//! | least, greatest | the first | the last | |
//! | sum | the first times the count | the first and the last | |
//! | increase | last less first | last less last of the row before in the stream | 0 |

use columns::bytes::{Cursor, put_block, put_uint};
use columns::{Corrupt, floats, numbers};
use model::{Matcher, TimeRange};
use storage::{Bucket, Resolution};

use super::{Page, Rows};
use crate::table::Table;

const VERSION: u8 = 1;
const WHAT: &str = "a page of a rollup";

/// Buckets of one series, of so many minutes each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RollupRows<const MINUTES: u32>(pub Vec<Bucket>);

pub type FiveMinuteRows = RollupRows<5>;
pub type HourRows = RollupRows<60>;

impl<const MINUTES: u32> RollupRows<MINUTES> {
    const RESOLUTION: Resolution = match MINUTES {
        5 => Resolution::FiveMinutes,
        _ => Resolution::OneHour,
    };

    fn times_of(bucket: &Bucket) -> TimeRange {
        Self::RESOLUTION.times_of(Self::RESOLUTION.bucket_of(bucket.start))
    }
}

impl<const MINUTES: u32> Rows for RollupRows<MINUTES> {
    const TABLE: Table = Table::Rollup(Self::RESOLUTION);

    /// Twenty to thirty series at 5 minutes, some hundred at an hour: about what stands
    /// together because it is read together.
    const PAGE_ROWS_MAX: usize = 8192;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn bytes(&self) -> usize {
        size_of::<Bucket>() * self.0.len()
    }

    /// To the end of the last bucket: whatever touches that may mean the row.
    fn times(&self) -> Option<TimeRange> {
        Some(TimeRange::new(self.0.first()?.start, Self::times_of(self.0.last()?).end))
    }

    fn append(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    fn settle(&mut self) {
        self.0.reverse();
        self.0.sort_by_key(|bucket| bucket.start);
        self.0.dedup_by_key(|bucket| bucket.start);
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self(self.0.split_off(at))
    }

    fn clip(&mut self, range: TimeRange) {
        self.0.retain(|bucket| Self::times_of(bucket).overlaps(range));
    }

    /// Whole buckets: what of one is left without some of its samples is not known here.
    fn erase(&mut self, range: TimeRange, attributes: &[Matcher]) {
        if attributes.iter().all(Matcher::matches_absence) {
            self.0.retain(|bucket| !Self::times_of(bucket).overlaps(range));
        }
    }

    fn encode(streams: &[(u32, Self)]) -> Page {
        let (grids, grid_of) = grids(streams, |bucket| Self::RESOLUTION.bucket_of(bucket.start));
        let mut out = vec![VERSION];
        put_uint(&mut out, grids.len() as u64);
        let lengths: Vec<u32> = grids.iter().map(|grid| grid.len() as u32).collect();
        put_block(&mut out, &numbers::encode(&lengths));
        put_block(&mut out, &numbers::encode(&grids.concat()));
        put_uint(&mut out, streams.len() as u64);
        let numbers_of: Vec<u32> = streams.iter().map(|(stream, _)| *stream).collect();
        put_block(&mut out, &numbers::encode(&numbers_of));
        put_block(&mut out, &numbers::encode(&grid_of));

        let rows: Vec<(Bucket, Guesses)> = streams.iter().flat_map(|(_, rows)| guessed(&rows.0)).collect();
        let column = |value: fn(&Bucket) -> f64| rows.iter().map(|(row, _)| value(row)).collect::<Vec<f64>>();
        let counts: Vec<u64> = rows.iter().map(|(row, _)| row.count).collect();
        put_block(&mut out, &numbers::encode(&counts));
        put_block(&mut out, &floats::encode(&column(|row| row.first)));
        put_block(&mut out, &floats::encode(&column(|row| row.last)));
        put_guessed(&mut out, rows.iter().map(|(row, guesses)| (row.min, &guesses.ends[..])));
        put_guessed(&mut out, rows.iter().map(|(row, guesses)| (row.max, &guesses.ends[..])));
        put_guessed(&mut out, rows.iter().map(|(row, guesses)| (row.sum, &guesses.sums[..])));
        put_guessed(&mut out, rows.iter().map(|(row, guesses)| (row.increase, &guesses.increases[..])));
        Page { bytes: out, filter: Vec::new() }
    }

    fn decode(page: &[u8], wanted: Option<&[u32]>) -> Result<Vec<(u32, Self)>, Corrupt> {
        let mut cursor = Cursor::new(page, WHAT);
        if cursor.byte()? != VERSION {
            return Err(cursor.corrupt());
        }
        let grids = read_grids(&mut cursor)?;
        let count = cursor.at_most(columns::ROWS_MAX)?;
        let numbers_of = numbers::decode::<u32>(cursor.block()?, count)?;
        let grid_of = numbers::decode::<u32>(cursor.block()?, count)?;
        let of_streams = grid_of.iter().map(|grid| grids.get(*grid as usize).ok_or(Corrupt(WHAT)));
        let of_streams: Vec<&Vec<i64>> = of_streams.collect::<Result<_, _>>()?;
        let rows = of_streams.iter().map(|grid| grid.len()).sum();
        if rows > columns::ROWS_MAX {
            return Err(cursor.corrupt());
        }
        let counts = numbers::decode::<u64>(cursor.block()?, rows)?;
        let firsts = floats::decode(cursor.block()?, rows)?;
        let lasts = floats::decode(cursor.block()?, rows)?;
        let [mut min, mut max] = [Guessed::read(&mut cursor, rows)?, Guessed::read(&mut cursor, rows)?];
        let [mut sum, mut increase] = [Guessed::read(&mut cursor, rows)?, Guessed::read(&mut cursor, rows)?];
        cursor.finish()?;

        let mut found = Vec::new();
        let mut row = 0;
        for (stream, grid) in numbers_of.into_iter().zip(of_streams) {
            let mut before = None;
            let mut buckets = Vec::with_capacity(grid.len());
            for number in grid {
                let (count, first, last) = (counts[row], firsts[row], lasts[row]);
                let guesses = Guesses::of(count, first, last, before);
                buckets.push(Bucket {
                    start: Self::RESOLUTION.times_of(*number).start,
                    count,
                    sum: sum.next(row, &guesses.sums)?,
                    min: min.next(row, &guesses.ends)?,
                    max: max.next(row, &guesses.ends)?,
                    first,
                    last,
                    increase: increase.next(row, &guesses.increases)?,
                });
                before = Some(last);
                row += 1;
            }
            if wanted.is_none_or(|wanted| wanted.binary_search(&stream).is_ok()) {
                found.push((stream, Self(buckets)));
            }
        }
        Ok(found)
    }
}

/// The different grids of the streams, and which of them each stream is on.
fn grids<const MINUTES: u32>(
    streams: &[(u32, RollupRows<MINUTES>)],
    number: impl Fn(&Bucket) -> i64,
) -> (Vec<Vec<i64>>, Vec<u32>) {
    let mut grids: Vec<Vec<i64>> = Vec::new();
    let grid_of = streams.iter().map(|(_, rows)| {
        let grid: Vec<i64> = rows.0.iter().map(&number).collect();
        let known = grids.iter().rposition(|other| *other == grid);
        known.unwrap_or_else(|| {
            grids.push(grid);
            grids.len() - 1
        }) as u32
    });
    let grid_of = grid_of.collect();
    (grids, grid_of)
}

fn read_grids(cursor: &mut Cursor<'_>) -> Result<Vec<Vec<i64>>, Corrupt> {
    let count = cursor.at_most(columns::ROWS_MAX)?;
    let lengths = numbers::decode::<u32>(cursor.block()?, count)?;
    let rows: usize = lengths.iter().map(|length| *length as usize).sum();
    if rows > columns::ROWS_MAX {
        return Err(cursor.corrupt());
    }
    let mut left = &numbers::decode::<i64>(cursor.block()?, rows)?[..];
    let cut = lengths.iter().map(|length| {
        let (grid, rest) = left.split_at(*length as usize);
        left = rest;
        grid.to_vec()
    });
    Ok(cut.collect())
}

/// What the columns of a row probably are.
struct Guesses {
    ends: [f64; 2],
    sums: [f64; 2],
    increases: [f64; 3],
}

impl Guesses {
    fn of(count: u64, first: f64, last: f64, last_before: Option<f64>) -> Self {
        Self {
            ends: [first, last],
            sums: [first * count as f64, first + last],
            increases: [last - first, last - last_before.unwrap_or(first), 0.0],
        }
    }
}

/// The rows of one stream, with their guesses.
fn guessed(rows: &[Bucket]) -> impl Iterator<Item = (Bucket, Guesses)> {
    let before = std::iter::once(None).chain(rows.iter().map(|row| Some(row.last)));
    rows.iter().zip(before).map(|(row, before)| (*row, Guesses::of(row.count, row.first, row.last, before)))
}

fn put_guessed<'a>(out: &mut Vec<u8>, rows: impl Iterator<Item = (f64, &'a [f64])>) {
    let (mut right, mut others) = (Vec::new(), Vec::new());
    for (value, guesses) in rows {
        let place = guesses.iter().position(|guess| guess.to_bits() == value.to_bits());
        right.push(place.map_or(0, |place| place as u32 + 1));
        if place.is_none() {
            others.push(value);
        }
    }
    put_block(out, &numbers::encode(&right));
    put_block(out, &floats::encode(&others));
}

/// A column that is read row by row.
struct Guessed {
    right: Vec<u32>,
    others: std::vec::IntoIter<f64>,
}

impl Guessed {
    fn read(cursor: &mut Cursor<'_>, rows: usize) -> Result<Self, Corrupt> {
        let right = numbers::decode::<u32>(cursor.block()?, rows)?;
        let others = right.iter().filter(|right| **right == 0).count();
        Ok(Self { right, others: floats::decode(cursor.block()?, others)?.into_iter() })
    }

    fn next(&mut self, row: usize, guesses: &[f64]) -> Result<f64, Corrupt> {
        let value = match self.right[row] {
            0 => self.others.next(),
            right => guesses.get(right as usize - 1).copied(),
        };
        value.ok_or(Corrupt(WHAT))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use model::{Sample, Timestamp};
    use proptest::prelude::*;
    use storage::roll_up;

    use super::*;

    type Bits = (i64, u64, [u64; 6]);

    fn bits(bucket: &Bucket) -> Bits {
        let Bucket { start, count, sum, min, max, first, last, increase } = *bucket;
        (start.as_nanos(), count, [sum, min, max, first, last, increase].map(f64::to_bits))
    }

    fn check<const MINUTES: u32>(streams: &[(u32, RollupRows<MINUTES>)]) -> usize {
        let page = RollupRows::encode(streams);
        let found = RollupRows::<MINUTES>::decode(&page.bytes, None).unwrap();
        let all_bits = |streams: &[(u32, RollupRows<MINUTES>)]| -> Vec<(u32, Vec<Bits>)> {
            streams.iter().map(|(stream, rows)| (*stream, rows.0.iter().map(bits).collect())).collect()
        };
        assert_eq!(all_bits(&found), all_bits(streams));
        page.bytes.len()
    }

    /// Samples every 15 seconds for a day.
    fn day_of(value: impl Fn(i64) -> f64) -> FiveMinuteRows {
        let sample = |step| Sample { at: Timestamp::from_secs(step * 15), value: value(step) };
        RollupRows(roll_up((0..5760).map(sample), Resolution::FiveMinutes))
    }

    proptest! {
        #[test]
        fn any_buckets_come_back_bit_by_bit(
            drawn in proptest::collection::vec((0u32..4, 0i64..40, 1u64..3, any::<[u64; 6]>()), 0..60),
        ) {
            let mut streams: Vec<(u32, HourRows)> = (0..4).map(|n| (n * 3, RollupRows::default())).collect();
            for (stream, hour, count, columns) in drawn {
                let [sum, min, max, first, last, increase] = columns.map(f64::from_bits);
                let start = Timestamp::from_secs(hour * 3600);
                let bucket = Bucket { start, count, sum, min, max, first, last, increase };
                streams[stream as usize].1.0.push(bucket);
            }
            streams.iter_mut().for_each(|(_, rows)| rows.settle());
            streams.retain(|(_, rows)| rows.len() > 0);
            check(&streams);
        }

        #[test]
        fn any_bytes_decode_or_are_corrupt(bytes: Vec<u8>) {
            drop(HourRows::decode(&[&[VERSION], &bytes[..]].concat(), None));
        }

        #[test]
        fn a_damaged_page_decodes_or_is_corrupt(at: usize, flip in 1u8..) {
            let mut bytes = FiveMinuteRows::encode(&[(1, day_of(|step| step as f64)), (4, day_of(|_| 2.5))]).bytes;
            let at = at % bytes.len();
            bytes[at] ^= flip;
            drop(FiveMinuteRows::decode(&bytes, None));
        }
    }

    #[test]
    fn only_wanted_streams_are_handed_over() {
        let streams = [(1, day_of(|_| 1.0)), (3, day_of(|step| step as f64)), (5, day_of(|_| 2.0))];
        let page = FiveMinuteRows::encode(&streams);
        let found = FiveMinuteRows::decode(&page.bytes, Some(&[2, 3])).unwrap();
        assert_eq!(found, streams[1..2]);
    }

    #[test]
    fn quiet_series_take_next_to_nothing() {
        let quiet: Vec<_> = (0..28).map(|n| (n, day_of(|_| f64::from(n)))).collect();
        let steady: Vec<_> = (0..28).map(|n| (n, day_of(|step| (step * 3) as f64 + f64::from(n)))).collect();
        let per_row = |streams: &[(u32, FiveMinuteRows)]| check(streams) as f64 / (28.0 * 288.0);
        assert!(per_row(&quiet) < 0.1, "{}", per_row(&quiet));
        assert!(per_row(&steady) < 1.0, "{}", per_row(&steady));
    }

    #[test]
    fn a_bucket_goes_when_any_of_it_is_erased() {
        let mut rows = day_of(|step| step as f64);
        let secs = |start, end| TimeRange::new(Timestamp::from_secs(start), Timestamp::from_secs(end));
        rows.erase(secs(299, 300), &[Matcher::equal("who", "x")]);
        assert_eq!(rows.len(), 288, "samples have no attributes");
        rows.erase(secs(299, 300), &[]);
        assert_eq!(rows.0[0].start, Timestamp::from_secs(600));
        rows.clip(secs(899, 1200));
        assert_eq!(
            rows.times(),
            Some(TimeRange::new(Timestamp::from_secs(600), Timestamp::from_nanos(1_499_999_999_999)))
        );
    }
}
