//! `io.prometheus.write.v2.Request`: texts stand once in a table of symbols, and series refer
//! to them.

use model::{Exemplar, LabelSet, Timestamp};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::labels::{KnownSeries, LabelError, exemplar_labels, label_set};
use super::v1::keep;
use super::wire::{Fields, Malformed, Value, numbers};
use super::{FamilyMetadata, Received, WriteError, kind_of_number, read_sample};
use crate::exposition::FamilyKind;

pub fn read(message: &[u8], known: &KnownSeries) -> Result<Received, WriteError> {
    let symbols = Symbols::read(message)?;
    let mut received = Received::default();
    for field in Fields::new(message) {
        if let (5, Value::Bytes(series)) = field? {
            read_series(series, &symbols, known, &mut received)?;
        }
    }
    Ok(received)
}

/// The table, with a hash of each symbol: a series is known by the hashes of its own.
struct Symbols<'a> {
    texts: Vec<Result<&'a str, LabelError>>,
    hashes: Vec<u128>,
}

impl<'a> Symbols<'a> {
    fn read(message: &'a [u8]) -> Result<Self, WriteError> {
        let mut symbols = Self { texts: Vec::new(), hashes: Vec::new() };
        for field in Fields::new(message) {
            if let (4, Value::Bytes(symbol)) = field? {
                symbols.texts.push(std::str::from_utf8(symbol).map_err(|_| LabelError::NotText));
                symbols.hashes.push(xxh3_128(symbol));
            }
        }
        match symbols.texts.first() {
            None | Some(Ok("")) => Ok(symbols),
            Some(_) => Err(WriteError::FirstSymbol),
        }
    }

    fn text(&self, symbol: u64) -> Result<&'a str, LabelError> {
        let text = usize::try_from(symbol).ok().and_then(|symbol| self.texts.get(symbol));
        text.cloned().unwrap_or(Err(LabelError::NoSymbol))
    }

    /// Names and values, one after the other.
    fn pairs(&self, symbols: &[u64]) -> Result<Vec<(&'a str, &'a str)>, LabelError> {
        if !symbols.len().is_multiple_of(2) {
            return Err(LabelError::NoSymbol);
        }
        symbols.chunks_exact(2).map(|pair| Ok((self.text(pair[0])?, self.text(pair[1])?))).collect()
    }

    fn labels(&self, symbols: &[u64], known: &KnownSeries) -> Result<LabelSet, LabelError> {
        let mut hasher = Xxh3::new();
        for symbol in symbols {
            let hash = usize::try_from(*symbol).ok().and_then(|symbol| self.hashes.get(symbol));
            hasher.update(&hash.ok_or(LabelError::NoSymbol)?.to_le_bytes());
        }
        known.find_hashed(hasher.digest128(), || label_set(self.pairs(symbols)?))
    }
}

fn read_series(
    bytes: &[u8],
    symbols: &Symbols<'_>,
    known: &KnownSeries,
    received: &mut Received,
) -> Result<(), WriteError> {
    let (mut references, mut samples) = (Vec::new(), Vec::new());
    let (mut histograms, mut exemplars, mut metadata) = (Vec::new(), Vec::new(), None);
    for field in Fields::new(bytes) {
        match field? {
            (1, value) => numbers(value, |symbol| references.push(symbol))?,
            (2, Value::Bytes(sample)) => samples.push(read_sample(sample)?),
            (3, Value::Bytes(histogram)) => histograms.push(histogram),
            (4, Value::Bytes(exemplar)) => exemplars.push(read_exemplar(exemplar, symbols)?),
            (5, Value::Bytes(bytes)) => metadata = Some(bytes),
            _ => {}
        }
    }
    let labels = match symbols.labels(&references, known) {
        Ok(labels) => labels,
        Err(error) => {
            let rows = samples.len() + histograms.len() + exemplars.len();
            received.refuse(rows as u64, || format!("a series was left out: {error}"));
            return Ok(());
        }
    };
    if let Some(metadata) = metadata {
        received.metadata.extend(read_metadata(metadata, symbols, &labels)?);
    }
    keep(received, labels, samples, &histograms, exemplars);
    Ok(())
}

fn read_exemplar(bytes: &[u8], symbols: &Symbols<'_>) -> Result<Result<Exemplar, LabelError>, Malformed> {
    let (mut value, mut millis, mut references) = (0.0, 0, Vec::new());
    for field in Fields::new(bytes) {
        match field? {
            (1, found) => numbers(found, |symbol| references.push(symbol))?,
            (2, Value::Word(bits)) => value = f64::from_bits(bits),
            (3, Value::Varint(number)) => millis = number as i64,
            _ => {}
        }
    }
    let labels = symbols.pairs(&references).and_then(exemplar_labels);
    Ok(labels.map(|labels| Exemplar { at: Timestamp::from_millis(millis), value, labels }))
}

/// Of the family that the series is one of; nothing when all of it is left open.
fn read_metadata(
    bytes: &[u8],
    symbols: &Symbols<'_>,
    labels: &LabelSet,
) -> Result<Option<FamilyMetadata>, Malformed> {
    let (mut kind, mut help, mut unit) = (FamilyKind::Unknown, 0, 0);
    for field in Fields::new(bytes) {
        match field? {
            (1, Value::Varint(number)) => kind = kind_of_number(number),
            (3, Value::Varint(symbol)) => help = symbol,
            (4, Value::Varint(symbol)) => unit = symbol,
            _ => {}
        }
    }
    let text = |symbol| symbols.text(symbol).unwrap_or_default().to_owned();
    let (help, unit) = (text(help), text(unit));
    if kind == FamilyKind::Unknown && help.is_empty() && unit.is_empty() {
        return Ok(None);
    }
    let name = labels.metric_name().unwrap_or_default();
    let parts: &[&str] = match kind {
        FamilyKind::Histogram | FamilyKind::GaugeHistogram => &["_bucket", "_count", "_sum"],
        FamilyKind::Summary => &["_count", "_sum"],
        _ => &[],
    };
    let family = parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
    Ok(Some(FamilyMetadata { family: family.to_owned(), kind, help, unit }))
}
