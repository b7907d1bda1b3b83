//! Latency and throughput of the contract's endpoints over kept-alive connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::ensure;
use reqwest::Client;

use crate::watchkeeper::Watchkeeper;
use bench::Durations;

const PATHS: [&str; 10] = [
    "/health",
    "/monitoring/health",
    "/monitoring/recovery",
    "/monitoring/agents",
    "/monitoring/production/status",
    "/monitoring/production/performance",
    "/monitoring/production/alerts",
    "/monitoring/production/export",
    "/api/v1/query?query=node_load1",
    "/metrics",
];

const CONNECTIONS: [usize; 2] = [1, 8];

pub async fn print(watchkeeper: &Watchkeeper, requests: usize) -> anyhow::Result<()> {
    println!("{:<40} {:>6} {:>9} {:>9} {:>9}", "endpoint, milliseconds", "conns", "p50", "p99", "req/s");
    for path in PATHS {
        for connections in CONNECTIONS {
            let url = Arc::from(format!("{}{path}", watchkeeper.api));
            let started = Instant::now();
            let durations = load(url, &watchkeeper.token, connections, requests).await?;
            let rate = durations.count() as f64 / started.elapsed().as_secs_f64();
            println!(
                "{path:<40} {connections:>6} {:>9.2} {:>9.2} {rate:>9.0}",
                durations.quantile_ms(0.5),
                durations.quantile_ms(0.99),
            );
        }
    }
    Ok(())
}

async fn load(url: Arc<str>, token: &str, connections: usize, requests: usize) -> anyhow::Result<Durations> {
    let left = Arc::new(AtomicUsize::new(requests));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..connections {
        clients.spawn(one_connection(url.clone(), token.to_owned(), left.clone()));
    }
    let mut all = Durations::default();
    while let Some(durations) = clients.join_next().await {
        all.extend(durations??);
    }
    Ok(all)
}

async fn one_connection(
    url: Arc<str>,
    token: String,
    left: Arc<AtomicUsize>,
) -> anyhow::Result<Vec<std::time::Duration>> {
    let client = Client::builder().pool_max_idle_per_host(1).http1_only().build()?;
    let mut durations = Vec::new();
    let take = |left: usize| left.checked_sub(1);
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
        let started = Instant::now();
        let answer = client.get(&*url).bearer_auth(&token).send().await?;
        let status = answer.status();
        answer.bytes().await?;
        durations.push(started.elapsed());
        ensure!(status.is_success(), "{url} answered {status}");
    }
    Ok(durations)
}
