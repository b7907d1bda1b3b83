//! A store in memory that remembers which series had native histograms left out.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use model::{Batch, LabelSet, Matcher, Sample, Series, SeriesSamples, TimeRange, Timestamp};
use storage::{Appender, QueryError, QueryLimits, SampleReader};
use testkit::MemoryStore;

use crate::series::Item;

#[derive(Debug, Default)]
pub struct Reader {
    store: MemoryStore,
    left_out: Mutex<Vec<LabelSet>>,
    touched: AtomicBool,
}

impl Reader {
    pub async fn load(&self, interval_ms: i64, series: &[(LabelSet, Vec<Item>)]) {
        let mut batch = Batch::default();
        for (labels, items) in series {
            let sample = |(index, item): (usize, &Item)| match item {
                Item::Float(value) => {
                    Some(Sample { at: Timestamp::from_millis(interval_ms * index as i64), value: *value })
                }
                Item::Gap | Item::Histogram => None,
            };
            let samples = items.iter().enumerate().filter_map(sample).collect();
            batch.series.push(SeriesSamples { labels: labels.clone(), samples });
            if items.contains(&Item::Histogram) {
                self.leave_out(labels.clone());
            }
        }
        self.store.append(batch).await.unwrap();
    }

    pub fn leave_out(&self, labels: LabelSet) {
        self.left_out.lock().unwrap().push(labels);
    }

    /// Whether a query since the last call asked for a series that is not complete.
    pub fn was_touched(&self) -> bool {
        self.touched.swap(false, Ordering::Relaxed)
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
        if self.left_out.lock().unwrap().iter().any(selects) {
            self.touched.store(true, Ordering::Relaxed);
        }
        self.store.select(matchers, range, limits).await
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
