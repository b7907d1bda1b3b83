//! One running `watchkeeper`, and the directory that it lives in.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Long enough for a busy machine; waiting ends as soon as the condition holds.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A directory of its own: configuration, data, and nothing of the environment.
pub struct Home {
    directory: TempDir,
}

impl Home {
    pub fn new(config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Nothing of this machine shall be watched but the machine itself.
        let file = format!(
            "{config}\n[server]\nport = 0\n[dashboard]\nhost = \"127.0.0.1\"\nport = 0\n\
             [otlp]\nhttp_port = 0\ngrpc_port = 0\n[sources]\nprobe = false\n"
        );
        std::fs::write(directory.path().join("watchkeeper.toml"), file).unwrap();
        Self { directory }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_watchkeeper"));
        command.args(arguments).current_dir(self.path()).env_clear().stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// As [`Home::run`], with `input` typed.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    pub fn token(&self, name: &str, role: &str) -> String {
        let output = self.run(&["token", "create", "--name", name, "--role", role]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn start(&self) -> Program {
        self.start_with(&[], &[])
    }

    pub fn start_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Program {
        let mut command = self.command(&[&["serve"], arguments].concat());
        command.envs(variables.iter().copied());
        Program::start(command)
    }
}

/// Killed when it is dropped.
pub struct Program {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Program {
    fn start(mut command: Command) -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        let child = command.spawn().unwrap();
        drop(command);
        let said = Arc::new(Mutex::new(String::new()));
        let heard = said.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(reader).lines().map_while(Result::ok) {
                let mut heard = heard.lock().unwrap();
                heard.push_str(&line);
                heard.push('\n');
            }
        });
        Self { child, said }
    }

    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// The address that it says its API is at.
    pub async fn api(&mut self) -> String {
        eventually("the API's address", async || {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended: {}", self.said());
            let said = self.said();
            let line = said.lines().find(|line| line.trim_start().starts_with("API"))?;
            Some(
                line.split_whitespace()
                    .find(|word| word.starts_with("http"))?
                    .trim_end_matches('/')
                    .to_owned(),
            )
        })
        .await
    }

    /// Where it says that it takes OTLP: over HTTP, and over gRPC.
    pub fn otlp(&self) -> Vec<String> {
        let said = self.said();
        let line = said.lines().find(|line| line.trim_start().starts_with("OTLP")).unwrap_or_default();
        let words = line.split_whitespace().filter(|word| word.starts_with("http"));
        words.map(|word| word.trim_end_matches('/').to_owned()).collect()
    }

    pub async fn ready(&mut self) -> String {
        let api = self.api().await;
        eventually("readiness", async || {
            let answer = reqwest::get(format!("{api}/readyz")).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
        api
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it has ended; its exit code, unless a signal ended it.
    pub async fn ended(&mut self) -> Option<i32> {
        eventually("the end", async || self.child.try_wait().unwrap()).await.code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until there is an answer.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The `data` of a PromQL instant query.
pub async fn query(api: &str, token: &str, query: &str) -> Value {
    let client = reqwest::Client::new();
    let url = reqwest::Url::parse_with_params(&format!("{api}/api/v1/query"), [("query", query)]).unwrap();
    let answer = client.get(url).bearer_auth(token).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    let body: Value = answer.json().await.unwrap();
    body["data"].clone()
}
