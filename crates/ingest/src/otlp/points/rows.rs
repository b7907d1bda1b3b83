//! What is written of a total: the series that Prometheus has for it.

use std::sync::Arc;

use model::{
    Batch, Exemplar, ExemplarSeries, HistogramSample, HistogramSeries, LabelSet, METRIC_NAME, STALE_NAN,
    Sample, SeriesSamples, Timestamp,
};

use super::total::{Classic, Total, stale_histogram};

/// A series of one metric: its name as Prometheus writes it, and the labels of its points.
#[derive(Clone, Copy, Debug)]
pub struct Family<'a> {
    pub name: &'a str,
    pub labels: &'a [(String, String)],
}

impl Family<'_> {
    pub fn labels(self) -> LabelSet {
        self.part("", &[])
    }

    /// A series of several that a metric has.
    fn part(self, suffix: &str, more: &[(&str, &str)]) -> LabelSet {
        let name = format!("{}{suffix}", self.name);
        let labels = self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        LabelSet::new(labels.chain(more.iter().copied()).chain([(METRIC_NAME, name.as_str())]))
    }
}

/// Adds rows to a batch.
#[derive(Debug, Default)]
pub struct Rows {
    pub batch: Batch,
}

impl Rows {
    pub fn total(&mut self, family: Family<'_>, total: &Total, at_ms: i64) {
        match total {
            Total::Number(value) => self.sample(family.labels(), at_ms, *value),
            Total::Classic(classic) => self.classic(family, classic, at_ms),
            Total::Exponential(exponential) => {
                self.histogram(family.labels(), at_ms, exponential.histogram());
            }
        }
    }

    /// Says that the series ended, in each of those that it has.
    pub fn stale(&mut self, family: Family<'_>, shape: &Total, at_ms: i64) {
        match shape {
            Total::Number(_) => self.sample(family.labels(), at_ms, STALE_NAN),
            Total::Exponential(_) => self.histogram(family.labels(), at_ms, stale_histogram()),
            Total::Classic(classic) => {
                let bounds = classic.bounds.iter().map(|bound| bound.to_string());
                for bound in bounds.chain(["+Inf".to_owned()]) {
                    self.sample(family.part("_bucket", &[("le", &bound)]), at_ms, STALE_NAN);
                }
                for part in ["_sum", "_count"] {
                    self.sample(family.part(part, &[]), at_ms, STALE_NAN);
                }
            }
        }
    }

    /// Buckets count what is in those before them too.
    fn classic(&mut self, family: Family<'_>, classic: &Classic, at_ms: i64) {
        let mut sum = 0_u64;
        for (bound, count) in classic.bounds.iter().zip(&classic.counts) {
            sum = sum.saturating_add(*count);
            self.sample(family.part("_bucket", &[("le", &bound.to_string())]), at_ms, sum as f64);
        }
        self.sample(family.part("_bucket", &[("le", "+Inf")]), at_ms, classic.count as f64);
        if let Some(sum) = classic.sum {
            self.sample(family.part("_sum", &[]), at_ms, sum);
        }
        self.sample(family.part("_count", &[]), at_ms, classic.count as f64);
    }

    pub fn summary(
        &mut self,
        family: Family<'_>,
        (count, sum): (f64, f64),
        quantiles: &[(f64, f64)],
        at_ms: i64,
    ) {
        for (quantile, value) in quantiles {
            let labels = family.part("", &[("quantile", &quantile.to_string())]);
            self.sample(labels, at_ms, *value);
        }
        self.sample(family.part("_sum", &[]), at_ms, sum);
        self.sample(family.part("_count", &[]), at_ms, count);
    }

    pub fn sample(&mut self, labels: LabelSet, at_ms: i64, value: f64) {
        let samples = vec![Sample { at: Timestamp::from_millis(at_ms), value }];
        self.batch.series.push(SeriesSamples { labels, samples });
    }

    fn histogram(&mut self, labels: LabelSet, at_ms: i64, histogram: model::Histogram) {
        let sample = HistogramSample { at: Timestamp::from_millis(at_ms), histogram: Arc::new(histogram) };
        self.batch.histograms.push(HistogramSeries { labels, samples: vec![sample] });
    }

    /// Beside the series that it belongs to: of a classic histogram, that of its bucket.
    pub fn exemplar(&mut self, family: Family<'_>, shape: &Total, exemplar: Exemplar) {
        let labels = match shape {
            Total::Number(_) | Total::Exponential(_) => family.labels(),
            Total::Classic(classic) => {
                let bound = classic.bounds.iter().find(|bound| exemplar.value <= **bound);
                let bound = bound.map_or_else(|| "+Inf".to_owned(), f64::to_string);
                family.part("_bucket", &[("le", &bound)])
            }
        };
        self.batch.exemplars.push(ExemplarSeries { labels, exemplars: vec![exemplar] });
    }
}
