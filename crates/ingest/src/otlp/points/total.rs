//! What one point says, and what several deltas say together.

use std::collections::BTreeMap;

use model::{Bucket, Histogram, STALE_NAN};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, HistogramDataPoint, NumberDataPoint,
};

use super::PointError;

/// The finest schema that is kept: 2^(1/256) between two bounds.
const SCALE_MAX: i32 = 8;
const SCALE_MIN: i32 = -4;

/// Of one side. OpenTelemetry's SDKs use 160; merged deltas are made coarser beyond this.
const BUCKETS_MAX: usize = 320;

/// Of one message: more is no histogram.
const MESSAGE_BUCKETS_MAX: usize = 20_000;

/// What Prometheus takes when nothing is said.
const ZERO_THRESHOLD: f64 = 1e-128;

#[derive(Clone, Debug, PartialEq)]
pub enum Total {
    Number(f64),
    Classic(Classic),
    Exponential(Exponential),
}

/// Counts of buckets with explicit bounds; each on its own, the last one without a bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Classic {
    pub bounds: Vec<f64>,
    pub counts: Vec<u64>,
    pub count: u64,
    /// Not for measures that may be negative.
    pub sum: Option<f64>,
}

/// Bucket i holds values in (b^i, b^(i+1)] with b = 2^(2^−scale).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exponential {
    scale: i32,
    zero_threshold: f64,
    zero_count: u64,
    count: u64,
    sum: f64,
    positive: BTreeMap<i32, u64>,
    negative: BTreeMap<i32, u64>,
}

impl Total {
    pub fn of_number(point: &NumberDataPoint) -> Result<Self, PointError> {
        match point.value {
            Some(Number::AsDouble(value)) => Ok(Total::Number(value)),
            Some(Number::AsInt(value)) => Ok(Total::Number(value as f64)),
            None => Err(PointError::NoValue),
        }
    }

    pub fn of_classic(point: &HistogramDataPoint) -> Result<Self, PointError> {
        let (bounds, counts) = (&point.explicit_bounds, &point.bucket_counts);
        let fits = counts.len() == bounds.len() + 1 || (counts.is_empty() && bounds.is_empty());
        let ascends = bounds.windows(2).all(|pair| pair[0] < pair[1]);
        if !fits || !ascends || counts.len() > MESSAGE_BUCKETS_MAX {
            return Err(PointError::Buckets);
        }
        Ok(Total::Classic(Classic {
            bounds: bounds.clone(),
            counts: if counts.is_empty() { vec![point.count] } else { counts.clone() },
            count: point.count,
            sum: point.sum,
        }))
    }

    pub fn of_exponential(point: &ExponentialHistogramDataPoint) -> Result<Self, PointError> {
        if point.scale < SCALE_MIN {
            return Err(PointError::Scale(point.scale));
        }
        let mut total = Exponential {
            scale: point.scale.min(SCALE_MAX),
            zero_threshold: if point.zero_threshold > 0.0 { point.zero_threshold } else { ZERO_THRESHOLD },
            zero_count: point.zero_count,
            count: point.count,
            sum: point.sum.unwrap_or(0.0),
            ..Exponential::default()
        };
        let coarser = u32::try_from(point.scale - total.scale).unwrap_or(0).min(31);
        total.positive = side_of(point.positive.as_ref(), coarser)?;
        total.negative = side_of(point.negative.as_ref(), coarser)?;
        Ok(Total::Exponential(total))
    }

    /// Counts on with what was counted since. What does not fit together begins again.
    pub fn add(&mut self, delta: &Total) {
        match (self, delta) {
            (Total::Number(total), Total::Number(delta)) => *total += delta,
            (Total::Classic(total), Total::Classic(delta)) if total.bounds == delta.bounds => {
                total.add(delta)
            }
            (Total::Exponential(total), Total::Exponential(delta)) => total.add(delta),
            (total, delta) => *total = delta.clone(),
        }
    }

    /// The same shape before anything was counted.
    pub fn zero(&self) -> Self {
        match self {
            Total::Number(_) => Total::Number(0.0),
            Total::Classic(Classic { bounds, counts, sum, .. }) => Total::Classic(Classic {
                bounds: bounds.clone(),
                counts: vec![0; counts.len()],
                count: 0,
                sum: sum.map(|_| 0.0),
            }),
            Total::Exponential(Exponential { scale, zero_threshold, .. }) => {
                Total::Exponential(Exponential {
                    scale: *scale,
                    zero_threshold: *zero_threshold,
                    ..Exponential::default()
                })
            }
        }
    }
}

impl Classic {
    fn add(&mut self, delta: &Classic) {
        for (total, count) in self.counts.iter_mut().zip(&delta.counts) {
            *total = total.saturating_add(*count);
        }
        self.count = self.count.saturating_add(delta.count);
        self.sum = self.sum.zip(delta.sum).map(|(total, sum)| total + sum);
    }
}

impl Exponential {
    fn add(&mut self, added: &Exponential) {
        let mut delta = added.clone();
        let scale = self.scale.min(delta.scale);
        self.coarsen(scale);
        delta.coarsen(scale);
        self.zero_threshold = self.zero_threshold.max(delta.zero_threshold);
        self.zero_count = self.zero_count.saturating_add(delta.zero_count);
        self.count = self.count.saturating_add(delta.count);
        self.sum += delta.sum;
        merge(&mut self.positive, delta.positive);
        merge(&mut self.negative, delta.negative);
        while self.positive.len().max(self.negative.len()) > BUCKETS_MAX {
            if self.scale == SCALE_MIN {
                // No numbers are spread like this.
                *self = added.clone();
                return;
            }
            self.coarsen(self.scale - 1);
        }
    }

    /// Each step down puts two neighbours together.
    fn coarsen(&mut self, scale: i32) {
        let steps = u32::try_from(self.scale - scale).unwrap_or(0).min(31);
        if steps == 0 {
            return;
        }
        self.scale = scale;
        for side in [&mut self.positive, &mut self.negative] {
            let mut coarse = BTreeMap::new();
            merge(
                &mut coarse,
                std::mem::take(side).into_iter().map(|(index, count)| (index >> steps, count)),
            );
            *side = coarse;
        }
    }

    /// As Prometheus counts: bucket i ends at b^i there.
    pub fn histogram(&self) -> Histogram {
        let side = |side: &BTreeMap<i32, u64>| {
            let buckets = side.iter().map(|(index, count)| Bucket { index: index + 1, count: *count as f64 });
            buckets.collect()
        };
        Histogram {
            schema: self.scale as i8,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count as f64,
            count: self.count as f64,
            sum: self.sum,
            positive: side(&self.positive),
            negative: side(&self.negative),
            ..Histogram::default()
        }
    }
}

/// What stands for the end of a series of native histograms.
pub fn stale_histogram() -> Histogram {
    Histogram { sum: STALE_NAN, ..Histogram::default() }
}

fn merge(total: &mut BTreeMap<i32, u64>, counts: impl IntoIterator<Item = (i32, u64)>) {
    for (index, count) in counts {
        let sum = total.entry(index).or_default();
        *sum = sum.saturating_add(count);
    }
}

fn side_of(buckets: Option<&Buckets>, coarser: u32) -> Result<BTreeMap<i32, u64>, PointError> {
    let mut side = BTreeMap::new();
    let Some(buckets) = buckets else { return Ok(side) };
    let count = i32::try_from(buckets.bucket_counts.len()).unwrap_or(i32::MAX);
    let is_far = buckets.offset.checked_add(count).is_none_or(|end| end == i32::MAX);
    if is_far || buckets.bucket_counts.len() > MESSAGE_BUCKETS_MAX {
        return Err(PointError::Buckets);
    }
    let indices = (buckets.offset..).map(|index| index >> coarser);
    merge(&mut side, indices.zip(buckets.bucket_counts.iter().copied()).filter(|(_, count)| *count > 0));
    Ok(side)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn exponential(scale: i32, offset: i32, counts: &[u64]) -> Total {
        Total::of_exponential(&ExponentialHistogramDataPoint {
            scale,
            count: counts.iter().sum(),
            sum: Some(1.5),
            positive: Some(Buckets { offset, bucket_counts: counts.to_vec() }),
            ..ExponentialHistogramDataPoint::default()
        })
        .unwrap()
    }

    fn buckets(total: &Total) -> (i8, Vec<(i32, f64)>) {
        let Total::Exponential(total) = total else { panic!("{total:?}") };
        let histogram = total.histogram();
        (histogram.schema, histogram.positive.iter().map(|bucket| (bucket.index, bucket.count)).collect())
    }

    #[test]
    fn a_value_stays_in_its_bucket_however_fine_it_was() {
        // 0.14574… at scale 20, as a Python SDK writes a single value.
        let (schema, found) = buckets(&exponential(20, -2_913_484, &[1]));
        let index = f64::from(found[0].0);
        let base = 2_f64.powf(2_f64.powi(-i32::from(schema)));
        assert_eq!((schema, found.len()), (8, 1));
        assert!(base.powf(index - 1.0) < 0.14574170112609863 && 0.14574170112609863 <= base.powf(index));
        // Scale 0: bucket 1 holds (2, 4], which ends at 2^2.
        assert_eq!(buckets(&exponential(0, 1, &[3, 0, 4])), (0, vec![(2, 3.0), (4, 4.0)]));
    }

    #[test]
    fn deltas_of_different_scales_meet_at_the_coarser_one() {
        let mut total = exponential(1, 0, &[1, 2, 3, 4]);
        total.add(&exponential(0, 0, &[10, 20]));
        assert_eq!(buckets(&total), (0, vec![(1, 13.0), (2, 27.0)]));
        let Total::Exponential(total) = &total else { unreachable!() };
        assert_eq!((total.count, total.sum), (40, 3.0));
    }

    #[test]
    fn a_histogram_that_grows_is_made_coarser() {
        let mut total = exponential(8, 0, &[1; 300]);
        total.add(&exponential(8, 300, &[1; 300]));
        let (schema, found) = buckets(&total);
        assert_eq!((schema, found.len(), found[0]), (7, 300, (1, 2.0)));
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        let classic = |bounds: &[f64], counts: &[u64]| {
            let (explicit_bounds, bucket_counts) = (bounds.to_vec(), counts.to_vec());
            Total::of_classic(&HistogramDataPoint { explicit_bounds, bucket_counts, ..Default::default() })
        };
        assert_eq!(classic(&[1.0], &[1]), Err(PointError::Buckets));
        assert_eq!(classic(&[2.0, 1.0], &[1, 2, 3]), Err(PointError::Buckets));
        assert!(classic(&[], &[]).is_ok());
        let point = |scale, offset| ExponentialHistogramDataPoint {
            scale,
            positive: Some(Buckets { offset, bucket_counts: vec![1, 1] }),
            ..Default::default()
        };
        assert_eq!(Total::of_exponential(&point(-5, 0)), Err(PointError::Scale(-5)));
        assert_eq!(Total::of_exponential(&point(0, i32::MAX - 1)), Err(PointError::Buckets));
    }
}
