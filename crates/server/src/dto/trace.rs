//! Traces: a line of a list, a skeleton, one span in full.

use std::collections::{BTreeMap, BTreeSet};

use model::{Attributes, Span, SpanStatus, Value};
use search::Event;
use serde::Serialize;
use traces::{Class, Repeat, Trace};
use utoipa::ToSchema;

use super::search::SearchedDto;
use super::time;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TracesDto {
    pub status: &'static str,
    pub traces: Vec<TraceSummaryDto>,
    /// Where the next page begins; null when everything was searched.
    pub next_cursor: Option<String>,
    pub searched: SearchedDto,
}

/// One trace in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TraceSummaryDto {
    pub trace_id: String,
    /// Of its first root.
    pub name: String,
    pub service: Option<String>,
    pub agent: Option<String>,
    pub start: String,
    /// Seconds.
    pub duration: f64,
    pub spans: u64,
    /// There are more spans than were counted.
    pub spans_truncated: bool,
    pub errors: u64,
    pub services: Vec<String>,
    /// The span by which it was found.
    pub matched_span: String,
    pub matched_name: String,
}

impl TraceSummaryDto {
    /// `spans` are those of the trace, at most one more than `most`.
    pub fn new(mut spans: Vec<Span>, most: usize, matched: &Span) -> Option<Self> {
        let spans_truncated = spans.len() > most;
        spans.truncate(most);
        let trace = Trace::of(spans)?;
        let root = trace.spans().first()?;
        let field = |name: &str| {
            let of = |span: &Span| span.field(name).map(|found| found.text().into_owned());
            of(root).or_else(|| trace.spans().iter().find_map(of))
        };
        Some(Self {
            trace_id: root.trace.to_string(),
            name: root.name.clone(),
            service: field("service"),
            agent: field("agent"),
            start: time(trace.start()),
            duration: seconds(trace.duration_nanos()),
            spans: trace.spans().len() as u64,
            spans_truncated,
            errors: errors(&trace),
            services: services(&trace).into_iter().collect(),
            matched_span: matched.id.to_string(),
            matched_name: matched.name.clone(),
        })
    }
}

/// A trace without what its spans say in detail. Columns, not rows: a trace may have tens of
/// thousands of spans, and most of what they say is the same.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TraceDto {
    pub status: &'static str,
    pub trace_id: String,
    pub start: String,
    /// Seconds.
    pub duration: f64,
    pub errors: u64,
    /// Only the first of its spans are here.
    pub truncated: bool,
    /// Spans whose parent is named and not there.
    pub orphans: u64,
    /// Names that the columns refer to by their place.
    pub names: Vec<String>,
    pub services: Vec<String>,
    pub columns: SpanColumnsDto,
    /// What the whole waited for, in order of time.
    pub critical_path: Vec<StretchDto>,
    /// The critical path by class, in seconds.
    pub time_by_class: BTreeMap<&'static str, f64>,
    /// Calls that were made at least three times below one parent, the longest first.
    pub repeats: Vec<RepeatDto>,
    /// Rows with the longest own time, the longest first.
    pub slowest: Vec<usize>,
}

/// One entry for each span, each behind its parent.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct SpanColumnsDto {
    pub id: Vec<String>,
    /// Row of the parent.
    pub parent: Vec<Option<usize>>,
    pub depth: Vec<usize>,
    /// Spans below, all levels together: the rows that follow.
    pub descendants: Vec<usize>,
    /// Place in `names`.
    pub name: Vec<usize>,
    /// Place in `services`; null without one.
    pub service: Vec<Option<usize>>,
    /// `model`, `tool`, `human`, `queue`, `retry`, `own`.
    pub class: Vec<&'static str>,
    /// Rows that failed.
    pub failed: Vec<usize>,
    /// Microseconds after the start of the trace.
    pub offset: Vec<i64>,
    /// Microseconds.
    pub duration: Vec<u64>,
    /// Microseconds in which none of its children ran.
    pub own: Vec<u64>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StretchDto {
    /// Null where no span ran.
    pub row: Option<usize>,
    /// Microseconds after the start of the trace.
    pub offset: i64,
    /// Microseconds.
    pub duration: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RepeatDto {
    pub name: String,
    pub parent: Option<usize>,
    pub rows: Vec<usize>,
    /// Seconds, together.
    pub duration: f64,
}

const REPEATS_LEAST: usize = 3;
const REPEATS_SHOWN: usize = 100;
const SLOWEST_SHOWN: usize = 10;

impl TraceDto {
    pub fn new(trace: &Trace, truncated: bool) -> Self {
        let origin = trace.start().as_nanos();
        let micros_after = |nanos: i64| nanos.saturating_sub(origin) / 1000;
        let (mut names, mut services) = (Places::default(), Places::default());
        let mut columns = SpanColumnsDto::default();
        let classes = trace.classes();
        for (row, (span, node)) in trace.spans().iter().zip(trace.nodes()).enumerate() {
            columns.id.push(span.id.to_string());
            columns.parent.push(node.parent);
            columns.depth.push(node.depth);
            columns.descendants.push(node.descendants);
            columns.name.push(names.place(&span.name));
            columns.service.push(span.field("service").map(|service| services.place(&service.text())));
            columns.class.push(classes[row].as_str());
            columns.offset.push(micros_after(span.start.as_nanos()));
            columns.duration.push(span.duration_nanos / 1000);
            columns.own.push(node.self_nanos / 1000);
            if span.status == SpanStatus::Error {
                columns.failed.push(row);
            }
        }
        let stretch = |stretch: &traces::Stretch| StretchDto {
            row: stretch.row,
            offset: micros_after(stretch.start.as_nanos()),
            duration: stretch.nanos / 1000,
        };
        let repeat = |repeat: Repeat| RepeatDto {
            name: trace.spans()[repeat.rows[0]].name.clone(),
            parent: repeat.parent,
            rows: repeat.rows,
            duration: seconds(repeat.nanos),
        };
        let by_class =
            trace.time_by_class().map(|(class, nanos): (Class, u64)| (class.as_str(), seconds(nanos)));
        Self {
            status: "success",
            trace_id: trace.spans()[0].trace.to_string(),
            start: time(trace.start()),
            duration: seconds(trace.duration_nanos()),
            errors: errors(trace),
            truncated,
            orphans: trace.orphans() as u64,
            names: names.texts,
            services: services.texts,
            columns,
            critical_path: trace.critical_path().iter().map(stretch).collect(),
            time_by_class: by_class.into_iter().collect(),
            repeats: trace.repeats(REPEATS_LEAST).into_iter().take(REPEATS_SHOWN).map(repeat).collect(),
            slowest: slowest(trace),
        }
    }
}

fn slowest(trace: &Trace) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..trace.nodes().len()).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(trace.nodes()[*row].self_nanos));
    rows.truncate(SLOWEST_SHOWN);
    rows
}

/// Texts by their place.
#[derive(Default)]
struct Places {
    by_text: std::collections::HashMap<String, usize>,
    texts: Vec<String>,
}

impl Places {
    fn place(&mut self, text: &str) -> usize {
        if let Some(place) = self.by_text.get(text) {
            return *place;
        }
        self.by_text.insert(text.to_owned(), self.texts.len());
        self.texts.push(text.to_owned());
        self.texts.len() - 1
    }
}

/// Everything that a span says.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SpanDto {
    pub trace_id: String,
    pub span_id: String,
    pub parent_span_id: Option<String>,
    pub name: String,
    pub kind: String,
    pub status: String,
    pub status_message: String,
    pub start: String,
    /// Seconds.
    pub duration: f64,
    /// What its source says of itself.
    pub resource: BTreeMap<String, String>,
    pub attributes: Vec<AttributeDto>,
    pub events: Vec<SpanEventDto>,
    pub links: Vec<SpanLinkDto>,
}

/// Names may come several times.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AttributeDto {
    pub name: String,
    #[schema(value_type = Object)]
    pub value: Value,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SpanEventDto {
    pub timestamp: String,
    pub name: String,
    pub attributes: Vec<AttributeDto>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SpanLinkDto {
    pub trace_id: String,
    pub span_id: String,
    pub attributes: Vec<AttributeDto>,
}

impl From<&Span> for SpanDto {
    fn from(span: &Span) -> Self {
        let text = |name: &str| span.field(name).map(|found| found.text().into_owned()).unwrap_or_default();
        Self {
            trace_id: span.trace.to_string(),
            span_id: span.id.to_string(),
            parent_span_id: span.parent.map(|id| id.to_string()),
            name: span.name.clone(),
            kind: text("kind"),
            status: text("status"),
            status_message: span.status_message.clone(),
            start: time(span.start),
            duration: seconds(span.duration_nanos),
            resource: super::alert::pairs(&span.stream),
            attributes: attributes(&span.attributes),
            events: span
                .events
                .iter()
                .map(|event| SpanEventDto {
                    timestamp: time(event.at),
                    name: event.name.clone(),
                    attributes: attributes(&event.attributes),
                })
                .collect(),
            links: span
                .links
                .iter()
                .map(|link| SpanLinkDto {
                    trace_id: link.trace.to_string(),
                    span_id: link.span.to_string(),
                    attributes: attributes(&link.attributes),
                })
                .collect(),
        }
    }
}

fn attributes(attributes: &Attributes) -> Vec<AttributeDto> {
    let shown = attributes.iter();
    shown.map(|(name, value)| AttributeDto { name: name.clone(), value: value.clone() }).collect()
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

fn errors(trace: &Trace) -> u64 {
    trace.spans().iter().filter(|span| span.status == SpanStatus::Error).count() as u64
}

fn services(trace: &Trace) -> BTreeSet<String> {
    let of = |span: &Span| span.field("service").map(|found| found.text().into_owned());
    trace.spans().iter().filter_map(of).collect()
}
