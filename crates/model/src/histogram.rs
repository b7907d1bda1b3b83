//! Native histograms and exemplars: samples that are more than one number.
//!
//! A [`Histogram`] is kept sparse, bucket by bucket, whatever wire format it came in. All
//! counts are floats, as PromQL computes with them; integer histograms fit in exactly as
//! long as their counts are below 2⁵³.

use std::sync::Arc;

use crate::{LabelSet, Timestamp, TraceId, is_stale};

/// The schema of histograms whose bounds are [`Histogram::custom_bounds`].
pub const CUSTOM_BUCKETS_SCHEMA: i8 = -53;

/// How often something took which values: Prometheus' native histogram.
///
/// With an exponential schema n (−4 to 8), bucket i of the positive side holds values in
/// (b^(i−1), b^i] with b = 2^(2^−n); the negative side mirrors it. With
/// [`CUSTOM_BUCKETS_SCHEMA`], bucket i holds values in (bound i−1, bound i], the first
/// one from −∞ and the last one to +∞.
/// Source: <https://prometheus.io/docs/specs/native_histograms/>
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    pub schema: i8,
    /// Values from minus to plus this, both included, are in the zero bucket.
    pub zero_threshold: f64,
    pub zero_count: f64,
    /// Of all observations, those that are NaN included.
    pub count: f64,
    /// The stale marker here says that the series ended.
    pub sum: f64,
    /// In ascending order of index, each index once.
    pub positive: Vec<Bucket>,
    /// As `positive`; empty with custom buckets.
    pub negative: Vec<Bucket>,
    /// Ascending upper bounds, without +∞. Empty with an exponential schema.
    pub custom_bounds: Vec<f64>,
    pub reset: CounterReset,
}

impl Histogram {
    pub fn is_stale(&self) -> bool {
        is_stale(self.sum)
    }

    pub fn has_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    pub index: i32,
    /// Of this bucket alone: not cumulative, not a difference to the one before.
    pub count: f64,
}

/// What the sender knows about whether a histogram counts on from the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CounterReset {
    #[default]
    Unknown,
    Reset,
    NotReset,
    /// It is no counter at all.
    Gauge,
}

/// A histogram at an instant. Shared, because histograms are large and queries pass them on.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramSample {
    pub at: Timestamp,
    pub histogram: Arc<Histogram>,
}

/// Histograms of one series: on their way into a store in any order, on their way out in
/// order of time, each instant once.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramSeries {
    pub labels: LabelSet,
    pub samples: Vec<HistogramSample>,
}

/// One observation that stands for many, with a way to the trace that it was made in.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    pub at: Timestamp,
    pub value: f64,
    /// What the sender says of it, `trace_id` and `span_id` included.
    pub labels: LabelSet,
}

impl Exemplar {
    pub fn trace(&self) -> Option<TraceId> {
        self.labels.get("trace_id").and_then(TraceId::parse)
    }
}

/// Exemplars of one series, as [`HistogramSeries`].
#[derive(Clone, Debug, PartialEq)]
pub struct ExemplarSeries {
    pub labels: LabelSet,
    pub exemplars: Vec<Exemplar>,
}
