//! What real senders sent, body by body.

#![expect(clippy::disallowed_methods, reason = "expectations are files")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use model::{Attributes, Value};
use serde_json::{Value as Json, json};

use super::stand::{FOLDERS, Stand, increase, recordings};
use crate::otlp::{Outcome, Signal};

/// The increases of all counters that are called like this, together.
async fn risen(stand: &Stand, name: &str) -> f64 {
    stand.samples(name).await.iter().map(|(_, samples)| increase(samples)).sum()
}

async fn play(stand: &Stand, folder: &str, signal: Signal) -> Option<usize> {
    let mut played = 0;
    for one in recordings(folder)?.into_iter().filter(|one| one.signal == signal.as_str()) {
        let outcome = stand.receiver.export(signal, one.encoding, one.compression, one.body).await;
        let outcome = outcome.unwrap_or_else(|error| panic!("{}: {error}", one.path.display()));
        assert_eq!(outcome, Outcome::default(), "{}", one.path.display());
        played += 1;
    }
    Some(played)
}

/// Names, how many series they have, and what those rose by together.
#[tokio::test]
async fn every_metric_is_taken() {
    let mut played = 0;
    for folder in FOLDERS {
        let stand = Stand::new().await;
        let Some(bodies) = play(&stand, folder, Signal::Metrics).await else { return };
        played += bodies;
        if bodies > 0 {
            check_golden(&format!("{folder}-metrics"), &summary_of_metrics(&stand).await);
        }
    }
    assert!(played >= 30, "{played}");
}

async fn summary_of_metrics(stand: &Stand) -> String {
    let mut families: BTreeMap<String, (usize, f64)> = BTreeMap::new();
    for series in stand.series("").await {
        let samples: Vec<(i64, f64)> =
            series.samples.iter().map(|sample| (sample.at.as_millis(), sample.value)).collect();
        let family = families.entry(series.labels.value("__name__").to_owned()).or_default();
        *family = (family.0 + 1, family.1 + increase(&samples));
    }
    for series in stand.histograms().await {
        let last = series.samples.last().map_or(0.0, |sample| sample.histogram.count);
        let name = format!("{} (native)", series.labels.value("__name__"));
        let family = families.entry(name).or_default();
        *family = (family.0 + 1, family.1 + last);
    }
    families.iter().map(|(name, (series, risen))| format!("{name}: {series} series, {risen:.6}\n")).collect()
}

/// Compares with `golden/<name>.txt`, beside this file; written anew with `WATCHKEEPER_GOLDEN=1`.
fn check_golden(name: &str, found: &str) {
    let golden = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/otlp/tests/golden"));
    let golden = golden.join(format!("{}.txt", name.replace('/', "-")));
    if std::env::var_os("WATCHKEEPER_GOLDEN").is_some() {
        std::fs::write(&golden, found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(&golden).unwrap(), "{name}");
}

#[tokio::test]
async fn claude_code_counts_the_same_with_both_temporalities() {
    for folder in ["claude-code/json-hang-delta", "claude-code/json-hang-cumulative"] {
        let stand = Stand::new().await;
        if play(&stand, folder, Signal::Metrics).await.is_none() {
            return;
        }
        assert_eq!(risen(&stand, "claude_code_session_count_total").await, 1.0, "{folder}");
    }
}

#[tokio::test]
async fn what_claude_code_used_is_what_its_deltas_add_up_to() {
    let stand = Stand::new().await;
    if play(&stand, "claude-code/json-interactive-hook-allow", Signal::Metrics).await.is_none() {
        return;
    }
    let totals = Stand::new().await;
    for body in cumulative("claude-code/json-interactive-hook-allow") {
        totals.keeps(&body).await;
    }
    for name in [
        "claude_code_session_count_total",
        "claude_code_token_usage_tokens_total",
        "claude_code_cost_usage_USD_total",
        "claude_code_active_time_seconds_total",
    ] {
        let (delta, total) = (risen(&stand, name).await, risen(&totals, name).await);
        assert!((delta - total).abs() < 1e-9, "{name}: {delta} by deltas, {total} by totals");
    }
    assert!(risen(&stand, "claude_code_token_usage_tokens_total").await > 1000.0);
}

/// The bodies of a recording with deltas, as the same sender would have sent totals.
fn cumulative(folder: &str) -> Vec<Json> {
    let mut totals: BTreeMap<String, (f64, Json)> = BTreeMap::new();
    let metrics = recordings(folder).unwrap().into_iter().filter(|one| one.signal == "metrics");
    let mut bodies: Vec<Json> = metrics.map(|one| serde_json::from_slice(&one.body).unwrap()).collect();
    for metric in bodies.iter_mut().flat_map(metrics_of) {
        let name = metric["name"].clone();
        metric["sum"]["aggregationTemporality"] = json!(2);
        for point in metric["sum"]["dataPoints"].as_array_mut().unwrap() {
            let key = format!("{name}{}", point["attributes"]);
            let start = point["startTimeUnixNano"].clone();
            let total = totals.entry(key).or_insert((0.0, start));
            total.0 += point["asDouble"].as_f64().unwrap();
            point["asDouble"] = json!(total.0);
            point["startTimeUnixNano"] = total.1.clone();
        }
    }
    bodies
}

fn metrics_of(body: &mut Json) -> Vec<&mut Json> {
    let resources = body["resourceMetrics"].as_array_mut().unwrap();
    let scopes = resources.iter_mut().flat_map(|one| one["scopeMetrics"].as_array_mut().unwrap());
    scopes.flat_map(|one| one["metrics"].as_array_mut().unwrap()).collect()
}

/// The application was run once for each protocol: counts are the same, times are not.
#[tokio::test]
async fn the_same_application_says_the_same_whatever_it_speaks() {
    let mut counted = Vec::new();
    for folder in ["otel-python/http-protobuf", "otel-python/http-json", "otel-python/grpc"] {
        let stand = Stand::new().await;
        if play(&stand, folder, Signal::Metrics).await.is_none() {
            return;
        }
        let names: Vec<String> = stand.samples("").await.into_iter().map(|(labels, _)| labels).collect();
        let tokens = risen(&stand, "gen_ai_client_token_usage_sum").await;
        counted.push((names, tokens));
    }
    assert!(counted[0].1 > 0.0, "{}", counted[0].1);
    assert!(counted.iter().all(|one| *one == counted[0]), "{counted:#?}");
}

/// How often each event and each span is in the recordings, and what is understood of them.
#[tokio::test]
async fn every_log_record_and_span_is_taken() {
    for folder in FOLDERS {
        let stand = Stand::new().await;
        for signal in [Signal::Logs, Signal::Traces] {
            if play(&stand, folder, signal).await.is_none() {
                return;
            }
        }
        check_golden(folder, &summary(&stand).await);
    }
}

/// Lines `kind, count, name, stream`, in order.
async fn summary(stand: &Stand) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for log in stand.logs().await {
        let event = log.attributes.iter().find(|(name, _)| name == "event.name");
        let name = event.map_or_else(|| "-".to_owned(), |(_, value)| value.to_string());
        let (severity, scope) = (log.severity.as_str(), log.stream.value("otel.scope.name"));
        let trace = if log.trace.is_some() { " in a trace" } else { "" };
        *counts.entry(format!("{severity} {name} of {scope}{trace}")).or_default() += 1;
    }
    for span in stand.spans().await {
        let (status, kind) = (span.status, span.kind);
        let name = format!("{kind:?} {status:?} {} of {}", span.name, span.stream.value("otel.scope.name"));
        *counts.entry(name).or_default() += 1;
    }
    let mut meanings: BTreeMap<String, i64> = BTreeMap::new();
    for log in stand.logs().await {
        add_meanings("logs", &log.attributes, &mut meanings);
    }
    for span in stand.spans().await {
        add_meanings("spans", &span.attributes, &mut meanings);
    }
    let counts = counts.iter().map(|(what, count)| format!("{count} {what}\n"));
    counts.chain(meanings.iter().map(|(what, sum)| format!("{what}: {sum}\n"))).collect()
}

/// Tokens together, and how often there is any other meaning.
fn add_meanings(signal: &str, attributes: &Attributes, meanings: &mut BTreeMap<String, i64>) {
    for (name, value) in attributes.iter().filter(|(name, _)| name.starts_with("watchkeeper.")) {
        let amount = match value {
            Value::Int(tokens) if name.contains(".tokens.") => *tokens,
            _ => 1,
        };
        *meanings.entry(format!("{name} in {signal}")).or_default() += amount;
    }
}
