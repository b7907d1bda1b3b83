//! Logs and traces: found, counted, laid out.

use axum::http::StatusCode;
use model::{Batch, LabelSet, LogRecord, LogSeverity, Span, SpanId, SpanKind, SpanStatus, TraceId};
use serde_json::{Value, json};
use state::Role;
use std::time::Duration;
use storage::Appender;
use testkit::clock::START;

use super::fixture::{Fixture, get};

async fn asked(fixture: &Fixture, path: &str) -> (StatusCode, Value) {
    let token = fixture.token(Role::Operator).await;
    let answer = fixture.ask(get(path).bearer(&token)).await;
    (answer.status, answer.json())
}

async fn found(fixture: &Fixture, path: &str) -> Value {
    let (status, answer) = asked(fixture, path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {answer}");
    answer
}

fn record(step: u64) -> LogRecord {
    let stream = LabelSet::new([("service.name", "fleet"), ("agent", "builder")]);
    let severity = if step.is_multiple_of(5) { LogSeverity::Error } else { LogSeverity::Info };
    let at = START + Duration::from_secs(step);
    let mut record = LogRecord::new(at, stream, severity, format!("line {step}"));
    record.attributes =
        vec![("tool".to_owned(), if step.is_multiple_of(2) { "bash" } else { "read" }.into())];
    record
}

async fn with_logs(count: u64) -> Fixture {
    let fixture = Fixture::new().await;
    let logs = (0..count).map(record).collect();
    fixture.store.append(Batch { logs, ..Batch::default() }).await.unwrap();
    fixture.clock.advance(Duration::from_secs(count)).await;
    fixture
}

#[tokio::test]
async fn logs_are_found_page_by_page_without_gaps() {
    let fixture = with_logs(50).await;
    let mut messages = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/monitoring/logs?query=tool:bash&limit=7{cursor}");
        let answer = found(&fixture, &path).await;
        let page = answer["logs"].as_array().unwrap();
        messages.extend(page.iter().map(|log| log["message"].as_str().unwrap().to_owned()));
        let Some(next) = answer["next_cursor"].as_str() else {
            assert_eq!(answer["searched"]["complete"], true);
            break;
        };
        assert_eq!((page.len(), &answer["searched"]["complete"]), (7, &json!(false)));
        assert!(answer["searched"]["until"].is_string());
        cursor = format!("&cursor={next}");
    }
    let expected: Vec<String> =
        (0..50).rev().filter(|step| step % 2 == 0).map(|step| format!("line {step}")).collect();
    assert_eq!(messages, expected, "newest first");
}

#[tokio::test]
async fn logs_are_counted_by_time_and_field() {
    let fixture = with_logs(50).await;
    let start = START.as_secs();
    let path = format!(
        "/monitoring/logs/summary?query=level:error&start={start}&end={}&bars=5&fields=tool,service,nothing",
        start + 49
    );
    let answer = found(&fixture, &path).await;
    assert_eq!(answer["histogram"]["counts"], json!([2, 2, 2, 2, 2]));
    let expected = json!([
        {"field": "nothing", "values": [], "others": 0, "absent": 10},
        {"field": "service", "values": [{"value": "fleet", "count": 10}], "others": 0, "absent": 0},
        {"field": "tool", "values": [{"value": "bash", "count": 5}, {"value": "read", "count": 5}], "others": 0, "absent": 0},
    ]);
    assert_eq!(answer["fields"], expected);
    // The store was told the severity, so that the others were not looked at.
    assert_eq!((&answer["searched"]["looked_at"], &answer["searched"]["matched"]), (&json!(10), &json!(10)));
}

#[tokio::test]
async fn what_cannot_be_searched_is_said_with_its_place() {
    let fixture = with_logs(1).await;
    for (path, pointer, part) in [
        ("/monitoring/logs?query=level%3Eloud", "query", "column"),
        ("/monitoring/logs?query=(a", "query", "column"),
        ("/monitoring/logs?start=yesterday", "start", "RFC 3339"),
        ("/monitoring/logs?start=20&end=10", "end", "before"),
        ("/monitoring/logs?cursor=x", "cursor", "earlier answer"),
        ("/monitoring/logs?limit=0", "limit", "from 1 to 1000"),
        ("/monitoring/logs/summary?bars=501", "bars", "from 1 to 500"),
        ("/monitoring/traces?order=random", "order", "newest"),
        ("/monitoring/traces/xyz", "trace", "32 hexadecimal"),
    ] {
        let (status, answer) = asked(&fixture, path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer["errors"][0]["pointer"], pointer, "{path}");
        assert!(answer["errors"][0]["detail"].as_str().unwrap().contains(part), "{path}: {answer}");
    }
    let unknown = format!("/monitoring/traces/{}", "ab".repeat(16));
    assert_eq!(asked(&fixture, &unknown).await.0, StatusCode::NOT_FOUND);
}

/// A turn with a call of the model and three of a tool, the last of which fails.
fn turn(number: u8) -> Vec<Span> {
    let stream = LabelSet::new([("service.name", "coder")]);
    let start = START + Duration::from_secs(u64::from(number) * 60);
    let span = |id: u8, parent: u8, name: &str, offset: u64, millis: u64| Span {
        trace: TraceId([number + 1; 16]),
        id: SpanId([id; 8]),
        parent: (parent > 0).then_some(SpanId([parent; 8])),
        stream: stream.clone(),
        name: name.to_owned(),
        kind: SpanKind::Internal,
        status: SpanStatus::Unset,
        status_message: String::new(),
        start: start + Duration::from_millis(offset),
        duration_nanos: millis * 1_000_000,
        attributes: vec![("gen_ai.tool.name".to_owned(), "bash".into())],
        events: Vec::new(),
        links: Vec::new(),
    };
    let mut spans = vec![
        span(1, 0, "invoke_agent coder", 0, 1000),
        span(2, 1, "chat fake", 0, 400),
        span(3, 1, "execute_tool bash", 400, 100),
        span(4, 1, "execute_tool bash", 500, 100),
        span(5, 1, "execute_tool bash", 600, 300),
    ];
    spans[4].status = SpanStatus::Error;
    spans[4].status_message = "exit 1".to_owned();
    spans
}

async fn with_traces(count: u8) -> Fixture {
    let fixture = Fixture::new().await;
    let spans = (0..count).flat_map(turn).collect();
    fixture.store.append(Batch { spans, ..Batch::default() }).await.unwrap();
    fixture.clock.advance(Duration::from_secs(60 * u64::from(count))).await;
    fixture
}

#[tokio::test]
async fn each_trace_is_listed_once_however_many_of_its_spans_match() {
    let fixture = with_traces(7).await;
    let mut traces = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/monitoring/traces?query=name:\"execute_tool bash\"&limit=2{cursor}");
        let answer = found(&fixture, &path.replace(' ', "%20").replace('"', "%22")).await;
        let page = answer["traces"].as_array().unwrap();
        traces.extend(page.iter().map(|trace| trace["trace_id"].as_str().unwrap().to_owned()));
        let Some(next) = answer["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let expected: Vec<String> = (1..=7u8).rev().map(|number| TraceId([number; 16]).to_string()).collect();
    assert_eq!(traces, expected);
    let answer = found(&fixture, "/monitoring/traces?query=status:error&limit=1").await;
    let first = &answer["traces"][0];
    assert_eq!(
        (&first["name"], &first["spans"], &first["errors"]),
        (&json!("invoke_agent coder"), &json!(5), &json!(1))
    );
    assert_eq!((&first["duration"], &first["service"]), (&json!(1.0), &json!("coder")));
    assert_eq!((&first["matched_span"], &first["agent"]), (&json!("0505050505050505"), &json!(null)));
}

#[tokio::test]
async fn a_trace_that_is_too_long_to_be_summed_up_is_listed_and_says_so() {
    let fixture = Fixture::new().await;
    let root = turn(0).remove(0);
    let span = |number: u64| Span {
        id: SpanId((number + 1).to_be_bytes()),
        start: START + Duration::from_micros(number),
        ..root.clone()
    };
    let spans = (0..10_500).map(span).collect();
    fixture.store.append(Batch { spans, ..Batch::default() }).await.unwrap();
    fixture.clock.advance(Duration::from_secs(1)).await;
    let answer = found(&fixture, "/monitoring/traces?limit=5").await;
    let traces = answer["traces"].as_array().unwrap();
    assert_eq!(traces.len(), 1);
    assert_eq!((&traces[0]["spans"], &traces[0]["spans_truncated"]), (&json!(10_000), &json!(true)));
}

#[tokio::test]
async fn a_trace_is_laid_out_with_what_it_waited_for() {
    let fixture = with_traces(1).await;
    let answer = found(&fixture, &format!("/monitoring/traces/{}", TraceId([1; 16]))).await;
    let columns = &answer["columns"];
    assert_eq!(columns["parent"], json!([null, 0, 0, 0, 0]));
    assert_eq!(columns["class"], json!(["own", "model", "tool", "tool", "tool"]));
    assert_eq!(columns["offset"], json!([0, 0, 400_000, 500_000, 600_000]));
    assert_eq!(columns["own"], json!([100_000, 400_000, 100_000, 100_000, 300_000]));
    assert_eq!((&columns["failed"], &answer["errors"]), (&json!([4]), &json!(1)));
    let names = &answer["names"];
    assert_eq!(names[columns["name"][4].as_u64().unwrap() as usize], "execute_tool bash");
    let by_class = json!({"model": 0.4, "tool": 0.5, "own": 0.1, "human": 0.0, "queue": 0.0, "retry": 0.0});
    assert_eq!(answer["time_by_class"], by_class);
    let rows: Vec<&Value> =
        answer["critical_path"].as_array().unwrap().iter().map(|one| &one["row"]).collect();
    assert_eq!(rows, [1, 2, 3, 4, 0].map(|row| json!(row)).iter().collect::<Vec<_>>());
    let repeat = json!({"name": "execute_tool bash", "parent": 0, "rows": [2, 3, 4], "duration": 0.5});
    assert_eq!(answer["repeats"], json!([repeat]));
    assert_eq!(answer["slowest"], json!([1, 4, 0, 2, 3]));
}

#[tokio::test]
async fn a_span_is_shown_in_full() {
    let fixture = with_traces(1).await;
    let path = format!("/monitoring/traces/{}/spans/{}", TraceId([1; 16]), SpanId([5; 8]));
    let answer = found(&fixture, &path).await;
    assert_eq!((&answer["name"], &answer["status"]), (&json!("execute_tool bash"), &json!("error")));
    assert_eq!((&answer["status_message"], &answer["duration"]), (&json!("exit 1"), &json!(0.3)));
    assert_eq!(answer["attributes"], json!([{"name": "gen_ai.tool.name", "value": "bash"}]));
    assert_eq!(answer["resource"], json!({"service.name": "coder"}));
    let path = format!("/monitoring/traces/{}/spans/{}", TraceId([1; 16]), SpanId([7; 8]));
    assert_eq!(asked(&fixture, &path).await.0, StatusCode::NOT_FOUND);
}
