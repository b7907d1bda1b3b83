//! Samples of a query on their way together, within its limits.

use std::collections::HashMap;

use model::{LabelSet, Sample, Series};
use storage::{QueryError, QueryLimits};

use crate::table::Row;

/// Takes samples older rows first: of two at one instant the later given wins.
pub struct Gathered {
    series: HashMap<LabelSet, Vec<Sample>>,
    limits: QueryLimits,
    /// Samples held, with those that others at the same instant may replace.
    held: u64,
    /// Samples held after they were last settled.
    settled: u64,
}

impl Gathered {
    pub fn new(limits: QueryLimits) -> Self {
        Self { series: HashMap::new(), limits, held: 0, settled: 0 }
    }

    /// Fails as soon as a limit is surely passed. Holds at most twice the limit, plus
    /// what was given last.
    pub fn add(&mut self, labels: &LabelSet, samples: Vec<Sample>) -> Result<(), QueryError> {
        if samples.is_empty() {
            return Ok(());
        }
        self.held += samples.len() as u64;
        match self.series.get_mut(labels) {
            Some(held) => held.extend(samples),
            None => {
                self.series.insert(labels.clone(), samples);
            }
        }
        check(self.series.len() as u64, self.limits.series_max, "series", "query.series_max")?;
        if self.held > self.settled.saturating_add(self.limits.samples_max) {
            self.settle()?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), QueryError> {
        self.series.values_mut().for_each(Sample::settle);
        self.held = self.series.values().map(|samples| samples.len() as u64).sum();
        self.settled = self.held;
        check(self.held, self.limits.samples_max, "samples", "query.samples_max")
    }

    pub fn finish(mut self) -> Result<Vec<Series>, QueryError> {
        self.settle()?;
        let series = self.series.into_iter().map(|(labels, samples)| Series { labels, samples });
        let mut series: Vec<Series> = series.collect();
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(series)
    }
}

pub fn check(count: u64, limit: u64, what: &'static str, setting: &'static str) -> Result<(), QueryError> {
    if count > limit { Err(QueryError::TooMuch { what, limit, setting }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use model::Timestamp;

    use super::*;

    fn sample(at: i64) -> Sample {
        Sample { at: Timestamp::from_secs(at), value: at as f64 }
    }

    #[test]
    fn samples_that_replace_each_other_do_not_count_against_the_limit() {
        let mut gathered = Gathered::new(QueryLimits { series_max: 1, samples_max: 2 });
        for _ in 0..10 {
            gathered.add(&LabelSet::empty(), vec![sample(2), sample(1)]).unwrap();
        }
        assert_eq!(gathered.finish().unwrap()[0].samples, [sample(1), sample(2)]);
    }

    #[test]
    fn a_query_ends_when_it_passes_a_limit() {
        let mut gathered = Gathered::new(QueryLimits { series_max: 1, samples_max: 2 });
        assert!(gathered.add(&LabelSet::empty(), vec![sample(1), sample(2), sample(3)]).is_err());
    }
}
