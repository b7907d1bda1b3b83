//! Every setting, once: the readers, `config print`, the flags and the check of
//! `docs/configuration.md` all go by this table.

use std::time::Duration;

use super::kind::Kind;

#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its place in `watchkeeper.toml`.
    pub key: &'static str,
    /// Its environment variable: the contract's name where it has one.
    pub variable: &'static str,
    pub kind: Kind,
    /// As it would be written. Absent: not set.
    pub default: Option<&'static str>,
    /// Never shown; also read from the file that `<key>_file` and `<variable>_FILE` name.
    pub secret: bool,
    /// A flag of its own; every other setting is reached by `--set key=value`.
    pub flag: Option<&'static str>,
    pub help: &'static str,
}

impl Setting {
    /// The key and the variable that name a file with the secret in it.
    pub fn file_key(&self) -> String {
        format!("{}_file", self.key)
    }

    pub fn file_variable(&self) -> String {
        format!("{}_FILE", self.variable)
    }

    const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }
}

const fn setting(key: &'static str, variable: &'static str, kind: Kind, help: &'static str) -> Setting {
    Setting { key, variable, kind, default: None, secret: false, flag: None, help }
}

const fn integer(min: u64, max: u64) -> Kind {
    Kind::Integer { min, max }
}

/// In seconds.
const fn duration(min: u64, max: u64) -> Kind {
    Kind::Duration { min: Duration::from_secs(min), max: Duration::from_secs(max) }
}

const PORT: Kind = integer(0, 65_535);
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

const SEVERITIES: &str = "severities that it is told of: critical, high, medium, low, info";

/// One entry, two lines: what it is called and what it may be; what it does and what it is by itself.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = &[
    setting("data", "WATCHKEEPER_DATA", Kind::Path,
        "directory of everything that is kept").default("./data").flag("data"),
    setting("public_url", "WATCHKEEPER_PUBLIC_URL", Kind::Url,
        "where people reach the dashboard; used in links").flag("public-url"),
    // The rhythm of the watch: the contract's names.
    setting("monitoring.enabled", "MONITORING_ENABLED", Kind::Toggle,
        "`false`: `serve` says so and ends at once").default("true"),
    setting("monitoring.retention_days", "MONITORING_RETENTION_DAYS", integer(1, 3650),
        "days that telemetry is kept").default("30"),
    setting("monitoring.audit_days", "WATCHKEEPER_AUDIT_DAYS", integer(1, 3650),
        "days that the audit log is kept").default("365"),
    setting("monitoring.metrics_interval", "MONITORING_METRICS_INTERVAL", duration(1, HOUR),
        "pause between two samples of host and agents").default("30s"),
    setting("monitoring.health_interval", "MONITORING_HEALTH_INTERVAL", duration(1, HOUR),
        "pause between two rounds of health checks").default("30s"),
    setting("monitoring.auto_recovery", "MONITORING_AUTO_RECOVERY", Kind::Toggle,
        "free stuck agents without being asked").default("true"),
    setting("monitoring.alert_interval", "MONITORING_ALERT_INTERVAL", duration(1, HOUR),
        "pause between two evaluations of the rules").default("15s"),
    // Where it listens.
    setting("server.host", "WATCHKEEPER_SERVER_HOST", Kind::Address,
        "address of the API").default("127.0.0.1").flag("host"),
    setting("server.port", "WATCHKEEPER_SERVER_PORT", PORT,
        "port of the API; 0 takes a free one").default("8080").flag("port"),
    setting("server.body_max", "WATCHKEEPER_SERVER_BODY_MAX", Kind::Bytes { min: 1024, max: GIB },
        "largest body of a request").default("1MiB"),
    setting("server.connections_max", "WATCHKEEPER_SERVER_CONNECTIONS_MAX", integer(1, 1_000_000),
        "connections beyond this wait to be accepted").default("4096"),
    setting("server.live_clients_max", "WATCHKEEPER_SERVER_LIVE_CLIENTS_MAX", integer(1, 1_000_000),
        "live streams beyond this are refused").default("256"),
    setting("dashboard.enabled", "MONITORING_ENABLE_DASHBOARD", Kind::Toggle,
        "serve the dashboard").default("true"),
    setting("dashboard.mobile", "MONITORING_ENABLE_MOBILE", Kind::Toggle,
        "serve the mobile view").default("true"),
    setting("dashboard.host", "MONITORING_DASHBOARD_HOST", Kind::Address,
        "address of the dashboard").default("0.0.0.0").flag("dashboard-host"),
    setting("dashboard.port", "MONITORING_DASHBOARD_PORT", PORT,
        "port of the dashboard; 0 takes a free one").default("8083").flag("dashboard-port"),
    // Who may.
    setting("admin.user", "WATCHKEEPER_ADMIN_USER", Kind::Text,
        "name of the administrator made at the first start").default("admin"),
    setting("admin.password", "WATCHKEEPER_ADMIN_PASSWORD", Kind::Text,
        "password of that administrator; without it the first start prints a one-time link").secret(),
    setting("sessions.idle", "WATCHKEEPER_SESSIONS_IDLE", duration(MINUTE, 30 * DAY),
        "a login ends when unused for this long").default("30m"),
    setting("sessions.lifetime", "WATCHKEEPER_SESSIONS_LIFETIME", duration(MINUTE, 365 * DAY),
        "a login ends after this long").default("12h"),
    // What is watched, and what is done about it.
    setting("sources.probe", "WATCHKEEPER_SOURCES_PROBE", Kind::Toggle,
        "with no source configured, look for OpenCode at 127.0.0.1:4096").default("true"),
    setting("opencode.url", "WATCHKEEPER_OPENCODE_URL", Kind::Url,
        "one OpenCode server, for set-ups without a file"),
    setting("opencode.user", "WATCHKEEPER_OPENCODE_USER", Kind::Text,
        "user of that server").default("opencode"),
    setting("opencode.password", "WATCHKEEPER_OPENCODE_PASSWORD", Kind::Text,
        "password of that server").secret(),
    setting("agents.stalled_after_model", "WATCHKEEPER_AGENTS_STALLED_AFTER_MODEL", duration(1, DAY),
        "an agent that waits for its model without progress for this long is stalled").default("4m30s"),
    setting("agents.stalled_after_tool", "WATCHKEEPER_AGENTS_STALLED_AFTER_TOOL", duration(1, DAY),
        "an agent whose tool call shows no progress for this long is stalled").default("10m"),
    setting("agents.session_max_age", "WATCHKEEPER_AGENTS_SESSION_MAX_AGE", duration(MINUTE, 365 * DAY),
        "sessions unused for longer are not polled").default("1d"),
    setting("agents.waiting_provider_lasting", "WATCHKEEPER_AGENTS_WAITING_PROVIDER_LASTING", duration(1, DAY),
        "retries that go on for longer are said to be lasting").default("1m"),
    setting("agents.idle_sessions_max", "WATCHKEEPER_AGENTS_IDLE_SESSIONS_MAX", integer(1, 100_000),
        "sessions at rest that are shown per source, newest first").default("500"),
    setting("health.check_timeout", "WATCHKEEPER_HEALTH_CHECK_TIMEOUT", duration(1, HOUR),
        "a check that takes longer is reported").default("10s"),
    setting("health.urls", "WATCHKEEPER_HEALTH_URLS", Kind::List,
        "http or https URLs outside that must answer").default(""),
    setting("health.directories", "WATCHKEEPER_HEALTH_DIRECTORIES", Kind::List,
        "further directories that must be there; they are only looked at").default(""),
    setting("health.database", "WATCHKEEPER_HEALTH_DATABASE", Kind::Path,
        "SQLite database of the watched platform, opened read-only; otherwise our own is checked"),
    setting("health.sessions_directory", "WATCHKEEPER_HEALTH_SESSIONS_DIRECTORY", Kind::Path,
        "sessions directory of the watched platform; otherwise our data directory"),
    setting("health.log_directory", "WATCHKEEPER_HEALTH_LOG_DIRECTORY", Kind::Path,
        "log directory of the watched platform; otherwise our data directory"),
    setting("health.temp_directory", "WATCHKEEPER_HEALTH_TEMP_DIRECTORY", Kind::Path,
        "directory for temporary files, only looked at").default("/tmp"),
    setting("health.platform_url", "WATCHKEEPER_HEALTH_PLATFORM_URL", Kind::Url,
        "API of the watched platform; otherwise our own"),
    setting("recovery.cooldown", "WATCHKEEPER_RECOVERY_COOLDOWN", duration(0, DAY),
        "pause after a recovery of an agent; doubles with each attempt").default("1m"),
    setting("recovery.attempts", "WATCHKEEPER_RECOVERY_ATTEMPTS", integer(1, 100),
        "automatic recoveries of one agent within the window").default("2"),
    setting("recovery.window", "WATCHKEEPER_RECOVERY_WINDOW", duration(MINUTE, 7 * DAY),
        "the window that attempts are counted in").default("30m"),
    setting("recovery.concurrent", "WATCHKEEPER_RECOVERY_CONCURRENT", integer(1, 1000),
        "recoveries that run at the same time").default("5"),
    setting("recovery.fleet_share_percent", "WATCHKEEPER_RECOVERY_FLEET_SHARE_PERCENT", integer(1, 100),
        "share of the living agents that may be recovered at once; one is always allowed").default("10"),
    setting("recovery.tools_never_aborted", "WATCHKEEPER_RECOVERY_TOOLS_NEVER_ABORTED", Kind::List,
        "tools that may take as long as they like").default(""),
    setting("recovery.verify_idle_within", "WATCHKEEPER_RECOVERY_VERIFY_IDLE_WITHIN", duration(1, HOUR),
        "an aborted agent must be idle within this time").default("10s"),
    setting("recovery.verify_progress_within", "WATCHKEEPER_RECOVERY_VERIFY_PROGRESS_WITHIN", duration(1, HOUR),
        "a freed agent must make progress within this time").default("1m"),
    setting("recovery.warm_up", "WATCHKEEPER_RECOVERY_WARM_UP", duration(0, HOUR),
        "no automatic recovery before this time after the start").default("15s"),
    // Who is told.
    setting("alerts.rules", "WATCHKEEPER_ALERTS_RULES", Kind::Path,
        "rule file in Prometheus' format, or a directory of such; a rule named like a default one replaces it, others are added"),
    setting("alerts.per_rule_max", "WATCHKEEPER_ALERTS_PER_RULE_MAX", integer(1, 1_000_000),
        "a rule that finds more alerts is at fault").default("1000"),
    setting("alerts.email.enabled", "ALERT_EMAIL_ENABLED", Kind::Toggle,
        "`false` switches e-mail off").default("true"),
    setting("alerts.email.smtp_host", "ALERT_EMAIL_SMTP_HOST", Kind::Text,
        "mail server; e-mail is sent when it is set"),
    setting("alerts.email.smtp_port", "ALERT_EMAIL_SMTP_PORT", integer(1, 65_535),
        "its port; 465 speaks TLS from the first byte").default("587"),
    setting("alerts.email.security", "WATCHKEEPER_EMAIL_SECURITY", Kind::Choice(&["auto", "starttls", "tls", "none"]),
        "how the mail server is spoken to; `auto` goes by the port, `none` is for a relay on this machine").default("auto"),
    setting("alerts.email.smtp_user", "ALERT_EMAIL_SMTP_USER", Kind::Text,
        "user at the mail server"),
    setting("alerts.email.smtp_password", "ALERT_EMAIL_SMTP_PASSWORD", Kind::Text,
        "password at the mail server").secret(),
    setting("alerts.email.from", "ALERT_EMAIL_FROM", Kind::Text,
        "sender's address"),
    setting("alerts.email.to", "ALERT_EMAIL_TO", Kind::List,
        "recipients' addresses").default(""),
    setting("alerts.email.severities", "WATCHKEEPER_EMAIL_SEVERITIES", Kind::List,
        SEVERITIES).default("critical, high"),
    setting("alerts.slack.enabled", "ALERT_SLACK_ENABLED", Kind::Toggle,
        "`false` switches Slack off").default("true"),
    setting("alerts.slack.webhook_url", "ALERT_SLACK_WEBHOOK_URL", Kind::Url,
        "incoming webhook; Slack is told when it is set").secret(),
    setting("alerts.slack.channel", "ALERT_SLACK_CHANNEL", Kind::Text,
        "channel").default("#alerts"),
    setting("alerts.slack.username", "ALERT_SLACK_USERNAME", Kind::Text,
        "name shown as the sender").default("OpenCode-Slack Monitor"),
    setting("alerts.slack.severities", "WATCHKEEPER_SLACK_SEVERITIES", Kind::List,
        SEVERITIES).default("critical, high, medium"),
    setting("alerts.webhook.enabled", "ALERT_WEBHOOK_ENABLED", Kind::Toggle,
        "`false` switches the webhook off").default("true"),
    setting("alerts.webhook.url", "ALERT_WEBHOOK_URL", Kind::Url,
        "receives alerts as JSON when it is set").secret(),
    setting("alerts.webhook.headers", "ALERT_WEBHOOK_HEADERS", Kind::Headers,
        "headers sent along").default("{}").secret(),
    setting("alerts.webhook.signing_secret", "WATCHKEEPER_WEBHOOK_SIGNING_SECRET", Kind::Text,
        "signs each request by Standard Webhooks").secret(),
    setting("alerts.webhook.severities", "WATCHKEEPER_WEBHOOK_SEVERITIES", Kind::List,
        SEVERITIES).default("critical, high, medium, low, info"),
    // What is scraped.
    setting("ingest.body_max", "WATCHKEEPER_INGEST_BODY_MAX", Kind::Bytes { min: 64 << 10, max: GIB },
        "largest body of remote write, as it is sent").default("16MiB"),
    setting("ingest.message_max", "WATCHKEEPER_INGEST_MESSAGE_MAX", Kind::Bytes { min: 64 << 10, max: GIB },
        "largest message of remote write, unfolded").default("32MiB"),
    setting("ingest.concurrent_max", "WATCHKEEPER_INGEST_CONCURRENT_MAX", integer(1, 1_000),
        "requests of senders, OTLP's too, that are worked on at the same time; more are sent away for a moment").default("8"),
    setting("otlp.enabled", "WATCHKEEPER_OTLP_ENABLED", Kind::Toggle,
        "listen on OpenTelemetry's own ports; the API's port takes OTLP in any case").default("true"),
    setting("otlp.host", "WATCHKEEPER_OTLP_HOST", Kind::Address,
        "their address; from other machines a token is needed").default("127.0.0.1"),
    setting("otlp.http_port", "WATCHKEEPER_OTLP_HTTP_PORT", PORT,
        "where clients look for OTLP over HTTP; 0 takes a free one").default("4318"),
    setting("otlp.grpc_port", "WATCHKEEPER_OTLP_GRPC_PORT", PORT,
        "where clients look for OTLP over gRPC; 0 takes a free one").default("4317"),
    setting("otlp.origins", "WATCHKEEPER_OTLP_ORIGINS", Kind::List,
        "origins whose pages may send OTLP, such as `https://app.example.com`").default(""),
    setting("otlp.message_max", "WATCHKEEPER_OTLP_MESSAGE_MAX", Kind::Bytes { min: 64 << 10, max: GIB },
        "largest message of OTLP, unpacked").default("64MiB"),
    setting("otlp.streams_max", "WATCHKEEPER_OTLP_STREAMS_MAX", integer(1, 100_000_000),
        "series whose deltas are added up; those unheard of for the longest are forgotten first").default("200000"),
    setting("otlp.translation_strategy", "WATCHKEEPER_OTLP_TRANSLATION_STRATEGY", Kind::Choice(ingest::otlp::NameStrategy::WORDS),
        "how names of metrics and labels are written, in Prometheus' words").default("UnderscoreEscapingWithSuffixes"),
    setting("otlp.promote_resource_attributes", "WATCHKEEPER_OTLP_PROMOTE_RESOURCE_ATTRIBUTES", Kind::List,
        "attributes of resources that become labels of all their metrics").default(""),
    setting("otlp.promote_all_resource_attributes", "WATCHKEEPER_OTLP_PROMOTE_ALL_RESOURCE_ATTRIBUTES", Kind::Toggle,
        "make labels of all of them, but for those that `job` and `instance` are made of").default("false"),
    setting("otlp.keep_identifying_resource_attributes", "WATCHKEEPER_OTLP_KEEP_IDENTIFYING_RESOURCE_ATTRIBUTES", Kind::Toggle,
        "let `target_info` repeat what `job` and `instance` are made of").default("false"),
    setting("scrape.config", "WATCHKEEPER_SCRAPE_CONFIG", Kind::Path,
        "a `prometheus.yml`; its `scrape_configs` are scraped. Without it nothing is"),
    setting("scrape.body_max", "WATCHKEEPER_SCRAPE_BODY_MAX", Kind::Bytes { min: 1024, max: GIB },
        "largest page of a target, unpacked").default("64MiB"),
    setting("scrape.samples_max", "WATCHKEEPER_SCRAPE_SAMPLES_MAX", integer(1, 100_000_000),
        "samples of one page; a page with more is refused").default("1000000"),
    setting("scrape.targets_max", "WATCHKEEPER_SCRAPE_TARGETS_MAX", integer(1, 1_000_000),
        "targets of all jobs; further ones are left out").default("10000"),
    // What is given up to stay within bounds.
    setting("retention.max_bytes", "WATCHKEEPER_RETENTION_MAX_BYTES", Kind::Bytes { min: 64 * MIB, max: 1 << 50 },
        "while telemetry takes more on the disk, the oldest day goes; today's never"),
    // Limits of queries, and the store.
    setting("query.timeout", "WATCHKEEPER_QUERY_TIMEOUT", duration(1, HOUR),
        "a query that takes longer is stopped").default("30s"),
    setting("query.lookback", "WATCHKEEPER_QUERY_LOOKBACK", duration(1, DAY),
        "how long a series without new samples counts as present").default("5m"),
    setting("query.series_max", "WATCHKEEPER_QUERY_SERIES_MAX", integer(1, u64::MAX),
        "series that one query may touch").default("1000000"),
    setting("query.samples_max", "WATCHKEEPER_QUERY_SAMPLES_MAX", integer(1, u64::MAX),
        "samples that one query may touch").default("50000000"),
    setting("query.concurrency_max", "WATCHKEEPER_QUERY_CONCURRENCY_MAX", integer(1, 10_000),
        "queries of the API that run at the same time; others wait, within their timeout").default("20"),
    setting("query.waiting_max", "WATCHKEEPER_QUERY_WAITING_MAX", integer(0, 100_000),
        "queries of the API that wait for their turn; further ones are refused").default("100"),
    setting("query.experimental_functions", "WATCHKEEPER_QUERY_EXPERIMENTAL_FUNCTIONS", Kind::Toggle,
        "compute functions and aggregations that Prometheus calls experimental").default("false"),
    setting("storage.flush_bytes", "WATCHKEEPER_STORAGE_FLUSH_BYTES", Kind::Bytes { min: 64 << 10, max: 4 * GIB },
        "write memory into files when it holds this much").default("48MiB"),
    setting("storage.flush_age", "WATCHKEEPER_STORAGE_FLUSH_AGE", duration(1, DAY),
        "write memory into files when it is this old").default("2h"),
    setting("storage.disk_reserve", "WATCHKEEPER_STORAGE_DISK_RESERVE", Kind::Bytes { min: MIB, max: 1024 * GIB },
        "below this much free disk nothing more is taken in").default("256MiB"),
    setting("storage.cache_bytes", "WATCHKEEPER_STORAGE_CACHE_BYTES", Kind::Bytes { min: MIB, max: 64 * GIB },
        "decoded labels and directories of files that are kept for the next query").default("192MiB"),
    setting("storage.append_timeout", "WATCHKEEPER_STORAGE_APPEND_TIMEOUT", duration(1, 10 * 60),
        "what the disk has not taken by then is refused, to be sent again").default("10s"),
    setting("storage.merge_bytes_per_second", "WATCHKEEPER_STORAGE_MERGE_BYTES_PER_SECOND", Kind::Bytes { min: MIB, max: 64 * GIB },
        "what merges of files write at most, on average").default("64MiB"),
    setting("storage.rollups", "WATCHKEEPER_STORAGE_ROLLUPS", Kind::Choice(&["none", "5m", "1h", "both"]),
        "outlines of samples that are kept beside them for long ranges").default("1h"),
    setting("storage.streams_max", "WATCHKEEPER_STORAGE_STREAMS_MAX", integer(1, 1_000_000),
        "streams of one table and day; rows of further ones are left out").default("1000000"),
    setting("storage.source_streams_max", "WATCHKEEPER_STORAGE_SOURCE_STREAMS_MAX", integer(1, 1_000_000),
        "streams of one source (job, service or agent) in a table and day").default("1000000"),
    setting("storage.labels_max", "WATCHKEEPER_STORAGE_LABELS_MAX", integer(1, 10_000),
        "labels of a stream").default("64"),
    setting("storage.label_name_bytes_max", "WATCHKEEPER_STORAGE_LABEL_NAME_BYTES_MAX", Kind::Bytes { min: 16, max: MIB },
        "length of a label's name").default("1KiB"),
    setting("storage.label_value_bytes_max", "WATCHKEEPER_STORAGE_LABEL_VALUE_BYTES_MAX", Kind::Bytes { min: 16, max: MIB },
        "length of a label's value").default("4KiB"),
    setting("storage.body_bytes_max", "WATCHKEEPER_STORAGE_BODY_BYTES_MAX", Kind::Bytes { min: 1024, max: 16 * MIB },
        "length of a log line, and of a span's texts").default("1MiB"),
    setting("storage.attributes_max", "WATCHKEEPER_STORAGE_ATTRIBUTES_MAX", integer(1, 10_000),
        "attributes of a log record, a span, or a part of a span").default("256"),
    setting("storage.attribute_bytes_max", "WATCHKEEPER_STORAGE_ATTRIBUTE_BYTES_MAX", Kind::Bytes { min: 64, max: 16 * MIB },
        "length of one attribute, name and value").default("1MiB"),
    setting("storage.span_parts_max", "WATCHKEEPER_STORAGE_SPAN_PARTS_MAX", integer(1, 100_000),
        "events and links of a span, together").default("256"),
    setting("storage.buckets_max", "WATCHKEEPER_STORAGE_BUCKETS_MAX", integer(1, 4096),
        "buckets and bounds of a native histogram, together").default("1024"),
    // Where days go before they are dropped.
    setting("archive.url", "WATCHKEEPER_ARCHIVE_URL", Kind::Text,
        "folder or `s3://bucket/prefix` that days are written to as Parquet before they are dropped"),
    setting("archive.access_key_id", "WATCHKEEPER_ARCHIVE_ACCESS_KEY_ID", Kind::Text,
        "key that the bucket lets in"),
    setting("archive.secret_access_key", "WATCHKEEPER_ARCHIVE_SECRET_ACCESS_KEY", Kind::Text,
        "its secret").secret(),
    setting("archive.region", "WATCHKEEPER_ARCHIVE_REGION", Kind::Text,
        "region of the bucket").default("us-east-1"),
    setting("archive.endpoint", "WATCHKEEPER_ARCHIVE_ENDPOINT", Kind::Url,
        "a service that speaks S3, other than Amazon's"),
    setting("archive.allow_http", "WATCHKEEPER_ARCHIVE_ALLOW_HTTP", Kind::Toggle,
        "let the endpoint be one without TLS").default("false"),
    // What it says about itself.
    setting("log.level", "WATCHKEEPER_LOG", Kind::Text,
        "filter such as `info` or `warn,fleet=debug`").default("info").flag("log"),
    setting("log.format", "WATCHKEEPER_LOG_FORMAT", Kind::Choice(&["text", "json"]),
        "lines for people, or one JSON object each").default("text").flag("log-format"),
];

/// The setting with this key.
pub fn by_key(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_and_variables_are_unique_and_defaults_are_of_their_kind() {
        let mut names = BTreeSet::new();
        for setting in SETTINGS {
            assert!(names.insert(setting.key), "{} is there twice", setting.key);
            assert!(names.insert(setting.variable), "{} is there twice", setting.variable);
            if let Some(default) = setting.default {
                assert!(setting.kind.read_text(default).is_ok(), "{}: `{default}`", setting.key);
            }
        }
    }

    #[test]
    fn the_contract_is_kept_to_the_letter() {
        for (variable, default) in [
            ("MONITORING_ENABLED", Some("true")),
            ("MONITORING_METRICS_INTERVAL", Some("30s")),
            ("MONITORING_HEALTH_INTERVAL", Some("30s")),
            ("MONITORING_ALERT_INTERVAL", Some("15s")),
            ("MONITORING_DASHBOARD_PORT", Some("8083")),
            ("MONITORING_DASHBOARD_HOST", Some("0.0.0.0")),
            ("MONITORING_AUTO_RECOVERY", Some("true")),
            ("MONITORING_RETENTION_DAYS", Some("30")),
            ("MONITORING_ENABLE_DASHBOARD", Some("true")),
            ("MONITORING_ENABLE_MOBILE", Some("true")),
            ("ALERT_EMAIL_ENABLED", Some("true")),
            ("ALERT_EMAIL_SMTP_HOST", None),
            ("ALERT_EMAIL_SMTP_PORT", Some("587")),
            ("ALERT_EMAIL_SMTP_USER", None),
            ("ALERT_EMAIL_SMTP_PASSWORD", None),
            ("ALERT_EMAIL_FROM", None),
            ("ALERT_EMAIL_TO", Some("")),
            ("ALERT_SLACK_ENABLED", Some("true")),
            ("ALERT_SLACK_WEBHOOK_URL", None),
            ("ALERT_SLACK_CHANNEL", Some("#alerts")),
            ("ALERT_SLACK_USERNAME", Some("OpenCode-Slack Monitor")),
            ("ALERT_WEBHOOK_ENABLED", Some("true")),
            ("ALERT_WEBHOOK_URL", None),
            ("ALERT_WEBHOOK_HEADERS", Some("{}")),
        ] {
            let found = SETTINGS.iter().find(|setting| setting.variable == variable);
            assert_eq!(found.map(|setting| setting.default), Some(default), "{variable}");
        }
    }
}
