//! Scraping, against a stand that says what it is told and against a real Prometheus.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::peer::{Prometheus, installed};
use crate::program::{Home, eventually, query};

/// An exporter: answers with its page, and closes its doors when it is dropped.
struct Exporter {
    address: SocketAddr,
    page: Arc<Mutex<String>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Exporter {
    async fn start(page: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let page = Arc::new(Mutex::new(page.to_owned()));
        let said = page.clone();
        let serving = tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let page = said.lock().unwrap().clone();
                let mut request = vec![0; 4096];
                let _ = connection.read(&mut request).await;
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\nconnection: close\r\n\
                     content-length: {}\r\n\r\n{page}",
                    page.len()
                );
                let _ = connection.write_all(answer.as_bytes()).await;
            }
        });
        Self { address, page, serving }
    }

    fn say(&self, page: &str) {
        page.clone_into(&mut self.page.lock().unwrap());
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn config_of(home: &Home, job: &str, address: impl std::fmt::Display) {
    let yaml = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n- {{job_name: {job}, static_configs: [{{targets: ['{address}']}}]}}\n"
    );
    std::fs::write(home.path().join("prometheus.yml"), yaml).unwrap();
}

/// The value of the one series, as text; none when there is no sample, or only a marker.
async fn value(api: &str, token: &str, promql: &str) -> Option<String> {
    let answer = query(api, token, promql).await;
    answer["result"][0]["value"][1].as_str().map(str::to_owned)
}

async fn get(api: &str, token: &str, path: &str) -> Value {
    let client = reqwest::Client::new();
    let answer = client.get(format!("{api}{path}")).bearer_auth(token).send().await.unwrap();
    answer.json().await.unwrap()
}

const SCRAPE: &str = "[scrape]\nconfig = \"prometheus.yml\"\n";

#[tokio::test]
async fn an_exporter_is_scraped_and_its_end_is_told() {
    let exporter = Exporter::start(
        "# HELP jobs_total Done.\n# TYPE jobs_total counter\njobs_total{a=\"b\"} 7\nbrief 1\n",
    )
    .await;
    let home = Home::new(SCRAPE);
    config_of(&home, "stand", exporter.address);
    let token = home.token("test", "viewer");
    let mut program = home.start();
    let api = program.ready().await;
    let is = async |promql: &str, wanted: Option<&str>| {
        eventually(promql, async || (value(&api, &token, promql).await.as_deref() == wanted).then_some(()))
            .await;
    };
    is("jobs_total{a=\"b\",job=\"stand\"}", Some("7")).await;
    is("up{job=\"stand\"}", Some("1")).await;
    is("scrape_samples_scraped{job=\"stand\"}", Some("2")).await;
    let targets = get(&api, &token, "/api/v1/targets").await;
    let target = &targets["data"]["activeTargets"][0];
    assert_eq!((&target["health"], &target["scrapePool"]), (&"up".into(), &"stand".into()), "{targets}");
    let metadata = get(&api, &token, "/api/v1/metadata?metric=jobs_total").await;
    assert_eq!(metadata["data"]["jobs_total"][0]["help"], "Done.", "{metadata}");
    // What is no longer said is no longer there, and not only after five minutes.
    is("brief", Some("1")).await;
    exporter.say("jobs_total{a=\"b\"} 8\n");
    is("brief", None).await;
    is("jobs_total", Some("8")).await;
    drop(exporter);
    is("jobs_total", None).await;
    is("up{job=\"stand\"}", Some("0")).await;
}

#[tokio::test]
async fn the_file_is_read_again_on_a_signal_and_on_request_and_a_wrong_one_changes_nothing() {
    let (first, second) = (Exporter::start("a 1\n").await, Exporter::start("a 2\n").await);
    let home = Home::new(SCRAPE);
    config_of(&home, "one", first.address);
    let token = home.token("test", "admin");
    let mut program = home.start();
    let api = program.ready().await;
    let is = async |promql: &str, wanted: &str| {
        eventually(promql, async || {
            (value(&api, &token, promql).await.as_deref() == Some(wanted)).then_some(())
        })
        .await;
    };
    let reload = async || {
        let client = reqwest::Client::new();
        let answer = client.post(format!("{api}/-/reload")).bearer_auth(&token).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    is("a{job=\"one\"}", "1").await;
    std::fs::write(home.path().join("prometheus.yml"), "scrape_config: []\n").unwrap();
    let (status, text) = reload().await;
    assert!(status == 500 && text.contains("scrape_config"), "{status} {text}");
    let own = reqwest::get(format!("{api}/metrics")).await.unwrap().text().await.unwrap();
    assert!(own.contains("watchkeeper_config_last_reload_successful 0\n"), "{own}");
    is("up{job=\"one\"}", "1").await;
    config_of(&home, "two", second.address);
    program.signal(Signal::HUP);
    is("a{job=\"two\"}", "2").await;
    config_of(&home, "three", first.address);
    assert_eq!(reload().await.0, 200);
    is("a{job=\"three\"}", "1").await;
}

#[test]
fn a_file_that_is_wrong_ends_the_start_with_its_reason() {
    let home = Home::new(SCRAPE);
    std::fs::write(home.path().join("prometheus.yml"), "scrape_configs:\n- job_name: a\n  intervall: 5s\n")
        .unwrap();
    let output = home.run(&["serve"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("intervall") && said.contains("line 3"), "{said}");
}

#[tokio::test]
async fn a_real_prometheus_is_scraped() {
    let home = Home::new(SCRAPE);
    let Some(prometheus) = Prometheus::start(&home, "") else { return };
    config_of(&home, "theirs", prometheus.address);
    let token = home.token("test", "viewer");
    let mut program = home.start();
    let api = program.ready().await;
    let is = async |promql: &str, wanted: &str| {
        eventually(promql, async || {
            (value(&api, &token, promql).await.as_deref() == Some(wanted)).then_some(())
        })
        .await;
    };
    is("up{job=\"theirs\"}", "1").await;
    is("count(prometheus_build_info{job=\"theirs\"})", "1").await;
    is("scrape_samples_scraped{job=\"theirs\"} > bool 100", "1").await;
    is("count(prometheus_http_request_duration_seconds_bucket{le=\"+Inf\"}) > bool 0", "1").await;
    drop(prometheus);
    is("up{job=\"theirs\"}", "0").await;
    eventually("the end of its series", async || {
        value(&api, &token, "prometheus_build_info").await.is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn its_own_numbers_are_clean() {
    let Some(promtool) = installed("promtool") else { return };
    let home = Home::new("");
    let mut program = home.start();
    let api = program.ready().await;
    let page = eventually("numbers of the process", async || {
        let page = reqwest::get(format!("{api}/metrics")).await.ok()?.text().await.ok()?;
        (page.contains("process_cpu_seconds_total") && page.contains("store_sync_seconds_count"))
            .then_some(page)
    })
    .await;
    let mut command = Command::new(promtool);
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // Folders of days are counted, and no time is measured in days.
    let faults: Vec<&str> = said.lines().filter(|line| !line.ends_with("instead of \"days\"")).collect();
    assert!(faults.is_empty(), "{faults:?}\n{page}");
    assert!(output.status.success() || !said.is_empty(), "promtool failed without a word");
}
