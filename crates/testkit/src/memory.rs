//! A store in memory: the simplest thing that keeps the contract.

mod day;
mod rows;
mod upkeep;

use std::collections::BTreeSet;

use async_trait::async_trait;
use model::{Batch, ExemplarSeries, HistogramSeries, LabelSet, LogRecord, Matcher, Series, Span, TimeRange};
use parking_lot::RwLock;
use storage::{
    AppendError, Appended, Appender, LogQuery, LogReader, Order, QueryError, QueryLimits, SampleReader,
    SpanQuery, SpanReader,
};

use rows::Rows;

#[derive(Debug, Default)]
pub struct MemoryStore {
    /// One lock for all signals, so that a batch is visible as a whole.
    rows: RwLock<Rows>,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    fn selected(&self, matchers: &[Matcher], range: TimeRange) -> Vec<Series> {
        self.rows.read().selected(matchers, range)
    }

    /// Labels of the series with a sample or a native histogram in the range.
    fn series_in(&self, matchers: &[Matcher], range: TimeRange) -> BTreeSet<LabelSet> {
        let rows = self.rows.read();
        let floats = rows.selected(matchers, range).into_iter().map(|series| series.labels);
        let histograms = rows.selected_histograms(matchers, range).into_iter().map(|series| series.labels);
        floats.chain(histograms).collect()
    }
}

#[async_trait]
impl Appender for MemoryStore {
    async fn append(&self, batch: Batch) -> Result<Appended, AppendError> {
        self.rows.write().add(batch);
        Ok(Appended::default())
    }
}

#[async_trait]
impl SampleReader for MemoryStore {
    async fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: QueryLimits,
    ) -> Result<Vec<Series>, QueryError> {
        let selected = self.selected(matchers, range);
        let samples: u64 = selected.iter().map(|series| series.samples.len() as u64).sum();
        check_size(selected.len() as u64, samples, limits)?;
        Ok(selected)
    }

    async fn select_histograms(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: QueryLimits,
    ) -> Result<Vec<HistogramSeries>, QueryError> {
        let selected = self.rows.read().selected_histograms(matchers, range);
        let buckets = selected
            .iter()
            .flat_map(|series| &series.samples)
            .map(|sample| (sample.histogram.positive.len() + sample.histogram.negative.len()) as u64);
        check_size(selected.len() as u64, buckets.sum(), limits)?;
        Ok(selected)
    }

    async fn select_exemplars(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: QueryLimits,
    ) -> Result<Vec<ExemplarSeries>, QueryError> {
        let selected = self.rows.read().selected_exemplars(matchers, range);
        let exemplars: u64 = selected.iter().map(|series| series.exemplars.len() as u64).sum();
        check_size(selected.len() as u64, exemplars, limits)?;
        Ok(selected)
    }

    async fn series(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: QueryLimits,
    ) -> Result<Vec<LabelSet>, QueryError> {
        let selected = self.series_in(matchers, range);
        check_size(selected.len() as u64, 0, limits)?;
        Ok(selected.into_iter().collect())
    }

    async fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, QueryError> {
        let names: BTreeSet<String> = self
            .series_in(matchers, range)
            .iter()
            .flat_map(|labels| labels.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>())
            .collect();
        Ok(names.into_iter().collect())
    }

    async fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, QueryError> {
        let values: BTreeSet<String> = self
            .series_in(matchers, range)
            .iter()
            .filter_map(|labels| labels.get(name).map(str::to_owned))
            .collect();
        Ok(values.into_iter().collect())
    }
}

#[async_trait]
impl LogReader for MemoryStore {
    async fn search_logs(&self, query: &LogQuery) -> Result<Vec<LogRecord>, QueryError> {
        let rows = self.rows.read();
        let mut found: Vec<LogRecord> =
            rows.logs.iter().filter(|record| query.selects(record)).cloned().collect();
        // Stable: records of one stream and instant stay in order of arrival.
        found.sort_by(|a, b| (a.at, &a.stream).cmp(&(b.at, &b.stream)));
        Ok(first_of(found, query.order, query.limit))
    }
}

#[async_trait]
impl SpanReader for MemoryStore {
    async fn search_spans(&self, query: &SpanQuery) -> Result<Vec<Span>, QueryError> {
        let rows = self.rows.read();
        let mut found: Vec<Span> = rows.spans.values().filter(|span| query.selects(span)).cloned().collect();
        found.sort_by(|a, b| (a.start, &a.stream, a.trace, a.id).cmp(&(b.start, &b.stream, b.trace, b.id)));
        Ok(first_of(found, query.order, query.limit))
    }
}

fn check_size(series: u64, samples: u64, limits: QueryLimits) -> Result<(), QueryError> {
    for (count, limit, what, setting) in [
        (series, limits.series_max, "series", "query.series_max"),
        (samples, limits.samples_max, "samples", "query.samples_max"),
    ] {
        if count > limit {
            return Err(QueryError::TooMuch { what, limit, setting });
        }
    }
    Ok(())
}

/// Of what was found oldest first.
fn first_of<T>(mut found: Vec<T>, order: Order, limit: usize) -> Vec<T> {
    if order == Order::NewestFirst {
        found.reverse();
    }
    found.truncate(limit);
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use storage::Store;

    use super::*;
    use crate::contract::{Stand, check};

    struct Memory;

    #[async_trait]
    impl Stand for Memory {
        async fn fresh(&self) -> Arc<dyn Store> {
            Arc::new(MemoryStore::new())
        }

        async fn disturb(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
            store
        }
    }

    #[tokio::test]
    async fn the_store_in_memory_keeps_the_contract() {
        check(&Memory).await;
    }
}
