//! Batches row by row, whatever the table.

use model::{Attributes, Batch, Exemplar, LabelSet, Sample, Timestamp, Value};

use crate::table::Table;

/// What every row has.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    pub table: Table,
    pub at: Timestamp,
    pub stream: &'a LabelSet,
    /// Of log records and spans. Others have none.
    pub attributes: &'a Attributes,
}

static NO_ATTRIBUTES: Attributes = Vec::new();

/// Leaves out the rows that are not to be kept.
pub fn retain_rows(batch: &mut Batch, keep: impl Fn(Row<'_>) -> bool) {
    let keep_bare =
        |table, at, stream: &LabelSet| keep(Row { table, at, stream, attributes: &NO_ATTRIBUTES });
    batch.series.retain_mut(|series| {
        series.samples.retain(|sample| keep_bare(Table::Samples, sample.at, &series.labels));
        !series.samples.is_empty()
    });
    batch.histograms.retain_mut(|series| {
        series.samples.retain(|sample| keep_bare(Table::Histograms, sample.at, &series.labels));
        !series.samples.is_empty()
    });
    batch.exemplars.retain_mut(|series| {
        series.exemplars.retain(|exemplar| keep_bare(Table::Exemplars, exemplar.at, &series.labels));
        !series.exemplars.is_empty()
    });
    batch.logs.retain(|record| {
        let (table, attributes) = (Table::Logs, &record.attributes);
        keep(Row { table, at: record.at, stream: &record.stream, attributes })
    });
    batch.spans.retain(|span| {
        let (table, attributes) = (Table::Spans, &span.attributes);
        keep(Row { table, at: span.start, stream: &span.stream, attributes })
    });
}

/// The table and time of every row.
pub fn places(batch: &Batch) -> impl Iterator<Item = (Table, Timestamp)> {
    let samples = batch.series.iter().flat_map(|series| &series.samples);
    let histograms = batch.histograms.iter().flat_map(|series| &series.samples);
    let exemplars = batch.exemplars.iter().flat_map(|series| &series.exemplars);
    samples
        .map(|sample| (Table::Samples, sample.at))
        .chain(histograms.map(|sample| (Table::Histograms, sample.at)))
        .chain(exemplars.map(|exemplar| (Table::Exemplars, exemplar.at)))
        .chain(batch.logs.iter().map(|record| (Table::Logs, record.at)))
        .chain(batch.spans.iter().map(|span| (Table::Spans, span.start)))
}

/// Roughly what a batch takes as a WAL record, before compression.
pub fn batch_bytes(batch: &Batch) -> usize {
    const SAMPLE_BYTES: usize = 4 + size_of::<Sample>();
    let series =
        batch.series.iter().map(|series| series.labels.memory_bytes() + SAMPLE_BYTES * series.samples.len());
    let histograms = batch.histograms.iter().map(|series| {
        let sizes = series.samples.iter().map(|sample| crate::rows::histogram_size(&sample.histogram));
        series.labels.memory_bytes() + sizes.map(|size| 64 + 12 * size).sum::<usize>()
    });
    let exemplars = batch.exemplars.iter().map(|series| {
        let bytes = |exemplar: &Exemplar| 20 + exemplar.labels.memory_bytes();
        series.labels.memory_bytes() + series.exemplars.iter().map(bytes).sum::<usize>()
    });
    let logs = batch.logs.iter().map(|record| {
        64 + record.stream.memory_bytes() + record.body.len() + attribute_bytes(&record.attributes)
    });
    let spans = batch.spans.iter().map(|span| {
        let events =
            span.events.iter().map(|event| 16 + event.name.len() + attribute_bytes(&event.attributes));
        let links = span.links.iter().map(|link| 32 + attribute_bytes(&link.attributes));
        let texts = span.name.len() + span.status_message.len() + attribute_bytes(&span.attributes);
        64 + span.stream.memory_bytes() + texts + events.sum::<usize>() + links.sum::<usize>()
    });
    series.chain(histograms).chain(exemplars).chain(logs).chain(spans).sum()
}

fn attribute_bytes(attributes: &Attributes) -> usize {
    let text = |value: &Value| if let Value::Text(text) = value { text.len() } else { 8 };
    attributes.iter().map(|(name, value)| 8 + name.len() + text(value)).sum()
}
