//! An application with OpenTelemetry's own SDK that sends to the binary, by every protocol.

use std::io::Read;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::program::Home;

/// A Python that has the SDK: the one that `cargo xtask test` names, or any.
fn python() -> Option<String> {
    let named = std::env::var("WATCHKEEPER_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    let modules = "import opentelemetry.sdk, opentelemetry.exporter.otlp.proto.http, \
                   opentelemetry.exporter.otlp.proto.grpc";
    let has = Command::new(&python).args(["-c", modules]).output();
    let has = has.is_ok_and(|output| output.status.success());
    assert!(has || named.is_none(), "WATCHKEEPER_PYTHON has no OpenTelemetry");
    has.then_some(python)
}

/// The value of an instant query that finds one series.
async fn value(api: &str, token: &str, query: &str) -> f64 {
    let url = reqwest::Url::parse_with_params(&format!("{api}/api/v1/query"), [("query", query)]).unwrap();
    let reply: Value =
        reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap().json().await.unwrap();
    let text = reply["data"]["result"][0]["value"][1].as_str();
    text.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{query}: {reply}"))
}

/// What the binary says that it kept of a signal.
async fn kept(api: &str, signal: &str) -> u64 {
    let text = reqwest::get(format!("{api}/metrics")).await.unwrap().text().await.unwrap();
    let begin = format!("watchkeeper_otlp_records_total{{signal=\"{signal}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&begin)?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn an_application_is_understood_by_every_protocol() {
    let Some(python) = python() else {
        println!(
            "SKIPPED: no python3 with OpenTelemetry is here (`pip install opentelemetry-sdk \
             opentelemetry-exporter-otlp-proto-http opentelemetry-exporter-otlp-proto-grpc`, then name it in \
             WATCHKEEPER_PYTHON)"
        );
        return;
    };
    let home = Home::new("");
    let mut program = home.start();
    let api = program.ready().await;
    let token = home.token("test", "viewer");
    let [http, grpc] = program.otlp().try_into().unwrap();
    let (mut logs, mut traces) = (0, 0);
    for (protocol, endpoint, compression, temporality) in [
        ("http", &http, "none", "cumulative"),
        ("http", &http, "gzip", "delta"),
        ("http", &api, "none", "delta"),
        ("grpc", &grpc, "none", "cumulative"),
        ("grpc", &grpc, "gzip", "delta"),
        // The ports are alike: a mistake that is often made costs nothing.
        ("grpc", &http, "none", "delta"),
    ] {
        let service =
            format!("{protocol}-{compression}-{temporality}-{}", endpoint.rsplit(':').next().unwrap());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/serve/otlp_client.py");
        let output = tokio::process::Command::new(&python)
            .args([script, protocol, endpoint, &service])
            .envs((compression != "none").then_some(("OTEL_EXPORTER_OTLP_COMPRESSION", compression)))
            .env("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", temporality)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "{service}: {said}");
        let of = |name: &str| format!("{name}{{job=\"{service}\"}}");
        assert_eq!(value(&api, &token, &of("demo_steps_total")).await, 30.0, "{service}");
        assert_eq!(value(&api, &token, &of("demo_wait_seconds_count")).await, 30.0, "{service}");
        // All of it counts as an increase, the first export included.
        let increase = format!(
            "resets({0}[1m]) + max_over_time({0}[1m]) - min_over_time({0}[1m])",
            of("demo_steps_total")
        );
        assert_eq!(value(&api, &token, &increase).await, 30.0, "{service}");
        (logs, traces) = (logs + 30, traces + 30);
        assert_eq!((kept(&api, "logs").await, kept(&api, "traces").await), (logs, traces), "{service}");
    }
}

/// Everything in the files of a directory: as it is, and what of it is packed.
fn unpacked(directory: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(unpacked(&path));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for place in 0..bytes.len() {
            if bytes[place..].starts_with(&ZSTD) {
                let decoder =
                    zstd::stream::read::Decoder::new(&bytes[place..]).map(|decoder| decoder.single_frame());
                let _ = decoder.unwrap().take(64 << 20).read_to_end(&mut all);
            }
        }
        all.extend(bytes);
    }
    all
}

/// How each of its frames begins.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

fn contains(all: &[u8], text: &str) -> bool {
    all.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn no_file_holds_a_secret_that_was_sent() {
    let home = Home::new("");
    let mut program = home.start();
    program.ready().await;
    let [http, _] = program.otlp().try_into().unwrap();
    let secret = |kind: &str| format!("sk-ant-api03-{kind}{}", "q7Zk".repeat(10));
    let marker = |kind: &str| format!("plainly-{kind}-to-be-found");
    let text = |kind: &str| json!({ "stringValue": format!("{} {}", marker(kind), secret(kind)) });
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let at = now.to_string();
    let attributes = |kind: &str| json!([{ "key": "said", "value": text(kind) }]);
    let (log, point, span) = (attributes("log"), attributes("point"), attributes("span"));
    let gauge = json!({ "dataPoints": [{ "timeUnixNano": at, "asInt": 1, "attributes": point }] });
    for (path, request) in [
        (
            "logs",
            json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [
            { "timeUnixNano": at, "body": text("body"), "attributes": log }] }] }] }),
        ),
        (
            "metrics",
            json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": [
            { "name": "heat", "gauge": gauge }] }] }] }),
        ),
        (
            "traces",
            json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [
            { "traceId": "6513270e269e0d37f2a74de452e6b438", "spanId": "0c5c7fd0a6a3a450", "startTimeUnixNano": at,
              "attributes": span }] }] }] }),
        ),
    ] {
        let answer =
            reqwest::Client::new().post(format!("{http}/v1/{path}")).json(&request).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "{}"), "{path}");
    }
    // Killed, it leaves its log as it is; stopped, all is in files.
    let check = |when: &str| {
        let all = unpacked(home.path());
        for kind in ["log", "body", "point", "span"] {
            assert!(contains(&all, &marker(kind)), "{when}: the {kind} is not found at all");
            assert!(!contains(&all, &secret(kind)), "{when}: the secret of the {kind} is there");
        }
    };
    program.signal(Signal::KILL);
    program.ended().await;
    check("killed");
    assert!(!program.said().contains("sk-ant"));
    let mut program = home.start();
    program.ready().await;
    program.signal(Signal::TERM);
    program.ended().await;
    check("stopped");
}
