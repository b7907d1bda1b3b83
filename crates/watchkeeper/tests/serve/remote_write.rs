//! A real Prometheus that writes into the binary, and what a crash of ours costs: nothing.

use serde_json::Value;

use rustix::process::Signal;

use crate::peer::{Prometheus, free_address};
use crate::program::{Home, eventually};

/// Scrapes itself every second and sends what it finds at once.
const CONFIG: &str = "global: {scrape_interval: 1s}
scrape_configs: [{job_name: theirs, static_configs: [{targets: ['SELF']}]}]
remote_write: [{url: 'http://OURS/api/v1/write', queue_config: {batch_send_deadline: 1s, max_backoff: 1s}}]
";

/// All samples of a range up to `end`, series by series, in order of labels.
async fn samples(address: &str, token: Option<&str>, range: &str, end: f64) -> Option<Vec<Value>> {
    let parameters = [("query", format!("{{job=\"theirs\"}}[{range}]")), ("time", end.to_string())];
    let url = reqwest::Url::parse_with_params(&format!("http://{address}/api/v1/query"), parameters).unwrap();
    let request = reqwest::Client::new().get(url);
    let answer = token.map_or(request.try_clone()?, |token| request.bearer_auth(token)).send().await.ok()?;
    let reply: Value = answer.json().await.ok()?;
    let mut found = reply["data"]["result"].as_array()?.clone();
    found.sort_by_key(|series| series["metric"].to_string());
    Some(found)
}

/// The time of the newest scrape that a server has.
async fn newest(address: &str, token: Option<&str>) -> Option<f64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let found = samples(address, token, "30s", now).await?;
    found
        .iter()
        .filter(|series| series["metric"]["__name__"] == "up")
        .find_map(|series| series["values"].as_array()?.last()?[0].as_f64())
}

#[tokio::test]
async fn nothing_that_a_prometheus_sends_is_lost_when_we_are_killed() {
    let home = Home::new("");
    let ours = free_address();
    let Some(theirs) = Prometheus::start(&home, &CONFIG.replace("OURS", &ours.to_string())) else { return };
    let (their_address, token) = (theirs.address.to_string(), home.token("test", "viewer"));
    let port = format!("server.port={}", ours.port());
    let ours = ours.to_string();
    let reaches = async |what: &str, time: f64| {
        eventually(what, async || newest(&ours, Some(&token)).await.filter(|newest| *newest >= time)).await
    };
    let mut program = home.start_with(&["--set", &port], &[]);
    program.ready().await;
    let first = reaches("samples of Prometheus", 0.0).await;
    let killed = reaches("some more of them", first + 4.0).await;
    program.signal(Signal::KILL);
    program.ended().await;
    let while_away = eventually("a scrape while we were away", async || {
        newest(&their_address, None).await.filter(|newest| *newest > killed + 2.0)
    })
    .await;
    let mut program = home.start_with(&["--set", &port], &[]);
    program.ready().await;
    let end = reaches("what was scraped meanwhile", while_away + 2.0).await;
    // Whole scrapes only: the last one may be on its way in several requests.
    let (end, range) = (end - 1.0, format!("{}ms", ((end - 1.0 - first) * 1000.0) as u64));
    let sent = samples(&their_address, None, &range, end).await.unwrap();
    let kept = samples(&ours, Some(&token), &range, end).await.unwrap();
    let count =
        |all: &[Value]| all.iter().filter_map(|one| Some(one["values"].as_array()?.len())).sum::<usize>();
    assert!(sent.len() > 100 && count(&sent) > 5 * sent.len(), "{} series, {}", sent.len(), count(&sent));
    // The bounds of a range belong to it in one version and not in the other.
    let without_bounds = |all: &[Value]| -> Vec<(Value, Vec<Value>)> {
        let inside = |point: &Value| point[0].as_f64().is_some_and(|at| at > first && at < end);
        let series = |one: &Value| {
            let values =
                one["values"].as_array().unwrap().iter().filter(|point| inside(point)).cloned().collect();
            (one["metric"].clone(), values)
        };
        all.iter().map(series).filter(|(_, values): &(Value, Vec<Value>)| !values.is_empty()).collect()
    };
    let (sent, kept) = (without_bounds(&sent), without_bounds(&kept));
    for (sent, kept) in sent.iter().zip(&kept) {
        assert_eq!(sent, kept);
    }
    assert_eq!(sent.len(), kept.len());
}
