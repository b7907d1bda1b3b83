//! What the records and spans of one scope of one resource share: the labels of their stream.

use model::{Attributes, LabelSet};
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};

use super::attribute::{text_of, value_of};
use super::resource::Sender;

/// Attributes of a resource that become labels. Further ones, and longer ones, go with each
/// record: a stream with more is refused by the store.
const LABELS_MAX: usize = 48;
const LABEL_BYTES_MAX: usize = 1024;

#[derive(Debug)]
pub struct Stream {
    pub labels: LabelSet,
    /// What the labels could not hold.
    pub rest: Attributes,
}

impl Stream {
    /// Attributes of a resource keep their names; those of a scope have `otel.scope.` before.
    pub fn of(sender: &Sender<'_>, scope: Option<&InstrumentationScope>) -> Self {
        let mut labels: Vec<(String, String)> = Vec::new();
        let mut rest = Attributes::new();
        for KeyValue { key, value, .. } in sender.attributes.iter().filter(|pair| !pair.key.is_empty()) {
            let text = text_of(value.as_ref());
            let fits = labels.len() < LABELS_MAX && key.len() + text.len() <= LABEL_BYTES_MAX;
            if fits {
                labels.push((key.clone(), text));
            } else {
                rest.push((format!("resource.{key}"), value_of(value.as_ref())));
            }
        }
        let scope_texts =
            scope.map(|scope| [("otel.scope.name", &scope.name), ("otel.scope.version", &scope.version)]);
        for (name, text) in scope_texts.into_iter().flatten() {
            if text.len() <= LABEL_BYTES_MAX {
                labels.push((name.to_owned(), text.clone()));
            } else {
                rest.push((name.to_owned(), text.as_str().into()));
            }
        }
        for pair in scope.map_or(&[][..], |scope| &scope.attributes) {
            rest.push((format!("otel.scope.{}", pair.key), value_of(pair.value.as_ref())));
        }
        let who = [("job", &sender.job), ("instance", &sender.instance)];
        labels.extend(who.map(|(name, text)| (name.to_owned(), text.clone())));
        labels.push(("source".to_owned(), "otlp".to_owned()));
        Self { labels: LabelSet::new(labels), rest }
    }
}
