//! What exporters say: the text and protobuf formats of Prometheus, as entries.
//!
//! [`read`] walks over a page and hands each [`Entry`] to its caller, who decides what
//! becomes of it. A series is handed over as the page wrote it, unread: a scraper knows most
//! of them by their bytes from the time before, and reads only new ones, by [`series::read`].
//! Protobuf is told in the same way, its series written out as text would be.
//!
//! | format | of it |
//! |---|---|
//! | text 0.0.4 and 1.0.0 | all; names in quotes are read in both |
//! | OpenMetrics 1.0 | all; `_created` is a series like any other |
//! | protobuf | all, native histograms included |
//!
//! A page comes from outside: every length and count has a limit, and an error names its line.

mod entry;
mod message;
mod number;
mod protobuf;
pub mod series;
mod text;

pub use entry::{Entry, ExemplarText, Fact, FamilyKind};

use std::ops::ControlFlow;

use crate::buckets::BucketError;

/// What a page may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimits {
    /// Entries that are samples or histograms.
    pub samples_max: usize,
    /// Of the text of one series, or of one line of help.
    pub line_bytes_max: usize,
    /// Buckets of one native histogram.
    pub buckets_max: usize,
}

impl Default for PageLimits {
    fn default() -> Self {
        Self { samples_max: 1_000_000, line_bytes_max: 256 << 10, buckets_max: 10_000 }
    }
}

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// 0.0.4 and 1.0.0, which differ in nothing that a reader must know beforehand.
    Text,
    OpenMetrics,
    Protobuf,
}

impl Format {
    /// By the `Content-Type` of an answer. None for one that is no exposition.
    pub fn of_content_type(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next()?.to_ascii_lowercase();
        let parameter = |wanted: &str| {
            parts.clone().find_map(|part| {
                let (name, value) = part.split_once('=')?;
                name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"'))
            })
        };
        match media.as_str() {
            "text/plain" => Some(Format::Text),
            "application/openmetrics-text" => Some(Format::OpenMetrics),
            "application/vnd.google.protobuf" => {
                let is_ours = parameter("proto") == Some("io.prometheus.client.MetricFamily")
                    && parameter("encoding") == Some("delimited");
                is_ours.then_some(Format::Protobuf)
            }
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct PageError {
    /// From 1; of protobuf, the number of the family.
    pub line: usize,
    pub fault: PageFault,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageFault {
    #[error("is not UTF-8")]
    NotUtf8,
    #[error("has more than {0} bytes")]
    TooLong(usize),
    #[error("the page has more than {0} samples")]
    TooManySamples(usize),
    #[error("expected {0}")]
    Expected(&'static str),
    #[error("`{text}` is not {wanted}")]
    NotA { text: String, wanted: &'static str },
    #[error("the label `{0}` is there twice")]
    LabelTwice(String),
    #[error("has more than {0} labels")]
    TooManyLabels(usize),
    #[error("the page does not end with `# EOF`")]
    NoEnd,
    #[error("there is more behind `# EOF`")]
    AfterEnd,
    #[error("an empty line is not allowed in OpenMetrics")]
    EmptyLine,
    #[error("is no protobuf message of a metric family: {0}")]
    NoMessage(String),
    #[error("the histogram is malformed: {0}")]
    Histogram(&'static str),
    #[error("the histogram is malformed: {0}")]
    Buckets(#[source] BucketError),
}

/// The longest excerpt of a page in an error.
const EXCERPT_CHARS_MAX: usize = 80;

impl PageFault {
    fn not_a(text: &str, wanted: &'static str) -> Self {
        PageFault::NotA { text: text.chars().take(EXCERPT_CHARS_MAX).collect(), wanted }
    }

    fn at(self, line: usize) -> PageError {
        PageError { line, fault: self }
    }
}

/// Hands each entry of `page` to `take`, until it breaks off or the page ends. A fault that
/// `take` finds is told with the line that it is in.
pub fn read<B>(
    format: Format,
    page: &[u8],
    limits: &PageLimits,
    mut take: impl FnMut(Entry<'_>) -> Result<ControlFlow<B>, PageFault>,
) -> Result<ControlFlow<B>, PageError> {
    let mut samples = 0usize;
    let mut counted = |entry: Entry<'_>| {
        if !matches!(entry, Entry::Fact { .. }) {
            samples += 1;
            if samples > limits.samples_max {
                return Err(PageFault::TooManySamples(limits.samples_max));
            }
        }
        take(entry)
    };
    match format {
        Format::Text => text::read(page, text::Dialect::Prometheus, limits, &mut counted),
        Format::OpenMetrics => text::read(page, text::Dialect::OpenMetrics, limits, &mut counted),
        Format::Protobuf => protobuf::read(page, limits, &mut counted),
    }
}

/// What the readers hand entries to.
type Take<'a, B> = dyn FnMut(Entry<'_>) -> Result<ControlFlow<B>, PageFault> + 'a;

#[cfg(test)]
mod tests;
