//! Metrics, point by point.

use model::{CounterReset, is_stale};
use serde_json::{Value, json};

use super::stand::{Stand, increase};
use crate::exposition::FamilyKind;
use crate::otlp::{NameStrategy, OtlpError, OtlpSettings, Signal};

/// Seconds of a day in November 2026, in nanoseconds.
fn at(seconds: u64) -> String {
    ((1_795_000_000 + seconds) * 1_000_000_000).to_string()
}

/// The milliseconds of [`at`].
fn ms(seconds: i64) -> i64 {
    (1_795_000_000 + seconds) * 1_000
}

fn request(metric: &Value) -> Value {
    let resource = json!({ "attributes": [
        { "key": "service.name", "value": { "stringValue": "coder" } },
        { "key": "service.namespace", "value": { "stringValue": "fleet" } },
        { "key": "service.instance.id", "value": { "stringValue": "a-1" } },
        { "key": "host.name", "value": { "stringValue": "h1" } },
    ] });
    json!({ "resourceMetrics": [{ "resource": resource, "scopeMetrics": [{ "metrics": [metric] }] }] })
}

const DELTA: u32 = 1;
const CUMULATIVE: u32 = 2;

fn sum(temporality: u32, points: &[(u64, u64, f64)]) -> Value {
    let points: Vec<Value> = points
        .iter()
        .map(|(start, end, value)| {
            json!({ "startTimeUnixNano": at(*start), "timeUnixNano": at(*end), "asDouble": value })
        })
        .collect();
    let sum = json!({ "aggregationTemporality": temporality, "isMonotonic": true, "dataPoints": points });
    request(&json!({ "name": "tokens.used", "unit": "tokens", "description": "Tokens.", "sum": sum }))
}

const TOKENS: &str = "tokens_used_total";
const WHO: &str = r#"{instance="a-1", job="fleet/coder"}"#;

#[tokio::test]
async fn a_counter_has_a_zero_where_it_begins_and_its_target_is_told() {
    let stand = Stand::new().await;
    stand.keeps(&sum(CUMULATIVE, &[(0, 60, 5.0), (0, 120, 7.0)])).await;
    let expected = vec![(ms(0) + 1, 0.0), (ms(60), 5.0), (ms(120), 7.0)];
    assert_eq!(stand.samples(TOKENS).await, [(WHO.to_owned(), expected)]);
    let target = r#"{host_name="h1", instance="a-1", job="fleet/coder"}"#.to_owned();
    let told = vec![(ms(60), 1.0), (ms(120), 1.0)];
    assert_eq!(stand.samples("target_info").await, [(target, told)]);
    let said = stand.metadata.all(|name| name == TOKENS);
    let said = &said[TOKENS][0];
    assert_eq!(
        (said.kind, said.help.as_str(), said.unit.as_str()),
        (FamilyKind::Counter, "Tokens.", "tokens")
    );
}

#[tokio::test]
async fn deltas_and_totals_say_the_same() {
    let (delta, cumulative) = (Stand::new().await, Stand::new().await);
    for (span, value, total) in [((0, 60), 5.0, 5.0), ((60, 120), 2.0, 7.0), ((120, 180), 4.0, 11.0)] {
        delta.keeps(&sum(DELTA, &[(span.0, span.1, value)])).await;
        cumulative.keeps(&sum(CUMULATIVE, &[(0, span.1, total)])).await;
    }
    assert_eq!(delta.samples("").await, cumulative.samples("").await);
}

#[tokio::test]
async fn a_restart_is_a_reset() {
    let stand = Stand::new().await;
    stand.keeps(&sum(CUMULATIVE, &[(0, 60, 5.0), (0, 120, 7.0)])).await;
    // More than before, so that only its start tells.
    stand.keeps(&sum(CUMULATIVE, &[(130, 180, 8.0)])).await;
    let samples = stand.samples(TOKENS).await;
    assert_eq!(increase(&samples[0].1), 15.0);
}

#[tokio::test]
async fn two_processes_with_one_name_do_not_look_like_resets() {
    let stand = Stand::new().await;
    for (start, end, value) in [(0, 60, 100.0), (30, 65, 5.0), (0, 120, 101.0), (30, 125, 7.0)] {
        stand.keeps(&sum(CUMULATIVE, &[(start, end, value)])).await;
    }
    let samples = stand.samples(TOKENS).await;
    let rises: Vec<f64> = samples.iter().map(|(_, samples)| increase(samples)).collect();
    assert_eq!(rises, [107.0, 0.0], "{samples:?}");
    assert!(samples[1].0.contains("otel_start_time"));
}

#[tokio::test]
async fn a_delta_that_was_counted_is_rejected_and_counted_once() {
    let stand = Stand::new().await;
    stand.keeps(&sum(DELTA, &[(0, 60, 5.0)])).await;
    for again in [(0, 60), (30, 70)] {
        let outcome = stand.json(Signal::Metrics, &sum(DELTA, &[(again.0, again.1, 5.0)])).await.unwrap();
        assert_eq!(outcome.refused, 1);
        assert!(
            outcome.message.contains("tokens.used") && outcome.message.contains("duplicate"),
            "{outcome:?}"
        );
    }
    assert_eq!(stand.samples(TOKENS).await[0].1, [(ms(0) + 1, 0.0), (ms(60), 5.0)]);
}

#[tokio::test]
async fn a_delta_that_the_store_could_not_take_is_not_counted() {
    let stand = Stand::new().await;
    stand.keeps(&sum(DELTA, &[(0, 60, 5.0)])).await;
    *stand.kept.failure.lock() = Some(storage::AppendError::Full("disk".into()));
    let failed = stand.json(Signal::Metrics, &sum(DELTA, &[(60, 120, 2.0)])).await;
    assert!(matches!(failed, Err(OtlpError::Store(error)) if error.is_retryable()));
    stand.keeps(&sum(DELTA, &[(60, 120, 2.0)])).await;
    assert_eq!(stand.samples(TOKENS).await[0].1.last(), Some(&(ms(120), 7.0)));
}

/// It may be on the disk or not; sent again it is there, and counted once.
#[tokio::test]
async fn a_delta_of_which_nobody_knows_whether_it_was_kept_is_counted_once() {
    let stand = Stand::new().await;
    stand.keeps(&sum(DELTA, &[(0, 60, 5.0)])).await;
    *stand.kept.failure.lock() = Some(storage::AppendError::NotDurable("disk".into()));
    stand.json(Signal::Metrics, &sum(DELTA, &[(60, 120, 2.0)])).await.unwrap_err();
    let again = stand.json(Signal::Metrics, &sum(DELTA, &[(60, 120, 2.0)])).await.unwrap();
    assert_eq!(again.refused, 1, "it was counted");
    assert_eq!(stand.samples(TOKENS).await[0].1.last(), Some(&(ms(120), 7.0)));
    stand.keeps(&sum(DELTA, &[(120, 180, 1.0)])).await;
    assert_eq!(stand.samples(TOKENS).await[0].1.last(), Some(&(ms(180), 8.0)));
}

#[tokio::test]
async fn what_the_store_leaves_out_is_told_and_what_it_refuses_is_not_sent_again() {
    let stand = Stand::new().await;
    *stand.kept.leaves_out.lock() = 1;
    let outcome = stand.json(Signal::Metrics, &sum(CUMULATIVE, &[(0, 60, 5.0)])).await.unwrap();
    assert_eq!((outcome.refused, outcome.message.as_str()), (1, "left out: too many streams"));
    *stand.kept.failure.lock() = Some(storage::AppendError::Refused("no".into()));
    let refused = stand.json(Signal::Metrics, &sum(CUMULATIVE, &[(0, 120, 5.0)])).await;
    assert!(matches!(refused, Err(OtlpError::Store(error)) if !error.is_retryable()));
}

#[tokio::test]
async fn one_wrong_point_costs_that_point() {
    let stand = Stand::new().await;
    let points = json!([
        { "timeUnixNano": at(1), "asInt": "3" },
        { "timeUnixNano": at(2) },
        { "timeUnixNano": "9000000000000000000", "asInt": 1 },
    ]);
    let metric = request(&json!({ "name": "heat", "gauge": { "dataPoints": points } }));
    let outcome = stand.json(Signal::Metrics, &metric).await.unwrap();
    assert_eq!(outcome.refused, 2);
    assert!(outcome.message.contains("no value") && outcome.message.contains("future"), "{outcome:?}");
    assert_eq!(stand.samples("heat").await, [(WHO.to_owned(), vec![(ms(1), 3.0)])]);
    let odd = sum(0, &[(0, 60, 1.0)]);
    let outcome = stand.json(Signal::Metrics, &odd).await.unwrap();
    assert!(outcome.refused == 1 && outcome.message.contains("temporality"), "{outcome:?}");
}

#[tokio::test]
async fn a_histogram_is_buckets_sum_and_count_with_exemplars() {
    let stand = Stand::new().await;
    let exemplar = json!({ "timeUnixNano": at(50), "asDouble": 0.7, "spanId": "0c5c7fd0a6a3a450",
        "traceId": "6513270e269e0d37f2a74de452e6b438", "filteredAttributes": [
            { "key": "user.id", "value": { "stringValue": "u" } }] });
    let point = json!({ "startTimeUnixNano": at(0), "timeUnixNano": at(60), "count": "6", "sum": 7.5,
        "bucketCounts": ["1", 2, "3"], "explicitBounds": [0.5, 1], "exemplars": [exemplar] });
    let histogram = json!({ "aggregationTemporality": 2, "dataPoints": [point] });
    stand.keeps(&request(&json!({ "name": "wait", "unit": "s", "histogram": histogram }))).await;
    let last = |samples: Vec<(String, Vec<(i64, f64)>)>| -> Vec<(String, f64)> {
        samples.into_iter().map(|(labels, samples)| (labels, samples.last().unwrap().1)).collect()
    };
    let bucket = |le| format!(r#"{{instance="a-1", job="fleet/coder", le="{le}"}}"#);
    let buckets = last(stand.samples("wait_seconds_bucket").await);
    assert_eq!(buckets, [(bucket("+Inf"), 6.0), (bucket("0.5"), 1.0), (bucket("1"), 3.0)]);
    assert_eq!(last(stand.samples("wait_seconds_sum").await)[0].1, 7.5);
    assert_eq!(last(stand.samples("wait_seconds_count").await)[0].1, 6.0);
    let exemplars = stand.kept.exemplars.lock().clone();
    assert_eq!(exemplars[0].labels.get("le"), Some("1"));
    let labels = exemplars[0].exemplars[0].labels.to_string();
    let ids = r#"span_id="0c5c7fd0a6a3a450", trace_id="6513270e269e0d37f2a74de452e6b438", user_id="u""#;
    assert_eq!(labels, format!("{{{ids}}}"));
}

fn exponential(temporality: u32, span: (u64, u64), scale: i32, counts: &[u64]) -> Value {
    let point = json!({ "startTimeUnixNano": at(span.0), "timeUnixNano": at(span.1), "scale": scale,
        "count": counts.iter().sum::<u64>(), "sum": 3, "zeroCount": 1,
        "positive": { "offset": 0, "bucketCounts": counts }, "negative": { "bucketCounts": [0] } });
    let histogram = json!({ "aggregationTemporality": temporality, "dataPoints": [point] });
    request(&json!({ "name": "wait", "unit": "s", "exponentialHistogram": histogram }))
}

#[tokio::test]
async fn an_exponential_histogram_is_a_native_one() {
    let stand = Stand::new().await;
    stand.keeps(&exponential(DELTA, (0, 60), 1, &[1, 2])).await;
    stand.keeps(&exponential(DELTA, (60, 120), 0, &[5])).await;
    let found = stand.histograms().await;
    let found: Vec<_> = found[0]
        .samples
        .iter()
        .map(|sample| {
            let histogram = &sample.histogram;
            let buckets: Vec<_> = histogram.positive.iter().map(|one| (one.index, one.count)).collect();
            (sample.at.as_millis(), histogram.schema, histogram.count, histogram.zero_count, buckets)
        })
        .collect();
    let expected = [
        (ms(0) + 1, 1, 0.0, 0.0, vec![]),
        (ms(60), 1, 3.0, 1.0, vec![(1, 1.0), (2, 2.0)]),
        (ms(120), 0, 8.0, 2.0, vec![(1, 8.0)]),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn no_recorded_value_ends_a_series() {
    let stand = Stand::new().await;
    let gauge = |point: Value| request(&json!({ "name": "heat", "gauge": { "dataPoints": [point] } }));
    stand.keeps(&gauge(json!({ "timeUnixNano": at(1), "asInt": 3 }))).await;
    stand.keeps(&gauge(json!({ "timeUnixNano": at(2), "flags": 1 }))).await;
    let series = stand.series("heat").await;
    assert!(is_stale(series[0].samples[1].value));
}

#[tokio::test]
async fn a_summary_is_quantiles_sum_and_count() {
    let stand = Stand::new().await;
    let quantile = json!({ "quantile": 0.99, "value": 4.5 });
    let point = json!({ "timeUnixNano": at(1), "count": 3, "sum": 9, "quantileValues": [quantile] });
    stand.keeps(&request(&json!({ "name": "wait", "summary": { "dataPoints": [point] } }))).await;
    let labels = r#"{instance="a-1", job="fleet/coder", quantile="0.99"}"#.to_owned();
    assert_eq!(stand.samples("wait").await, [(labels, vec![(ms(1), 4.5)])]);
    assert_eq!(stand.samples("wait_count").await[0].1, [(ms(1), 3.0)]);
}

#[tokio::test]
async fn names_and_promoted_attributes_are_a_matter_of_settings() {
    let mut settings = OtlpSettings::default();
    settings.metrics.names = NameStrategy::NoTranslation;
    settings.metrics.promoted = vec!["host.name".into()];
    let stand = Stand::with(settings).await;
    let attributes = json!([
        { "key": "a.b", "value": { "stringValue": "x" } }, { "key": "a_b", "value": { "intValue": 1 } }]);
    let point = json!({ "timeUnixNano": at(1), "asInt": 3, "attributes": attributes });
    let metric = request(&json!({ "name": "heat.now", "unit": "Cel", "gauge": { "dataPoints": [point] } }));
    stand.keeps(&metric).await;
    let labels = stand.samples("heat.now").await.remove(0).0;
    assert_eq!(labels, r#"{a.b="x", a_b="1", host.name="h1", instance="a-1", job="fleet/coder"}"#);
    let stand = Stand::new().await;
    stand.keeps(&metric).await;
    let labels = stand.samples("heat_now_celsius").await.remove(0).0;
    assert_eq!(labels, r#"{a_b="x;1", instance="a-1", job="fleet/coder"}"#);
}

#[tokio::test]
async fn hints_of_resets_are_left_to_whoever_reads() {
    let stand = Stand::new().await;
    stand.keeps(&exponential(CUMULATIVE, (0, 60), 9, &[1])).await;
    let found = stand.histograms().await;
    assert!(found[0].samples.iter().all(|sample| sample.histogram.reset == CounterReset::Unknown));
    assert!(found[0].samples.iter().all(|sample| sample.histogram.schema == 8));
}
