//! Rows by name, for requirements that are the same for all signals.

use std::sync::Arc;

use model::{
    Batch, Exemplar, ExemplarSeries, Histogram, HistogramSample, HistogramSeries, LabelSet, LogRecord,
    LogSeverity, Span, SpanId, SpanKind, SpanStatus, TimeRange, TraceId,
};
use storage::{LogQuery, Signal, SpanQuery, Store};

use super::{MIDNIGHT, NO_LIMITS, append_batch, at};

/// A row by its signal, its job and its second after midnight.
pub type Row = (Signal, String, i64);

/// A row of each signal, all of `job` and at one instant. The log record and the span have
/// the attributes `who`, a text, and `secs`, a number.
fn one_of_each(job: &str, secs: i64) -> Batch {
    let attributes = vec![("who".to_owned(), job.into()), ("secs".to_owned(), model::Value::Int(secs))];
    let stream = LabelSet::new([("job", job)]);
    let mut record = LogRecord::new(at(secs), stream.clone(), LogSeverity::Info, "one line");
    record.attributes.clone_from(&attributes);
    let span = Span { attributes, id: SpanId([job.as_bytes()[0]; 8]), ..bare_span(stream, secs) };
    let labels = LabelSet::metric("up", [("job", job)]);
    let histogram = Arc::new(Histogram { count: 1.0, zero_count: 1.0, ..Histogram::default() });
    let samples = vec![HistogramSample { at: at(secs), histogram }];
    let exemplar = Exemplar { at: at(secs), value: 1.0, labels: LabelSet::new([("trace_id", job)]) };
    let mut batch = Batch {
        histograms: vec![HistogramSeries { labels: labels.clone(), samples }],
        exemplars: vec![ExemplarSeries { labels: labels.clone(), exemplars: vec![exemplar] }],
        logs: vec![record],
        spans: vec![span],
        ..Batch::default()
    };
    batch.push_sample(labels, at(secs), 1.0);
    batch
}

/// A root without any attributes, whose ids follow from its second.
pub fn bare_span(stream: LabelSet, secs: i64) -> Span {
    Span {
        trace: TraceId(i128::from(secs).to_be_bytes()),
        id: SpanId(secs.to_be_bytes()),
        parent: None,
        stream,
        name: String::new(),
        kind: SpanKind::Unspecified,
        status: SpanStatus::Unset,
        status_message: String::new(),
        start: at(secs),
        duration_nanos: 0,
        attributes: Vec::new(),
        events: Vec::new(),
        links: Vec::new(),
    }
}

/// A row of each signal at each of the places.
pub async fn append_rows(store: &dyn Store, places: &[(&str, i64)]) {
    for (job, secs) in places {
        append_batch(store, one_of_each(job, *secs)).await;
    }
}

/// The rows of these signals at each of the places, in order.
pub fn named(signals: &[Signal], places: &[(&str, i64)]) -> Vec<Row> {
    let of = |signal: Signal| places.iter().map(move |(job, secs)| (signal, (*job).to_owned(), *secs));
    sorted(signals.iter().flat_map(|signal| of(*signal)).collect())
}

/// All rows that the store has, in order.
pub async fn rows_of(store: &Arc<dyn Store>) -> Vec<Row> {
    let row = |signal, stream: &LabelSet, at: model::Timestamp| {
        (signal, stream.value("job").to_owned(), at.as_secs() - MIDNIGHT)
    };
    let series = store.select(&[], TimeRange::ALL, NO_LIMITS).await.expect("a selection succeeds");
    let logs = store.search_logs(&LogQuery::of(TimeRange::ALL)).await.expect("a search succeeds");
    let spans = store.search_spans(&SpanQuery::of(TimeRange::ALL)).await.expect("a search succeeds");
    let samples = series.iter().flat_map(|series| {
        series.samples.iter().map(|sample| row(Signal::Samples, &series.labels, sample.at))
    });
    let (all, none) = (TimeRange::ALL, NO_LIMITS);
    let histograms = store.select_histograms(&[], all, none).await.expect("a selection succeeds");
    let histograms = histograms.iter().flat_map(|series| {
        series.samples.iter().map(|sample| row(Signal::Histograms, &series.labels, sample.at))
    });
    let exemplars = store.select_exemplars(&[], all, none).await.expect("a selection succeeds");
    let exemplars = exemplars.iter().flat_map(|series| {
        series.exemplars.iter().map(|exemplar| row(Signal::Exemplars, &series.labels, exemplar.at))
    });
    let logs = logs.iter().map(|record| row(Signal::Logs, &record.stream, record.at));
    let spans = spans.iter().map(|span| row(Signal::Spans, &span.stream, span.start));
    sorted(samples.chain(histograms).chain(exemplars).chain(logs).chain(spans).collect())
}

pub fn without(all: &[Row], gone: &[Row]) -> Vec<Row> {
    all.iter().filter(|row| !gone.contains(row)).cloned().collect()
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort();
    rows
}
