//! What is scraped and how: `scrape_configs` of Prometheus' own file.
//!
//! [`ScrapeConfig::parse`] takes a whole `prometheus.yml`. A key that is not known is refused
//! with its line; one that is known and not for us is either harmless and named in
//! [`ScrapeConfig::warnings`], or refused, where doing without it would show less than the
//! file promises.

mod file;
mod http;
mod values;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use file::{Authorization, BasicAuth, FileDiscovery, GroupFile, Protocol, Scheme, Tls};
pub use http::HttpSettings;
pub use values::{Secret, Span};

use file::{File, Global, JobFile, RelabelFile};

use super::relabel::{Action, Relabel, anchored};

/// A configuration larger than this is a mistake.
pub const FILE_BYTES_MAX: u64 = 16 << 20;

const INTERVAL: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Default)]
pub struct ScrapeConfig {
    pub jobs: Vec<Arc<Job>>,
    /// For what leaves the house; stored samples do not get them, as in Prometheus.
    pub external_labels: Vec<(String, String)>,
    pub warnings: Vec<String>,
}

/// How the targets of one `job_name` are found and scraped.
#[derive(Debug)]
pub struct Job {
    pub name: String,
    pub interval: Duration,
    pub timeout: Duration,
    pub path: String,
    pub scheme: Scheme,
    pub params: Vec<(String, Vec<String>)>,
    pub honor_labels: bool,
    pub honor_timestamps: bool,
    pub track_timestamps_staleness: bool,
    pub extra_metrics: bool,
    pub groups: Vec<GroupFile>,
    /// Patterns of files, absolute or from the working directory.
    pub files: Vec<PathBuf>,
    pub relabel: Vec<Relabel>,
    pub metric_relabel: Vec<Relabel>,
    pub limits: JobLimits,
    pub http: HttpSettings,
    written: JobFile,
}

impl Job {
    /// Whether both were written alike, so that loops of one may go on for the other.
    pub fn is_same(&self, other: &Job) -> bool {
        // What `global` says for all jobs is not in what was written for this one.
        self.written == other.written
            && self.http.protocols == other.http.protocols
            && self.limits == other.limits
            && self.extra_metrics == other.extra_metrics
            && self.files == other.files
    }
}

/// Zero is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobLimits {
    pub body_bytes: u64,
    pub samples: usize,
    pub labels: usize,
    pub label_name_bytes: usize,
    pub label_value_bytes: usize,
    pub targets: usize,
    /// Dropped targets that are remembered for those who ask.
    pub dropped_targets: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("failed to read `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: disk::DiskError,
    },
    #[error("`{0}` is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge(PathBuf),
    #[error("`{0}` is not UTF-8")]
    NotUtf8(PathBuf),
    #[error("`{path}` is not a configuration")]
    Yaml {
        path: PathBuf,
        #[source]
        source: serde_yaml_ng::Error,
    },
    #[error("`{path}`: `{key}` {reason}")]
    Key { path: PathBuf, key: &'static str, reason: &'static str },
    #[error("`{path}`: job `{job}`: {reason}")]
    Job { path: PathBuf, job: String, reason: String },
}

impl ScrapeConfig {
    /// `path` is named in errors, and relative paths begin beside it.
    pub fn parse(path: &Path, yaml: &str) -> Result<Self, ConfigError> {
        let file = if yaml.trim().is_empty() {
            File::default()
        } else {
            serde_yaml_ng::from_str(yaml)
                .map_err(|source| ConfigError::Yaml { path: path.to_owned(), source })?
        };
        let warnings = parts_of_others(path, &file)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut names = BTreeSet::new();
        let mut jobs = Vec::with_capacity(file.scrape_configs.len());
        for written in file.scrape_configs {
            let name = written.job_name.clone();
            let refused = |reason| ConfigError::Job { path: path.to_owned(), job: name.clone(), reason };
            if !names.insert(name.clone()) {
                return Err(refused("there is an earlier job of this name".to_owned()));
            }
            jobs.push(Arc::new(job(written, &file.global, folder).map_err(refused)?));
        }
        let external_labels = file.global.external_labels.into_iter().collect();
        Ok(Self { jobs, external_labels, warnings })
    }
}

/// Names what is left undone, and refuses what cannot be left undone in silence.
fn parts_of_others(path: &Path, file: &File) -> Result<Vec<String>, ConfigError> {
    for (part, key, reason) in [
        (&file.remote_read, "remote_read", "is not built: queries would silently lack its series"),
        (
            &file.scrape_config_files,
            "scrape_config_files",
            "is not built: targets would silently be missing; write them into `scrape_configs`",
        ),
    ] {
        if part.is_some() {
            return Err(ConfigError::Key { path: path.to_owned(), key, reason });
        }
    }
    let others = [
        (&file.rule_files, "rule_files", "rules are read from what `alerts.rules` names"),
        (&file.alerting, "alerting", "alerts are routed here, not by an Alertmanager"),
        (&file.remote_write, "remote_write", "nothing is sent on"),
        (&file.storage, "storage", "the store has settings of its own"),
        (&file.tracing, "tracing", "no traces are sent"),
        (&file.otlp, "otlp", "OTLP has settings of its own"),
        (&file.runtime, "runtime", "there is no Go runtime"),
        (
            &file.global.evaluation_interval,
            "global.evaluation_interval",
            "`monitoring.alert_interval` counts",
        ),
        (&file.global.rule_query_offset, "global.rule_query_offset", "rules are evaluated as of now"),
        (&file.global.query_log_file, "global.query_log_file", "queries are not logged to a file"),
    ];
    let left = others.into_iter().filter(|(part, ..)| part.is_some());
    Ok(left.map(|(_, key, instead)| format!("`{key}` has no effect: {instead}")).collect())
}

fn job(written: JobFile, global: &Global, folder: &Path) -> Result<Job, String> {
    if written.job_name.is_empty() {
        return Err("`job_name` is empty".to_owned());
    }
    let (interval, timeout) = rhythm(&written, global)?;
    let rules = |rules: &[RelabelFile]| -> Result<Vec<Relabel>, String> { rules.iter().map(rule).collect() };
    let files = written.file_sd_configs.iter().flat_map(|discovery| &discovery.files);
    let files = files.map(|file| pattern(file, folder)).collect::<Result<_, _>>()?;
    Ok(Job {
        name: written.job_name.clone(),
        interval,
        timeout,
        path: written.metrics_path.clone().unwrap_or_else(|| "/metrics".to_owned()),
        scheme: written.scheme,
        params: written.params.clone().into_iter().collect(),
        honor_labels: written.honor_labels,
        honor_timestamps: written.honor_timestamps,
        track_timestamps_staleness: written.track_timestamps_staleness,
        extra_metrics: written.extra_scrape_metrics.or(global.extra_scrape_metrics).unwrap_or(false),
        groups: written.static_configs.clone(),
        files,
        relabel: rules(&written.relabel_configs)?,
        metric_relabel: rules(&written.metric_relabel_configs)?,
        limits: limits(&written, global),
        http: HttpSettings::of(&written, global, folder)?,
        written: JobFile {
            scrape_interval: Some(Span(interval)),
            scrape_timeout: Some(Span(timeout)),
            ..written
        },
    })
}

/// Of the job, else of all; a timeout that nobody wrote gives way to a short interval.
fn rhythm(written: &JobFile, global: &Global) -> Result<(Duration, Duration), String> {
    let interval = written.scrape_interval.or(global.scrape_interval).map_or(INTERVAL, |span| span.0);
    let timeout = match (written.scrape_timeout, global.scrape_timeout) {
        (Some(span), _) => span.0,
        (None, span) => span.map_or(TIMEOUT, |span| span.0).min(interval),
    };
    if interval.is_zero() || timeout.is_zero() {
        return Err("`scrape_interval` and `scrape_timeout` must not be 0".to_owned());
    }
    if timeout > interval {
        return Err(format!(
            "`scrape_timeout` ({}) is longer than `scrape_interval` ({})",
            Span(timeout),
            Span(interval)
        ));
    }
    Ok((interval, timeout))
}

fn limits(written: &JobFile, global: &Global) -> JobLimits {
    let either = |own: Option<usize>, of_all: Option<usize>| own.or(of_all).unwrap_or(0);
    JobLimits {
        body_bytes: written.body_size_limit.or(global.body_size_limit).map_or(0, |size| size.0),
        samples: either(written.sample_limit, global.sample_limit),
        labels: either(written.label_limit, global.label_limit),
        label_name_bytes: either(written.label_name_length_limit, global.label_name_length_limit),
        label_value_bytes: either(written.label_value_length_limit, global.label_value_length_limit),
        targets: either(written.target_limit, global.target_limit),
        dropped_targets: either(written.keep_dropped_targets, global.keep_dropped_targets),
    }
}

/// `dir/name.yml` or `dir/na*.json`: a star in the last part only, as in Prometheus.
fn pattern(file: &str, folder: &Path) -> Result<PathBuf, String> {
    let path = folder.join(file);
    let is_known = [".yml", ".yaml", ".json"].iter().any(|ending| file.ends_with(ending));
    let in_folder = path.parent().is_some_and(|parent| parent.to_string_lossy().contains('*'));
    if !is_known || in_folder || file.matches('*').count() > 1 {
        return Err(format!(
            "`{file}` in `file_sd_configs` must end with .json, .yml or .yaml, and may have one `*` in its last part"
        ));
    }
    Ok(path)
}

fn rule(written: &RelabelFile) -> Result<Relabel, String> {
    let action = written.action;
    let refused = |reason: &str| Err(format!("relabelling by `{action:?}` {reason}").to_lowercase());
    let needs_target = matches!(
        action,
        Action::Replace
            | Action::HashMod
            | Action::Lowercase
            | Action::Uppercase
            | Action::KeepEqual
            | Action::DropEqual
    );
    let target_label = written.target_label.clone().unwrap_or_default();
    if needs_target && target_label.is_empty() {
        return refused("needs a `target_label`");
    }
    if action == Action::HashMod && written.modulus.unwrap_or(0) == 0 {
        return refused("needs a `modulus`");
    }
    let is_of_names = matches!(action, Action::LabelDrop | Action::LabelKeep);
    let has_more = written.source_labels.is_some()
        || written.target_label.is_some()
        || written.modulus.is_some()
        || written.separator.is_some()
        || written.replacement.is_some();
    if is_of_names && has_more {
        return refused("takes only a `regex`");
    }
    if matches!(action, Action::KeepEqual | Action::DropEqual)
        && (written.regex.is_some() || written.modulus.is_some() || written.replacement.is_some())
    {
        return refused("takes only `source_labels` and `target_label`");
    }
    let regex = written.regex.as_deref().unwrap_or("(.*)");
    let regex = anchored(regex).map_err(|error| format!("`regex` `{regex}` cannot be used: {error}"))?;
    Ok(Relabel {
        action,
        source_labels: written.source_labels.clone().unwrap_or_default(),
        separator: written.separator.clone().unwrap_or_else(|| ";".to_owned()),
        regex,
        target_label,
        replacement: written.replacement.clone().unwrap_or_else(|| "$1".to_owned()),
        modulus: written.modulus.unwrap_or(0),
    })
}

/// Groups of targets as a file of `file_sd_configs` has them; JSON is YAML, too.
pub(super) fn groups(yaml: &str) -> Result<Vec<GroupFile>, serde_yaml_ng::Error> {
    if yaml.trim().is_empty() { Ok(Vec::new()) } else { serde_yaml_ng::from_str(yaml) }
}

#[cfg(test)]
pub(super) fn rules_of(yaml: &str) -> Result<Vec<Relabel>, String> {
    let written: Vec<RelabelFile> = serde_yaml_ng::from_str(yaml).map_err(|error| error.to_string())?;
    written.iter().map(rule).collect()
}

#[cfg(test)]
mod tests;
