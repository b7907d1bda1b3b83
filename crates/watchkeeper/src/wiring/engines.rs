//! From settings to running engines, floor by floor.

use std::sync::Arc;

use alerting::{Alerting, AlertingParts, AlertingSettings};
use anyhow::Context;
use fleet::{Fleet, FleetParts, FleetSettings};
use health::{Health, HealthParts, HealthSettings};
use host::HostSnapshot;
use ingest::host::HostParts;
use ingest::metadata::MetadataRegistry;
use ingest::scrape::Scraper;
use metrics_exporter_prometheus::PrometheusHandle;
use runtime::{SharedClock, Supervisor};
use storage::{Appender, QueryLimits, SampleReader, Store};
use tokio::sync::watch;
use url::Url;

use super::agents::Agents;
use super::announcement::Places;
use super::receivers::RuleFiles;
use super::reload::Reload;
use super::stores::{self, Stores};
use super::upkeep::{self, Retention};
use super::{news, receivers, scraping};
use crate::config::Settings;

/// Everything that judges and acts, running.
#[derive(Clone)]
pub struct Engines {
    pub promql: promql::Engine,
    /// The same for the API, with so many questions at the same time.
    pub queries: promql::Engine,
    pub host: watch::Receiver<Option<Arc<HostSnapshot>>>,
    pub fleet: Fleet,
    pub health: Health,
    pub alerting: Alerting,
    pub rule_files: RuleFiles,
    /// Absent when nothing is scraped.
    pub scraper: Option<Scraper>,
    /// What all ways in note about metrics.
    pub metadata: Arc<MetadataRegistry>,
}

impl Engines {
    /// What reads its configuration again on SIGHUP and `POST /-/reload`.
    pub fn reloadable(&self) -> Vec<Arc<dyn Reload>> {
        let scraper = self.scraper.clone().map(|scraper| Arc::new(scraper) as Arc<dyn Reload>);
        scraper.into_iter().chain([Arc::new(self.rule_files.clone()) as Arc<dyn Reload>]).collect()
    }
}

/// What every engine is given.
#[derive(Clone, Debug)]
pub struct Ground {
    pub clock: SharedClock,
    pub supervisor: Supervisor,
}

pub async fn start_engines(
    settings: &Settings,
    ground: &Ground,
    stores: &Stores,
    metrics: &PrometheusHandle,
    places: &Places,
) -> anyhow::Result<Engines> {
    start_upkeep(settings, ground, stores, metrics)?;
    let promql =
        promql::Engine::new(stores.samples.clone() as Arc<dyn SampleReader>, promql_settings(settings));
    let queries = promql.gated(settings.query.concurrency_max, settings.query.waiting_max);
    let host = start_host_sampler(settings, ground, stores);
    let fleet = start_fleet(settings, ground, stores);
    let health = start_health(settings, ground, stores, host.clone(), &fleet, &places.api)?;
    let alerting = start_alerting(settings, ground, stores, promql.clone(), &fleet, &places.page).await?;
    news::carry(&ground.supervisor, fleet.clone(), alerting.clone(), health.clone());
    let metadata = Arc::new(MetadataRegistry::default());
    let scraper = scraping::start(settings, ground, stores, &metadata)?;
    let rule_files = RuleFiles { alerting: alerting.clone(), settings: settings.clone() };
    Ok(Engines { promql, queries, host, fleet, health, alerting, rule_files, scraper, metadata })
}

fn start_upkeep(
    settings: &Settings,
    ground: &Ground,
    stores: &Stores,
    metrics: &PrometheusHandle,
) -> anyhow::Result<()> {
    let samples = stores.samples.clone();
    ground.supervisor.spawn("store flush", move |shutdown| samples.clone().run(shutdown));
    let retention = Retention::of(settings);
    let store: Arc<dyn Store> = stores.samples.clone();
    let (clock, state) = (ground.clock.clone(), stores.state.clone());
    let archive = stores::open_archive(settings)?;
    upkeep::keep_forgetting(&ground.supervisor, retention, clock, store, archive, state);
    upkeep::keep_metrics_small(&ground.supervisor, ground.clock.clone(), metrics.clone());
    Ok(())
}

fn promql_settings(settings: &Settings) -> promql::EngineSettings {
    promql::EngineSettings {
        lookback: settings.query.lookback,
        timeout: settings.query.timeout,
        limits: QueryLimits {
            series_max: settings.query.series_max,
            samples_max: settings.query.samples_max,
        },
        experimental_functions: settings.query.experimental_functions,
        ..promql::EngineSettings::default()
    }
}

fn start_host_sampler(
    settings: &Settings,
    ground: &Ground,
    stores: &Stores,
) -> watch::Receiver<Option<Arc<HostSnapshot>>> {
    let (latest, host) = watch::channel(None);
    let store: Arc<dyn Appender> = stores.samples.clone();
    let parts = HostParts { store, clock: ground.clock.clone(), latest };
    let interval = settings.metrics_interval;
    ground
        .supervisor
        .spawn("host sampler", move |shutdown| ingest::host::run(interval, parts.clone(), shutdown));
    host
}

fn start_fleet(settings: &Settings, ground: &Ground, stores: &Stores) -> Fleet {
    let sources = settings.sources.iter().map(|source| fleet::OpenCodeSource {
        name: source.name.clone(),
        url: source.url.clone(),
        user: source.user.clone(),
        password: source.password.as_ref().map(|password| fleet::Secret::new(password.expose())),
    });
    let agents = &settings.agents;
    let fleet_settings = FleetSettings {
        sources: sources.collect(),
        probe_default: settings.probe,
        stalled_after_model: agents.stalled_after_model,
        stalled_after_tool: agents.stalled_after_tool,
        waiting_provider_lasting: agents.waiting_provider_lasting,
        metrics_interval: settings.metrics_interval,
        session_max_age: agents.session_max_age,
        idle_sessions_max: agents.idle_sessions_max,
        ..FleetSettings::default()
    };
    let parts = FleetParts {
        clock: ground.clock.clone(),
        store: stores.samples.clone(),
        state: stores.state.clone(),
        supervisor: ground.supervisor.clone(),
    };
    Fleet::start(fleet_settings, parts)
}

fn start_health(
    settings: &Settings,
    ground: &Ground,
    stores: &Stores,
    host: watch::Receiver<Option<Arc<HostSnapshot>>>,
    fleet: &Fleet,
    own_api: &Url,
) -> anyhow::Result<Health> {
    let parts = HealthParts {
        clock: ground.clock.clone(),
        state: stores.state.clone(),
        store: stores.samples.clone(),
        fleet: Arc::new(Agents(fleet.clone())),
        host,
        supervisor: ground.supervisor.clone(),
    };
    Health::start(health_settings(settings, own_api), parts).context("the health checks cannot be started")
}

fn health_settings(settings: &Settings, own_api: &Url) -> HealthSettings {
    let targets = &settings.health;
    let mut health = HealthSettings::new(&settings.data, &targets.temp_directory, own_api);
    health.interval = settings.health_interval;
    health.check_timeout = targets.check_timeout;
    health.metrics_interval = settings.metrics_interval;
    health.database.clone_from(&targets.database);
    health.dependencies.database.clone_from(&targets.database);
    let foreign = |name: &str, path: &std::path::Path| health::ProbedDirectory {
        name: name.to_owned(),
        path: path.to_owned(),
        access: health::Access::Foreign,
    };
    if let Some(path) = &targets.sessions_directory {
        health.directories.push(foreign("sessions", path));
        health.dependencies.sessions_directory.clone_from(path);
    }
    if let Some(path) = &targets.log_directory {
        health.directories.push(foreign("logs", path));
        health.dependencies.log_directory.clone_from(path);
    }
    for path in &targets.directories {
        health.directories.push(foreign(&path.display().to_string(), path));
    }
    for url in &targets.urls {
        let name = url.host_str().unwrap_or("external").to_owned();
        health.urls.push(health::ProbedUrl { name, url: url.clone(), is_ours: false });
    }
    if let Some(url) = &targets.platform_url {
        health.dependencies.localhost_api.clone_from(url);
    }
    let recovery = &settings.recovery;
    health.auto_recovery = recovery.auto;
    health.recovery = health::RecoverySettings {
        warm_up: recovery.warm_up,
        cooldown: recovery.cooldown,
        attempts_max: recovery.attempts as usize,
        attempts_window: recovery.window,
        fleet_share_max: recovery.fleet_share,
        concurrent_max: recovery.concurrent,
        idle_within: recovery.verify_idle_within,
        progress_within: recovery.verify_progress_within,
        tools_never_aborted: recovery.tools_never_aborted.clone(),
        ..health::RecoverySettings::default()
    };
    health
}

async fn start_alerting(
    settings: &Settings,
    ground: &Ground,
    stores: &Stores,
    engine: promql::Engine,
    fleet: &Fleet,
    page: &Url,
) -> anyhow::Result<Alerting> {
    let alerting_settings = AlertingSettings {
        rules: receivers::rules(settings)?,
        receivers: receivers::receivers(settings),
        interval: settings.alert_interval,
        alerts_per_rule_max: settings.alerts_per_rule_max,
        public_url: Some(page.to_string()),
        ..AlertingSettings::default()
    };
    let parts = AlertingParts {
        clock: ground.clock.clone(),
        engine,
        appender: stores.samples.clone(),
        state: stores.state.clone(),
        directory: Arc::new(Agents(fleet.clone())),
        supervisor: ground.supervisor.clone(),
    };
    Alerting::start(alerting_settings, parts).await.context("alerting cannot be started")
}
