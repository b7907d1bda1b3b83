//! What a row may be to be kept. A row that passes a limit is left out, counted, and
//! named to its sender; the rest of its batch is kept.

use std::collections::BTreeMap;

use model::{Attributes, Histogram, LabelSet, LogRecord, Span, Value};
use parking_lot::Mutex;
use storage::Appended;

use super::sources::{Offenders, source_of};
use crate::rows::histogram_size;
use crate::table::Table;

/// Bounds of streams and rows.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Of one table and day, at most [`columns::ROWS_MAX`].
    pub streams_max: u32,
    /// Of one source within a table and day.
    pub source_streams_max: u32,
    pub labels_max: usize,
    pub label_name_bytes_max: usize,
    pub label_value_bytes_max: usize,
    pub body_bytes_max: usize,
    pub attributes_max: usize,
    pub attribute_bytes_max: usize,
    /// Events and links of a span, together.
    pub span_parts_max: usize,
    /// Buckets and bounds of a native histogram, at most [`Limits::BUCKETS_MAX`].
    pub buckets_max: usize,
}

impl Default for Limits {
    /// Streams: twice what the design is measured with; one source may have all of them, for
    /// many a fleet is a single job. Labels: what agents and
    /// Kubernetes send, twice over. Bodies: a tool's whole output is cut by its sender at
    /// less. Span parts: twice OpenTelemetry's own default for events. Buckets: six times
    /// OpenTelemetry's default for exponential histograms.
    fn default() -> Self {
        Self {
            streams_max: 1_000_000,
            source_streams_max: 1_000_000,
            labels_max: 64,
            label_name_bytes_max: 1024,
            label_value_bytes_max: 4096,
            body_bytes_max: 1 << 20,
            attributes_max: 256,
            attribute_bytes_max: 1 << 20,
            span_parts_max: 256,
            buckets_max: 1024,
        }
    }
}

impl Limits {
    /// What pages of histograms are made for.
    pub const BUCKETS_MAX: usize = 4096;

    /// For rows that were accepted before.
    pub fn none() -> Self {
        Self {
            streams_max: columns::ROWS_MAX as u32,
            source_streams_max: u32::MAX,
            labels_max: usize::MAX,
            label_name_bytes_max: usize::MAX,
            label_value_bytes_max: usize::MAX,
            body_bytes_max: usize::MAX,
            attributes_max: usize::MAX,
            attribute_bytes_max: usize::MAX,
            span_parts_max: usize::MAX,
            buckets_max: usize::MAX,
        }
    }
}

/// One limit that a row passes: its setting (under `storage.`) and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit {
    pub setting: &'static str,
    pub most: usize,
}

fn check(count: usize, setting: &'static str, most: usize) -> Result<(), Limit> {
    if count <= most { Ok(()) } else { Err(Limit { setting, most }) }
}

impl Limits {
    /// A stream that would be the one numbered `number` in its day, and has so many of its
    /// source beside it.
    pub fn check_stream(&self, labels: &LabelSet, number: u32, of_source: u32) -> Result<(), Limit> {
        if number >= self.streams_max {
            return Err(Limit { setting: "streams_max", most: self.streams_max as usize });
        }
        if of_source >= self.source_streams_max {
            return Err(Limit { setting: "source_streams_max", most: self.source_streams_max as usize });
        }
        self.check_labels(labels)
    }

    /// Those of a stream or of an exemplar.
    pub fn check_labels(&self, labels: &LabelSet) -> Result<(), Limit> {
        check(labels.len(), "labels_max", self.labels_max)?;
        labels.iter().try_for_each(|(name, value)| {
            check(name.len(), "label_name_bytes_max", self.label_name_bytes_max)?;
            check(value.len(), "label_value_bytes_max", self.label_value_bytes_max)
        })
    }

    pub fn check_histogram(&self, histogram: &Histogram) -> Result<(), Limit> {
        check(histogram_size(histogram), "buckets_max", self.buckets_max)
    }

    pub fn check_record(&self, record: &LogRecord) -> Result<(), Limit> {
        check(record.body.len(), "body_bytes_max", self.body_bytes_max)?;
        self.check_attributes(&record.attributes)
    }

    pub fn check_span(&self, span: &Span) -> Result<(), Limit> {
        check(span.events.len() + span.links.len(), "span_parts_max", self.span_parts_max)?;
        check(span.name.len(), "body_bytes_max", self.body_bytes_max)?;
        check(span.status_message.len(), "body_bytes_max", self.body_bytes_max)?;
        self.check_attributes(&span.attributes)?;
        span.events.iter().try_for_each(|event| {
            check(event.name.len(), "body_bytes_max", self.body_bytes_max)?;
            self.check_attributes(&event.attributes)
        })?;
        span.links.iter().try_for_each(|link| self.check_attributes(&link.attributes))
    }

    fn check_attributes(&self, attributes: &Attributes) -> Result<(), Limit> {
        check(attributes.len(), "attributes_max", self.attributes_max)?;
        attributes.iter().try_for_each(|(name, value)| {
            let text = if let Value::Text(text) = value { text.len() } else { 0 };
            check(name.len() + text, "attribute_bytes_max", self.attribute_bytes_max)
        })
    }
}

/// Rows of one batch that were left out, by the limit and the source.
#[derive(Debug, Default)]
pub struct Refusals {
    rows: BTreeMap<(Limit, String), (u64, LabelSet)>,
    histograms: u64,
    exemplars: u64,
}

/// An offender is shown to people: what it shows is bounded, however long its labels are.
const EXAMPLE_CHARS_MAX: usize = 200;
const REASONS_MAX: usize = 16;

impl Refusals {
    pub fn add(&mut self, table: Table, limit: Limit, labels: &LabelSet, rows: usize) {
        match table {
            // Samples of what is kept anyway: nobody has to be told.
            Table::Exemplars => {
                self.exemplars += rows as u64;
                return;
            }
            Table::Histograms => self.histograms += rows as u64,
            _ => {}
        }
        let key = (limit, source_of(labels).to_owned());
        self.rows.entry(key).or_insert_with(|| (0, labels.clone())).0 += rows as u64;
    }

    /// Leaves out the rows of a series that pass a limit.
    pub fn retain<T>(
        &mut self,
        table: Table,
        labels: &LabelSet,
        rows: &mut Vec<T>,
        check: impl Fn(&T) -> Result<(), Limit>,
    ) {
        rows.retain(|row| check(row).map_err(|limit| self.add(table, limit, labels, 1)).is_ok());
    }

    pub fn into_appended(self, offenders: &Mutex<Offenders>) -> Appended {
        metrics::counter!("watchkeeper_store_exemplars_dropped_total").increment(self.exemplars);
        let mut appended = Appended {
            refused_histograms: self.histograms,
            dropped_exemplars: self.exemplars,
            ..Appended::default()
        };
        for ((limit, source), (rows, example)) in self.rows {
            offenders.lock().add(&source, limit.setting, rows);
            metrics::counter!("watchkeeper_store_rows_refused_total", "limit" => limit.setting)
                .increment(rows);
            let example: String = example.to_string().chars().take(EXAMPLE_CHARS_MAX).collect();
            appended.refused += rows;
            let Limit { setting, most } = limit;
            if appended.reasons.len() < REASONS_MAX {
                appended
                    .reasons
                    .push(format!("{rows} rows pass `storage.{setting}` = {most}, such as one of {example}"));
            }
        }
        appended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_limit_and_an_offender_in_bounds() {
        let labels = LabelSet::new([("a", "x".repeat(5000))]);
        let limit = Limits::default().check_stream(&labels, 0, 0);
        assert_eq!(limit, Err(Limit { setting: "label_value_bytes_max", most: 4096 }));
        let mut refusals = Refusals::default();
        refusals.add(Table::Samples, Limit { setting: "label_value_bytes_max", most: 4096 }, &labels, 3);
        let offenders = Mutex::default();
        let appended = refusals.into_appended(&offenders);
        assert_eq!(offenders.lock().worst(9)[0].refused, 3);
        assert_eq!(appended.refused, 3);
        assert!(
            appended.reasons[0]
                .starts_with("3 rows pass `storage.label_value_bytes_max` = 4096, such as one of {a=")
        );
        assert!(appended.reasons[0].len() < 300);
    }
}
