//! OTLP over HTTP as its senders speak it.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use model::TimeRange;
use serde_json::{Value, json};
use state::Role;
use storage::{LogQuery, LogReader, QueryLimits, SampleReader, SpanQuery, SpanReader};

use super::fixture::{Answer, Ask, Fixture, get};
use crate::routes::Port;

/// `heat{…} 1.5` at one second.
fn gauge() -> Value {
    let point = json!({ "timeUnixNano": "1000000000", "asDouble": 1.5 });
    let metric = json!({ "name": "heat", "gauge": { "dataPoints": [point] } });
    let resource = json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": "a" } }] });
    json!({ "resourceMetrics": [{ "resource": resource, "scopeMetrics": [{ "metrics": [metric] }] }] })
}

fn send(body: impl Into<Vec<u8>>) -> Ask {
    Ask { method: Method::POST, body: body.into(), ..get("/v1/metrics") }
        .with("host", "127.0.0.1:4318")
        .from("127.0.0.1:5000")
        .with("content-type", "application/json")
        .on(Port::Otlp)
}

fn good() -> Ask {
    send(gauge().to_string())
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn kept(fixture: &Fixture) -> usize {
    fixture.store.select(&[], TimeRange::ALL, QueryLimits::default()).await.unwrap().len()
}

fn refused(answer: &Answer, status: StatusCode, code: i32, word: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json");
    let said = answer.json();
    assert_eq!(said["code"], code, "{said}");
    assert!(said["message"].as_str().unwrap().contains(word), "{said} is not about {word}");
}

#[tokio::test]
async fn what_a_client_sends_is_there_on_every_path_and_port() {
    for (path, port) in [
        ("/v1/metrics", Port::Otlp),
        ("/v1/metrics", Port::Api),
        ("/api/v1/otlp/v1/metrics", Port::Api),
        ("/v1/metrics", Port::Dashboard),
    ] {
        let fixture = Fixture::new().await;
        let answer = fixture.ask(Ask { path: path.to_owned(), ..good() }.on(port)).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "{}"), "{path}");
        let found = fixture.store.select(&[], TimeRange::ALL, QueryLimits::default()).await.unwrap();
        assert_eq!(found[0].labels.to_string(), "heat{job=\"a\"}");
    }
}

#[tokio::test]
async fn log_records_and_spans_have_their_paths() {
    let fixture = Fixture::new().await;
    let at = "1000000000";
    let log = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [{ "timeUnixNano": at }] }] }] });
    let ids = json!({ "traceId": "6513270e269e0d37f2a74de452e6b438", "spanId": "0c5c7fd0a6a3a450",
        "startTimeUnixNano": at });
    let span = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [ids, {}] }] }] });
    let answer = fixture.ask(Ask { path: "/v1/logs".to_owned(), ..send(log.to_string()) }).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "{}"));
    let answer = fixture.ask(Ask { path: "/v1/traces".to_owned(), ..send(span.to_string()) }).await;
    assert_eq!(answer.json()["partialSuccess"]["rejectedSpans"], "1", "{}", answer.text);
    let logs = fixture.store.search_logs(&LogQuery::of(TimeRange::ALL)).await.unwrap();
    let spans = fixture.store.search_spans(&SpanQuery::of(TimeRange::ALL)).await.unwrap();
    assert_eq!((logs.len(), spans.len()), (1, 1));
}

#[tokio::test]
async fn its_own_port_answers_nothing_else() {
    let fixture = Fixture::new().await;
    for path in ["/health", "/api/v1/write", "/", "/login"] {
        let answer = fixture.ask(get(path).on(Port::Otlp)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn bodies_come_packed_and_in_either_encoding() {
    let json = gauge().to_string();
    for (encoding, body) in [
        ("gzip", gzipped(json.as_bytes())),
        ("zstd", zstd::encode_all(json.as_bytes(), 1).unwrap()),
        ("identity", json.clone().into_bytes()),
    ] {
        let fixture = Fixture::new().await;
        let answer = fixture.ask(send(body).with("content-encoding", encoding)).await;
        assert_eq!((answer.status, kept(&fixture).await), (StatusCode::OK, 1), "{encoding}: {}", answer.text);
    }
    let fixture = Fixture::new().await;
    let answer = fixture.ask(send("").with("content-type", "application/x-protobuf")).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, ""));
    assert_eq!(answer.header("content-type"), "application/x-protobuf");
}

#[tokio::test]
async fn a_partial_success_says_what_was_left_out() {
    let fixture = Fixture::new().await;
    let mut request = gauge();
    let points = &mut request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["gauge"]["dataPoints"];
    points.as_array_mut().unwrap().push(json!({}));
    let answer = fixture.ask(send(request.to_string())).await;
    assert_eq!(answer.status, StatusCode::OK);
    let said = answer.json();
    assert_eq!(said["partialSuccess"]["rejectedDataPoints"], "1", "{said}");
    assert!(said["partialSuccess"]["errorMessage"].as_str().unwrap().contains("`heat`"), "{said}");
    assert_eq!(kept(&fixture).await, 1);
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_with_the_right_status() {
    let fixture = Fixture::with_settings(|settings| {
        settings.receive.otlp.message_bytes_max = 1_000;
    })
    .await;
    let bomb = gzipped(&vec![b' '; 100_000]);
    for (ask, status, code, word) in [
        (good().with("content-encoding", "br"), StatusCode::UNSUPPORTED_MEDIA_TYPE, 3, "`br`"),
        (good().with("content-type", "text/plain"), StatusCode::UNSUPPORTED_MEDIA_TYPE, 3, "text/plain"),
        (good().without("content-type"), StatusCode::UNSUPPORTED_MEDIA_TYPE, 3, "neither"),
        (send("{"), StatusCode::BAD_REQUEST, 3, "EOF"),
        (send("{}").with("content-encoding", "gzip"), StatusCode::BAD_REQUEST, 3, "gzip"),
        (send(vec![b' '; 1_001]), StatusCode::PAYLOAD_TOO_LARGE, 8, "otlp.message_max"),
        (send(bomb).with("content-encoding", "gzip"), StatusCode::PAYLOAD_TOO_LARGE, 8, "otlp.message_max"),
        (Ask { method: Method::GET, ..good() }, StatusCode::METHOD_NOT_ALLOWED, 12, "method"),
    ] {
        refused(&fixture.ask(ask).await, status, code, word);
    }
    let answer = fixture.send(send(vec![16, 1]).with("content-type", "application/x-protobuf")).await;
    assert_eq!(answer.status(), StatusCode::OK, "an unknown field is skipped");
    let answer = fixture.send(send(vec![10, 99]).with("content-type", "application/x-protobuf")).await;
    assert_eq!(answer.headers()["content-type"], "application/x-protobuf");
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(kept(&fixture).await, 0);
}

#[tokio::test]
async fn when_there_is_no_turn_it_says_when_to_come_back() {
    let fixture = Fixture::with_settings(|settings| {
        settings.receive.concurrent_max = 0;
        settings.receive.patience = Duration::ZERO;
    })
    .await;
    let answer = fixture.ask(good()).await;
    refused(&answer, StatusCode::SERVICE_UNAVAILABLE, 14, "ingest.concurrent_max");
    assert_eq!(answer.header("retry-after"), "5");
}

/// One turn for three: the others wait for it, and none is sent away.
#[tokio::test]
async fn who_comes_at_the_same_time_waits_for_a_turn() {
    let fixture = Fixture::with_settings(|settings| settings.receive.concurrent_max = 1).await;
    let answers = tokio::join!(fixture.ask(good()), fixture.ask(good()), fixture.ask(good()));
    for answer in [answers.0, answers.1, answers.2] {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    }
}

#[tokio::test]
async fn from_elsewhere_it_needs_a_token_that_may_ingest() {
    let fixture = Fixture::new().await;
    let far = || good().from("192.0.2.9:5000").with("host", "watch.test:4318");
    refused(&fixture.ask(far()).await, StatusCode::UNAUTHORIZED, 16, "token");
    let viewer = fixture.token(Role::Viewer).await;
    refused(&fixture.ask(far().bearer(&viewer)).await, StatusCode::FORBIDDEN, 7, "ingest");
    let sender = fixture.scoped_token(Role::Operator, &["ingest"]).await;
    assert_eq!(fixture.ask(far().bearer(&sender)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn pages_of_listed_origins_may_send_and_others_may_not() {
    let listed = "https://app.example.com";
    let fixture =
        Fixture::with_settings(|settings| settings.receive.otlp_origins = vec![listed.to_owned()]).await;
    let from = |origin: &str| good().with("origin", origin).with("sec-fetch-site", "cross-site");
    let answer = fixture.ask(from(listed)).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (StatusCode::OK, listed));
    let asks = |origin| {
        let ask = Ask { method: Method::OPTIONS, body: vec![], ..from(origin) };
        ask.with("access-control-request-method", "POST")
    };
    let answer = fixture.ask(asks(listed)).await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-methods")),
        (StatusCode::NO_CONTENT, "POST")
    );
    assert!(answer.header("access-control-allow-headers").contains("content-type"));
    for ask in [from("https://evil.example.com"), asks("https://evil.example.com")] {
        let answer = fixture.ask(ask).await;
        assert!(!answer.status.is_success() && answer.header("access-control-allow-origin").is_empty());
    }
    let elsewhere = Ask { path: "/api/v1/write".to_owned(), ..from(listed) }.on(Port::Api);
    assert_eq!(fixture.ask(elsewhere).await.status, StatusCode::FORBIDDEN, "only OTLP is for pages");
}
