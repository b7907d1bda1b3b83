//! What an operator decides about the watch over agents. Plain data, checked by the binary.

use std::fmt;
use std::time::Duration;

use url::Url;

/// A password. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// One OpenCode server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCodeSource {
    /// Unique among the sources; the value of the label `source`.
    pub name: String,
    pub url: Url,
    /// OpenCode's own default is `opencode`.
    pub user: String,
    pub password: Option<Secret>,
}

impl OpenCodeSource {
    /// Where `opencode serve` listens when it is told nothing.
    pub fn default_place() -> Self {
        let url = Url::parse("http://127.0.0.1:4096").expect("the default address is a URL");
        Self { name: "opencode".to_owned(), url, user: "opencode".to_owned(), password: None }
    }
}

#[derive(Clone, Debug)]
pub struct FleetSettings {
    pub sources: Vec<OpenCodeSource>,
    /// Look at OpenCode's default place, quietly, until something is found there.
    pub probe_default: bool,
    /// Without a token from the model for longer than this, an agent is stalled.
    ///
    /// OpenCode itself gives a silent model 300 s and then asks again. By itself this is half a
    /// minute less, so that a model which falls silent anew after each beginning is seen, with
    /// time left to act. Reasoning models can be silent for minutes.
    pub stalled_after_model: Duration,
    /// Without output of its tool for longer than this, an agent is stalled.
    pub stalled_after_tool: Duration,
    /// Retrying for longer than this is said to be lasting, in the evidence.
    pub waiting_provider_lasting: Duration,
    pub metrics_interval: Duration,
    /// Directories without a session younger than this are not polled: asking OpenCode about a
    /// directory boots an instance for it.
    pub session_max_age: Duration,
    /// How many sessions at rest are held per source, newest first.
    pub idle_sessions_max: usize,
    pub pace: Pace,
}

impl Default for FleetSettings {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            probe_default: true,
            stalled_after_model: Duration::from_secs(270),
            stalled_after_tool: Duration::from_secs(600),
            waiting_provider_lasting: Duration::from_secs(60),
            metrics_interval: Duration::from_secs(30),
            session_max_age: Duration::from_secs(24 * 60 * 60),
            idle_sessions_max: 500,
            pace: Pace::default(),
        }
    }
}

/// The deadlines and pauses of a connector. The defaults were measured against OpenCode
/// 1.18; tests shorten them.
#[derive(Clone, Debug)]
pub struct Pace {
    /// `/global/health` answers in milliseconds when the server is well.
    pub health_timeout: Duration,
    /// The first request about a directory boots an instance, which takes seconds.
    pub request_timeout: Duration,
    /// Streams opened while the server boots stay silent for ever, so none is opened earlier.
    pub settle: Duration,
    pub first_byte: Duration,
    /// OpenCode sends a heartbeat this often.
    pub heartbeat: Duration,
    /// Two missed heartbeats and a little.
    pub heartbeat_deadline: Duration,
    pub poll: Duration,
    pub retry_first: Duration,
    pub retry_max: Duration,
    /// How often the default place is looked at before anything was found there.
    pub quiet_probe: Duration,
    /// How long a lost stream leaves the states as they are before they become unknown.
    pub lost_grace: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            health_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(15),
            settle: Duration::from_secs(1),
            first_byte: Duration::from_secs(5),
            heartbeat: Duration::from_secs(10),
            heartbeat_deadline: Duration::from_secs(25),
            poll: Duration::from_secs(30),
            retry_first: Duration::from_millis(500),
            retry_max: Duration::from_secs(15),
            quiet_probe: Duration::from_secs(15),
            lost_grace: Duration::from_secs(10),
        }
    }
}
