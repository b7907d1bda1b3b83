//! From a configuration to settings, with everything that does not fit together.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use server::{PASSWORD_CHARS_MIN, USER_NAME_RULE};
use url::Url;

use super::{Agents, Health, Ingest, Listen, Log, Query, Recovery, Retention, Scrape, Sessions, Settings};
use crate::config::kind::{Kind, Value};
use crate::config::layers::{Chosen, Configuration};
use crate::config::problem::Problem;
use crate::config::sources::{OpenCodeSource, name_from};
use crate::config::{Origin, Secret};

/// Takes typed values out of a configuration and collects what does not fit together.
pub(super) struct Reader<'a> {
    configuration: &'a Configuration,
    pub(super) problems: RefCell<Vec<Problem>>,
    /// Keys that were asked for; a test holds that these are all of them.
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(configuration: &'a Configuration) -> Self {
        Self { configuration, problems: RefCell::default(), asked: RefCell::default() }
    }

    pub(super) fn settings(&self) -> Settings {
        let sources = self.sources();
        Settings {
            enabled: self.toggle("monitoring.enabled"),
            data: PathBuf::from(self.text("data")),
            public_url: self.url("public_url"),
            retention_days: self.integer("monitoring.retention_days"),
            retention: Retention {
                bytes_max: self.optional_bytes("retention.max_bytes"),
                rules: self.configuration.retention_rules.clone(),
            },
            audit_days: self.integer("monitoring.audit_days"),
            listen: self.listen(),
            admin_user: self.admin_user(),
            admin_password: self.admin_password(),
            sessions: Sessions {
                idle: self.duration("sessions.idle"),
                lifetime: self.duration("sessions.lifetime"),
            },
            metrics_interval: self.duration("monitoring.metrics_interval"),
            probe: self.toggle("sources.probe") && sources.is_empty(),
            sources,
            agents: Agents {
                stalled_after_model: self.duration("agents.stalled_after_model"),
                stalled_after_tool: self.duration("agents.stalled_after_tool"),
                session_max_age: self.duration("agents.session_max_age"),
                waiting_provider_lasting: self.duration("agents.waiting_provider_lasting"),
                idle_sessions_max: self.count("agents.idle_sessions_max"),
            },
            health_interval: self.duration("monitoring.health_interval"),
            health: self.health(),
            recovery: self.recovery(),
            alert_interval: self.duration("monitoring.alert_interval"),
            rules: self.optional_text("alerts.rules").map(PathBuf::from),
            alerts_per_rule_max: self.count("alerts.per_rule_max"),
            email: self.email(),
            slack: self.slack(),
            webhook: self.webhook(),
            scrape: self.scrape(),
            query: Query {
                timeout: self.duration("query.timeout"),
                lookback: self.duration("query.lookback"),
                series_max: self.integer("query.series_max"),
                samples_max: self.integer("query.samples_max"),
                concurrency_max: self.count("query.concurrency_max"),
                waiting_max: self.count("query.waiting_max"),
                experimental_functions: self.toggle("query.experimental_functions"),
            },
            storage: self.storage(),
            archive: self.archive(),
            log: self.log(),
            warnings: self.warnings(),
        }
    }

    fn listen(&self) -> Listen {
        let api = self.address("server.host", "server.port");
        let dashboard = self.address("dashboard.host", "dashboard.port");
        let enabled = self.toggle("dashboard.enabled");
        if enabled && api.port() == dashboard.port() && api.port() != 0 && overlap(api.ip(), dashboard.ip()) {
            self.problem("dashboard.port", format!("is {} like server.port; give each its own", api.port()));
        }
        Listen {
            api,
            dashboard: enabled.then_some(dashboard),
            mobile: self.toggle("dashboard.mobile"),
            body_bytes_max: usize::try_from(self.bytes("server.body_max")).unwrap_or(usize::MAX),
            connections_max: self.count("server.connections_max"),
            live_clients_max: self.count("server.live_clients_max"),
            ingest: Ingest {
                body_bytes_max: usize::try_from(self.bytes("ingest.body_max")).unwrap_or(usize::MAX),
                message_bytes_max: usize::try_from(self.bytes("ingest.message_max")).unwrap_or(usize::MAX),
                concurrent_max: self.count("ingest.concurrent_max"),
            },
            otlp_ports: self.otlp_ports(),
            otlp: self.otlp(),
        }
    }

    fn scrape(&self) -> Option<Scrape> {
        let (body_bytes_max, samples_max, targets_max) = (
            self.bytes("scrape.body_max"),
            self.count("scrape.samples_max"),
            self.count("scrape.targets_max"),
        );
        let config = PathBuf::from(self.optional_text("scrape.config")?);
        Some(Scrape { config, body_bytes_max, samples_max, targets_max })
    }

    fn admin_user(&self) -> String {
        let name = self.text("admin.user");
        if !server::is_user_name(&name) {
            self.problem("admin.user", format!("must be {USER_NAME_RULE}"));
        }
        name
    }

    fn admin_password(&self) -> Option<Secret> {
        let password = self.secret("admin.password")?;
        // The server's own rule for passwords, told before anything is started.
        if password.expose().chars().count() < PASSWORD_CHARS_MIN {
            self.problem("admin.password", format!("must have at least {PASSWORD_CHARS_MIN} characters"));
        }
        Some(password)
    }

    fn sources(&self) -> Vec<OpenCodeSource> {
        let mut sources = self.configuration.sources.clone();
        let user = self.text("opencode.user");
        let password = self.secret("opencode.password");
        match self.url("opencode.url") {
            Some(url) => {
                let name = name_from(&url);
                if sources.iter().any(|other| other.name == name) {
                    self.problem("opencode.url", format!("`{name}` is already among [[sources.opencode]]"));
                }
                sources.push(OpenCodeSource {
                    name,
                    url,
                    user,
                    password,
                    origin: self.origin("opencode.url"),
                });
            }
            None if password.is_some() => self.problem("opencode.password", "needs opencode.url beside it"),
            None => {}
        }
        for source in &sources {
            if !source.url.username().is_empty() || source.url.password().is_some() {
                let reason = format!(
                    "the URL of `{}` must not hold a user or password; use the keys user and password_file",
                    source.name
                );
                self.problems.borrow_mut().push(Problem::new(
                    "sources.opencode",
                    reason,
                    Some(source.origin.clone()),
                ));
            }
        }
        sources
    }

    fn health(&self) -> Health {
        let path = |key: &str| self.optional_text(key).map(PathBuf::from);
        Health {
            check_timeout: self.duration("health.check_timeout"),
            urls: self.urls("health.urls"),
            directories: self.list("health.directories").into_iter().map(PathBuf::from).collect(),
            database: path("health.database"),
            sessions_directory: path("health.sessions_directory"),
            log_directory: path("health.log_directory"),
            temp_directory: PathBuf::from(self.text("health.temp_directory")),
            platform_url: self.url("health.platform_url"),
        }
    }

    fn recovery(&self) -> Recovery {
        Recovery {
            auto: self.toggle("monitoring.auto_recovery"),
            warm_up: self.duration("recovery.warm_up"),
            cooldown: self.duration("recovery.cooldown"),
            attempts: u32::try_from(self.integer("recovery.attempts")).unwrap_or(u32::MAX),
            window: self.duration("recovery.window"),
            concurrent: self.count("recovery.concurrent"),
            fleet_share: self.integer("recovery.fleet_share_percent") as f64 / 100.0,
            tools_never_aborted: self.list("recovery.tools_never_aborted"),
            verify_idle_within: self.duration("recovery.verify_idle_within"),
            verify_progress_within: self.duration("recovery.verify_progress_within"),
        }
    }

    /// With the rules of retention that change nothing.
    fn warnings(&self) -> Vec<String> {
        let days = self.integer("monitoring.retention_days");
        let rules = self.configuration.retention_rules.iter();
        let idle = rules.filter(|rule| rule.age.as_secs() >= days * 24 * 60 * 60).map(|rule| {
            format!(
                "the retention rule for `{}` ({}) has no effect: everything goes after \
                 monitoring.retention_days = {days}",
                rule.selector, rule.origin
            )
        });
        self.configuration.warnings.iter().cloned().chain(idle).collect()
    }

    fn log(&self) -> Log {
        let filter = self.text("log.level");
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&filter) {
            self.problem("log.level", format!("`{filter}` is not a filter: {error}"));
        }
        Log { filter, json: self.text("log.format") == "json" }
    }

    pub(super) fn chosen(&self, key: &str) -> Option<&Chosen> {
        self.asked.borrow_mut().insert(key.to_owned());
        self.configuration.chosen.get(key)
    }

    pub(super) fn value(&self, key: &str) -> Option<Value> {
        self.chosen(key).and_then(|chosen| chosen.value.clone())
    }

    pub(super) fn origin(&self, key: &str) -> Origin {
        self.configuration.chosen.get(key).map_or(Origin::Default, |chosen| chosen.origin.clone())
    }

    pub(super) fn problem(&self, key: &str, reason: impl Into<String>) {
        self.problems.borrow_mut().push(Problem::new(key, reason, Some(self.origin(key))));
    }

    pub(super) fn optional_text(&self, key: &str) -> Option<String> {
        match self.value(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn text(&self, key: &str) -> String {
        self.optional_text(key).unwrap_or_default()
    }

    pub(super) fn secret(&self, key: &str) -> Option<Secret> {
        self.optional_text(key).map(Secret::new)
    }

    pub(super) fn toggle(&self, key: &str) -> bool {
        self.value(key) == Some(Value::Toggle(true))
    }

    pub(super) fn list(&self, key: &str) -> Vec<String> {
        match self.value(key) {
            Some(Value::List(parts)) => parts,
            _ => vec![],
        }
    }

    pub(super) fn integer(&self, key: &str) -> u64 {
        match self.value(key) {
            Some(Value::Integer(number)) => number,
            _ => 0,
        }
    }

    pub(super) fn count(&self, key: &str) -> usize {
        usize::try_from(self.integer(key)).unwrap_or(usize::MAX)
    }

    fn optional_bytes(&self, key: &str) -> Option<u64> {
        match self.value(key) {
            Some(Value::Bytes(size)) => Some(size),
            _ => None,
        }
    }

    pub(super) fn bytes(&self, key: &str) -> u64 {
        self.optional_bytes(key).unwrap_or(0)
    }

    pub(super) fn duration(&self, key: &str) -> Duration {
        match self.value(key) {
            Some(Value::Duration(length)) => length,
            _ => Duration::ZERO,
        }
    }

    pub(super) fn url(&self, key: &str) -> Option<Url> {
        self.optional_text(key).and_then(|text| Url::parse(&text).ok())
    }

    fn urls(&self, key: &str) -> Vec<Url> {
        let urls = self.list(key).into_iter().map(|text| match Kind::Url.read_text(&text) {
            Ok(_) => Url::parse(&text).ok(),
            Err(mismatch) => {
                self.problem(key, format!("`{text}` is not {}", mismatch.0));
                None
            }
        });
        urls.collect::<Option<Vec<_>>>().unwrap_or_default()
    }

    pub(super) fn port(&self, key: &str) -> u16 {
        u16::try_from(self.integer(key)).unwrap_or(0)
    }

    pub(super) fn address(&self, host: &str, port: &str) -> SocketAddr {
        let ip = self.text(host).parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        SocketAddr::new(ip, self.port(port))
    }
}

/// Whether two listeners with the same port would collide.
fn overlap(a: IpAddr, b: IpAddr) -> bool {
    a == b || a.is_unspecified() || b.is_unspecified()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::config::{SETTINGS, Startup, load};

    #[test]
    fn every_setting_has_an_effect() {
        let (_, configuration) = load(&Startup::default()).unwrap();
        let reader = Reader::new(&configuration);
        reader.settings();
        let asked = reader.asked.take();
        for setting in SETTINGS {
            assert!(asked.contains(setting.key), "{} is read by nothing", setting.key);
        }
    }
}
