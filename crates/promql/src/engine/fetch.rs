//! Reading what a plan needs: each selector once, all of them within one limit.
//!
//! What the store gives is held as [`Selected`] until the thread that computes makes
//! [`Fetched`] of it: that touches every sample, and must not keep others waiting.

use std::sync::Arc;

use model::{HistogramSeries, Series};
use storage::{QueryError, QueryLimits};

use super::Engine;
use crate::EvalError;
use crate::eval::Watch;
use crate::parse::Query;
use crate::plan::{Fetched, Plan};

/// What the store gave for one selector.
pub enum Selected {
    Read {
        series: Vec<Series>,
        histograms: Vec<HistogramSeries>,
    },
    /// The same as for an earlier selector.
    SameAs(usize),
}

impl Selected {
    /// A histogram counts as many as it has buckets, and one.
    pub fn point_count(&self) -> u64 {
        let Selected::Read { series, histograms } = self else { return 0 };
        let samples = histograms.iter().flat_map(|series| &series.samples);
        let buckets =
            samples.map(|sample| 1 + sample.histogram.positive.len() + sample.histogram.negative.len());
        let floats = series.iter().map(|series| series.samples.len());
        floats.chain(buckets).map(|count| count as u64).sum()
    }
}

/// By the index of the selector.
pub fn fetched(query: &Query, selected: Vec<Selected>) -> Vec<Arc<Fetched>> {
    let mut all: Vec<Arc<Fetched>> = Vec::with_capacity(selected.len());
    for (selected, selector) in selected.into_iter().zip(query.selectors()) {
        let fetched = match selected {
            Selected::Read { series, histograms } => {
                let mut fetched = Fetched::new(series, selector.is_range);
                if !histograms.is_empty() {
                    fetched.add_histograms(histograms, selector.is_range, selector.tells_resets);
                }
                Arc::new(fetched)
            }
            Selected::SameAs(earlier) => all.get(earlier).map(Arc::clone).unwrap_or_default(),
        };
        all.push(fetched);
    }
    all
}

impl Engine {
    pub(super) async fn fetch(
        &self,
        query: &Query,
        plan: &Plan,
        watch: &Watch,
    ) -> Result<Vec<Selected>, EvalError> {
        let limits = self.settings.limits;
        let mut left = limits.samples_max;
        let mut all = Vec::with_capacity(plan.fetches.len());
        for (fetch, selector) in plan.fetches.iter().zip(query.selectors()) {
            watch.check()?;
            if let Some(same) = fetch.same_as {
                all.push(Selected::SameAs(same));
                continue;
            }
            let mut selected = Selected::Read { series: Vec::new(), histograms: Vec::new() };
            if fetch.range.start <= fetch.range.end {
                let (matchers, range) = (&selector.matchers, fetch.range);
                let within = QueryLimits { samples_max: left, ..limits };
                let series = self.in_time(watch, self.reader.select(matchers, range, within)).await?;
                let floats: usize = series.iter().map(|series| series.samples.len()).sum();
                let within = QueryLimits { samples_max: left.saturating_sub(floats as u64), ..limits };
                let reading = self.reader.select_histograms(matchers, range, within);
                selected = Selected::Read { series, histograms: self.in_time(watch, reading).await? };
            }
            left = left.saturating_sub(selected.point_count());
            all.push(selected);
        }
        Ok(all)
    }

    async fn in_time<T>(
        &self,
        watch: &Watch,
        reading: impl Future<Output = Result<T, QueryError>>,
    ) -> Result<T, EvalError> {
        tokio::select! {
            read = reading => read.map_err(|error| whole_limit(error, self.settings.limits)),
            () = self.clock.sleep(watch.left()) => Err(EvalError::Timeout(watch.timeout)),
        }
    }
}

/// The store was told what is left of the limit; the operator knows the whole.
fn whole_limit(error: QueryError, limits: QueryLimits) -> EvalError {
    match error {
        QueryError::TooMuch { what: "samples", .. } => {
            EvalError::TooManySamples { limit: limits.samples_max }
        }
        other => EvalError::Storage(other),
    }
}
