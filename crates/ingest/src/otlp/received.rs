//! What became of a request's rows.

use std::fmt::Display;

use model::{Batch, LogRecord, Span, Timestamp};

use crate::exposition::{Fact, FamilyKind};
use crate::metadata::MetadataRegistry;

/// A clock may be wrong by this much; what is further ahead would stand before all that comes.
const AHEAD_NANOS_MAX: i64 = 24 * 60 * 60 * 1_000_000_000;

/// For the sender, of each request.
const REASONS_MAX: usize = 5;

/// Under which name the senders' words about metrics are kept.
const SOURCE: &str = "otlp";

/// What a request holds, as far as it is well. Points, records or spans are counted.
#[derive(Debug, Default)]
pub struct Received {
    pub batch: Batch,
    pub accepted: u64,
    pub refused: u64,
    /// Why, for the first few.
    pub reasons: Vec<String>,
    families: Vec<(String, FamilyKind, String, String)>,
}

impl Received {
    pub fn refuse(&mut self, reason: &dyn Display) {
        self.refused += 1;
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push(reason.to_string());
        }
    }

    pub fn accept_log(&mut self, record: LogRecord) {
        self.accepted += 1;
        self.batch.logs.push(record);
    }

    pub fn accept_span(&mut self, span: Span) {
        self.accepted += 1;
        self.batch.spans.push(span);
    }

    pub fn absorb(&mut self, batch: Batch) {
        let Batch { series, histograms, exemplars, logs, spans } = batch;
        self.batch.series.extend(series);
        self.batch.histograms.extend(histograms);
        self.batch.exemplars.extend(exemplars);
        self.batch.logs.extend(logs);
        self.batch.spans.extend(spans);
    }

    pub fn note(&mut self, family: &str, kind: FamilyKind, help: &str, unit: &str) {
        self.families.push((family.to_owned(), kind, help.to_owned(), unit.to_owned()));
    }

    /// Hands over what the sender says of its metrics.
    pub fn note_metadata(&self, registry: &MetadataRegistry) {
        for (family, kind, help, unit) in &self.families {
            registry.note(SOURCE, family, &Fact::Kind(*kind));
            let texts = [(help, Fact::Help(help.into())), (unit, Fact::Unit(unit.into()))];
            for (_, fact) in texts.iter().filter(|(text, _)| !text.is_empty()) {
                registry.note(SOURCE, family, fact);
            }
        }
    }
}

pub fn too_new(nanos: u64, now: Timestamp) -> bool {
    i64::try_from(nanos).map_or(true, |nanos| nanos.saturating_sub(now.as_nanos()) > AHEAD_NANOS_MAX)
}
