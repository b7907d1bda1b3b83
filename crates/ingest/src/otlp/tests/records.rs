//! Log records and spans, one by one.

use model::{LogSeverity, SpanKind, SpanStatus, Value};
use serde_json::{Value as Json, json};

use super::stand::Stand;
use crate::otlp::{Outcome, Signal};

fn resource() -> Json {
    json!({ "attributes": [
        { "key": "service.name", "value": { "stringValue": "claude-code" } },
        { "key": "host.name", "value": { "stringValue": "h1" } },
    ] })
}

fn logs(records: &Json) -> Json {
    let scope = json!({ "scope": { "name": "events", "version": "2" }, "logRecords": records });
    json!({ "resourceLogs": [{ "resource": resource(), "scopeLogs": [scope] }] })
}

fn spans(spans: &Json) -> Json {
    json!({ "resourceSpans": [{ "resource": resource(), "scopeSpans": [{ "spans": spans }] }] })
}

const TRACE: &str = "6513270e269e0d37f2a74de452e6b438";

#[tokio::test]
async fn a_record_keeps_all_that_is_said_of_it() {
    let stand = Stand::new().await;
    let record = json!({ "timeUnixNano": "0", "observedTimeUnixNano": "1795000000000000000",
        "eventName": "event otel/src/events.rs:703", "severityText": "Notice", "traceId": TRACE, "spanId": "",
        "attributes": [
            { "key": "event.name", "value": { "stringValue": "codex.user_prompt" } },
            { "key": "prompt_length", "value": { "intValue": "12" } },
            { "key": "list", "value": { "arrayValue": { "values": [{ "intValue": 1 }, { "boolValue": true }] } } },
        ] });
    stand.json(Signal::Logs, &logs(&json!([record]))).await.unwrap();
    let log = stand.logs().await.remove(0);
    assert_eq!((log.at.as_secs(), log.severity), (1_795_000_000, LogSeverity::Info));
    assert_eq!(log.body, "codex.user_prompt", "an event without words is told by its name");
    assert_eq!((log.trace.map(|id| id.to_string()), log.span), (Some(TRACE.to_owned()), None));
    let labels = r#"{host.name="h1", job="claude-code", otel.scope.name="events", otel.scope.version="2", service.name="claude-code", source="otlp"}"#;
    assert_eq!(log.stream.to_string(), labels);
    let expected = [
        ("event.name", Value::from("codex.user_prompt")),
        ("prompt_length", Value::Int(12)),
        ("list", Value::from("[1,true]")),
        ("otel.event_name", Value::from("event otel/src/events.rs:703")),
        ("otel.severity_text", Value::from("Notice")),
    ];
    for (name, value) in expected {
        assert!(log.attributes.contains(&(name.to_owned(), value)), "{name}: {:?}", log.attributes);
    }
}

#[tokio::test]
async fn a_request_that_comes_again_changes_nothing() {
    let stand = Stand::new().await;
    let record = json!({ "timeUnixNano": "1795000000000000000", "body": { "stringValue": "hi" } });
    let span = json!({ "traceId": TRACE, "spanId": "0c5c7fd0a6a3a450", "startTimeUnixNano": "1795000000000000000",
        "endTimeUnixNano": "1795000000000000100" });
    for _ in 0..2 {
        let outcome = stand.json(Signal::Logs, &logs(&json!([record, record]))).await.unwrap();
        assert_eq!(outcome, Outcome::default());
        stand.json(Signal::Traces, &spans(&json!([span]))).await.unwrap();
    }
    assert_eq!((stand.logs().await.len(), stand.spans().await.len()), (2, 1));
    *stand.kept.failure.lock() = Some(storage::AppendError::Full("disk".into()));
    let other = json!({ "timeUnixNano": "1795000000000000000", "body": { "stringValue": "ho" } });
    stand.json(Signal::Logs, &logs(&json!([other]))).await.unwrap_err();
    stand.json(Signal::Logs, &logs(&json!([other]))).await.unwrap();
    assert_eq!(stand.logs().await.len(), 3);
}

#[tokio::test]
async fn a_span_keeps_its_parts() {
    let stand = Stand::new().await;
    let start = 1_795_000_000_000_000_000_u64;
    let span = json!({ "traceId": TRACE.to_uppercase(), "spanId": "0c5c7fd0a6a3a450", "parentSpanId": "",
        "name": "execute_tool bash", "kind": 3, "startTimeUnixNano": start, "endTimeUnixNano": start + 5,
        "status": { "code": 2, "message": "exit 3" }, "flags": 257, "droppedEventsCount": 1,
        "events": [{ "timeUnixNano": start + 1, "name": "exception", "attributes": [
            { "key": "exception.type", "value": { "stringValue": "Exit" } }] }],
        "links": [{ "traceId": TRACE, "spanId": "1e27a1c08a6a63ec" }, { "traceId": "" }] });
    stand.json(Signal::Traces, &spans(&json!([span]))).await.unwrap();
    let span = stand.spans().await.remove(0);
    assert_eq!(
        (span.name.as_str(), span.kind, span.status),
        ("execute_tool bash", SpanKind::Client, SpanStatus::Error)
    );
    assert_eq!((span.status_message.as_str(), span.duration_nanos, span.parent), ("exit 3", 5, None));
    assert_eq!((span.events[0].name.as_str(), span.links.len()), ("exception", 1));
    assert!(span.attributes.contains(&("otel.dropped_events_count".to_owned(), Value::Int(1))));
}

#[tokio::test]
async fn one_wrong_span_costs_that_span() {
    let stand = Stand::new().await;
    let at = "1795000000000000000";
    let good = json!({ "traceId": TRACE, "spanId": "0c5c7fd0a6a3a450", "startTimeUnixNano": at });
    let wrong = [
        json!({ "traceId": "00000000000000000000000000000000", "spanId": "0c5c7fd0a6a3a450", "startTimeUnixNano": at }),
        json!({ "traceId": TRACE, "spanId": "0c5c", "startTimeUnixNano": at }),
        json!({ "traceId": TRACE, "spanId": "0c5c7fd0a6a3a451" }),
        json!({ "traceId": TRACE, "spanId": "0c5c7fd0a6a3a452", "startTimeUnixNano": "9000000000000000000" }),
    ];
    let outcome =
        stand.json(Signal::Traces, &spans(&json!([good, wrong[0], wrong[1], wrong[2], wrong[3]]))).await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.refused, 4);
    assert!(outcome.message.contains("trace id") && outcome.message.contains("future"), "{outcome:?}");
    assert_eq!(stand.spans().await.len(), 1);
}
