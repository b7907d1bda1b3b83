//! A store in memory that notes what kind of samples a query finds: floats, and native
//! histograms, which a case may load and which are no samples here.

use std::sync::Mutex;

use async_trait::async_trait;
use model::{
    Batch, LabelSet, METRIC_NAME, Matcher, Sample, Series, SeriesSamples, TimeRange, Timestamp, is_stale,
};
use storage::{Appender, QueryError, QueryLimits, SampleReader};
use testkit::MemoryStore;

use crate::series::Item;

/// What the selectors of a query found within their time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub floats: bool,
    /// In the place of native histograms the query found nothing.
    pub histograms: bool,
}

#[derive(Debug, Default)]
pub struct Reader {
    store: MemoryStore,
    /// Series with the times of the native histograms that are missing in them.
    left_out: Mutex<Vec<(LabelSet, Vec<Timestamp>)>>,
    found: Mutex<Found>,
}

impl Reader {
    /// With `converted`, as `load_with_nhcb` means it, the classic histograms are also loaded
    /// as native ones.
    pub async fn load(&self, interval_ms: i64, series: &[(LabelSet, Vec<Item>)], converted: bool) {
        let mut batch = Batch::default();
        for (labels, items) in series {
            let at = |index: usize| Timestamp::from_millis(interval_ms * index as i64);
            let sample = |(index, item): (usize, &Item)| match item {
                Item::Float(value) => Some(Sample { at: at(index), value: *value }),
                Item::Gap | Item::Histogram => None,
            };
            let samples: Vec<Sample> = items.iter().enumerate().filter_map(sample).collect();
            if converted {
                self.leave_out_converted(labels, &samples);
            }
            batch.series.push(SeriesSamples { labels: labels.clone(), samples });
            let histogram = |(index, item): (usize, &Item)| (*item == Item::Histogram).then(|| at(index));
            self.leave_out(labels.clone(), items.iter().enumerate().filter_map(histogram).collect());
        }
        self.store.append(batch).await.unwrap();
    }

    fn leave_out_converted(&self, labels: &LabelSet, samples: &[Sample]) {
        let name = labels.value(METRIC_NAME);
        for suffix in ["_bucket", "_count", "_sum"] {
            if let Some(base) = name.strip_suffix(suffix) {
                let native = labels.without(&["le"]).with(METRIC_NAME, base);
                self.leave_out(native, samples.iter().map(|sample| sample.at).collect());
            }
        }
    }

    fn leave_out(&self, labels: LabelSet, times: Vec<Timestamp>) {
        if !times.is_empty() {
            self.left_out.lock().unwrap().push((labels, times));
        }
    }

    /// What was found since the last call.
    pub fn take_found(&self) -> Found {
        std::mem::take(&mut self.found.lock().unwrap())
    }
}

#[async_trait]
impl SampleReader for Reader {
    async fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: QueryLimits,
    ) -> Result<Vec<Series>, QueryError> {
        let selects = |labels: &LabelSet| matchers.iter().all(|matcher| matcher.matches(labels));
        let is_missing = |(labels, times): &(LabelSet, Vec<Timestamp>)| {
            selects(labels) && times.iter().any(|at| range.contains(*at))
        };
        let has_missing = self.left_out.lock().unwrap().iter().any(is_missing);
        let series = self.store.select(matchers, range, limits).await?;
        let mut samples = series.iter().flat_map(|series| &series.samples);
        let mut found = self.found.lock().unwrap();
        found.histograms |= has_missing;
        found.floats |= samples.any(|sample| !is_stale(sample.value));
        drop(found);
        Ok(series)
    }

    async fn series(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: QueryLimits,
    ) -> Result<Vec<LabelSet>, QueryError> {
        self.store.series(matchers, range, limits).await
    }

    async fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, QueryError> {
        self.store.label_names(matchers, range).await
    }

    async fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError> {
        self.store.label_values(name, matchers, range).await
    }
}
