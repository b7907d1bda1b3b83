//! The file as it is written: Prometheus' names, and nothing that is not known.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_yaml_ng::Value;

use super::values::{Secret, Size, Span};
use crate::scrape::relabel::Action;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub global: Global,
    pub scrape_configs: Vec<JobFile>,
    // Known, and for others. What becomes of each is in `parts`.
    pub rule_files: Option<Value>,
    pub alerting: Option<Value>,
    pub remote_write: Option<Value>,
    pub remote_read: Option<Value>,
    pub storage: Option<Value>,
    pub tracing: Option<Value>,
    pub otlp: Option<Value>,
    pub runtime: Option<Value>,
    pub scrape_config_files: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Global {
    pub scrape_interval: Option<Span>,
    pub scrape_timeout: Option<Span>,
    pub scrape_protocols: Option<Vec<Protocol>>,
    pub scrape_native_histograms: Option<bool>,
    pub external_labels: BTreeMap<String, String>,
    pub body_size_limit: Option<Size>,
    pub sample_limit: Option<usize>,
    pub label_limit: Option<usize>,
    pub label_name_length_limit: Option<usize>,
    pub label_value_length_limit: Option<usize>,
    pub target_limit: Option<usize>,
    pub keep_dropped_targets: Option<usize>,
    pub extra_scrape_metrics: Option<bool>,
    // Of rules and of Prometheus' own logs.
    pub evaluation_interval: Option<Value>,
    pub rule_query_offset: Option<Value>,
    pub query_log_file: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    PrometheusProto,
    #[serde(rename = "OpenMetricsText0.0.1")]
    OpenMetricsText001,
    #[serde(rename = "OpenMetricsText1.0.0")]
    OpenMetricsText100,
    #[serde(rename = "PrometheusText0.0.4")]
    PrometheusText004,
    #[serde(rename = "PrometheusText1.0.0")]
    PrometheusText100,
}

/// One entry of `scrape_configs`. Equal ones need not be started again.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JobFile {
    pub job_name: String,
    pub scrape_interval: Option<Span>,
    pub scrape_timeout: Option<Span>,
    pub scrape_protocols: Option<Vec<Protocol>>,
    pub fallback_scrape_protocol: Option<Protocol>,
    pub scrape_native_histograms: Option<bool>,
    pub metrics_path: Option<String>,
    #[serde(default)]
    pub scheme: Scheme,
    #[serde(default)]
    pub params: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub honor_labels: bool,
    #[serde(default = "yes")]
    pub honor_timestamps: bool,
    #[serde(default)]
    pub track_timestamps_staleness: bool,
    #[serde(default = "yes")]
    pub follow_redirects: bool,
    #[serde(default = "yes")]
    pub enable_compression: bool,
    #[serde(default = "yes")]
    pub enable_http2: bool,
    pub extra_scrape_metrics: Option<bool>,
    #[serde(default)]
    pub static_configs: Vec<GroupFile>,
    #[serde(default)]
    pub file_sd_configs: Vec<FileDiscovery>,
    #[serde(default)]
    pub relabel_configs: Vec<RelabelFile>,
    #[serde(default)]
    pub metric_relabel_configs: Vec<RelabelFile>,
    pub body_size_limit: Option<Size>,
    pub sample_limit: Option<usize>,
    pub label_limit: Option<usize>,
    pub label_name_length_limit: Option<usize>,
    pub label_value_length_limit: Option<usize>,
    pub target_limit: Option<usize>,
    pub keep_dropped_targets: Option<usize>,
    pub basic_auth: Option<BasicAuth>,
    pub authorization: Option<Authorization>,
    pub bearer_token: Option<Secret>,
    pub bearer_token_file: Option<String>,
    pub tls_config: Option<Tls>,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    #[default]
    Http,
    Https,
}

/// Targets that share labels; also what a file of `file_sd_configs` is a list of.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupFile {
    pub targets: Vec<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDiscovery {
    pub files: Vec<String>,
    /// Files are looked at more often than that anyway.
    #[serde(rename = "refresh_interval")]
    _refresh_interval: Option<Span>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RelabelFile {
    #[serde(default)]
    pub action: Action,
    pub source_labels: Option<Vec<String>>,
    pub separator: Option<String>,
    pub regex: Option<String>,
    pub target_label: Option<String>,
    pub replacement: Option<String>,
    pub modulus: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    pub username: Option<String>,
    pub username_file: Option<String>,
    pub password: Option<Secret>,
    pub password_file: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    #[serde(default = "bearer", rename = "type")]
    pub kind: String,
    pub credentials: Option<Secret>,
    pub credentials_file: Option<String>,
}

fn bearer() -> String {
    "Bearer".to_owned()
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    pub ca: Option<String>,
    pub ca_file: Option<String>,
    pub cert: Option<String>,
    pub cert_file: Option<String>,
    pub key: Option<Secret>,
    pub key_file: Option<String>,
    pub server_name: Option<String>,
    pub insecure_skip_verify: bool,
}
