//! Log records of a fleet: appended as OTLP brings them, then searched.

use std::ops::Range;
use std::time::Duration;

use anyhow::ensure;
use bench::workload::{Agent, Events, LogLine, Severity};
use model::{Batch, LogRecord, LogSeverity, Matcher, SpanId, TimeRange, Timestamp, TraceId};
use storage::{LogQuery, LogReader, Order};

use crate::arguments::Arguments;
use crate::events::{Requests, attributes, raw_bytes, slices};
use crate::ingest::{Load, append_and_settle};
use crate::process::{Memory, forget_peak};
use crate::report::{print_heading, print_ingested, print_timed, thousands};
use crate::stand::{Folder, Stand};
use crate::timing::{Answer, Timed, time};

/// Records of one request.
const REQUEST_RECORDS: u64 = 2_000;

pub async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let requests = Requests::new(arguments.events());
    let events = requests.events.clone();
    let folder = Folder::create(arguments)?;
    print_heading(&format!(
        "{} log records of {} agents, {} bytes raw each",
        thousands(events.logs as f64),
        thousands(events.agents as f64),
        mean_raw_bytes(&events)
    ))?;
    let loads = (0..arguments.appenders).map(|_| LogLoad::new(requests.clone())).collect();
    let before = Memory::read()?;
    forget_peak()?;

    let stand = Stand::open(folder.path()).await?;
    let ingested = append_and_settle(&stand, loads).await?;
    print_ingested("log records", &ingested, stand.disk_bytes()?, before, Memory::read()?);
    verify(&stand, &events).await?;
    print_timed("search", &time_all(&stand, &events).await?);
    stand.close().await
}

/// Everything that was acknowledged is there.
async fn verify(stand: &Stand, events: &Events) -> anyhow::Result<()> {
    let mut records = 0;
    for range in slices(events, events.logs, 10_000) {
        records += stand.store.search_logs(&LogQuery::of(range)).await?.len() as u64;
    }
    ensure!(records == events.logs, "{records} records are there, of {}", events.logs);
    Ok(())
}

fn mean_raw_bytes(events: &Events) -> usize {
    let sample = events.logs.min(1_000);
    let bytes = |number| {
        let line = events.log(number);
        // Time, severity, trace and span take 8, 1, 16 and 8 bytes.
        8 + 1 + line.body.len() + raw_bytes(&line.attributes) + line.trace.map_or(0, |_| 24)
    };
    (0..sample).map(bytes).sum::<usize>() / sample as usize
}

async fn time_all(stand: &Stand, events: &Events) -> anyhow::Result<Vec<Timed>> {
    let mut timed = vec![];
    for (name, query) in searches(events)? {
        let ask = async || Ok(Answer { series: 0, rows: stand.store.search_logs(&query).await?.len() });
        timed.push(time(name, ask).await?);
    }
    Ok(timed)
}

fn searches(events: &Events) -> anyhow::Result<Vec<(&'static str, LogQuery)>> {
    let nanos = |nanos| Timestamp::from_nanos(nanos);
    let whole = TimeRange::new(nanos(events.start_nanos), nanos(events.end_nanos()));
    let last_hour = TimeRange::ending_at(whole.end, Duration::from_secs(3_600));
    let newest = |range, limit| LogQuery { order: Order::NewestFirst, limit, ..LogQuery::of(range) };
    let needle = Events::needle(events.logs / 2 / 100_000);
    let phrase = "connection reset by peer";
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let agent = Agent::name(events.trace_agent(events.traces - 1));
    Ok(vec![
        ("a word of one record", LogQuery { words: vec![needle.clone()], ..newest(whole, 10) }),
        ("a part of one word", LogQuery { contains: Some(needle[4..].to_owned()), ..newest(whole, 10) }),
        (
            "records of a trace",
            LogQuery { trace: TraceId::parse(&events.trace_id(events.traces / 2)), ..newest(whole, 1_000) },
        ),
        (
            "last 100 errors of a service",
            LogQuery {
                stream: vec![Matcher::equal("service.name", "executor")],
                severity_min: Some(LogSeverity::Error),
                ..newest(whole, 100)
            },
        ),
        (
            "an agent's last hour, 500",
            LogQuery {
                stream: vec![Matcher::equal("service.instance.id", &agent)],
                ..newest(last_hour, 500)
            },
        ),
        ("last 100 of all", newest(whole, 100)),
        (
            "last 100 of a tool",
            LogQuery { attributes: vec![Matcher::equal("tool", "sql")], ..newest(whole, 100) },
        ),
        (
            "all with a phrase",
            LogQuery { words: words(phrase), contains: Some(phrase.to_owned()), ..LogQuery::of(whole) },
        ),
    ])
}

/// The requests that one connection takes.
struct LogLoad {
    requests: Requests,
    request: Vec<LogLine>,
    number: u64,
}

impl LogLoad {
    fn new(requests: Requests) -> Self {
        Self { requests, request: vec![], number: 0 }
    }

    fn record(&self, line: &LogLine) -> LogRecord {
        let (trace, span) = line
            .trace
            .as_ref()
            .map_or((None, None), |(trace, span)| (TraceId::parse(trace), SpanId::parse(span)));
        LogRecord {
            at: Timestamp::from_nanos(line.at_nanos),
            stream: self.requests.streams[line.agent].clone(),
            severity: match line.severity {
                Severity::Debug => LogSeverity::Debug,
                Severity::Info => LogSeverity::Info,
                Severity::Warn => LogSeverity::Warn,
                Severity::Error => LogSeverity::Error,
            },
            body: line.body.clone(),
            trace,
            span,
            attributes: attributes(&line.attributes),
        }
    }
}

impl Load for LogLoad {
    fn advance(&mut self) -> bool {
        self.number = self.requests.take();
        let events = &self.requests.events;
        let numbers: Range<u64> =
            self.number * REQUEST_RECORDS..((self.number + 1) * REQUEST_RECORDS).min(events.logs);
        self.request = numbers.map(|number| events.log(number)).collect();
        // OTLP groups by what the records of an agent share.
        self.request.sort_by_key(|line| line.agent);
        !self.request.is_empty()
    }

    fn batch(&self) -> Batch {
        Batch { logs: self.request.iter().map(|line| self.record(line)).collect(), ..Batch::default() }
    }

    fn rows(&self) -> u64 {
        self.request.len() as u64
    }

    fn progress(&self) -> usize {
        self.number as usize
    }
}
