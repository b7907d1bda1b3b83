//! `kill -9`, again and again.

use std::collections::BTreeSet;

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Home, eventually, query};

/// How often it is killed; the store's own tests crash far more often, at every step.
const ROUNDS: usize = 4;

#[tokio::test]
async fn what_was_visible_before_the_kill_is_there_after_the_restart() {
    let home = Home::new("[monitoring]\nmetrics_interval = \"1s\"\n");
    let token = home.token("crash", "viewer");
    let mut seen = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut program = home.start();
        let api = program.ready().await;
        let kept = samples(&api, &token).await;
        let lost: Vec<_> = seen.difference(&kept).collect();
        assert!(lost.is_empty(), "round {round}: {lost:?} are lost");
        seen = eventually("new samples", async || {
            let now = samples(&api, &token).await;
            (now.len() >= kept.len() + 2).then_some(now)
        })
        .await;
        program.signal(Signal::KILL);
        assert_eq!(program.ended().await, None, "a signal ended it");
    }
    assert!(seen.len() >= 2 * ROUNDS);
}

/// Time and value of every sample of the load.
async fn samples(api: &str, token: &str) -> BTreeSet<String> {
    let data = query(api, token, "node_load1[1h]").await;
    let series = data["result"].as_array().unwrap();
    let values = series.iter().flat_map(|series| series["values"].as_array().unwrap());
    values.map(Value::to_string).collect()
}
