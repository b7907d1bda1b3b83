//! A Prometheus of our own with the series of the test, for as long as the test runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use model::SeriesSamples;
use serde_json::Value;

use crate::Matrix;

pub struct Reply {
    pub matrix: Matrix,
    /// How many were looked at, by step.
    pub samples: Vec<u64>,
}

pub struct Prometheus {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// Nothing when it is not installed.
    pub fn start(series: &[SeriesSamples]) -> Option<Self> {
        let is_there = |program: &str| {
            Command::new(program)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok()
        };
        if !is_there("prometheus") || !is_there("promtool") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        load(folder.path(), series);
        let config = folder.path().join("prometheus.yml");
        std::fs::write(&config, "global: {evaluation_interval: 1m}\n").unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--storage.tsdb.retention.time=100y")
            .arg("--enable-feature=promql-per-step-stats")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let prometheus = Self { child, port, _folder: folder };
        // Another program: there is no clock to inject, only readiness to ask for.
        let is_ready = (0..600).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            prometheus.ask("/-/ready", "").is_some_and(|(status, _)| status == 200)
        });
        assert!(is_ready, "Prometheus does not become ready");
        Some(prometheus)
    }

    pub fn range(&self, query: &str, start: i64, end: i64, step: i64) -> Result<Reply, String> {
        let encoded = encoded(query);
        let secs = |millis: i64| millis as f64 / 1000.0;
        let form =
            format!("query={encoded}&start={}&end={}&step={}&stats=all", secs(start), secs(end), secs(step));
        let (status, body) = self.ask("/api/v1/query_range", &form).unwrap();
        let answer: Value = serde_json::from_str(&body).unwrap();
        if status != 200 {
            return Err(answer["error"].to_string());
        }
        let matrix = answer["data"]["result"].as_array().unwrap().iter().map(series).collect();
        let by_step = &answer["data"]["stats"]["samples"]["totalQueryableSamplesPerStep"];
        let by_step = by_step.as_array().unwrap().iter();
        Ok(Reply { matrix, samples: by_step.map(|pair| pair[1].as_u64().unwrap()).collect() })
    }

    /// The query as Prometheus lays it out.
    pub fn laid_out(&self, query: &str) -> String {
        let form = format!("query={}", encoded(query));
        let (_, body) = self.ask("/api/v1/format_query", &form).unwrap();
        let answer: Value = serde_json::from_str(&body).unwrap();
        answer["data"].as_str().unwrap().to_owned()
    }

    fn ask(&self, path: &str, form: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let (method, length) = (if form.is_empty() { "GET" } else { "POST" }, form.len());
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\n\r\n{form}"
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }
}

fn encoded(query: &str) -> String {
    query.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fn series(series: &Value) -> (String, BTreeMap<i64, f64>) {
    let labels: BTreeMap<&str, &str> = series["metric"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let key = labels.iter().map(|(name, value)| format!("{name}={value},")).collect();
    let sample = |pair: &Value| {
        let millis = (pair[0].as_f64().unwrap() * 1000.0).round() as i64;
        (millis, pair[1].as_str().unwrap().parse().unwrap())
    };
    (key, series["values"].as_array().unwrap().iter().map(sample).collect())
}

fn load(folder: &Path, all: &[SeriesSamples]) {
    let mut text = String::new();
    for SeriesSamples { labels, samples } in all {
        let pairs: Vec<String> = labels
            .iter()
            .filter(|(name, _)| *name != model::METRIC_NAME)
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        let (name, pairs) = (labels.metric_name().unwrap(), pairs.join(","));
        for sample in samples {
            let secs = sample.at.as_millis() as f64 / 1000.0;
            writeln!(text, "{name}{{{pairs}}} {} {secs:.3}", sample.value).unwrap();
        }
    }
    text.push_str("# EOF\n");
    let file = folder.join("series.txt");
    std::fs::write(&file, text).unwrap();
    let status = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&file, &folder.join("data")])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "promtool loads no series");
}
