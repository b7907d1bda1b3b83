//! What rules write: recorded series, and the series about alerts.
//!
//! What the rules of a group write is put together and appended in one batch, at the end or
//! before a rule that reads some of it: each sees what those before it have written, and a
//! group of a thousand rules does not wait a thousand times for the disk.

use std::collections::{BTreeMap, BTreeSet};

use model::{Batch, LabelSet, METRIC_NAME, STALE_NAN, Timestamp};
use promql::Query;

use super::loaded::ActiveAlert;

/// Not appended yet.
#[derive(Debug, Default)]
pub(crate) struct Output {
    batch: Batch,
    names: BTreeSet<String>,
    /// The rules that wrote it, each with all series that it writes now.
    writers: Vec<(usize, BTreeSet<LabelSet>)>,
}

impl Output {
    /// `rule` writes these series; those that it wrote `before` and not now end.
    pub(crate) fn write(
        &mut self,
        rule: usize,
        series: BTreeMap<LabelSet, f64>,
        before: &BTreeSet<LabelSet>,
        at: Timestamp,
    ) {
        let present: BTreeSet<LabelSet> = series.keys().cloned().collect();
        for ended in before.difference(&present) {
            self.push(ended.clone(), at, STALE_NAN);
        }
        for (labels, value) in series {
            self.push(labels, at, value);
        }
        if !(present.is_empty() && before.is_empty()) {
            self.writers.push((rule, present));
        }
    }

    fn push(&mut self, labels: LabelSet, at: Timestamp, value: f64) {
        let name = labels.metric_name().unwrap_or_default();
        if !self.names.contains(name) {
            self.names.insert(name.to_owned());
        }
        self.batch.push_sample(labels, at, value);
    }

    /// Whether the query may find some of it.
    pub(super) fn is_read_by(&self, query: &Query) -> bool {
        !self.names.is_empty()
            && query.selections().any(|matchers| {
                let of_name = || matchers.iter().filter(|matcher| matcher.name() == METRIC_NAME);
                self.names.iter().any(|name| of_name().all(|matcher| matcher.matches_value(name)))
            })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.writers.is_empty()
    }

    pub(crate) fn take(&mut self) -> (Batch, Vec<(usize, BTreeSet<LabelSet>)>) {
        let Output { batch, writers, .. } = std::mem::take(self);
        (batch, writers)
    }
}

/// `ALERTS` and `ALERTS_FOR_STATE` as Prometheus writes them.
pub(crate) fn series_of(alerts: &[ActiveAlert]) -> BTreeMap<LabelSet, f64> {
    alerts
        .iter()
        .flat_map(|alert| {
            let state = if alert.is_firing { "firing" } else { "pending" };
            let shown = alert.labels.with(METRIC_NAME, "ALERTS").with("alertstate", state);
            let since = alert.labels.with(METRIC_NAME, "ALERTS_FOR_STATE");
            [(shown, 1.0), (since, alert.active_at.as_secs() as f64)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_query_reads_what_it_may_find() {
        let mut output = Output::default();
        let series = BTreeMap::from([(LabelSet::metric("job:up:sum", [("job", "a")]), 1.0)]);
        output.write(0, series, &BTreeSet::new(), Timestamp::from_secs(1));
        for (query, is_read) in [
            ("job:up:sum > 1", true),
            ("up", false),
            ("sum({job=\"a\"})", true),
            ("{__name__=~\"job:.*\"}", true),
            ("vector(1)", false),
        ] {
            assert_eq!(output.is_read_by(&promql::parse(query).unwrap()), is_read, "{query}");
        }
        output.take();
        assert!(output.is_empty() && !output.is_read_by(&promql::parse("job:up:sum").unwrap()));
    }
}
