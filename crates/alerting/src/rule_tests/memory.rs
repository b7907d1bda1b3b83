//! A store that lives as long as a test.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use model::{
    Batch, ExemplarSeries, Histogram, HistogramSample, HistogramSeries, LabelSet, Matcher, Sample, Series,
    TimeRange, Timestamp,
};
use parking_lot::RwLock;
use storage::{QueryError, QueryLimits, SampleReader};

#[derive(Debug, Default)]
pub(super) struct Memory(RwLock<BTreeMap<LabelSet, Kept>>);

#[derive(Debug, Default)]
struct Kept {
    floats: BTreeMap<Timestamp, f64>,
    histograms: BTreeMap<Timestamp, Arc<Histogram>>,
}

impl Memory {
    pub(super) fn add(&self, batch: Batch) {
        let mut all = self.0.write();
        for series in batch.series {
            let kept = all.entry(series.labels).or_default();
            kept.floats.extend(series.samples.iter().map(|sample| (sample.at, sample.value)));
        }
        for series in batch.histograms {
            let kept = all.entry(series.labels).or_default();
            kept.histograms.extend(series.samples.into_iter().map(|sample| (sample.at, sample.histogram)));
        }
    }
}

fn is_selected(matchers: &[Matcher], labels: &LabelSet) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels))
}

#[async_trait]
impl SampleReader for Memory {
    async fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        _: QueryLimits,
    ) -> Result<Vec<Series>, QueryError> {
        let all = self.0.read();
        let selected = all.iter().filter(|(labels, _)| is_selected(matchers, labels));
        let series = selected.map(|(labels, kept)| {
            let samples = kept.floats.range(range.start..=range.end);
            Series {
                labels: labels.clone(),
                samples: samples.map(|(at, value)| Sample { at: *at, value: *value }).collect(),
            }
        });
        Ok(series.filter(|series| !series.samples.is_empty()).collect())
    }

    async fn select_histograms(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        _: QueryLimits,
    ) -> Result<Vec<HistogramSeries>, QueryError> {
        let all = self.0.read();
        let selected = all.iter().filter(|(labels, _)| is_selected(matchers, labels));
        let series = selected.map(|(labels, kept)| {
            let samples = kept.histograms.range(range.start..=range.end);
            let sample = |(at, histogram): (&Timestamp, &Arc<Histogram>)| HistogramSample {
                at: *at,
                histogram: Arc::clone(histogram),
            };
            HistogramSeries { labels: labels.clone(), samples: samples.map(sample).collect() }
        });
        Ok(series.filter(|series| !series.samples.is_empty()).collect())
    }

    /// The series of a test have none.
    async fn select_exemplars(
        &self,
        _: &[Matcher],
        _: TimeRange,
        _: QueryLimits,
    ) -> Result<Vec<ExemplarSeries>, QueryError> {
        Ok(Vec::new())
    }

    async fn series(
        &self,
        matchers: &[Matcher],
        _: TimeRange,
        _: QueryLimits,
    ) -> Result<Vec<LabelSet>, QueryError> {
        Ok(self.0.read().keys().filter(|labels| is_selected(matchers, labels)).cloned().collect())
    }

    async fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, QueryError> {
        let series = self.series(matchers, range, QueryLimits::default()).await?;
        let names: BTreeSet<&str> = series.iter().flat_map(LabelSet::iter).map(|(name, _)| name).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    async fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError> {
        let series = self.series(matchers, range, QueryLimits::default()).await?;
        let values: BTreeSet<&str> = series.iter().filter_map(|labels| labels.get(name)).collect();
        Ok(values.into_iter().map(str::to_owned).collect())
    }
}
