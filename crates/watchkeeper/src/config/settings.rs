//! What the program believes: typed, and checked as a whole.

mod archive;
mod otlp;
mod reader;
mod receivers;
mod storage;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ::storage::Resolution;
use ingest::otlp::OtlpSettings;
use model::Severity;
use server::OtlpAddresses;
use url::Url;

use super::Secret;
use super::layers::Configuration;
use super::problem::Problems;
use super::retention::RetentionRule;
use super::sources::OpenCodeSource;
pub use archive::Archive;
use reader::Reader;

#[derive(Clone, Debug)]
pub struct Settings {
    pub enabled: bool,
    pub data: PathBuf,
    pub public_url: Option<Url>,
    pub retention_days: u64,
    /// What goes earlier than by its age alone.
    pub retention: Retention,
    pub audit_days: u64,
    pub listen: Listen,
    pub admin_user: String,
    pub admin_password: Option<Secret>,
    pub sessions: Sessions,
    pub metrics_interval: Duration,
    pub sources: Vec<OpenCodeSource>,
    /// Look for OpenCode on this machine: nothing is configured, and nobody forbade it.
    pub probe: bool,
    pub agents: Agents,
    pub health_interval: Duration,
    pub health: Health,
    pub recovery: Recovery,
    pub alert_interval: Duration,
    /// The default rules when absent.
    pub rules: Option<PathBuf>,
    pub alerts_per_rule_max: usize,
    pub email: Option<Email>,
    pub slack: Option<Slack>,
    pub webhook: Option<Webhook>,
    /// Nothing is scraped without it.
    pub scrape: Option<Scrape>,
    pub query: Query,
    pub storage: Storage,
    /// Days are dropped without it.
    pub archive: Option<Archive>,
    pub log: Log,
    /// What was accepted and deserves a word.
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Listen {
    pub api: SocketAddr,
    /// Absent when the dashboard is switched off.
    pub dashboard: Option<SocketAddr>,
    pub mobile: bool,
    pub body_bytes_max: usize,
    pub connections_max: usize,
    pub live_clients_max: usize,
    pub ingest: Ingest,
    /// Absent when it has no ports of its own.
    pub otlp_ports: Option<OtlpAddresses>,
    pub otlp: Otlp,
}

/// What is taken of OpenTelemetry's protocol, on whatever port.
#[derive(Clone, Debug)]
pub struct Otlp {
    pub origins: Vec<String>,
    pub receiver: OtlpSettings,
}

/// Bounds of what senders bring.
#[derive(Clone, Copy, Debug)]
pub struct Ingest {
    pub body_bytes_max: usize,
    pub message_bytes_max: usize,
    pub concurrent_max: usize,
}

#[derive(Clone, Debug)]
pub struct Sessions {
    pub idle: Duration,
    pub lifetime: Duration,
}

#[derive(Clone, Debug)]
pub struct Agents {
    pub stalled_after_model: Duration,
    pub stalled_after_tool: Duration,
    pub session_max_age: Duration,
    pub waiting_provider_lasting: Duration,
    pub idle_sessions_max: usize,
}

/// What the health checks look at.
#[derive(Clone, Debug)]
pub struct Health {
    pub check_timeout: Duration,
    pub urls: Vec<Url>,
    pub directories: Vec<PathBuf>,
    pub database: Option<PathBuf>,
    pub sessions_directory: Option<PathBuf>,
    pub log_directory: Option<PathBuf>,
    pub temp_directory: PathBuf,
    pub platform_url: Option<Url>,
}

#[derive(Clone, Debug)]
pub struct Recovery {
    pub auto: bool,
    pub warm_up: Duration,
    pub cooldown: Duration,
    pub attempts: u32,
    pub window: Duration,
    pub concurrent: usize,
    pub fleet_share: f64,
    pub tools_never_aborted: Vec<String>,
    pub verify_idle_within: Duration,
    pub verify_progress_within: Duration,
}

#[derive(Clone, Debug)]
pub struct Email {
    pub smtp_host: String,
    pub smtp_port: u16,
    pub security: EmailSecurity,
    pub smtp_user: Option<String>,
    pub smtp_password: Option<Secret>,
    pub from: String,
    pub to: Vec<String>,
    pub severities: Vec<Severity>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailSecurity {
    /// By the port.
    Auto,
    StartTls,
    Tls,
    None,
}

#[derive(Clone, Debug)]
pub struct Slack {
    pub webhook_url: Secret,
    pub channel: String,
    pub username: String,
    pub severities: Vec<Severity>,
}

#[derive(Clone, Debug)]
pub struct Webhook {
    pub url: Secret,
    pub headers: BTreeMap<String, Secret>,
    pub signing_secret: Option<Secret>,
    pub severities: Vec<Severity>,
}

#[derive(Clone, Debug)]
pub struct Scrape {
    /// A `prometheus.yml`.
    pub config: PathBuf,
    pub body_bytes_max: u64,
    pub samples_max: usize,
    pub targets_max: usize,
}

#[derive(Clone, Debug)]
pub struct Query {
    pub timeout: Duration,
    pub lookback: Duration,
    pub series_max: u64,
    pub samples_max: u64,
    pub concurrency_max: usize,
    pub waiting_max: usize,
    pub experimental_functions: bool,
}

#[derive(Clone, Debug)]
pub struct Retention {
    pub bytes_max: Option<u64>,
    pub rules: Vec<RetentionRule>,
}

#[derive(Clone, Debug)]
pub struct Storage {
    pub flush_bytes: u64,
    pub flush_age: Duration,
    pub disk_reserve: u64,
    pub cache_bytes: u64,
    pub append_timeout: Duration,
    pub merge_bytes_per_second: u64,
    pub rollups: Vec<Resolution>,
    pub limits: StorageLimits,
}

/// What a row may be to be kept. The engine has the same names.
#[derive(Clone, Debug)]
pub struct StorageLimits {
    pub streams_max: u64,
    pub source_streams_max: u64,
    pub labels_max: usize,
    pub label_name_bytes_max: u64,
    pub label_value_bytes_max: u64,
    pub body_bytes_max: u64,
    pub attributes_max: usize,
    pub attribute_bytes_max: u64,
    pub span_parts_max: usize,
    pub buckets_max: usize,
}

#[derive(Clone, Debug)]
pub struct Log {
    pub filter: String,
    pub json: bool,
}

impl Settings {
    pub fn check(configuration: &Configuration) -> Result<Self, Problems> {
        let reader = Reader::new(configuration);
        let settings = reader.settings();
        Problems::none_in(reader.problems.take())?;
        Ok(settings)
    }
}
