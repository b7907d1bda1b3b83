//! Sums of histograms that lose as few digits as sums of floats do.

use model::{Bucket, Histogram};

use super::layout;
use crate::sums::Sum;

/// Exponential and custom buckets do not add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mixed;

/// The digits that a running sum has lost are a histogram of their own, of the same layout.
#[derive(Clone, Debug)]
pub struct Total {
    high: Histogram,
    low: Histogram,
}

impl Total {
    pub fn of(histogram: &Histogram) -> Self {
        let high = histogram.clone();
        let low = Histogram {
            zero_count: 0.0,
            count: 0.0,
            sum: 0.0,
            positive: Vec::new(),
            negative: Vec::new(),
            ..high.clone()
        };
        Self { high, low }
    }

    /// Adds `factor` times `other`. Says whether custom bounds had to be dropped.
    /// What is known about resets stays as it is.
    pub fn add(&mut self, other: &Histogram, factor: f64) -> Result<bool, Mixed> {
        if self.high.has_custom_buckets() != other.has_custom_buckets() {
            return Err(Mixed);
        }
        let reconciled = self.high.custom_bounds != other.custom_bounds;
        let other = self.aligned(other);
        for (high, low, added) in [
            (&mut self.high.zero_count, &mut self.low.zero_count, other.zero_count),
            (&mut self.high.count, &mut self.low.count, other.count),
            (&mut self.high.sum, &mut self.low.sum, other.sum),
        ] {
            let sum = Sum { high: *high, low: *low }.plus(factor * added);
            (*high, *low) = (sum.high, sum.low);
        }
        let Self { high, low } = self;
        add_buckets((&mut high.positive, &mut low.positive), &other.positive, factor);
        add_buckets((&mut high.negative, &mut low.negative), &other.negative, factor);
        Ok(reconciled)
    }

    /// `other` in the layout that both can have, which this then has too.
    fn aligned(&mut self, other: &Histogram) -> Histogram {
        if self.high.has_custom_buckets() {
            let bounds = layout::common_bounds(&self.high.custom_bounds, &other.custom_bounds);
            self.high = layout::to_bounds(&self.high, &bounds);
            self.low = layout::to_bounds(&self.low, &bounds);
            return layout::to_bounds(other, &bounds);
        }
        let mut other = other.clone();
        if self.high.zero_threshold != other.zero_threshold {
            let (high, same) = layout::same_zero_bucket(&self.high, &other);
            self.low = layout::with_zero_threshold(&self.low, high.zero_threshold);
            (self.high, other) = (high, same);
        }
        let schema = self.high.schema.min(other.schema);
        self.high = layout::to_schema(&self.high, schema);
        self.low = layout::to_schema(&self.low, schema);
        layout::to_schema(&other, schema)
    }

    pub fn scale(&mut self, factor: f64) {
        for part in [&mut self.high, &mut self.low] {
            for value in [&mut part.zero_count, &mut part.count, &mut part.sum] {
                *value *= factor;
            }
            part.positive.iter_mut().chain(&mut part.negative).for_each(|bucket| bucket.count *= factor);
        }
    }

    pub fn overflows(&self) -> bool {
        let high = &self.high;
        let buckets = high.positive.iter().chain(&high.negative).map(|bucket| bucket.count);
        [high.count, high.sum, high.zero_count].into_iter().chain(buckets).any(f64::is_infinite)
    }

    pub fn finish(self) -> Histogram {
        let Self { mut high, low } = self;
        high.zero_count += low.zero_count;
        high.count += low.count;
        high.sum += low.sum;
        high.positive = merged(&high.positive, &low.positive, |a, b| a + b);
        high.negative = merged(&high.negative, &low.negative, |a, b| a + b);
        super::compact(high)
    }
}

fn add_buckets((high, low): (&mut Vec<Bucket>, &mut Vec<Bucket>), added: &[Bucket], factor: f64) {
    let low_of = |index: i32| {
        let found = low.binary_search_by_key(&index, |bucket| bucket.index);
        found.ok().and_then(|at| low.get(at)).map_or(0.0, |bucket| bucket.count)
    };
    let mut lost = Vec::new();
    let lossy = |index: i32, sum: Sum, lost: &mut Vec<Bucket>| {
        if sum.low != 0.0 {
            lost.push(Bucket { index, count: sum.low });
        }
        sum.high
    };
    let (mut left, mut right) = (high.iter().peekable(), added.iter().peekable());
    let mut sums = Vec::with_capacity(high.len().max(added.len()));
    loop {
        let index = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) => a.index.min(b.index),
            (Some(one), None) | (None, Some(one)) => one.index,
            (None, None) => break,
        };
        let before = left.next_if(|bucket| bucket.index == index).map_or(0.0, |bucket| bucket.count);
        let more = right.next_if(|bucket| bucket.index == index).map_or(0.0, |bucket| bucket.count);
        let sum = Sum { high: before, low: low_of(index) }.plus(factor * more);
        sums.push(Bucket { index, count: lossy(index, sum, &mut lost) });
    }
    *high = sums;
    *low = lost;
}

/// Bucket by bucket; one that is missing counts nothing.
pub fn merged(one: &[Bucket], other: &[Bucket], merge: impl Fn(f64, f64) -> f64) -> Vec<Bucket> {
    let (mut left, mut right) = (one.iter().peekable(), other.iter().peekable());
    let mut merged = Vec::with_capacity(one.len().max(other.len()));
    loop {
        let index = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) => a.index.min(b.index),
            (Some(one), None) | (None, Some(one)) => one.index,
            (None, None) => return merged,
        };
        let a = left.next_if(|bucket| bucket.index == index).map_or(0.0, |bucket| bucket.count);
        let b = right.next_if(|bucket| bucket.index == index).map_or(0.0, |bucket| bucket.count);
        merged.push(Bucket { index, count: merge(a, b) });
    }
}
