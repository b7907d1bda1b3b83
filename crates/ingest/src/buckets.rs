//! The buckets of a native histogram, from the way in which Prometheus' messages write them.

use model::Bucket;

/// What is wrong with one side of a histogram.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BucketError {
    #[error("it has too many buckets")]
    TooMany,
    #[error("its spans do not fit its buckets: {spans} are needed, and there are {buckets}")]
    Spans { spans: usize, buckets: usize },
    #[error("its spans overlap")]
    Overlap,
    #[error("its buckets are too far out")]
    Range,
    #[error("its counts are too large")]
    Overflow,
    #[error("a bucket has a negative count, or one that is no number")]
    Count,
}

/// Spans are neighbouring buckets: the offset from the end of the span before, and a length.
/// Counts stand there as such, or, when there are none, each as the difference to the one
/// before. Buckets without a count are kept.
pub fn from_spans(
    spans: &[(i32, u32)],
    deltas: &[i64],
    counts: &[f64],
    most: usize,
) -> Result<Vec<Bucket>, BucketError> {
    let needed = spans.iter().try_fold(0_usize, |sum, (_, length)| sum.checked_add(*length as usize));
    let needed = needed.filter(|needed| *needed <= most).ok_or(BucketError::TooMany)?;
    let counts = if counts.is_empty() { summed(deltas)? } else { counts.to_vec() };
    if needed != counts.len() {
        return Err(BucketError::Spans { spans: needed, buckets: counts.len() });
    }
    let mut counts = counts.into_iter();
    let mut buckets = Vec::with_capacity(needed);
    let mut index = 0_i32;
    for (place, (offset, length)) in spans.iter().enumerate() {
        if place > 0 && *offset < 0 {
            return Err(BucketError::Overlap);
        }
        index = index.checked_add(*offset).ok_or(BucketError::Range)?;
        for count in counts.by_ref().take(*length as usize) {
            if count.is_nan() || count < 0.0 {
                return Err(BucketError::Count);
            }
            buckets.push(Bucket { index, count });
            index = index.checked_add(1).ok_or(BucketError::Range)?;
        }
    }
    Ok(buckets)
}

fn summed(deltas: &[i64]) -> Result<Vec<f64>, BucketError> {
    let mut count = 0_i64;
    let counts = deltas.iter().map(|delta| {
        count = count.checked_add(*delta)?;
        Some(count as f64)
    });
    counts.collect::<Option<_>>().ok_or(BucketError::Overflow)
}
