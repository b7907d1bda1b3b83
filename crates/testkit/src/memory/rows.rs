//! The rows of a store in memory, and what is the same for all signals.

use std::collections::BTreeMap;

use std::sync::Arc;

use model::{
    Attributes, Batch, Exemplar, ExemplarSeries, Histogram, HistogramSample, HistogramSeries, LabelSet,
    LogRecord, Matcher, Sample, Series, Span, SpanId, TimeRange, Timestamp, TraceId,
};
use storage::Signal;

#[derive(Debug, Default)]
pub struct Rows {
    pub series: BTreeMap<LabelSet, BTreeMap<Timestamp, f64>>,
    pub histograms: BTreeMap<LabelSet, BTreeMap<Timestamp, Arc<Histogram>>>,
    /// In order of time, then of arrival.
    pub exemplars: BTreeMap<LabelSet, Vec<Exemplar>>,
    /// In order of arrival.
    pub logs: Vec<LogRecord>,
    /// By what makes two spans the same one.
    pub spans: BTreeMap<(Timestamp, TraceId, SpanId), Span>,
}

/// What every row has, whatever its signal.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    pub signal: Signal,
    pub stream: &'a LabelSet,
    pub at: Timestamp,
    pub attributes: &'a Attributes,
}

static NO_ATTRIBUTES: Attributes = Vec::new();

impl<'a> Row<'a> {
    /// Of a signal whose rows have no attributes.
    fn bare(signal: Signal, stream: &'a LabelSet, at: Timestamp) -> Self {
        Self { signal, stream, at, attributes: &NO_ATTRIBUTES }
    }

    fn log(record: &'a LogRecord) -> Self {
        let LogRecord { stream, at, attributes, .. } = record;
        Self { signal: Signal::Logs, stream, at: *at, attributes }
    }

    fn span(span: &'a Span) -> Self {
        let Span { stream, start, attributes, .. } = span;
        Self { signal: Signal::Spans, stream, at: *start, attributes }
    }
}

impl Rows {
    pub fn add(&mut self, batch: Batch) {
        for series in batch.series {
            let samples = self.series.entry(series.labels).or_default();
            samples.extend(series.samples.into_iter().map(|sample| (sample.at, sample.value)));
        }
        for series in batch.histograms {
            let samples = self.histograms.entry(series.labels).or_default();
            samples.extend(series.samples.into_iter().map(|sample| (sample.at, sample.histogram)));
        }
        for series in batch.exemplars {
            let known = self.exemplars.entry(series.labels).or_default();
            for exemplar in series.exemplars {
                if !known.contains(&exemplar) {
                    known.push(exemplar);
                }
            }
            known.sort_by_key(|exemplar| exemplar.at);
        }
        self.logs.extend(batch.logs);
        self.spans.extend(batch.spans.into_iter().map(|span| ((span.start, span.trace, span.id), span)));
    }

    pub fn selected(&self, matchers: &[Matcher], range: TimeRange) -> Vec<Series> {
        self.series
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

    pub fn selected_histograms(&self, matchers: &[Matcher], range: TimeRange) -> Vec<HistogramSeries> {
        self.histograms
            .iter()
            .filter(|(labels, _)| matchers.iter().all(|matcher| matcher.matches(labels)))
            .map(|(labels, samples)| HistogramSeries {
                labels: labels.clone(),
                samples: samples
                    .range(range.start..=range.end)
                    .map(|(at, histogram)| HistogramSample { at: *at, histogram: Arc::clone(histogram) })
                    .collect(),
            })
            .filter(|series| !series.samples.is_empty())
            .collect()
    }

    pub fn selected_exemplars(&self, matchers: &[Matcher], range: TimeRange) -> Vec<ExemplarSeries> {
        self.exemplars
            .iter()
            .filter(|(labels, _)| matchers.iter().all(|matcher| matcher.matches(labels)))
            .map(|(labels, exemplars)| ExemplarSeries {
                labels: labels.clone(),
                exemplars: exemplars.iter().filter(|exemplar| range.contains(exemplar.at)).cloned().collect(),
            })
            .filter(|series| !series.exemplars.is_empty())
            .collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        let samples = self.series.iter().flat_map(|(stream, samples)| {
            samples.keys().map(move |at| Row::bare(Signal::Samples, stream, *at))
        });
        let histograms = self.histograms.iter().flat_map(|(stream, samples)| {
            samples.keys().map(move |at| Row::bare(Signal::Histograms, stream, *at))
        });
        let exemplars = self.exemplars.iter().flat_map(|(stream, exemplars)| {
            exemplars.iter().map(move |exemplar| Row::bare(Signal::Exemplars, stream, exemplar.at))
        });
        let events = self.logs.iter().map(Row::log).chain(self.spans.values().map(Row::span));
        samples.chain(histograms).chain(exemplars).chain(events)
    }

    pub fn keep_only(&mut self, keep: impl Fn(Row<'_>) -> bool) {
        self.series.retain(|stream, samples| {
            samples.retain(|at, _| keep(Row::bare(Signal::Samples, stream, *at)));
            !samples.is_empty()
        });
        self.histograms.retain(|stream, samples| {
            samples.retain(|at, _| keep(Row::bare(Signal::Histograms, stream, *at)));
            !samples.is_empty()
        });
        self.exemplars.retain(|stream, exemplars| {
            exemplars.retain(|exemplar| keep(Row::bare(Signal::Exemplars, stream, exemplar.at)));
            !exemplars.is_empty()
        });
        self.logs.retain(|record| keep(Row::log(record)));
        self.spans.retain(|_, span| keep(Row::span(span)));
    }
}
