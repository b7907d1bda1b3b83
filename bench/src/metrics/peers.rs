//! The servers that are compared: each started in a fresh directory on a free port.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::ValueEnum;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::queries::Query;
use crate::watchkeeper::{Watchkeeper, free_port};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Prometheus,
    VictoriaMetrics,
    Watchkeeper,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Prometheus, Kind::VictoriaMetrics, Kind::Watchkeeper];

    pub const fn name(self) -> &'static str {
        match self {
            Kind::Prometheus => "Prometheus",
            Kind::VictoriaMetrics => "VictoriaMetrics",
            Kind::Watchkeeper => "Watchkeeper",
        }
    }
}

// `default_values_t` shows them.
impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned()))
    }
}

/// Where the program of a peer is, if it is installed; our own is the one that was built.
pub fn binary(kind: Kind, ours: &Path) -> Option<PathBuf> {
    let name = match kind {
        Kind::Watchkeeper => return Some(ours.to_owned()),
        Kind::Prometheus => "prometheus",
        Kind::VictoriaMetrics => "victoria-metrics",
    };
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

pub struct Peer {
    pub url: String,
    pub pid: u32,
    /// Where it keeps its files.
    pub data: PathBuf,
    kind: Kind,
    token: Option<String>,
    client: reqwest::Client,
    process: Process,
    _directory: TempDir,
}

enum Process {
    Peer(Child),
    Watchkeeper(Watchkeeper),
}

impl Peer {
    pub async fn start(kind: Kind, binary: PathBuf) -> anyhow::Result<Self> {
        // On a real disk, which `/tmp` often is not.
        let beside = std::env::current_exe()?;
        let beside = beside.parent().context("the program lies nowhere")?;
        let directory = tempfile::Builder::new().prefix("peer-").tempdir_in(beside)?;
        let data = directory.path().join("data");
        let client = reqwest::Client::builder().pool_max_idle_per_host(1).http1_only().build()?;
        let (process, url, pid, token) = if kind == Kind::Watchkeeper {
            let watchkeeper = Watchkeeper::start_alone(&binary, directory.path()).await?;
            let (url, pid, token) = (watchkeeper.api.clone(), watchkeeper.pid, watchkeeper.token.clone());
            (Process::Watchkeeper(watchkeeper), url, pid, Some(token))
        } else {
            let port = free_port()?;
            let child = command(kind, &binary, directory.path(), &data, port)?.spawn()?;
            let pid = child.id().context("it ended at once")?;
            (Process::Peer(child), format!("http://127.0.0.1:{port}"), pid, None)
        };
        let peer = Self { url, pid, data, kind, token, client, process, _directory: directory };
        peer.first_answer().await?;
        Ok(peer)
    }

    async fn first_answer(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        let probe = Query::instant("", "1".to_owned(), 0);
        while self.ask(&probe).await.is_err() {
            ensure!(Instant::now() < deadline, "no answer from {} within 30 s", self.url);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// The body of a good answer.
    pub async fn ask(&self, query: &Query) -> anyhow::Result<Vec<u8>> {
        let mut url =
            reqwest::Url::parse_with_params(&format!("{}{}", self.url, query.path), &query.parameters)?;
        if self.kind == Kind::VictoriaMetrics {
            url.query_pairs_mut().append_pair("nocache", "1");
        }
        let mut request = self.client.get(url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await?;
        let (status, body) = (answer.status(), answer.bytes().await?);
        ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
        Ok(body.into())
    }

    /// Makes everything visible, and lets what goes on in the background come to rest.
    pub async fn settle(&self) -> anyhow::Result<()> {
        if self.kind == Kind::VictoriaMetrics {
            self.client.get(format!("{}/internal/force_flush", self.url)).send().await?.error_for_status()?;
        }
        tokio::time::sleep(Duration::from_secs(15)).await;
        Ok(())
    }

    pub async fn stop(self) -> anyhow::Result<()> {
        match self.process {
            Process::Peer(mut child) => child.kill().await.context("failed to end it"),
            Process::Watchkeeper(watchkeeper) => watchkeeper.stop().await,
        }
    }
}

fn command(kind: Kind, binary: &Path, directory: &Path, data: &Path, port: u16) -> anyhow::Result<Command> {
    let mut command = Command::new(binary);
    let data = data.display();
    match kind {
        Kind::Prometheus => {
            let config = directory.join("prometheus.yml");
            std::fs::write(&config, "global: {}\n")?;
            command.arg(format!("--config.file={}", config.display()));
            command.arg(format!("--storage.tsdb.path={data}"));
            command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
            command.arg("--web.enable-remote-write-receiver");
        }
        _ => {
            command.arg(format!("-storageDataPath={data}"));
            command.arg(format!("-httpListenAddr=127.0.0.1:{port}"));
        }
    }
    command.current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.kill_on_drop(true);
    Ok(command)
}
