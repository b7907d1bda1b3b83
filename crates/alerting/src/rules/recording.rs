//! A recording rule: what a query finds, under a name of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{LabelSet, METRIC_NAME};
use promql::Query;

#[derive(Clone, Debug)]
pub struct Recording {
    /// The metric that is written.
    pub name: String,
    pub query: Query,
    /// Put onto the labels of the query's answer. An empty value takes a label away.
    pub labels: Vec<(String, String)>,
    /// How far in the past the query looks, and the samples lie: `query_offset` of the group.
    pub offset: Duration,
    /// How many series it may record: `limit` of the group.
    pub limit: Option<usize>,
}

impl Recording {
    /// The series that an answer is recorded as.
    pub(crate) fn series(&self, found: Vec<(LabelSet, f64)>) -> Result<BTreeMap<LabelSet, f64>, String> {
        if let Some(limit) = self.limit.filter(|limit| found.len() > *limit) {
            return Err(format!("it finds {} series where `limit` allows {limit}", found.len()));
        }
        let mut series = BTreeMap::new();
        for (labels, value) in found {
            let named =
                self.labels.iter().fold(labels.with(METRIC_NAME, &self.name), |labels, (name, text)| {
                    match text.as_str() {
                        "" => labels.without(&[name]),
                        text => labels.with(name, text),
                    }
                });
            if series.insert(named, value).is_some() {
                return Err("two series have the same labels after those of the rule were put on".to_owned());
            }
        }
        Ok(series)
    }
}
