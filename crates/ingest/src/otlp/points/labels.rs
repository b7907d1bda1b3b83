//! The labels of a point.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::KeyValue;

use super::name::{NameStrategy, label_name};
use crate::otlp::MetricSettings;
use crate::otlp::attribute::text_of;
use crate::otlp::resource::{IDENTIFYING, Sender};

/// Names and values of labels, without that of the metric.
#[derive(Debug)]
pub struct PointLabels(Vec<(String, String)>);

impl PointLabels {
    /// Attributes of the point win over those of the resource; `job` and `instance` over all.
    pub fn of(settings: &MetricSettings, sender: &Sender<'_>, attributes: &[KeyValue]) -> Self {
        let mut labels = joined(
            settings.names,
            sender.attributes.iter().filter(|attribute| settings.promotes(&attribute.key)),
        );
        labels.extend(joined(settings.names, attributes.iter()));
        for (name, value) in [("job", &sender.job), ("instance", &sender.instance)] {
            if !value.is_empty() {
                labels.insert(name.to_owned(), value.clone());
            }
        }
        Self(labels.into_iter().collect())
    }

    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    pub fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }
}

impl MetricSettings {
    fn promotes(&self, key: &str) -> bool {
        if self.promotes_all {
            !IDENTIFYING.contains(&key)
        } else {
            self.promoted.iter().any(|one| one == key)
        }
    }
}

/// Attributes whose names become the same label are joined, in order of their names.
pub fn joined<'a>(
    strategy: NameStrategy,
    attributes: impl Iterator<Item = &'a KeyValue>,
) -> BTreeMap<String, String> {
    let mut sorted: Vec<&KeyValue> = attributes.filter(|attribute| !attribute.key.is_empty()).collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    // Of the same name, the last one counts.
    sorted.reverse();
    sorted.dedup_by(|a, b| a.key == b.key);
    sorted.reverse();
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    for attribute in sorted {
        let (name, value) = (label_name(strategy, &attribute.key), text_of(attribute.value.as_ref()));
        match labels.get_mut(name.as_ref()) {
            None => drop(labels.insert(name.into_owned(), value)),
            Some(there) => {
                metrics::counter!("watchkeeper_otlp_label_collisions_total").increment(1);
                there.push(';');
                there.push_str(&value);
            }
        }
    }
    labels
}
