//! `prometheus.WriteRequest`: each series spells its labels out.

use std::sync::Arc;

use model::{Exemplar, ExemplarSeries, HistogramSample, HistogramSeries, LabelSet, SeriesSamples, Timestamp};

use super::labels::{KnownSeries, LabelError, exemplar_labels, label_set};
use super::wire::{Fields, Malformed, Value};
use super::{FamilyMetadata, Received, WriteError, histogram, kind_of_number, read_sample};
use crate::exposition::FamilyKind;

pub fn read(message: &[u8], known: &KnownSeries) -> Result<Received, WriteError> {
    let mut received = Received::default();
    for field in Fields::new(message) {
        match field? {
            (1, Value::Bytes(series)) => read_series(series, known, &mut received)?,
            (3, Value::Bytes(metadata)) => received.metadata.extend(read_metadata(metadata)?),
            _ => {}
        }
    }
    Ok(received)
}

fn read_series(bytes: &[u8], known: &KnownSeries, received: &mut Received) -> Result<(), WriteError> {
    let run = leading_labels(bytes)?;
    let labels = known.find(&bytes[..run], || labels_of(bytes));
    let mut samples = Vec::new();
    let (mut histograms, mut exemplars) = (Vec::new(), Vec::new());
    let mut late_labels = false;
    for field in Fields::new(&bytes[run..]) {
        match field? {
            (1, Value::Bytes(_)) => late_labels = true,
            (2, Value::Bytes(sample)) => samples.push(read_sample(sample)?),
            (3, Value::Bytes(exemplar)) => exemplars.push(exemplar),
            (4, Value::Bytes(histogram)) => histograms.push(histogram),
            _ => {}
        }
    }
    // Nobody writes labels behind samples, but the format lets them.
    let labels = if late_labels { labels_of(bytes) } else { labels };
    let labels = match labels {
        Ok(labels) => labels,
        Err(error) => {
            let rows = samples.len() + histograms.len() + exemplars.len();
            received.refuse(rows as u64, || format!("a series was left out: {error}"));
            return Ok(());
        }
    };
    let exemplars = exemplars.into_iter().map(read_exemplar).collect::<Result<_, Malformed>>()?;
    keep(received, labels, samples, &histograms, exemplars);
    Ok(())
}

/// Adds what is well to the batch.
pub fn keep(
    received: &mut Received,
    labels: LabelSet,
    samples: Vec<model::Sample>,
    histograms: &[&[u8]],
    exemplars: Vec<Result<Exemplar, LabelError>>,
) {
    let mut kept = Vec::with_capacity(histograms.len());
    for bytes in histograms {
        match histogram::read(bytes) {
            Ok((at, histogram)) => kept.push(HistogramSample { at, histogram: Arc::new(histogram) }),
            Err(error) => received.refuse(1, || format!("a histogram of {labels} was left out: {error}")),
        }
    }
    let mut kept_exemplars = Vec::with_capacity(exemplars.len());
    for exemplar in exemplars {
        match exemplar {
            Ok(exemplar) => kept_exemplars.push(exemplar),
            Err(error) => received.refuse(1, || format!("an exemplar of {labels} was left out: {error}")),
        }
    }
    received.samples += samples.len() as u64;
    received.histograms += kept.len() as u64;
    received.exemplars += kept_exemplars.len() as u64;
    if !kept.is_empty() {
        received.batch.histograms.push(HistogramSeries { labels: labels.clone(), samples: kept });
    }
    if !kept_exemplars.is_empty() {
        received.batch.exemplars.push(ExemplarSeries { labels: labels.clone(), exemplars: kept_exemplars });
    }
    if !samples.is_empty() {
        received.batch.series.push(SeriesSamples { labels, samples });
    }
}

/// How many bytes the labels at the beginning take.
fn leading_labels(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut fields = Fields::new(bytes);
    let mut end = 0;
    while let Some(field) = fields.next() {
        if !matches!(field?, (1, Value::Bytes(_))) {
            break;
        }
        end = bytes.len() - fields.rest().len();
    }
    Ok(end)
}

fn labels_of(series: &[u8]) -> Result<LabelSet, LabelError> {
    let labels = Fields::new(series).filter_map(Result::ok).filter_map(|field| match field {
        (1, Value::Bytes(label)) => Some(label),
        _ => None,
    });
    label_set(labels.map(read_label).collect::<Result<_, _>>()?)
}

fn read_label(bytes: &[u8]) -> Result<(&str, &str), LabelError> {
    let (mut name, mut value) = ("", "");
    for field in Fields::new(bytes) {
        match field.map_err(|_| LabelError::NotText)? {
            (1, Value::Bytes(text)) => name = std::str::from_utf8(text).map_err(|_| LabelError::NotText)?,
            (2, Value::Bytes(text)) => value = std::str::from_utf8(text).map_err(|_| LabelError::NotText)?,
            _ => {}
        }
    }
    Ok((name, value))
}

fn read_exemplar(bytes: &[u8]) -> Result<Result<Exemplar, LabelError>, Malformed> {
    let (mut value, mut millis, mut labels) = (0.0, 0, Vec::new());
    for field in Fields::new(bytes) {
        match field? {
            (1, Value::Bytes(label)) => labels.push(read_label(label)),
            (2, Value::Word(bits)) => value = f64::from_bits(bits),
            (3, Value::Varint(number)) => millis = number as i64,
            _ => {}
        }
    }
    let labels = labels.into_iter().collect::<Result<_, _>>().and_then(exemplar_labels);
    Ok(labels.map(|labels| Exemplar { at: Timestamp::from_millis(millis), value, labels }))
}

/// Nothing for a family without a name.
fn read_metadata(bytes: &[u8]) -> Result<Option<FamilyMetadata>, Malformed> {
    let (mut kind, mut family, mut help, mut unit) = (FamilyKind::Unknown, "", "", "");
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Malformed("a text that is not UTF-8"));
    for field in Fields::new(bytes) {
        match field? {
            (1, Value::Varint(number)) => kind = kind_of_number(number),
            (2, Value::Bytes(bytes)) => family = text(bytes)?,
            (4, Value::Bytes(bytes)) => help = text(bytes)?,
            (5, Value::Bytes(bytes)) => unit = text(bytes)?,
            _ => {}
        }
    }
    let metadata = || FamilyMetadata { family: family.into(), kind, help: help.into(), unit: unit.into() };
    Ok((!family.is_empty()).then(metadata))
}
