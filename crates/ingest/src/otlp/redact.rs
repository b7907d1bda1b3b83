//! Takes secrets out of a request before anything is made of it: of every text in it, names
//! included, by the rules of [`redaction`].

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use redaction::{is_secret_name, redact, redact_value};

use super::body::Request;

pub fn request(request: &mut Request) {
    match request {
        Request::Metrics(request) => {
            for resource in &mut request.resource_metrics {
                self::resource(resource.resource.as_mut());
                for scope in &mut resource.scope_metrics {
                    self::scope(scope.scope.as_mut());
                    scope.metrics.iter_mut().for_each(metric);
                }
            }
        }
        Request::Logs(request) => {
            for resource in &mut request.resource_logs {
                self::resource(resource.resource.as_mut());
                for scope in &mut resource.scope_logs {
                    self::scope(scope.scope.as_mut());
                    scope.log_records.iter_mut().for_each(log);
                }
            }
        }
        Request::Traces(request) => {
            for resource in &mut request.resource_spans {
                self::resource(resource.resource.as_mut());
                for scope in &mut resource.scope_spans {
                    self::scope(scope.scope.as_mut());
                    scope.spans.iter_mut().for_each(span);
                }
            }
        }
    }
}

fn resource(resource: Option<&mut Resource>) {
    if let Some(resource) = resource {
        attributes(&mut resource.attributes);
    }
}

fn scope(scope: Option<&mut InstrumentationScope>) {
    if let Some(scope) = scope {
        texts([&mut scope.name, &mut scope.version]);
        attributes(&mut scope.attributes);
    }
}

fn metric(metric: &mut Metric) {
    texts([&mut metric.name, &mut metric.description, &mut metric.unit]);
    let exemplars = |exemplars: &mut Vec<Exemplar>| {
        exemplars.iter_mut().for_each(|one| attributes(&mut one.filtered_attributes));
    };
    match &mut metric.data {
        Some(Data::Gauge(otlp)) => otlp.data_points.iter_mut().for_each(|point| {
            attributes(&mut point.attributes);
            exemplars(&mut point.exemplars);
        }),
        Some(Data::Sum(otlp)) => otlp.data_points.iter_mut().for_each(|point| {
            attributes(&mut point.attributes);
            exemplars(&mut point.exemplars);
        }),
        Some(Data::Histogram(otlp)) => otlp.data_points.iter_mut().for_each(|point| {
            attributes(&mut point.attributes);
            exemplars(&mut point.exemplars);
        }),
        Some(Data::ExponentialHistogram(otlp)) => otlp.data_points.iter_mut().for_each(|point| {
            attributes(&mut point.attributes);
            exemplars(&mut point.exemplars);
        }),
        Some(Data::Summary(otlp)) => {
            otlp.data_points.iter_mut().for_each(|point| attributes(&mut point.attributes));
        }
        None => {}
    }
}

fn log(record: &mut LogRecord) {
    texts([&mut record.severity_text, &mut record.event_name]);
    if let Some(body) = &mut record.body {
        value("", body);
    }
    attributes(&mut record.attributes);
}

fn span(span: &mut Span) {
    texts([&mut span.name, &mut span.trace_state]);
    attributes(&mut span.attributes);
    for event in &mut span.events {
        text(&mut event.name);
        attributes(&mut event.attributes);
    }
    for link in &mut span.links {
        text(&mut link.trace_state);
        attributes(&mut link.attributes);
    }
    if let Some(status) = &mut span.status {
        text(&mut status.message);
    }
}

fn attributes(attributes: &mut [KeyValue]) {
    for pair in attributes {
        attribute("", pair);
    }
}

/// What is nested in a secret is secret.
fn attribute(outer: &str, pair: &mut KeyValue) {
    let name = if is_secret_name(outer) { outer.to_owned() } else { pair.key.clone() };
    if let Some(nested) = &mut pair.value {
        value(&name, nested);
    }
    text(&mut pair.key);
}

/// Nested only as deeply as messages are.
fn value(name: &str, any: &mut AnyValue) {
    match &mut any.value {
        Some(Value::StringValue(text)) => replace(text, |text| redact_value(name, text)),
        Some(Value::ArrayValue(list)) => list.values.iter_mut().for_each(|one| value(name, one)),
        Some(Value::KvlistValue(list)) => list.values.iter_mut().for_each(|pair| attribute(name, pair)),
        // Bytes are kept in base64, where no rule would see what is in them.
        Some(Value::BytesValue(bytes)) => {
            if let Ok(text) = std::str::from_utf8(bytes)
                && let Cow::Owned(redacted) = redact_value(name, text)
            {
                any.value = Some(Value::StringValue(redacted));
            }
        }
        Some(Value::BoolValue(_) | Value::IntValue(_) | Value::DoubleValue(_))
        | Some(Value::StringValueStrindex(_))
        | None => {}
    }
}

fn texts<const N: usize>(texts: [&mut String; N]) {
    texts.into_iter().for_each(text);
}

fn text(text: &mut String) {
    replace(text, redact);
}

/// Without a copy where there is nothing to take out.
fn replace(text: &mut String, redacted: impl FnOnce(&str) -> Cow<'_, str>) {
    let replaced = match redacted(text) {
        Cow::Borrowed(_) => return,
        Cow::Owned(replaced) => replaced,
    };
    *text = replaced;
}
