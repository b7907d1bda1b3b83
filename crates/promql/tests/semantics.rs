//! What the operators and functions mean, on one small set of series.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use model::{Batch, LabelSet, Timestamp};
use promql::{Engine, EngineSettings, Value, format_value, parse};
use storage::Appender;
use testkit::MemoryStore;

/// Ten minutes of samples, one a minute. The counters rise by the given number each time.
const COUNTERS: &[(&str, &str, &str, f64)] = &[
    ("requests_total", "api", "1", 60.0),
    ("requests_total", "api", "2", 120.0),
    ("requests_total", "web", "1", 6.0),
    ("errors_total", "api", "1", 6.0),
    ("errors_total", "web", "1", 3.0),
];

async fn engine() -> Engine {
    let store = Arc::new(MemoryStore::new());
    let mut batch = Batch::default();
    for minute in 0..=10_i32 {
        let at = Timestamp::from_secs(i64::from(minute) * 60);
        for (name, job, instance, rise) in COUNTERS {
            let labels = LabelSet::metric(name, [("job", job), ("instance", instance)]);
            batch.push_sample(labels, at, rise * f64::from(minute));
        }
        batch.push_sample(LabelSet::metric("job_info", [("job", "api"), ("team", "blue")]), at, 1.0);
        batch.push_sample(
            LabelSet::metric("temperature", [("job", "api")]),
            at,
            f64::from((minute - 5).abs()),
        );
        for (le, count) in [("0.1", 1.0), ("0.5", 3.0), ("+Inf", 4.0)] {
            let labels = LabelSet::metric("duration_bucket", [("le", le)]);
            batch.push_sample(labels, at, count * f64::from(minute));
        }
    }
    store.append(batch).await.unwrap();
    Engine::new(store, EngineSettings { experimental_functions: true, ..EngineSettings::default() })
}

/// The answer at ten minutes, one line a series; or the error.
async fn answer(query: &str) -> String {
    let answered = engine().await.instant(&parse(query).unwrap(), Timestamp::from_secs(600)).await;
    match answered {
        Err(error) => error.to_string(),
        Ok(answer) => match answer.value {
            Value::Scalar(sample) => format_value(sample.value),
            Value::String(text) => text,
            Value::Vector(vector) => {
                let line = |(labels, value): (LabelSet, f64)| format!("{labels} {}", format_value(value));
                vector
                    .into_iter()
                    .map(|(labels, sample)| line((labels, sample.value)))
                    .collect::<Vec<_>>()
                    .join("\n")
            }
            Value::Matrix(series) => format!("{} series", series.len()),
        },
    }
}

async fn check(cases: &[(&str, &str)]) {
    for (query, expected) in cases {
        assert_eq!(answer(query).await, *expected, "{query}");
    }
}

#[tokio::test]
async fn selectors_look_where_offset_and_at_point() {
    check(&[
        (r#"temperature"#, r#"temperature{job="api"} 5"#),
        (r#"temperature offset 5m"#, r#"temperature{job="api"} 0"#),
        (r#"temperature @ 60"#, r#"temperature{job="api"} 4"#),
        (r#"temperature @ 60 offset -1m"#, r#"temperature{job="api"} 3"#),
        (r#"temperature @ start()"#, r#"temperature{job="api"} 5"#),
        (r#"requests_total{job!~"a.*"}"#, r#"requests_total{instance="1", job="web"} 60"#),
        (r#"temperature[3m]"#, "1 series"),
    ])
    .await;
}

#[tokio::test]
async fn aggregations_keep_the_labels_they_are_asked_for() {
    check(&[
        ("sum(requests_total)", "{} 1860"),
        ("sum by (job) (requests_total)", "{job=\"api\"} 1800\n{job=\"web\"} 60"),
        ("max without (instance) (requests_total)", "{job=\"api\"} 1200\n{job=\"web\"} 60"),
        ("count(requests_total)", "{} 3"),
        ("avg(temperature)", "{} 5"),
        ("quantile(0.5, requests_total)", "{} 600"),
        ("count_values(\"value\", errors_total)", "{value=\"60\"} 1\n{value=\"30\"} 1"),
        ("topk(1, requests_total)", "requests_total{instance=\"2\", job=\"api\"} 1200"),
    ])
    .await;
}

#[tokio::test]
async fn vectors_match_by_their_labels() {
    check(&[
        (
            "errors_total / requests_total",
            "{instance=\"1\", job=\"api\"} 0.1\n{instance=\"1\", job=\"web\"} 0.5",
        ),
        (
            "requests_total * on (job) group_left (team) job_info",
            "{instance=\"1\", job=\"api\", team=\"blue\"} 600\n{instance=\"2\", job=\"api\", team=\"blue\"} 1200",
        ),
        (
            "requests_total * on (job) job_info",
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
        ),
        ("requests_total > 1000", "requests_total{instance=\"2\", job=\"api\"} 1200"),
        ("temperature > bool 7", "{job=\"api\"} 0"),
        ("7 - temperature", "{job=\"api\"} 2"),
        ("2 ^ 3 ^ 2", "512"),
        ("7 % 4 > bool 2", "1"),
    ])
    .await;
}

#[tokio::test]
async fn an_ambiguous_match_names_the_series() {
    let error = answer("temperature + on (job) requests_total").await;
    assert!(
        error.starts_with("found duplicate series for the match group {job=\"api\"} on the right"),
        "{error}"
    );
}

#[tokio::test]
async fn set_operators_look_at_labels_only() {
    check(&[
        ("temperature and on (job) job_info", "temperature{job=\"api\"} 5"),
        ("errors_total unless on (job) job_info", "errors_total{instance=\"1\", job=\"web\"} 30"),
        ("job_info or temperature", "job_info{job=\"api\", team=\"blue\"} 1\ntemperature{job=\"api\"} 5"),
    ])
    .await;
}

#[tokio::test]
async fn ranges_are_open_at_their_start() {
    check(&[
        ("count_over_time(temperature[5m])", "{job=\"api\"} 5"),
        ("increase(errors_total{job=\"api\"}[5m])", "{instance=\"1\", job=\"api\"} 30"),
        ("rate(errors_total{job=\"api\"}[5m])", "{instance=\"1\", job=\"api\"} 0.1"),
        ("irate(errors_total{job=\"api\"}[5m])", "{instance=\"1\", job=\"api\"} 0.1"),
        ("delta(temperature[5m])", "{job=\"api\"} 5"),
        ("max_over_time(temperature[10m])", "{job=\"api\"} 5"),
        ("min_over_time(temperature[10m])", "{job=\"api\"} 0"),
        ("resets(temperature[20m])", "{job=\"api\"} 5"),
        ("last_over_time(temperature[5m])", "temperature{job=\"api\"} 5"),
        ("sum_over_time(temperature[3m:30s])", "{job=\"api\"} 21"),
        ("predict_linear(temperature[4m], 60)", "{job=\"api\"} 6"),
    ])
    .await;
}

#[tokio::test]
async fn histograms_are_read_from_their_buckets() {
    check(&[
        ("histogram_quantile(0.25, duration_bucket)", "{} 0.1"),
        ("histogram_quantile(0.99, rate(duration_bucket[5m]))", "{} 0.5"),
        ("histogram_fraction(0, 0.5, duration_bucket)", "{} 0.75"),
    ])
    .await;
}

#[tokio::test]
async fn labels_can_be_rewritten() {
    check(&[
        (
            r#"label_replace(temperature, "where", "$1-room", "job", "(.*)")"#,
            r#"temperature{job="api", where="api-room"} 5"#,
        ),
        (
            r#"label_join(temperature, "both", "/", "job", "job")"#,
            r#"temperature{both="api/api", job="api"} 5"#,
        ),
        (
            r#"label_replace(requests_total, "instance", "", "", "")"#,
            "vector cannot contain metrics with the same labelset",
        ),
        (
            r#"label_replace(temperature, "x", "", "job", "(")"#,
            "invalid regular expression in label_replace(): (",
        ),
    ])
    .await;
}

#[tokio::test]
async fn what_is_missing_can_be_noticed() {
    check(&[
        (r#"absent(nothing{job="api", team=~"b.*"})"#, r#"{job="api"} 1"#),
        ("absent(temperature)", ""),
        (r#"absent_over_time(nothing{job="api"}[5m])"#, r#"{job="api"} 1"#),
        ("scalar(requests_total)", "NaN"),
        ("scalar(temperature)", "5"),
    ])
    .await;
}

#[tokio::test]
async fn times_are_numbers_of_seconds() {
    check(&[
        ("time()", "600"),
        ("timestamp(temperature offset 1m)", "{job=\"api\"} 540"),
        ("minute()", "{} 10"),
        ("day_of_week(vector(1767225600))", "{} 4"),
    ])
    .await;
}

#[tokio::test]
async fn names_are_dropped_where_the_meaning_changes() {
    check(&[
        ("abs(temperature)", "{job=\"api\"} 5"),
        ("-temperature", "{job=\"api\"} -5"),
        ("clamp_max(temperature, 3)", "{job=\"api\"} 3"),
        ("round(temperature / 3, 0.5)", "{job=\"api\"} 1.5"),
        (
            "abs({__name__=~\"temperature|job_info\", job=\"api\"})",
            "{job=\"api\", team=\"blue\"} 1\n{job=\"api\"} 5",
        ),
        (
            "abs({__name__=~\"(requests|errors)_total\"})",
            "vector cannot contain metrics with the same labelset",
        ),
    ])
    .await;
}
