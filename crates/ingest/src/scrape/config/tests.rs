//! Files as people have them, and as they get them wrong.

#![allow(clippy::unwrap_used)]

use super::*;

fn parse(yaml: &str) -> Result<ScrapeConfig, String> {
    ScrapeConfig::parse(Path::new("/etc/prometheus/prometheus.yml"), yaml).map_err(|error| {
        let source = std::error::Error::source(&error);
        source.map_or(error.to_string(), |source| format!("{error}: {source}"))
    })
}

#[track_caller]
fn refused(yaml: &str, expected: &[&str]) {
    let error = parse(yaml).unwrap_err();
    for expected in expected {
        assert!(error.contains(expected), "{error}");
    }
}

/// What Debian installs as /etc/prometheus/prometheus.yml, in essence.
const AS_INSTALLED: &str = r#"
global:
  scrape_interval: 15s
  evaluation_interval: 15s
  external_labels:
    monitor: 'example'
alerting:
  alertmanagers:
  - static_configs:
    - targets: ['localhost:9093']
rule_files:
  # - "first_rules.yml"
scrape_configs:
  - job_name: 'prometheus'
    scrape_interval: 5s
    scrape_timeout: 5s
    static_configs:
      - targets: ['localhost:9090']
  - job_name: node
    static_configs:
      - targets: ['localhost:9100']
        labels: { rack: 12 }
"#;

#[test]
fn the_file_that_prometheus_comes_with_is_understood() {
    let config = parse(AS_INSTALLED).unwrap();
    let [prometheus, node] = config.jobs.as_slice() else { panic!("{config:?}") };
    assert_eq!((prometheus.interval, prometheus.timeout), (Duration::from_secs(5), Duration::from_secs(5)));
    assert_eq!((node.interval, node.timeout), (Duration::from_secs(15), Duration::from_secs(10)));
    assert_eq!(node.groups[0].labels["rack"], "12");
    assert_eq!(config.external_labels, [("monitor".to_owned(), "example".to_owned())]);
    let named: Vec<&str> = config.warnings.iter().map(|warning| warning.split('`').nth(1).unwrap()).collect();
    assert_eq!(named, ["alerting", "global.evaluation_interval"]);
}

#[test]
fn everything_that_is_written_counts() {
    let config = parse(
        r#"
scrape_configs:
- job_name: all
  scrape_interval: 1m
  metrics_path: /m
  scheme: https
  params: { module: [http_2xx], n: [1, 2] }
  honor_labels: true
  honor_timestamps: false
  track_timestamps_staleness: true
  scrape_protocols: [PrometheusProto, OpenMetricsText1.0.0, PrometheusText0.0.4]
  file_sd_configs: [{files: [targets/*.json, /abs/a.yml], refresh_interval: 1m}]
  sample_limit: 10
  label_limit: 5
  label_name_length_limit: 6
  label_value_length_limit: 7
  target_limit: 8
  body_size_limit: 1MB
  authorization: { credentials_file: token }
  tls_config: { ca_file: ca.pem, cert_file: c.pem, key_file: k.pem, server_name: other, insecure_skip_verify: true }
  follow_redirects: false
  metric_relabel_configs: [{action: drop, source_labels: [__name__], regex: go_.*}]
"#,
    )
    .unwrap();
    let job = &config.jobs[0];
    assert_eq!(job.files, [Path::new("/etc/prometheus/targets/*.json"), Path::new("/abs/a.yml")]);
    assert_eq!(
        job.http.authorization.as_ref().unwrap().credentials_file.as_deref(),
        Some("/etc/prometheus/token")
    );
    assert_eq!(job.http.tls.ca_file.as_deref(), Some("/etc/prometheus/ca.pem"));
    assert_eq!(job.http.protocols[0], Protocol::PrometheusProto);
    assert_eq!(
        job.limits,
        JobLimits {
            body_bytes: 1 << 20,
            samples: 10,
            labels: 5,
            label_name_bytes: 6,
            label_value_bytes: 7,
            targets: 8,
            dropped_targets: 0
        }
    );
    assert_eq!((job.params[1].1.join(","), job.metric_relabel.len()), ("1,2".to_owned(), 1));
    assert!(job.honor_labels && !job.honor_timestamps && !job.http.follow_redirects);
}

#[test]
fn what_is_not_known_is_refused_with_its_line() {
    refused("scrape_configs:\n- job_name: a\n  scrape_intervall: 5s\n", &["scrape_intervall", "line 3"]);
    refused("scrape_configs:\n- job_name: a\n  dns_sd_configs: []\n", &["dns_sd_configs", "line 3"]);
    refused(
        "scrape_configs:\n- job_name: a\n  scrape_interval: soon\n",
        &["scrape_configs[0]", "`soon` is not a duration", "line 2"],
    );
    refused("scrape_config_files: [x.yml]\n", &["scrape_config_files", "silently be missing"]);
    refused("remote_read: [{url: 'http://x'}]\n", &["remote_read"]);
}

#[test]
fn what_does_not_fit_together_names_its_job() {
    let job = |rest: &str| format!("scrape_configs:\n- {{job_name: a, {rest}}}\n");
    for (rest, expected) in [
        ("scrape_interval: 5s, scrape_timeout: 6s", "longer than `scrape_interval` (5s)"),
        ("scrape_interval: 0s", "must not be 0"),
        ("basic_auth: {username: a}, bearer_token: b", "at most one"),
        ("authorization: {credentials: a, credentials_file: b}", "one of `credentials`"),
        ("tls_config: {cert_file: a}", "certificate and its key"),
        ("file_sd_configs: [{files: [a.txt]}]", "must end with"),
        ("file_sd_configs: [{files: ['*/a.yml']}]", "must end with"),
        ("relabel_configs: [{action: keep, regex: '('}]", "cannot be used"),
        ("scrape_protocols: []", "is empty"),
    ] {
        refused(&job(rest), &["job `a`", expected]);
    }
    refused("scrape_configs:\n- job_name: a\n- job_name: a\n", &["earlier job"]);
}

#[test]
fn jobs_written_alike_are_the_same_and_secrets_are_not_shown() {
    let job = |password: &str, interval: &str| {
        let yaml = format!(
            "global: {{scrape_interval: {interval}}}\nscrape_configs:\n- job_name: a\n  basic_auth: {{username: u, password: {password}}}\n"
        );
        parse(&yaml).unwrap().jobs.remove(0)
    };
    assert!(job("one", "5s").is_same(&job("one", "5s")));
    assert!(!job("one", "5s").is_same(&job("two", "5s")));
    assert!(!job("one", "5s").is_same(&job("one", "6s")));
    assert!(!format!("{:?}", job("hidden", "5s")).contains("hidden"));
}
