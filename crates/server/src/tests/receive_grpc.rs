//! OTLP over gRPC as its senders speak it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt;
use model::TimeRange;
use state::Role;
use storage::{LogQuery, LogReader, QueryLimits, SampleReader, SpanQuery, SpanReader};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tower::ServiceExt;

use super::fixture::Fixture;
use crate::app::router;
use crate::listen::{Listeners, accept};
use crate::routes::Port;
use crate::settings::OtlpAddresses;
use crate::wire::Peer;

const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// `heat{job="a"} 1.5` at one second, field by field.
fn gauge() -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8][..], bytes].concat();
    let value = field(2, &field(1, b"a"));
    let resource = field(1, &field(1, &[field(1, b"service.name"), value].concat()));
    let at = [&[3 << 3 | 1][..], &1_000_000_000_u64.to_le_bytes()].concat();
    let number = [&[4 << 3 | 1][..], &1.5_f64.to_le_bytes()].concat();
    let points = field(5, &field(1, &[at, number].concat()));
    let metric = field(2, &[field(1, b"heat"), points].concat());
    field(1, &[resource, field(2, &metric)].concat())
}

fn frame(flag: u8, message: &[u8]) -> Vec<u8> {
    [&[flag][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

struct Reply {
    headers: HeaderMap,
    trailers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    /// From the trailers, which are the headers of an answer without a message.
    fn said(&self, name: &str) -> &str {
        let value = self.trailers.get(name).or_else(|| self.headers.get(name));
        value.map_or("", |value| value.to_str().unwrap())
    }
}

async fn call(fixture: &Fixture, headers: &[(&str, &str)], peer: &str, body: Vec<u8>) -> Reply {
    let mut request =
        Request::post(METRICS).header("content-type", "application/grpc").header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let host = if peer.starts_with("127") { "127.0.0.1:4317" } else { "watch.test:4317" };
    let mut request = request.header("host", host).body(Body::from(body)).unwrap();
    request.extensions_mut().insert(Peer(peer.parse().unwrap()));
    let answer = fixture.router(Port::Otlp).oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    assert_eq!(parts.status, 200);
    assert_eq!(parts.headers["content-type"], "application/grpc");
    let body = body.collect().await.unwrap();
    let trailers = body.trailers().cloned().unwrap_or_default();
    Reply { headers: parts.headers, trailers, body: body.to_bytes().to_vec() }
}

const LOCAL: &str = "127.0.0.1:5000";

#[tokio::test]
async fn a_call_is_answered_when_all_is_there() {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&gauge()).unwrap();
    for (encoding, body) in [
        ("identity", frame(0, &gauge())),
        ("gzip", frame(1, &gzip.finish().unwrap())),
        ("zstd", frame(1, &zstd::encode_all(gauge().as_slice(), 1).unwrap())),
        // Packed messages are announced, but this one is not packed.
        ("gzip", frame(0, &gauge())),
    ] {
        let fixture = Fixture::new().await;
        let reply = call(&fixture, &[("grpc-encoding", encoding)], LOCAL, body).await;
        assert_eq!((reply.said("grpc-status"), reply.body.as_slice()), ("0", &[0; 5][..]), "{encoding}");
        let found = fixture.store.select(&[], TimeRange::ALL, QueryLimits::default()).await.unwrap();
        assert_eq!(found[0].labels.to_string(), "heat{job=\"a\"}");
    }
}

#[tokio::test]
async fn what_cannot_be_taken_has_the_right_code() {
    let fixture = Fixture::with_settings(|settings| settings.receive.otlp.message_bytes_max = 1_000).await;
    let bomb = frame(1, &zstd::encode_all([0; 100_000].as_slice(), 1).unwrap());
    for (encoding, body, code, word) in [
        ("identity", frame(0, &[10, 99]), "3", "protobuf"),
        ("identity", vec![0, 0], "3", "one message"),
        ("gzip", frame(1, b"noise"), "3", "gzip"),
        ("snappy", frame(1, &gauge()), "12", "snappy"),
        ("identity", frame(0, &[0; 1_001]), "8", "otlp.message_max"),
        ("zstd", bomb, "8", "otlp.message_max"),
    ] {
        let reply = call(&fixture, &[("grpc-encoding", encoding)], LOCAL, body).await;
        assert_eq!(reply.said("grpc-status"), code, "{}", reply.said("grpc-message"));
        assert!(
            reply.said("grpc-message").contains(word),
            "{} is not about {word}",
            reply.said("grpc-message")
        );
        assert_eq!(reply.said("grpc-status-details-bin"), "", "it shall not be sent again");
    }
}

#[tokio::test]
async fn when_there_is_no_turn_it_says_when_to_come_back() {
    let fixture = Fixture::with_settings(|settings| {
        settings.receive.concurrent_max = 0;
        settings.receive.patience = Duration::ZERO;
    })
    .await;
    let reply = call(&fixture, &[], LOCAL, frame(0, &gauge())).await;
    assert_eq!(reply.said("grpc-status"), "14");
    assert!(!reply.said("grpc-status-details-bin").is_empty());
}

#[tokio::test]
async fn from_elsewhere_it_needs_a_token_that_may_ingest() {
    let fixture = Fixture::new().await;
    let far = "192.0.2.9:5000";
    assert_eq!(call(&fixture, &[], far, frame(0, &gauge())).await.said("grpc-status"), "16");
    let viewer = format!("Bearer {}", fixture.token(Role::Viewer).await);
    let reply = call(&fixture, &[("authorization", &viewer)], far, frame(0, &gauge())).await;
    assert_eq!(reply.said("grpc-status"), "7");
    let sender = format!("Bearer {}", fixture.scoped_token(Role::Operator, &["ingest"]).await);
    let reply = call(&fixture, &[("authorization", &sender)], far, frame(0, &gauge())).await;
    assert_eq!(reply.said("grpc-status"), "0");
}

/// What a client of Python's library once wrote on its connection, byte by byte.
#[tokio::test]
async fn a_recorded_connection_is_understood() {
    let Some(recorded) = recording("otel-python/grpc-raw-http2/conn1-client-to-server.h2") else { return };
    let fixture = Fixture::with_settings(|settings| {
        settings.api_addr.set_port(0);
        settings.dashboard_addr = None;
        settings.otlp_addrs = Some(OtlpAddresses { http: settings.api_addr, grpc: settings.api_addr });
    })
    .await;
    fixture.clock.advance(Duration::from_secs(330 * 24 * 60 * 60)).await;
    let mut listeners = Listeners::bind(&fixture.app.settings).await.unwrap();
    let mut connection = TcpStream::connect(listeners.otlp_addrs().unwrap().grpc).await.unwrap();
    let (router, clock) = (router(&fixture.app, Port::Otlp), fixture.app.engines.clock.clone());
    let listener = listeners.otlp.pop().unwrap();
    let serving = accept(listener, router, Arc::new(Semaphore::new(8)), clock, fixture.shutdown.clone());
    let sending = async {
        connection.write_all(&recorded).await.unwrap();
        let mut answered = Vec::new();
        let mut buffer = vec![0; 4096];
        // Four calls, each of whose trailers end its stream.
        while ended_streams(&answered) < 4 {
            let read = connection.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0, "{answered:?}");
            answered.extend_from_slice(&buffer[..read]);
        }
        fixture.shutdown.begin();
        drop(connection);
    };
    tokio::join!(serving, sending);
    let series = fixture.store.select(&[], TimeRange::ALL, QueryLimits::default()).await.unwrap();
    let logs = fixture.store.search_logs(&LogQuery::of(TimeRange::ALL)).await.unwrap();
    let spans = fixture.store.search_spans(&SpanQuery::of(TimeRange::ALL)).await.unwrap();
    assert!(series.len() > 10, "{}", series.len());
    assert_eq!((logs.len(), spans.len()), (6, 10));
}

/// Frames of HTTP/2: three bytes of length, type, flags, four bytes of stream.
fn ended_streams(mut bytes: &[u8]) -> usize {
    let mut ended = 0;
    while let Some((head, rest)) = bytes.split_first_chunk::<9>() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        if rest.len() < length {
            break;
        }
        ended += usize::from(matches!(head[3], 0 | 1) && head[4] & 1 == 1);
        bytes = &rest[length..];
    }
    ended
}

#[expect(clippy::disallowed_methods, reason = "recordings are files")]
fn recording(name: &str) -> Option<Vec<u8>> {
    let shared = std::env::var_os("WATCHKEEPER_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = shared.join("fixtures/agents").join(name);
    let found = std::fs::read(&path).ok();
    if found.is_none() {
        #[allow(clippy::print_stderr)]
        {
            eprintln!("skipped: there is no recording at {}", path.display());
        }
    }
    found
}
