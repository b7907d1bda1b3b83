//! The Prometheus API as Grafana asks it.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use model::{Batch, Bucket, Histogram, HistogramSample, HistogramSeries, LabelSet};
use serde_json::{Value, json};
use state::Role;
use storage::Appender;
use testkit::clock::START;

use super::fixture::{Answer, Fixture, get, post};

async fn fixture() -> (Fixture, String) {
    let fixture = Fixture::new().await;
    let mut batch = Batch::default();
    for minute in 0..10u32 {
        let at = START + Duration::from_secs(u64::from(minute) * 60);
        for job in ["a", "b"] {
            batch.push_sample(LabelSet::metric("up", [("job", job)]), at, f64::from(minute));
        }
    }
    fixture.store.append(batch).await.unwrap();
    fixture.clock.advance(Duration::from_secs(540)).await;
    let token = fixture.token(Role::Viewer).await;
    (fixture, token)
}

async fn asked(path: &str) -> Answer {
    let (fixture, token) = fixture().await;
    fixture.ask(get(path).bearer(&token)).await
}

fn failed(answer: &Answer, status: StatusCode, word: &str) {
    let body = answer.json();
    assert_eq!((answer.status, &body["errorType"]), (status, &Value::from(word)), "{body}");
    assert_eq!(body["status"], "error");
    assert!(!body["error"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn an_instant_query_answers_a_vector() {
    let answer = asked("/api/v1/query?query=up%7Bjob%3D%22a%22%7D").await;
    let expected = json!({ "status": "success", "data": { "resultType": "vector", "result": [
        { "metric": { "__name__": "up", "job": "a" }, "value": [1_767_226_140, "9"] } ] } });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn a_form_is_as_good_as_a_query_string() {
    let (fixture, token) = fixture().await;
    let ask = post("/api/v1/query", "query=1%2B1&time=2026-01-01T00%3A00%3A00Z").bearer(&token);
    let answer = fixture.ask(ask.with("content-type", "application/x-www-form-urlencoded")).await;
    let expected = json!({ "resultType": "scalar", "result": [1_767_225_600, "2"] });
    assert_eq!(answer.json()["data"], expected);
}

#[tokio::test]
async fn a_range_query_answers_a_matrix() {
    let path = "/api/v1/query_range?query=sum(up)&start=1767225600&end=2026-01-01T00:02:00Z&step=1m";
    let answer = asked(path).await;
    let expected = json!({ "resultType": "matrix", "result": [
        { "metric": {}, "values": [[1_767_225_600, "0"], [1_767_225_660, "2"], [1_767_225_720, "4"]] } ] });
    assert_eq!(answer.json()["data"], expected);
}

#[tokio::test]
async fn an_answer_tells_what_it_took_when_it_is_asked() {
    let path = "/api/v1/query_range?query=up&start=1767225600&end=1767225720&step=1m";
    let totals = asked(&format!("{path}&stats=1")).await.json();
    assert_eq!(totals["data"]["stats"]["samples"], json!({ "totalQueryableSamples": 6, "peakSamples": 12 }));
    let timings = totals["data"]["stats"]["timings"].as_object().unwrap();
    let names: Vec<&str> = timings.keys().map(String::as_str).collect();
    let expected = [
        "evalTotalTime",
        "execQueueTime",
        "execTotalTime",
        "innerEvalTime",
        "queryPreparationTime",
        "resultSortTime",
    ];
    assert_eq!(names, expected);
    let all = asked(&format!("{path}&stats=all")).await.json();
    let by_step = json!([[1_767_225_600, 2], [1_767_225_660, 2], [1_767_225_720, 2]]);
    assert_eq!(all["data"]["stats"]["samples"]["totalQueryableSamplesPerStep"], by_step);
    assert!(asked(path).await.json()["data"].get("stats").is_none());
}

#[tokio::test]
async fn one_query_may_look_back_less_far() {
    let found = |answer: Answer| answer.json()["data"]["result"].as_array().unwrap().len();
    let query = "/api/v1/query?query=up&time=1767226170";
    assert_eq!(found(asked(query).await), 2);
    assert_eq!(found(asked(&format!("{query}&lookback_delta=30s")).await), 0);
    failed(&asked(&format!("{query}&lookback_delta=far")).await, StatusCode::BAD_REQUEST, "bad_data");
}

#[tokio::test]
async fn a_query_is_laid_out_and_drawn_as_a_tree() {
    let answer = asked("/api/v1/format_query?query=foo%2Fbar").await.json();
    assert_eq!(answer, json!({ "status": "success", "data": "foo / bar" }));
    let tree = asked("/api/v1/parse_query?query=-foo").await.json();
    let selector = &tree["data"]["expr"];
    assert_eq!((&tree["data"]["type"], &selector["name"]), (&json!("unaryExpr"), &json!("foo")));
    for path in ["/api/v1/format_query", "/api/v1/parse_query?query=sum("] {
        failed(&asked(path).await, StatusCode::BAD_REQUEST, "bad_data");
    }
}

#[tokio::test]
async fn wrong_parameters_are_bad_data() {
    for path in [
        "/api/v1/query",
        "/api/v1/query?query=sum(",
        "/api/v1/query?query=up&time=yesterday",
        "/api/v1/query?query=up&timeout=soon",
        "/api/v1/query_range?query=up&start=0&end=10",
        "/api/v1/query_range?query=up&start=0&end=10&step=0",
        "/api/v1/query_range?query=up&start=10&end=0&step=1",
        "/api/v1/query_range?query=up&start=0&end=11001&step=1",
        "/api/v1/series",
        "/api/v1/series?match[]=sum(up)",
        "/api/v1/series?match[]=%7B%7D",
        "/api/v1/labels?start=10&end=0",
        "/api/v1/labels?limit=many",
    ] {
        failed(&asked(path).await, StatusCode::BAD_REQUEST, "bad_data");
    }
    let finest = asked("/api/v1/query_range?query=up&start=0&end=11000&step=1").await;
    assert_eq!(finest.status, StatusCode::OK);
}

#[tokio::test]
async fn an_ambiguous_match_is_an_execution_error() {
    let answer = asked("/api/v1/query?query=up%20%2B%20ignoring(job)%20up").await;
    failed(&answer, StatusCode::UNPROCESSABLE_ENTITY, "execution");
}

#[tokio::test]
async fn series_labels_and_values_are_listed() {
    let series = asked("/api/v1/series?match[]=up%7Bjob%3D%22a%22%7D&match[]=up").await.json();
    let expected = json!([{ "__name__": "up", "job": "a" }, { "__name__": "up", "job": "b" }]);
    assert_eq!(series["data"], expected);
    assert_eq!(asked("/api/v1/labels").await.json()["data"], json!(["__name__", "job"]));
    assert_eq!(asked("/api/v1/label/job/values").await.json()["data"], json!(["a", "b"]));
    let limited = asked("/api/v1/label/job/values?limit=1").await.json();
    assert_eq!(
        (&limited["data"], &limited["warnings"][0]),
        (&json!(["a"]), &"results truncated due to limit".into())
    );
    let before = asked("/api/v1/label/job/values?end=100").await.json();
    assert_eq!(before["data"], json!([]));
}

#[tokio::test]
async fn a_client_can_ask_what_it_talks_to() {
    let info = asked("/api/v1/status/buildinfo").await.json();
    assert_eq!((&info["status"], &info["data"]["version"]), (&"success".into(), &"3.14.0".into()));
}

#[tokio::test]
async fn a_large_answer_is_whole() {
    let (fixture, token) = fixture().await;
    let mut batch = Batch::default();
    let all = 21_000_u32;
    for series in 0..all {
        let number = series.to_string();
        batch.push_sample(LabelSet::metric("many", [("n", number)]), START, f64::from(series));
    }
    fixture.store.append(batch).await.unwrap();
    let path = format!("/api/v1/query?query=many&time={}", START.as_secs());
    let answer = fixture.ask(get(&path).bearer(&token)).await;
    assert_eq!(answer.header("content-type"), "application/json");
    let result = answer.json()["data"]["result"].as_array().unwrap().clone();
    let mut values: Vec<u32> =
        result.iter().map(|one| one["value"][1].as_str().unwrap().parse().unwrap()).collect();
    values.sort_unstable();
    assert_eq!(values, (0..all).collect::<Vec<_>>());
}

#[tokio::test]
async fn series_are_counted_by_what_makes_them_many() {
    let tsdb = asked("/api/v1/status/tsdb").await.json()["data"].clone();
    assert_eq!(
        (&tsdb["headStats"]["numSeries"], &tsdb["headStats"]["numLabelPairs"]),
        (&2.into(), &3.into())
    );
    let expected = json!([{ "name": "__name__=up", "value": 2 }]);
    let one = asked("/api/v1/status/tsdb?limit=1").await.json()["data"].clone();
    assert_eq!(one["seriesCountByLabelValuePair"], expected);
    assert_eq!(one["labelValueCountByLabelName"], json!([{ "name": "job", "value": 2 }]));
    failed(&asked("/api/v1/status/tsdb?limit=10001").await, StatusCode::BAD_REQUEST, "bad_data");
}

#[tokio::test]
async fn an_administrator_deletes_series_as_prometheus_clients_do() {
    let (fixture, viewer) = fixture().await;
    let admin = fixture.token(Role::Admin).await;
    let path = "/api/v1/admin/tsdb/delete_series?match[]=up%7Bjob%3D%22a%22%7D";
    let refused = fixture.ask(post(path, "").bearer(&viewer)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let done = fixture.ask(post(path, "").bearer(&admin)).await;
    assert_eq!((done.status, done.text.as_str()), (StatusCode::NO_CONTENT, ""));
    let left = fixture.ask(get("/api/v1/label/job/values").bearer(&viewer)).await;
    assert_eq!(left.json()["data"], json!(["b"]));
    let clean = fixture.ask(post("/api/v1/admin/tsdb/clean_tombstones", "").bearer(&admin)).await;
    assert_eq!(clean.status, StatusCode::NO_CONTENT);
    let aimless = fixture.ask(post("/api/v1/admin/tsdb/delete_series", "").bearer(&admin)).await;
    failed(&aimless, StatusCode::BAD_REQUEST, "bad_data");
    let snapshot = fixture.ask(post("/api/v1/admin/tsdb/snapshot", "").bearer(&admin)).await;
    failed(&snapshot, StatusCode::SERVICE_UNAVAILABLE, "unavailable");
}

/// So many buckets that the answer is written piece by piece.
#[tokio::test]
async fn a_large_answer_has_its_histograms() {
    let (fixture, token) = fixture().await;
    let histogram = Arc::new(Histogram {
        count: 30.0,
        sum: 4.5,
        positive: (0..30).map(|index| Bucket { index, count: 1.0 }).collect(),
        ..Histogram::default()
    });
    let sample = |minute: u32| HistogramSample {
        at: START + Duration::from_secs(60) * minute,
        histogram: Arc::clone(&histogram),
    };
    let series = |job: u32| HistogramSeries {
        labels: LabelSet::metric("latency", [("job", job.to_string())]),
        samples: (0..10).map(sample).collect(),
    };
    fixture
        .store
        .append(Batch { histograms: (0..100).map(series).collect(), ..Batch::default() })
        .await
        .unwrap();
    let (start, end) = (START.as_secs(), START.as_secs() + 540);
    let path = format!("/api/v1/query_range?query=latency&start={start}&end={end}&step=1m");
    let answer = fixture.ask(get(&path).bearer(&token)).await.json();
    let result = answer["data"]["result"].as_array().unwrap();
    assert_eq!(result.len(), 100);
    for series in result {
        let histograms = series["histograms"].as_array().unwrap();
        assert_eq!(histograms.len(), 10);
        assert!(series.get("values").is_none());
        let last = json!([end, { "count": "30", "sum": "4.5", "buckets": histograms[9][1]["buckets"] }]);
        assert_eq!(histograms[9], last);
        assert_eq!(histograms[9][1]["buckets"][29], json!([0, "268435456", "536870912", "1"]));
    }
}

/// In the order in which Grafana's data source asks when it is saved and tested, and when
/// its query editor opens.
#[tokio::test]
async fn grafana_is_content() {
    let (fixture, token) = fixture().await;
    let form = |path: &str, body: &str| {
        let ask = post(path, body).bearer(&token).with("content-type", "application/x-www-form-urlencoded");
        ask.with("x-scope-orgid", "1").with("x-grafana-org-id", "1")
    };
    let test = fixture.ask(form("/api/v1/query", "query=1%2B1&time=1767226140.000")).await;
    assert_eq!(test.json()["data"]["result"][1], "2");
    let info = fixture.ask(get("/api/v1/status/buildinfo").bearer(&token)).await.json();
    assert!(info["data"].get("features").is_none(), "with features it would be taken for Mimir");
    let window = "start=1767225600&end=1767226140";
    for (path, body, expected) in [
        ("/api/v1/labels", window.to_owned(), json!(["__name__", "job"])),
        ("/api/v1/series", format!("match[]=up&limit=1&{window}"), json!([{ "__name__": "up", "job": "a" }])),
    ] {
        assert_eq!(fixture.ask(form(path, &body)).await.json()["data"], expected, "{path}");
    }
    let values = format!("/api/v1/label/__name__/values?{window}&match[]=%7Bjob%3D%22a%22%7D");
    assert_eq!(fixture.ask(get(&values).bearer(&token)).await.json()["data"], json!(["up"]));
    let exemplars = fixture.ask(form("/api/v1/query_exemplars", &format!("query=up&{window}"))).await;
    assert_eq!(exemplars.json(), json!({ "status": "success", "data": [] }));
    let panel = format!("query=rate(up[2m])&step=60&{window}");
    let panel = fixture.ask(form("/api/v1/query_range", &panel)).await.json();
    assert_eq!(panel["data"]["result"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_token_may_come_as_the_password_of_any_user() {
    use base64::Engine as _;
    let (fixture, token) = fixture().await;
    let encoded = |pair: String| base64::prelude::BASE64_STANDARD.encode(pair);
    let ask = |header: String| get("/api/v1/labels").with("authorization", &header);
    let known = fixture.ask(ask(format!("Basic {}", encoded(format!("grafana:{token}"))))).await;
    assert_eq!(known.status, StatusCode::OK);
    for wrong in
        [format!("Basic {}", encoded(format!("{token}:"))), format!("Basic {token}"), "Basic".to_owned()]
    {
        assert_eq!(fixture.ask(ask(wrong)).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn without_a_token_even_queries_are_refused() {
    let (fixture, _) = fixture().await;
    assert_eq!(fixture.ask(get("/api/v1/query?query=up")).await.status, StatusCode::UNAUTHORIZED);
}
