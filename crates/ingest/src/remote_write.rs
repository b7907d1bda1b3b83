//! Prometheus remote write, versions 1.0 and 2.0: from a request's body to a batch.
//!
//! [`Receiver::receive`] unfolds the body, walks the message without building it, and finds
//! each series by the bytes of its labels: those of a known series are hashed and not read.
//! What is wrong with one series costs that series only; the sender is told how many and
//! why. Sources: <https://prometheus.io/docs/specs/prw/remote_write_spec/> and
//! <https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/>.

mod histogram;
mod labels;
mod v1;
mod v2;
pub(crate) mod wire;

#[cfg(test)]
mod tests;

use model::Batch;

use crate::exposition::{Fact, FamilyKind};
use crate::metadata::MetadataRegistry;
use labels::KnownSeries;
use wire::{Fields, Malformed};

/// Which message a body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    One,
    Two,
}

/// Bounds of one request. Those of labels and series are the store's.
#[derive(Clone, Copy, Debug)]
pub struct RemoteWriteLimits {
    /// Of the message after it is unfolded.
    pub message_bytes_max: usize,
    /// Series whose labels are recognised by their bytes.
    pub known_series_max: usize,
}

impl Default for RemoteWriteLimits {
    /// A Prometheus sends 2,000 to 10,000 samples of 200 bytes at once; a million series are
    /// twice what the store is measured with.
    fn default() -> Self {
        Self { message_bytes_max: 32 << 20, known_series_max: 1_000_000 }
    }
}

/// Why a whole body is refused. Sending it again cannot succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    #[error("the body is not snappy: {0}")]
    Compression(String),
    #[error("the message has {bytes} bytes, at most {most} are possible (`ingest.message_max`)")]
    TooLarge { bytes: usize, most: usize },
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Version 2 begins its table of symbols with the empty one.
    #[error("the first symbol is not empty")]
    FirstSymbol,
}

/// What a body holds, as far as it is well.
#[derive(Debug, Default)]
pub struct Received {
    pub batch: Batch,
    pub samples: u64,
    pub histograms: u64,
    pub exemplars: u64,
    /// Samples, histograms and exemplars that were left out.
    pub refused: u64,
    /// Why, for the first few.
    pub reasons: Vec<String>,
    /// What the sender says of families of metrics.
    pub metadata: Vec<FamilyMetadata>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyMetadata {
    pub family: String,
    pub kind: FamilyKind,
    pub help: String,
    pub unit: String,
}

/// The types of metrics have the same numbers in both versions.
const fn kind_of_number(number: u64) -> FamilyKind {
    match number {
        1 => FamilyKind::Counter,
        2 => FamilyKind::Gauge,
        3 => FamilyKind::Histogram,
        4 => FamilyKind::GaugeHistogram,
        5 => FamilyKind::Summary,
        6 => FamilyKind::Info,
        7 => FamilyKind::StateSet,
        _ => FamilyKind::Unknown,
    }
}

const REASONS_MAX: usize = 10;

/// Under which name the senders' words about metrics are kept.
const SOURCE: &str = "remote_write";

impl Received {
    /// Hands over what the sender says of its metrics, as far as it says anything.
    pub fn note_metadata(&self, registry: &MetadataRegistry) {
        for FamilyMetadata { family, kind, help, unit } in &self.metadata {
            registry.note(SOURCE, family, &Fact::Kind(*kind));
            let texts = [(help, Fact::Help(help.into())), (unit, Fact::Unit(unit.into()))];
            for (_, fact) in texts.iter().filter(|(text, _)| !text.is_empty()) {
                registry.note(SOURCE, family, fact);
            }
        }
    }

    /// Leaves out rows of one series.
    fn refuse(&mut self, rows: u64, reason: impl FnOnce() -> String) {
        self.refused += rows;
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push(reason());
        }
    }
}

/// Receives requests of any number of senders at the same time.
#[derive(Debug)]
pub struct Receiver {
    limits: RemoteWriteLimits,
    known: KnownSeries,
}

impl Receiver {
    pub fn new(limits: RemoteWriteLimits) -> Self {
        Self { limits, known: KnownSeries::new(limits.known_series_max) }
    }

    /// Blocks for about a hundred nanoseconds a sample.
    pub fn receive(&self, version: Version, body: &[u8]) -> Result<Received, WriteError> {
        let message = self.unfold(body)?;
        match version {
            Version::One => v1::read(&message, &self.known),
            Version::Two => v2::read(&message, &self.known),
        }
    }

    /// The length is in the first bytes, so that nothing is reserved for a bomb.
    fn unfold(&self, body: &[u8]) -> Result<Vec<u8>, WriteError> {
        let not_snappy = |error: snap::Error| WriteError::Compression(error.to_string());
        let (bytes, most) =
            (snap::raw::decompress_len(body).map_err(not_snappy)?, self.limits.message_bytes_max);
        if bytes > most {
            return Err(WriteError::TooLarge { bytes, most });
        }
        snap::raw::Decoder::new().decompress_vec(body).map_err(not_snappy)
    }
}

/// The value of a sample: double value = 1, int64 milliseconds = 2.
fn read_sample(bytes: &[u8]) -> Result<model::Sample, Malformed> {
    let (mut value, mut millis) = (0.0, 0);
    for field in Fields::new(bytes) {
        match field? {
            (1, wire::Value::Word(bits)) => value = f64::from_bits(bits),
            (2, wire::Value::Varint(number)) => millis = number as i64,
            _ => {}
        }
    }
    Ok(model::Sample { at: model::Timestamp::from_millis(millis), value })
}
