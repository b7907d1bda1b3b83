//! The workload as remote write 1.0 sends it: one sample a series in a request, snappy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bench::Durations;
use bench::workload::{Agent, Fleet, Shard};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::peers::Peer;

/// Samples of one request, as Prometheus' own sender has them at least.
const REQUEST_SAMPLES: usize = 5_000;
/// Senders wait for each other after so many scrapes: Prometheus takes nothing that is an
/// hour behind.
const TOGETHER_SCRAPES: usize = 20;

#[derive(Debug, Default)]
pub struct Sent {
    pub wall: Duration,
    pub requests: Durations,
}

/// Sends everything over kept-alive connections side by side.
pub async fn send(peer: &Peer, fleet: Fleet, connections: usize) -> anyhow::Result<Sent> {
    let started = Instant::now();
    let together = Arc::new(Barrier::new(connections));
    let mut senders = JoinSet::new();
    for shard in fleet.shards(connections) {
        senders.spawn(Sender::new(peer, shard)?.run(fleet.scrapes, together.clone()));
    }
    let mut sent = Sent::default();
    while let Some(requests) = senders.join_next().await {
        sent.requests.extend(requests??);
    }
    sent.wall = started.elapsed();
    Ok(sent)
}

struct Sender {
    client: reqwest::Client,
    url: String,
    shard: Shard,
    /// The encoded labels of each series of each agent, in the catalogue's order.
    labels: Vec<Vec<Vec<u8>>>,
    body: Vec<u8>,
    samples: usize,
    requests: Durations,
}

impl Sender {
    fn new(peer: &Peer, shard: Shard) -> anyhow::Result<Self> {
        let labels = shard.agents.clone().map(|agent| {
            let agent = Agent::number(agent);
            shard.catalogue.iter().map(|series| encoded_labels(agent.labels(series))).collect()
        });
        Ok(Self {
            client: reqwest::Client::builder().pool_max_idle_per_host(1).http1_only().build()?,
            url: format!("{}/api/v1/write", peer.url),
            labels: labels.collect(),
            shard,
            body: Vec::new(),
            samples: 0,
            requests: Durations::default(),
        })
    }

    async fn run(mut self, scrapes: usize, together: Arc<Barrier>) -> anyhow::Result<Durations> {
        let per_scrape = self.shard.agents.len();
        for first in (0..scrapes).step_by(TOGETHER_SCRAPES) {
            for _ in 0..per_scrape * TOGETHER_SCRAPES.min(scrapes - first) {
                self.add_scrape();
                if self.samples >= REQUEST_SAMPLES {
                    self.send().await?;
                }
            }
            together.wait().await;
        }
        self.send().await?;
        Ok(self.requests)
    }

    fn add_scrape(&mut self) {
        let Some(scrape) = self.shard.next_scrape() else { return };
        for (labels, value) in self.labels[scrape.agent].iter().zip(scrape.values) {
            put_series(&mut self.body, labels, *value, scrape.at_ms);
        }
        self.samples += scrape.values.len();
    }

    async fn send(&mut self) -> anyhow::Result<()> {
        if self.samples == 0 {
            return Ok(());
        }
        let body = snap::raw::Encoder::new().compress_vec(&self.body)?;
        (self.samples, self.body) = (0, Vec::with_capacity(self.body.len()));
        let request = self
            .client
            .post(&self.url)
            .header("content-type", "application/x-protobuf")
            .header("content-encoding", "snappy")
            .header("x-prometheus-remote-write-version", "0.1.0")
            .body(body);
        let started = Instant::now();
        let answer = request.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        self.requests.push(started.elapsed());
        ensure!(status.is_success(), "remote write answered {status}: {text}");
        Ok(())
    }
}

// The messages of https://prometheus.io/docs/specs/prw/remote_write_spec/, field by field.
const WRITE_REQUEST_TIMESERIES: u8 = 1 << 3 | 2;
const TIMESERIES_LABELS: u8 = 1 << 3 | 2;
const TIMESERIES_SAMPLES: u8 = 2 << 3 | 2;
const LABEL_NAME: u8 = 1 << 3 | 2;
const LABEL_VALUE: u8 = 2 << 3 | 2;
const SAMPLE_VALUE: u8 = 1 << 3 | 1;
const SAMPLE_TIMESTAMP: u8 = 2 << 3;

fn encoded_labels(mut labels: Vec<(&str, &str)>) -> Vec<u8> {
    labels.sort_unstable();
    let mut bytes = vec![];
    for (name, value) in labels {
        let mut label = vec![];
        put_bytes(&mut label, LABEL_NAME, name.as_bytes());
        put_bytes(&mut label, LABEL_VALUE, value.as_bytes());
        put_bytes(&mut bytes, TIMESERIES_LABELS, &label);
    }
    bytes
}

fn put_series(body: &mut Vec<u8>, labels: &[u8], value: f64, at_ms: i64) {
    let mut sample = vec![SAMPLE_VALUE];
    sample.extend_from_slice(&value.to_le_bytes());
    sample.push(SAMPLE_TIMESTAMP);
    put_varint(&mut sample, at_ms as u64);
    let sample_bytes = 2 + sample.len();
    body.push(WRITE_REQUEST_TIMESERIES);
    put_varint(body, (labels.len() + sample_bytes) as u64);
    body.extend_from_slice(labels);
    put_bytes(body, TIMESERIES_SAMPLES, &sample);
}

fn put_bytes(target: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    target.push(tag);
    put_varint(target, bytes.len() as u64);
    target.extend_from_slice(bytes);
}

fn put_varint(target: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        target.push(number as u8 | 0x80);
        number >>= 7;
    }
    target.push(number as u8);
}
