//! Spans of a fleet: appended as OTLP brings them, then searched.

use std::time::Duration;

use anyhow::ensure;
use bench::workload::{Events, SpanLine};
use model::{
    Batch, Matcher, Span, SpanEvent, SpanId, SpanKind, SpanStatus, TimeRange, Timestamp, TraceId, Value,
};
use storage::{Order, SpanQuery, SpanReader};

use crate::arguments::Arguments;
use crate::events::{Requests, attributes, raw_bytes, slices};
use crate::ingest::{Load, append_and_settle};
use crate::process::{Memory, forget_peak};
use crate::report::{print_heading, print_ingested, print_timed, thousands};
use crate::stand::{Folder, Stand};
use crate::timing::{Answer, Timed, time};

/// Traces of one request.
const REQUEST_TRACES: u64 = 100;

pub async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let requests = Requests::new(arguments.events());
    let events = requests.events.clone();
    let folder = Folder::create(arguments)?;
    print_heading(&format!(
        "spans of {} traces of {} agents, {} bytes raw each",
        thousands(events.traces as f64),
        thousands(events.agents as f64),
        mean_raw_bytes(&events)
    ))?;
    let loads = (0..arguments.appenders).map(|_| SpanLoad::new(requests.clone())).collect();
    let before = Memory::read()?;
    forget_peak()?;

    let stand = Stand::open(folder.path()).await?;
    let ingested = append_and_settle(&stand, loads).await?;
    print_ingested("spans", &ingested, stand.disk_bytes()?, before, Memory::read()?);
    verify(&stand, &events, ingested.rows).await?;
    print_timed("search", &time_all(&stand, &events).await?);
    stand.close().await
}

/// Everything that was acknowledged is there.
async fn verify(stand: &Stand, events: &Events, acknowledged: u64) -> anyhow::Result<()> {
    let mut spans = 0;
    for range in slices(events, acknowledged, 10_000) {
        spans += stand.store.search_spans(&SpanQuery::of(range)).await?.len() as u64;
    }
    ensure!(spans == acknowledged, "{spans} spans are there, of {acknowledged}");
    Ok(())
}

fn mean_raw_bytes(events: &Events) -> usize {
    let spans: Vec<SpanLine> = (0..events.traces.min(100)).flat_map(|number| events.trace(number)).collect();
    let bytes = |span: &SpanLine| {
        // Trace, span and parent, start and end.
        let fixed = 16 + 8 + 8 + 8 + 8;
        let error = span.error.as_ref().map_or(0, |error| 2 * error.len());
        fixed + span.name.len() + raw_bytes(&span.attributes) + error
    };
    spans.iter().map(bytes).sum::<usize>() / spans.len()
}

async fn time_all(stand: &Stand, events: &Events) -> anyhow::Result<Vec<Timed>> {
    let mut timed = vec![];
    for (name, query) in searches(events) {
        let ask = async || Ok(Answer { series: 0, rows: stand.store.search_spans(&query).await?.len() });
        timed.push(time(name, ask).await?);
    }
    Ok(timed)
}

fn searches(events: &Events) -> Vec<(&'static str, SpanQuery)> {
    let end = Timestamp::from_nanos(events.end_nanos());
    let last_hour = TimeRange::ending_at(end, Duration::from_secs(3_600));
    let service = Matcher::equal("service.name", "executor");
    let last_20 =
        SpanQuery { stream: vec![service], order: Order::NewestFirst, limit: 20, ..SpanQuery::of(last_hour) };
    let middle = TraceId::parse(&events.trace_id(events.traces / 2));
    vec![
        ("a trace", SpanQuery { trace: middle, ..SpanQuery::of(TimeRange::ALL) }),
        ("last 20 of a service", last_20.clone()),
        (
            "last 20 of an operation",
            SpanQuery { name: Some("execute_tool sql".to_owned()), ..last_20.clone() },
        ),
        ("last 20 errors", SpanQuery { status: Some(SpanStatus::Error), ..last_20.clone() }),
        (
            "last 20 slow ones of a tool",
            SpanQuery {
                attributes: vec![Matcher::equal("gen_ai.tool.name", "sql")],
                duration_min: Duration::from_secs(1),
                ..last_20
            },
        ),
    ]
}

/// The requests that one connection takes.
struct SpanLoad {
    requests: Requests,
    request: Vec<SpanLine>,
    number: u64,
}

impl SpanLoad {
    fn new(requests: Requests) -> Self {
        Self { requests, request: vec![], number: 0 }
    }

    fn span(&self, line: &SpanLine) -> Span {
        let id = |text: &str| SpanId::parse(text);
        Span {
            trace: TraceId::parse(&line.trace_id).expect("the workload writes 32 digits"),
            id: id(&line.span_id).expect("the workload writes 16 digits"),
            parent: id(&line.parent_id),
            stream: self.requests.streams[line.agent].clone(),
            name: line.name.clone(),
            kind: if line.is_client { SpanKind::Client } else { SpanKind::Internal },
            status: if line.error.is_some() { SpanStatus::Error } else { SpanStatus::Unset },
            status_message: line.error.clone().unwrap_or_default(),
            start: Timestamp::from_nanos(line.start_nanos),
            duration_nanos: (line.end_nanos - line.start_nanos) as u64,
            attributes: attributes(&line.attributes),
            events: line.error.iter().map(|error| exception(line.end_nanos, error)).collect(),
            links: vec![],
        }
    }
}

fn exception(at_nanos: i64, message: &str) -> SpanEvent {
    SpanEvent {
        at: Timestamp::from_nanos(at_nanos),
        name: "exception".to_owned(),
        attributes: vec![("exception.message".to_owned(), Value::from(message))],
    }
}

impl Load for SpanLoad {
    fn advance(&mut self) -> bool {
        self.number = self.requests.take();
        let events = &self.requests.events;
        let traces = self.number * REQUEST_TRACES..((self.number + 1) * REQUEST_TRACES).min(events.traces);
        self.request = traces.flat_map(|trace| events.trace(trace)).collect();
        // OTLP groups by what the spans of an agent share.
        self.request.sort_by_key(|line| line.agent);
        !self.request.is_empty()
    }

    fn batch(&self) -> Batch {
        Batch { spans: self.request.iter().map(|line| self.span(line)).collect(), ..Batch::default() }
    }

    fn rows(&self) -> u64 {
        self.request.len() as u64
    }

    fn progress(&self) -> usize {
        self.number as usize
    }
}
