//! Remote write as its senders speak it.

use axum::http::{Method, StatusCode};
use model::TimeRange;
use state::Role;
use storage::{QueryLimits, SampleReader};

use super::fixture::{Answer, Ask, Fixture, get};

/// `up{job="a"} 1.5` at one second, and when asked for, a series without a name.
fn message(has_nameless: bool) -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8][..], bytes].concat();
    let label =
        |name: &str, value: &str| field(1, &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat());
    let sample = field(2, &[&[9][..], &1.5_f64.to_le_bytes(), &[0x10, 0xe8, 0x07]].concat());
    let good = field(1, &[label("__name__", "up"), label("job", "a"), sample.clone()].concat());
    let nameless = field(1, &[label("job", "a"), sample].concat());
    if has_nameless { [good, nameless].concat() } else { good }
}

fn write(message: &[u8]) -> Ask {
    let body = snap::raw::Encoder::new().compress_vec(message).unwrap();
    Ask { method: Method::POST, body, ..get("/api/v1/write") }
        .with("host", "127.0.0.1:8080")
        .from("127.0.0.1:5000")
        .with("content-encoding", "snappy")
        .with("content-type", "application/x-protobuf")
        .with("x-prometheus-remote-write-version", "0.1.0")
}

fn refused(answer: &Answer, status: StatusCode, word: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert!(answer.text.contains(word), "`{}` is not about {word}", answer.text);
}

#[tokio::test]
async fn what_prometheus_writes_is_there() {
    let fixture = Fixture::new().await;
    let answer = fixture.ask(write(&message(false))).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NO_CONTENT, ""));
    let found = fixture.store.select(&[], TimeRange::ALL, QueryLimits::default()).await.unwrap();
    assert_eq!(found[0].labels.to_string(), "up{job=\"a\"}");
    assert_eq!((found[0].samples[0].at.as_millis(), found[0].samples[0].value), (1_000, 1.5));
}

#[tokio::test]
async fn a_partial_write_keeps_what_is_well_and_says_what_is_not() {
    let fixture = Fixture::new().await;
    let answer = fixture.ask(write(&message(true))).await;
    refused(
        &answer,
        StatusCode::BAD_REQUEST,
        "1 were left out: a series was left out: there is no label `__name__`",
    );
    let found = fixture.store.select(&[], TimeRange::ALL, QueryLimits::default()).await.unwrap();
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn what_is_no_remote_write_is_refused_with_the_right_status() {
    let fixture = Fixture::with_settings(|settings| {
        settings.receive.body_bytes_max = 1_000;
        settings.receive.remote_write.message_bytes_max = 2_000;
    })
    .await;
    let good = || write(&message(false));
    for (ask, status, word) in [
        (good().with("content-encoding", "gzip"), StatusCode::UNSUPPORTED_MEDIA_TYPE, "gzip"),
        (good().with("content-type", "text/plain"), StatusCode::UNSUPPORTED_MEDIA_TYPE, "text/plain"),
        (
            good().with("content-type", "application/x-protobuf;proto=some.Other"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "some.Other",
        ),
        (Ask { body: b"noise".to_vec(), ..good() }, StatusCode::BAD_REQUEST, "snappy"),
        (Ask { body: vec![1; 1_001], ..good() }, StatusCode::PAYLOAD_TOO_LARGE, "1000 bytes"),
        (write(&[0; 5_000]), StatusCode::PAYLOAD_TOO_LARGE, "at most 2000"),
        (write(&[0x0a, 99]), StatusCode::BAD_REQUEST, "malformed"),
    ] {
        refused(&fixture.ask(ask).await, status, word);
    }
}

#[tokio::test]
async fn version_2_is_told_what_was_written() {
    let fixture = Fixture::new().await;
    let field = |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8][..], bytes].concat();
    let sample = field(2, &[&[9][..], &2.0_f64.to_le_bytes(), &[0x10, 1]].concat());
    let symbols = ["", "__name__", "up"].map(|symbol| field(4, symbol.as_bytes())).concat();
    let message = [symbols, field(5, &[field(1, &[1, 2]), sample].concat())].concat();
    let ask =
        write(&message).with("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request");
    let answer = fixture.ask(ask).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text);
    for (name, count) in [("samples", "1"), ("histograms", "0"), ("exemplars", "0")] {
        assert_eq!(answer.header(&format!("x-prometheus-remote-write-{name}-written")), count);
    }
}

#[tokio::test]
async fn what_a_sender_says_of_its_metrics_is_told() {
    let fixture = Fixture::new().await;
    let field = |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8][..], bytes].concat();
    let metadata = [&[8, 2][..], &field(2, b"heat"), &field(4, b"How warm?")].concat();
    let answer = fixture.ask(write(&[message(false), field(3, &metadata)].concat())).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text);
    let token = fixture.token(Role::Viewer).await;
    let told = fixture.ask(get("/api/v1/metadata?metric=heat").bearer(&token)).await.json();
    let expected = serde_json::json!([{ "type": "gauge", "help": "How warm?", "unit": "" }]);
    assert_eq!(told["data"]["heat"], expected, "{told}");
}

#[tokio::test]
async fn from_elsewhere_it_needs_a_token_that_may_ingest() {
    let fixture = Fixture::new().await;
    let far = || write(&message(false)).from("192.0.2.9:5000").with("host", "watch.test:8080");
    assert_eq!(fixture.ask(far()).await.status, StatusCode::UNAUTHORIZED);
    let viewer = fixture.token(Role::Viewer).await;
    assert_eq!(fixture.ask(far().bearer(&viewer)).await.status, StatusCode::FORBIDDEN);
    let sender = fixture.scoped_token(Role::Operator, &["ingest"]).await;
    assert_eq!(fixture.ask(far().bearer(&sender)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(fixture.ask(get("/api/v1/labels").bearer(&sender)).await.status, StatusCode::FORBIDDEN);
}
