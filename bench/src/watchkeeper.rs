//! The binary under measurement.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::process::{Child, Command};

#[derive(Debug)]
pub struct Watchkeeper {
    child: Child,
    pub api: String,
    pub token: String,
    pub pid: u32,
}

impl Watchkeeper {
    /// Starts it with one OpenCode source and one webhook, and an API token for reading.
    pub async fn start(
        binary: &Path,
        directory: &Path,
        opencode: &str,
        webhook: &str,
    ) -> anyhow::Result<Self> {
        let config = format!(
            "[[sources.opencode]]\nname = \"stand\"\nurl = \"{opencode}\"\n[alerts.webhook]\nurl = \"{webhook}\"\n"
        );
        let token = create_token(binary, directory).await?;
        let mut watchkeeper = Self::spawn(binary, directory, &config).await?;
        watchkeeper.token = token;
        Ok(watchkeeper)
    }

    /// Starts it without sources, with an API token for reading.
    pub async fn start_alone(binary: &Path, directory: &Path) -> anyhow::Result<Self> {
        let token = create_token(binary, directory).await?;
        Ok(Self { token, ..Self::spawn(binary, directory, "").await? })
    }

    /// Starts it on free ports and waits for the first answer.
    pub async fn spawn(binary: &Path, directory: &Path, config: &str) -> anyhow::Result<Self> {
        let (api_port, page_port) = (free_port()?, free_port()?);
        let ports = format!(
            "[server]\nport = {api_port}\n[dashboard]\nhost = \"127.0.0.1\"\nport = {page_port}\n\
             [otlp]\nhttp_port = 0\ngrpc_port = 0\n"
        );
        std::fs::write(directory.join("watchkeeper.toml"), format!("{config}{ports}"))?;
        let child = command(binary, directory, &["serve"])?
            .spawn()
            .with_context(|| format!("failed to start {}; build it first", binary.display()))?;
        let pid = child.id().context("it ended at once")?;
        let api = format!("http://127.0.0.1:{api_port}");
        let mut watchkeeper = Self { child, api, token: String::new(), pid };
        watchkeeper.first_answer().await?;
        Ok(watchkeeper)
    }

    async fn first_answer(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        let url = format!("{}/health", self.api);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("it ended before its first answer: {status}");
            }
            // Refused until it listens: that is what is waited for.
            if reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        anyhow::bail!("no answer from {url} within 30 s")
    }

    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("failed to end it")
    }
}

async fn create_token(binary: &Path, directory: &Path) -> anyhow::Result<String> {
    let arguments = ["token", "create", "--name", "bench", "--role", "operator"];
    let output = command(binary, directory, &arguments)?.stdout(Stdio::piped()).output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace()
        .find(|word| word.starts_with("wk_"))
        .map(str::to_owned)
        .with_context(|| format!("`token create` printed no token: {text}"))
}

fn command(binary: &Path, directory: &Path, arguments: &[&str]) -> anyhow::Result<Command> {
    let binary: PathBuf =
        binary.canonicalize().with_context(|| format!("there is no binary at {}", binary.display()))?;
    let mut command = Command::new(binary);
    command.args(arguments).args(["--data", "data"]).current_dir(directory);
    // A setting of the caller's environment would be one of the measured binary's.
    command.env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
