//! A store in memory: the simplest thing that keeps the contract.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use model::{Batch, LabelSet, LogRecord, Matcher, Sample, Series, TimeRange, Timestamp};
use parking_lot::RwLock;
use storage::{
    AppendError, Appender, LogQuery, LogReader, Order, QueryError, QueryLimits, SampleReader, TableUsage,
    Upkeep, UpkeepError, Usage,
};

#[derive(Debug, Default)]
pub struct MemoryStore {
    series: RwLock<BTreeMap<LabelSet, BTreeMap<Timestamp, f64>>>,
    logs: RwLock<Vec<LogRecord>>,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    fn selected(&self, matchers: &[Matcher], range: TimeRange) -> Vec<Series> {
        self.series
            .read()
            .iter()
            .filter(|(labels, _)| matchers.iter().all(|matcher| matcher.matches(labels)))
            .map(|(labels, samples)| Series {
                labels: labels.clone(),
                samples: samples
                    .range(range.start..=range.end)
                    .map(|(at, value)| Sample { at: *at, value: *value })
                    .collect(),
            })
            .filter(|series| !series.samples.is_empty())
            .collect()
    }
}

#[async_trait]
impl Appender for MemoryStore {
    async fn append(&self, batch: Batch) -> Result<(), AppendError> {
        let mut all = self.series.write();
        for series in batch.series {
            let samples = all.entry(series.labels).or_default();
            samples.extend(series.samples.into_iter().map(|sample| (sample.at, sample.value)));
        }
        self.logs.write().extend(batch.logs);
        Ok(())
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
        for (count, limit, what, setting) in [
            (selected.len() as u64, limits.series_max, "series", "query.series_max"),
            (samples, limits.samples_max, "samples", "query.samples_max"),
        ] {
            if count > limit {
                return Err(QueryError::TooMuch { what, limit, setting });
            }
        }
        Ok(selected)
    }

    async fn series(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        limits: QueryLimits,
    ) -> Result<Vec<LabelSet>, QueryError> {
        let selected = self.selected(matchers, range);
        let (what, limit, setting) = ("series", limits.series_max, "query.series_max");
        if selected.len() as u64 > limit {
            return Err(QueryError::TooMuch { what, limit, setting });
        }
        Ok(selected.into_iter().map(|series| series.labels).collect())
    }

    async fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, QueryError> {
        let names: BTreeSet<String> = self
            .selected(matchers, range)
            .iter()
            .flat_map(|series| series.labels.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>())
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
            .selected(matchers, range)
            .iter()
            .filter_map(|series| series.labels.get(name).map(str::to_owned))
            .collect();
        Ok(values.into_iter().collect())
    }
}

#[async_trait]
impl LogReader for MemoryStore {
    async fn search_logs(&self, query: &LogQuery) -> Result<Vec<LogRecord>, QueryError> {
        let mut found: Vec<LogRecord> =
            self.logs.read().iter().filter(|record| query.selects(record)).cloned().collect();
        found.sort_by(|a, b| (a.at, &a.stream).cmp(&(b.at, &b.stream)));
        if query.order == Order::NewestFirst {
            found.reverse();
        }
        found.truncate(query.limit);
        Ok(found)
    }
}

#[async_trait]
impl Upkeep for MemoryStore {
    async fn drop_before(&self, cutoff: Timestamp) -> Result<u64, UpkeepError> {
        const DAY_SECS: i64 = 86_400;
        let first_kept = Timestamp::from_secs(cutoff.as_secs().div_euclid(DAY_SECS) * DAY_SECS);
        let mut days = BTreeSet::new();
        let mut all = self.series.write();
        for samples in all.values_mut() {
            let kept = samples.split_off(&first_kept);
            days.extend(samples.keys().map(|at| at.as_secs().div_euclid(DAY_SECS)));
            *samples = kept;
        }
        all.retain(|_, samples| !samples.is_empty());
        let mut logs = self.logs.write();
        let old_logs = logs.iter().filter(|record| record.at < first_kept);
        let log_days: BTreeSet<i64> =
            old_logs.map(|record| record.at.as_secs().div_euclid(DAY_SECS)).collect();
        logs.retain(|record| record.at >= first_kept);
        // As engines with folders count: one for each table and day.
        Ok((days.len() + log_days.len()) as u64)
    }

    async fn flush(&self) -> Result<(), UpkeepError> {
        Ok(())
    }

    async fn usage(&self) -> Result<Usage, UpkeepError> {
        let series = self.series.read();
        let samples = series.values().map(|samples| samples.len() as u64).sum();
        let logs = self.logs.read().len() as u64;
        Ok(Usage {
            tables: vec![
                TableUsage { table: "samples", rows: samples, bytes: 0, days: 0 },
                TableUsage { table: "logs", rows: logs, bytes: 0, days: 0 },
            ],
            wal_bytes: 0,
            active_streams: series.len() as u64,
        })
    }

    async fn close(&self) -> Result<(), UpkeepError> {
        Ok(())
    }
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
