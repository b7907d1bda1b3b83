//! Files that can be opened.

use std::time::Duration;

use axum::http::StatusCode;
use model::{Batch, LabelSet, Outcome};
use state::Role;
use storage::Appender;
use testkit::clock::START;

use super::fakes::run;
use super::fixture::{Answer, Fixture, get};

async fn exported(format: &str) -> Answer {
    let fixture = Fixture::new().await;
    let mut batch = Batch::default();
    for minute in 0..180u32 {
        let at = START + Duration::from_secs(u64::from(minute) * 60);
        batch.push_sample(LabelSet::metric("node_load1", [("job", "node")]), at, f64::from(minute));
    }
    fixture.store.append(batch).await.unwrap();
    fixture.app.engines.state.record_run(&run("run_1", Outcome::Verified)).await.unwrap();
    fixture.clock.advance(Duration::from_secs(3 * 3600)).await;
    let token = fixture.token(Role::Operator).await;
    fixture.ask(get(&format!("/monitoring/production/export?hours=3&format={format}")).bearer(&token)).await
}

#[tokio::test]
async fn json_is_one_document_with_the_contracts_keys() {
    let answer = exported("json").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    let document = answer.json();
    for key in [
        "export_timestamp",
        "export_format",
        "time_range_hours",
        "system_status",
        "performance_summary",
        "metrics_history",
        "alert_history",
        "recovery_history",
    ] {
        assert!(document.get(key).is_some(), "{key}");
    }
    let rows = document["metrics_history"]["system"].as_array().unwrap();
    let times: Vec<&str> = rows.iter().map(|row| row["timestamp"].as_str().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] > pair[1]), "newest first, each once: {times:?}");
    assert!(rows.len() > 350, "{}", rows.len());
    assert_eq!(rows.last().unwrap()["load_average_1m"], 0.0);
    assert_eq!(document["metrics_history"]["business"], serde_json::json!([]));
    assert_eq!(document["recovery_history"][0]["id"], "run_1");
}

#[tokio::test]
async fn csv_is_a_table_without_formulas() {
    let answer = exported("csv").await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    assert!(answer.header("content-disposition").contains("watchkeeper-3h.csv"));
    let mut reader = csv::Reader::from_reader(answer.text.as_bytes());
    let columns: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(columns, ["timestamp", "kind", "name", "value", "status", "id", "detail"]);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let alert = rows.iter().find(|row| &row[1] == "alert").unwrap();
    assert_eq!((&alert[2], &alert[3]), ("'=Agent Stuck", "12"));
    assert!(rows.iter().any(|row| &row[1] == "system" && &row[2] == "load_average_1m"));
    assert!(rows.iter().any(|row| &row[1] == "recovery" && &row[5] == "run_1"));
}

#[tokio::test]
async fn other_formats_are_refused() {
    let answer = exported("xml").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["errors"][0]["pointer"], "format");
}
