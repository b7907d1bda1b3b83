//! All rows of one signal and UTC day, for those who carry them elsewhere.

use std::sync::Arc;

use async_trait::async_trait;
use model::{Exemplar, HistogramSample, LabelSet, LogRecord, Sample, Span, Timestamp};

use crate::{QueryError, Signal};

/// Rows of one stream, in order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamRows {
    pub labels: LabelSet,
    pub rows: DayRows,
}

/// The `stream` of records and spans may be empty here: [`StreamRows::labels`] says it.
#[derive(Clone, Debug, PartialEq)]
pub enum DayRows {
    Samples(Vec<Sample>),
    Logs(Vec<Arc<LogRecord>>),
    Spans(Vec<Arc<Span>>),
    Histograms(Vec<HistogramSample>),
    Exemplars(Vec<Exemplar>),
}

impl DayRows {
    pub fn len(&self) -> usize {
        match self {
            DayRows::Samples(rows) => rows.len(),
            DayRows::Logs(rows) => rows.len(),
            DayRows::Spans(rows) => rows.len(),
            DayRows::Histograms(rows) => rows.len(),
            DayRows::Exemplars(rows) => rows.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Takes the rows of a day, on a thread that may block. An error ends the reading.
pub trait DaySink: Send {
    fn take(&mut self, rows: StreamRows) -> Result<(), SinkError>;

    /// Called once, when all rows of the day have been taken, and only then.
    fn finish(&mut self) -> Result<(), SinkError>;
}

/// Why a sink takes no more.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum DayError {
    #[error(transparent)]
    Read(#[from] QueryError),
    #[error("the rows could not be handed over")]
    Sink(#[source] SinkError),
}

#[async_trait]
pub trait DayReader: Send + Sync {
    /// Hands over every row of the UTC day that `day` is in, as queries see them: what was
    /// replaced or erased is left out. Memory holds a few streams at a time; one that is
    /// too large for that comes in several pieces.
    ///
    /// The pieces of a stream follow each other, all its rows in order of time. Metrics
    /// come in order of their names, streams without one first. Of a day that does not
    /// change the order is always the same.
    async fn read_day(&self, signal: Signal, day: Timestamp, sink: Box<dyn DaySink>) -> Result<(), DayError>;
}
