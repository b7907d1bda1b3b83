//! Values as Prometheus writes them: `[1767225600.123,"42"]`.

use std::cmp::Ordering;
use std::fmt;

use model::{HistogramSample, HistogramSeries, LabelSet, Sample, Series, Timestamp};
use promql::Value;
use serde::ser::{SerializeMap, SerializeTuple};
use serde::{Serialize, Serializer};

use super::statistics::Stats;

/// `{"resultType":…,"result":…}`, and `stats` where they were asked for.
pub(super) struct Data<'a> {
    pub value: &'a Value,
    /// As in [`promql::Answer`].
    pub histograms: &'a [HistogramSeries],
    pub at: Timestamp,
    /// Series at most; 0 means all.
    pub limit: usize,
    pub stats: Option<Stats<'a>>,
}

impl Data<'_> {
    /// Whether the limit leaves something out.
    pub fn is_truncated(&self) -> bool {
        let series = match self.value {
            Value::Vector(vector) => vector.len() + self.histograms.len(),
            Value::Matrix(matrix) => side_by_side(matrix, self.histograms).count(),
            Value::Scalar(_) | Value::String(_) => 0,
        };
        self.limit > 0 && series > self.limit
    }

    /// Values that are written, the limit left aside. Each bucket is one.
    pub fn point_count(&self) -> usize {
        let floats = match self.value {
            Value::Vector(vector) => vector.len(),
            Value::Matrix(matrix) => matrix.iter().map(|series| series.samples.len()).sum(),
            Value::Scalar(_) | Value::String(_) => 1,
        };
        let samples = self.histograms.iter().flat_map(|series| &series.samples);
        let buckets =
            samples.map(|sample| 1 + sample.histogram.positive.len() + sample.histogram.negative.len());
        floats + buckets.sum::<usize>()
    }
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let limit = if self.limit == 0 { usize::MAX } else { self.limit };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("resultType", self.value.kind())?;
        match self.value {
            Value::Scalar(sample) => map.serialize_entry("result", &Point(*sample))?,
            Value::String(text) => map.serialize_entry("result", &(Seconds(self.at), text))?,
            Value::Vector(floats) => {
                map.serialize_entry("result", &Vector { floats, histograms: self.histograms, limit })?;
            }
            Value::Matrix(floats) => {
                map.serialize_entry("result", &Matrix { floats, histograms: self.histograms, limit })?;
            }
        }
        if let Some(stats) = &self.stats {
            map.serialize_entry("stats", stats)?;
        }
        map.end()
    }
}

struct Vector<'a> {
    floats: &'a [(LabelSet, Sample)],
    histograms: &'a [HistogramSeries],
    limit: usize,
}

impl Serialize for Vector<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Element<'a> {
            metric: Labels<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            value: Option<Point>,
            #[serde(skip_serializing_if = "Option::is_none")]
            histogram: Option<HistogramPoint<'a>>,
        }
        let floats = self.floats.iter().map(|(labels, sample)| Element {
            metric: Labels(labels),
            value: Some(Point(*sample)),
            histogram: None,
        });
        let histograms = self.histograms.iter().map(|series| Element {
            metric: Labels(&series.labels),
            value: None,
            histogram: series.samples.first().map(HistogramPoint),
        });
        serializer.collect_seq(floats.chain(histograms).take(self.limit))
    }
}

struct Matrix<'a> {
    floats: &'a [Series],
    histograms: &'a [HistogramSeries],
    limit: usize,
}

impl Serialize for Matrix<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(side_by_side(self.floats, self.histograms).take(self.limit))
    }
}

/// The floats and histograms of one series.
#[derive(Serialize)]
struct Both<'a> {
    metric: Labels<'a>,
    #[serde(skip_serializing_if = "Points::is_empty")]
    values: Points<'a>,
    #[serde(skip_serializing_if = "Histograms::is_empty")]
    histograms: Histograms<'a>,
}

/// Brings two lists in order of labels together.
fn side_by_side<'a>(
    floats: &'a [Series],
    histograms: &'a [HistogramSeries],
) -> impl Iterator<Item = Both<'a>> {
    let (mut floats, mut histograms) = (floats.iter().peekable(), histograms.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (floats.peek(), histograms.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(float), Some(histogram)) => float.labels.cmp(&histogram.labels),
        };
        let float = floats.next_if(|_| order.is_le());
        let histogram = histograms.next_if(|_| order.is_ge());
        let labels = float.map(|series| &series.labels).or(histogram.map(|series| &series.labels))?;
        Some(Both {
            metric: Labels(labels),
            values: Points(float.map_or(&[], |series| &series.samples)),
            histograms: Histograms(histogram.map_or(&[], |series| &series.samples)),
        })
    })
}

struct Points<'a>(&'a [Sample]);

impl Points<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Points<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|sample| Point(*sample)))
    }
}

struct Histograms<'a>(&'a [HistogramSample]);

impl Histograms<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Histograms<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(HistogramPoint))
    }
}

pub(super) struct Labels<'a>(pub &'a LabelSet);

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

struct Point(Sample);

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(2)?;
        tuple.serialize_element(&Seconds(self.0.at))?;
        tuple.serialize_element(&Number(self.0.value))?;
        tuple.end()
    }
}

struct HistogramPoint<'a>(&'a HistogramSample);

impl Serialize for HistogramPoint<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown {
            count: Number,
            sum: Number,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            buckets: Vec<(u8, Number, Number, Number)>,
        }
        let histogram = &*self.0.histogram;
        let buckets = promql::buckets(histogram);
        let buckets = buckets
            .map(|bucket| (rule(bucket), Number(bucket.lower), Number(bucket.upper), Number(bucket.count)));
        let shown =
            Shown { count: Number(histogram.count), sum: Number(histogram.sum), buckets: buckets.collect() };
        (Seconds(self.0.at), shown).serialize(serializer)
    }
}

/// Prometheus' code for which bounds belong to a bucket.
fn rule(bucket: promql::ShownBucket) -> u8 {
    match (bucket.includes_lower, bucket.includes_upper) {
        (false, true) => 0,
        (true, false) => 1,
        (false, false) => 2,
        (true, true) => 3,
    }
}

/// A number as Prometheus' API writes it: the shortest digits, and an exponent for what is
/// very small or very large.
/// Source: `jsonutil.MarshalFloat`.
#[derive(Clone, Copy)]
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, size) = (self.0, self.0.abs());
        if value.is_nan() {
            return f.write_str("NaN");
        }
        if value.is_infinite() {
            return f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" });
        }
        if size == 0.0 || (1e-6..1e21).contains(&size) {
            return promql::write_digits(value, f);
        }
        // Go writes at least two digits of an exponent, and its sign.
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
        write!(f, "{digits}e{sign}{exponent:0>2}")
    }
}

/// Whole seconds have no fraction, as in Prometheus.
pub(super) struct Seconds(pub Timestamp);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.0.as_millis();
        if millis % 1000 == 0 {
            serializer.serialize_i64(millis / 1000)
        } else {
            serializer.serialize_f64(self.0.as_secs_f64())
        }
    }
}

#[cfg(test)]
mod tests;
