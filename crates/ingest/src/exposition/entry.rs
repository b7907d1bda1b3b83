//! What a page says, entry by entry.

use std::borrow::Cow;

use model::{Histogram, Timestamp};

#[derive(Clone, Debug, PartialEq)]
pub enum Entry<'a> {
    /// Something about a family of metrics.
    Fact { family: Cow<'a, str>, fact: Fact<'a> },
    Sample {
        /// Name and labels as text, for [`super::series::read`].
        series: Cow<'a, str>,
        /// Of its family, as far as the page has said so before.
        kind: FamilyKind,
        value: f64,
        at: Option<Timestamp>,
        exemplar: Option<ExemplarText<'a>>,
    },
    Histogram {
        series: Cow<'a, str>,
        histogram: Box<Histogram>,
        at: Option<Timestamp>,
        exemplars: Vec<ExemplarText<'a>>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Fact<'a> {
    Kind(FamilyKind),
    Help(Cow<'a, str>),
    Unit(Cow<'a, str>),
}

/// An exemplar whose labels are not read yet.
#[derive(Clone, Debug, PartialEq)]
pub struct ExemplarText<'a> {
    /// With its braces.
    pub labels: Cow<'a, str>,
    pub value: f64,
    pub at: Option<Timestamp>,
}

/// The types of all formats together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FamilyKind {
    #[default]
    Unknown,
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
}

impl FamilyKind {
    /// As Prometheus' API and OpenMetrics write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            FamilyKind::Unknown => "unknown",
            FamilyKind::Counter => "counter",
            FamilyKind::Gauge => "gauge",
            FamilyKind::Histogram => "histogram",
            FamilyKind::GaugeHistogram => "gaugehistogram",
            FamilyKind::Summary => "summary",
            FamilyKind::Info => "info",
            FamilyKind::StateSet => "stateset",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        const ALL: [FamilyKind; 8] = [
            FamilyKind::Unknown,
            FamilyKind::Counter,
            FamilyKind::Gauge,
            FamilyKind::Histogram,
            FamilyKind::GaugeHistogram,
            FamilyKind::Summary,
            FamilyKind::Info,
            FamilyKind::StateSet,
        ];
        // The text format has an older word for it.
        if text == "untyped" {
            return Some(FamilyKind::Unknown);
        }
        ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
