//! OTLP's metrics as Prometheus' samples.
//!
//! [`convert`] walks a request point by point. A point becomes a [`Total`]; deltas are added to
//! what [`Streams`] remembers of their series; [`Rows`] writes the series that Prometheus has
//! for it. What is wrong with one point costs that point only. Source:
//! <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>

mod labels;
pub mod name;
mod rows;
pub mod streams;
mod target_info;
mod total;

use std::hash::Hasher;

use model::{Exemplar, LabelSet, Timestamp};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value as ExemplarValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    self as otlp, AggregationTemporality, Metric, SummaryDataPoint,
};
use xxhash_rust::xxh3::Xxh3;

use super::MetricSettings;
use super::attribute::hash;
use super::received::{Received, too_new};
use super::resource::Sender;
use crate::exposition::FamilyKind;
use labels::PointLabels;
use name::{NameKind, metric_name};
use rows::{Family, Rows};
use streams::{Beginning, Span, Streams, Written};
use total::Total;

/// What is wrong with one point.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
    #[error("it has no value")]
    NoValue,
    #[error("its buckets do not fit its bounds, or are too many or too far out")]
    Buckets,
    #[error("its scale {0} is below -4")]
    Scale(i32),
    #[error("it overlaps what was counted before: a duplicate")]
    Overlap,
    #[error("its temporality is neither delta nor cumulative")]
    Temporality,
    #[error("its time is more than a day in the future")]
    Future,
}

/// Flag of a point: there is no value, the series ended.
const NO_RECORDED_VALUE: u32 = 1;

/// Whether totals will be changed, for which requests take turns.
pub fn has_delta(request: &ExportMetricsServiceRequest) -> bool {
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    let temporalities = scopes.flat_map(|scope| &scope.metrics).filter_map(|metric| match &metric.data {
        Some(Data::Sum(sum)) => Some(sum.aggregation_temporality()),
        Some(Data::Histogram(histogram)) => Some(histogram.aggregation_temporality()),
        Some(Data::ExponentialHistogram(histogram)) => Some(histogram.aggregation_temporality()),
        _ => None,
    });
    temporalities.into_iter().any(|temporality| temporality == AggregationTemporality::Delta)
}

/// What is well of a request. Points are counted one by one, however many samples they make.
pub fn convert(
    request: &ExportMetricsServiceRequest,
    settings: &MetricSettings,
    streams: &mut Streams,
    now: Timestamp,
) -> Received {
    let mut received = Received::default();
    for resource in &request.resource_metrics {
        let sender = Sender::of(resource.resource.as_ref());
        let mut walk = Walk { settings, sender: &sender, streams, now, received: &mut received, times: None };
        let mut rows = Rows::default();
        for scope in &resource.scope_metrics {
            let scope_hash = hash_of_scope(sender.hash, scope.scope.as_ref());
            for metric in &scope.metrics {
                walk.metric(metric, scope_hash, &mut rows);
            }
        }
        if let Some(times) = walk.times {
            target_info::write(&sender, settings, times, &mut rows);
        }
        received.absorb(rows.batch);
    }
    received
}

fn hash_of_scope(resource: u128, scope: Option<&InstrumentationScope>) -> u128 {
    let mut hasher = Xxh3::new();
    hasher.write_u128(resource);
    if let Some(scope) = scope {
        hash_texts(&mut hasher, &[&scope.name, &scope.version]);
        hasher.write_u128(hash(&scope.attributes));
    }
    hasher.digest128()
}

fn hash_texts(hasher: &mut Xxh3, texts: &[&str]) {
    for text in texts {
        hasher.write_usize(text.len());
        hasher.update(text.as_bytes());
    }
}

/// One resource on its way.
struct Walk<'a> {
    settings: &'a MetricSettings,
    sender: &'a Sender<'a>,
    streams: &'a mut Streams,
    now: Timestamp,
    received: &'a mut Received,
    /// The first and the last instant of its points, in milliseconds.
    times: Option<(i64, i64)>,
}

/// What the points of one metric have in common.
struct Common<'a> {
    name: String,
    /// Of the resource, the scope and the metric.
    hash: u128,
    temporality: Option<AggregationTemporality>,
    /// Its value only grows until it begins again.
    counts: bool,
    metric: &'a Metric,
}

/// What points of all kinds have.
struct Point<'a> {
    attributes: &'a [KeyValue],
    span: Span,
    flags: u32,
    exemplars: &'a [otlp::Exemplar],
}

macro_rules! point {
    ($point:expr, $exemplars:expr) => {
        Point {
            attributes: &$point.attributes,
            span: Span { start: $point.start_time_unix_nano, end: $point.time_unix_nano },
            flags: $point.flags,
            exemplars: $exemplars,
        }
    };
}

impl Walk<'_> {
    fn metric(&mut self, metric: &Metric, scope_hash: u128, rows: &mut Rows) {
        let Some(data) = &metric.data else { return };
        let (kind, name_kind) = match data {
            Data::Gauge(_) => (FamilyKind::Gauge, NameKind::Gauge),
            Data::Sum(sum) if sum.is_monotonic => (FamilyKind::Counter, NameKind::Counter),
            Data::Sum(_) => (FamilyKind::Gauge, NameKind::Other),
            Data::Histogram(_) | Data::ExponentialHistogram(_) => (FamilyKind::Histogram, NameKind::Other),
            Data::Summary(_) => (FamilyKind::Summary, NameKind::Other),
        };
        let name = metric_name(self.settings.names, &metric.name, &metric.unit, name_kind);
        self.received.note(&name, kind, &metric.description, &metric.unit);
        let mut hasher = Xxh3::new();
        hasher.write_u128(scope_hash);
        hash_texts(&mut hasher, &[&metric.name, &metric.unit]);
        let common = |temporality, counts| Common {
            name: name.clone(),
            hash: hasher.digest128(),
            temporality,
            counts,
            metric,
        };
        match data {
            Data::Gauge(gauge) => {
                let common = common(Some(AggregationTemporality::Cumulative), false);
                for point in &gauge.data_points {
                    self.point(&common, &point!(point, &point.exemplars), Total::of_number(point), rows);
                }
            }
            Data::Sum(sum) => {
                let common = common(temporality(sum.aggregation_temporality), sum.is_monotonic);
                for point in &sum.data_points {
                    self.point(&common, &point!(point, &point.exemplars), Total::of_number(point), rows);
                }
            }
            Data::Histogram(histogram) => {
                let common = common(temporality(histogram.aggregation_temporality), true);
                for point in &histogram.data_points {
                    self.point(&common, &point!(point, &point.exemplars), Total::of_classic(point), rows);
                }
            }
            Data::ExponentialHistogram(histogram) => {
                let common = common(temporality(histogram.aggregation_temporality), true);
                for point in &histogram.data_points {
                    self.point(&common, &point!(point, &point.exemplars), Total::of_exponential(point), rows);
                }
            }
            Data::Summary(summary) => {
                let common = common(Some(AggregationTemporality::Cumulative), true);
                for point in &summary.data_points {
                    self.summary(&common, point, rows);
                }
            }
        }
    }

    fn point(
        &mut self,
        common: &Common<'_>,
        point: &Point<'_>,
        total: Result<Total, PointError>,
        rows: &mut Rows,
    ) {
        if let Err(error) = self.try_point(common, point, total, rows) {
            self.received.refuse(&format_args!("a point of `{}`: {error}", common.metric.name));
        }
    }

    fn try_point(
        &mut self,
        common: &Common<'_>,
        point: &Point<'_>,
        total: Result<Total, PointError>,
        rows: &mut Rows,
    ) -> Result<(), PointError> {
        let span = self.span(point.span)?;
        let temporality = common.temporality.ok_or(PointError::Temporality)?;
        let mut labels = PointLabels::of(self.settings, self.sender, point.attributes);
        if point.flags & NO_RECORDED_VALUE != 0 {
            let shape = total.or_else(|_| shape_of(common))?;
            rows.stale(Family { name: &common.name, labels: labels.pairs() }, &shape, span.end_ms());
            self.accept(span.end_ms());
            return Ok(());
        }
        let total = total?;
        let series = Family { name: &common.name, labels: labels.pairs() }.labels().hash();
        let plain = |total, zero_ms| Written { total, at_ms: span.end_ms(), zero_ms, is_repeated: false };
        let written = match temporality {
            AggregationTemporality::Delta => {
                self.streams.add(series, writer(common.hash, point.attributes), &total, span)?
            }
            _ if !common.counts => plain(total, None),
            _ => match self.streams.begin(series, span) {
                Beginning::Known => plain(total, None),
                Beginning::New(zero_ms) => plain(total, zero_ms),
                Beginning::Beside => {
                    labels.push("otel_start_time", &Timestamp::from_millis(span.start_ms()).to_rfc3339());
                    plain(total, None)
                }
            },
        };
        let family = Family { name: &common.name, labels: labels.pairs() };
        if let Some(zero_ms) = written.zero_ms.filter(|_| common.counts) {
            rows.total(family, &written.total.zero(), zero_ms);
        }
        rows.total(family, &written.total, written.at_ms);
        for exemplar in point.exemplars {
            if let Some(exemplar) = self.exemplar(exemplar, span) {
                rows.exemplar(family, &written.total, exemplar);
            }
        }
        if written.is_repeated {
            return Err(PointError::Overlap);
        }
        self.accept(span.end_ms());
        Ok(())
    }

    fn summary(&mut self, common: &Common<'_>, point: &SummaryDataPoint, rows: &mut Rows) {
        let span = Span { start: point.start_time_unix_nano, end: point.time_unix_nano };
        let span = match self.span(span) {
            Ok(span) => span,
            Err(error) => {
                self.received.refuse(&format_args!("a point of `{}`: {error}", common.metric.name));
                return;
            }
        };
        let labels = PointLabels::of(self.settings, self.sender, &point.attributes);
        let family = Family { name: &common.name, labels: labels.pairs() };
        let is_stale = point.flags & NO_RECORDED_VALUE != 0;
        let value = |value| if is_stale { model::STALE_NAN } else { value };
        let quantiles: Vec<_> =
            point.quantile_values.iter().map(|quantile| (quantile.quantile, value(quantile.value))).collect();
        let counted = (value(point.count as f64), value(point.sum));
        rows.summary(family, counted, &quantiles, span.end_ms());
        self.accept(span.end_ms());
    }

    /// With the time of arrival where there is none.
    fn span(&self, span: Span) -> Result<Span, PointError> {
        let now = u64::try_from(self.now.as_nanos()).unwrap_or(0);
        let span = if span.end == 0 { Span { end: now, ..span } } else { span };
        if too_new(span.end, self.now) { Err(PointError::Future) } else { Ok(span) }
    }

    fn accept(&mut self, at_ms: i64) {
        self.received.accepted += 1;
        let (first, last) = self.times.unwrap_or((at_ms, at_ms));
        self.times = Some((first.min(at_ms), last.max(at_ms)));
    }

    /// None when it has no value.
    fn exemplar(&self, exemplar: &otlp::Exemplar, span: Span) -> Option<Exemplar> {
        let value = match exemplar.value? {
            ExemplarValue::AsDouble(value) => value,
            ExemplarValue::AsInt(value) => value as f64,
        };
        let nanos = if exemplar.time_unix_nano == 0 { span.end } else { exemplar.time_unix_nano };
        let ids = [("trace_id", &exemplar.trace_id), ("span_id", &exemplar.span_id)];
        let ids = ids.into_iter().filter(|(_, id)| id.iter().any(|byte| *byte != 0));
        let ids = ids.map(|(name, id)| (name.to_owned(), hexadecimal(id)));
        let others = labels::joined(self.settings.names, exemplar.filtered_attributes.iter());
        let at = Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX));
        Some(Exemplar { at, value, labels: LabelSet::new(others.into_iter().chain(ids)) })
    }
}

fn temporality(number: i32) -> Option<AggregationTemporality> {
    AggregationTemporality::try_from(number)
        .ok()
        .filter(|found| *found != AggregationTemporality::Unspecified)
}

/// Of a point that has no value to show it.
fn shape_of(common: &Common<'_>) -> Result<Total, PointError> {
    match &common.metric.data {
        Some(Data::Gauge(_) | Data::Sum(_)) => Ok(Total::Number(0.0)),
        _ => Err(PointError::NoValue),
    }
}

fn writer(metric: u128, attributes: &[KeyValue]) -> u128 {
    let mut hasher = Xxh3::new();
    hasher.write_u128(metric);
    hasher.write_u128(hash(attributes));
    hasher.digest128()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
