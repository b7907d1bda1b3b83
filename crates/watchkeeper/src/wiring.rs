//! `serve`: from settings to a running program and back to nothing.
//!
//! Up: logs, listeners (bound, so that a taken port is known before anything is touched),
//! stores, engines, and only then answers. Down, on a signal: listeners, engines, stores.
//! Each way has its steps as functions with names; where neighbours must meet, [`agents`]
//! and [`news`] plug one into the other.

mod agents;
mod announcement;
mod data;
mod engines;
mod first_start;
mod news;
mod own_metrics;
mod receivers;
mod reload;
mod scraping;
mod signals;
mod stores;
mod upkeep;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use runtime::{Shutdown, Supervisor, SystemClock};
use server::Listeners;

pub use data::{STATE_FILE, make_data_directory};
pub use receivers::{rule_text, rules};
pub use upkeep::of_telemetry;

use crate::config::{Listen, Settings};
use crate::{logging, terminal};
use announcement::Places;
use engines::{Engines, Ground, start_engines};
use reload::Reloads;
use signals::Signals;
use stores::{Stores, open_stores};

/// Each of the three floors may take this long to stop: together under five seconds.
const STOP_GRACE: Duration = Duration::from_millis(1500);

/// Runs until a signal, or until it cannot.
pub fn run(settings: Settings) -> anyhow::Result<()> {
    if !settings.enabled {
        terminal::say(
            "MONITORING_ENABLED (monitoring.enabled) is false: nothing is watched, and nothing was started.",
        );
        return Ok(());
    }
    logging::install(&settings.log)?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let metrics =
        PrometheusBuilder::new().install_recorder().context("the program's own metrics cannot be set up")?;
    own_metrics::describe();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("watchkeeper")
        .build()
        .context("the threads cannot be started")?;
    runtime.block_on(watch(settings, metrics))
}

async fn watch(settings: Settings, metrics: PrometheusHandle) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let mut running = tokio::select! {
        started = start(&settings, metrics) => started?,
        // Nothing that was acknowledged depends on an orderly end.
        signal = signals.next() => anyhow::bail!("{signal} came before it had started"),
    };
    let ended_by_itself = tokio::select! {
        () = &mut running.serving => true,
        // What is wrong was logged; everything goes on as before.
        signal = signals.next_or_again(async || drop(running.reloads.run().await)) => {
            tracing::info!(signal, "stopping");
            false
        }
    };
    tokio::select! {
        stopped = running.stop(ended_by_itself) => stopped?,
        signal = signals.next() => anyhow::bail!("a second signal ({signal}) ended it at once"),
    }
    anyhow::ensure!(!ended_by_itself, "the listeners ended by themselves");
    Ok(())
}

/// What has to be stopped.
struct Running {
    listening: Shutdown,
    serving: Pin<Box<dyn Future<Output = ()> + Send>>,
    ground: Ground,
    stores: Stores,
    reloads: Reloads,
}

async fn start(settings: &Settings, metrics: PrometheusHandle) -> anyhow::Result<Running> {
    let server_settings = server_settings(settings);
    let listeners = Listeners::bind(&server_settings).await?;
    let places =
        Places::new(settings, listeners.api_addr(), listeners.dashboard_addr(), listeners.otlp_addrs());

    let clock = SystemClock::shared();
    let stores = open_stores(settings, &clock).await?;
    let ground = Ground { supervisor: Supervisor::new(clock.clone(), Shutdown::new()), clock };
    let engines = start_engines(settings, &ground, &stores, &metrics, &places).await?;
    announcement::say(settings, &places);
    first_start::welcome(settings, &stores.state, &places).await?;

    let listening = Shutdown::new();
    let reloads = Reloads::new(ground.clock.clone(), engines.reloadable());
    let desks = desks(&ground, &stores, &engines, metrics, reloads.clone());
    let serving = Box::pin(server::serve(server_settings, listeners, desks, listening.clone()));
    Ok(Running { listening, serving, ground, stores, reloads })
}

impl Running {
    /// Listeners, engines, stores; each has its time and no more.
    async fn stop(self, listeners_have_ended: bool) -> anyhow::Result<()> {
        self.listening.begin();
        if !listeners_have_ended && tokio::time::timeout(STOP_GRACE, self.serving).await.is_err() {
            tracing::info!("clients that were still connected were cut off");
        }
        for task in self.ground.supervisor.stop(STOP_GRACE).await {
            tracing::warn!(task, "did not end in time and was cut off");
        }
        self.stores.close().await?;
        tracing::info!("stopped");
        Ok(())
    }
}

fn server_settings(settings: &Settings) -> server::ServerSettings {
    let listen = &settings.listen;
    let view = server::ConfigurationView {
        metrics_interval: settings.metrics_interval,
        health_interval: settings.health_interval,
        alert_interval: settings.alert_interval,
        auto_recovery: settings.recovery.auto,
        retention_days: settings.retention_days,
        enable_mobile: listen.mobile,
        service_name: "watchkeeper".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    server::ServerSettings {
        public_url: settings.public_url.as_ref().map(ToString::to_string),
        secure_cookies: settings.public_url.as_ref().is_some_and(|url| url.scheme() == "https"),
        session_idle: settings.sessions.idle,
        session_max: settings.sessions.lifetime,
        body_bytes_max: listen.body_bytes_max,
        // A query may use all of its time, and its answer still has to be written.
        request_timeout: settings.query.timeout + Duration::from_secs(10),
        query_timeout: settings.query.timeout,
        connections_max: listen.connections_max,
        live_clients_max: listen.live_clients_max,
        otlp_addrs: listen.otlp_ports,
        receive: receive_settings(listen),
        ..server::ServerSettings::new(listen.api, listen.dashboard, view)
    }
}

fn receive_settings(listen: &Listen) -> server::ReceiveSettings {
    let ingest = listen.ingest;
    let mut receive = server::ReceiveSettings {
        body_bytes_max: ingest.body_bytes_max,
        concurrent_max: ingest.concurrent_max,
        otlp: listen.otlp.receiver.clone(),
        otlp_origins: listen.otlp.origins.clone(),
        ..server::ReceiveSettings::default()
    };
    receive.remote_write.message_bytes_max = ingest.message_bytes_max;
    receive
}

/// The engines, as the server asks for them.
fn desks(
    ground: &Ground,
    stores: &Stores,
    engines: &Engines,
    metrics: PrometheusHandle,
    reloads: Reloads,
) -> server::Engines {
    let scraper = engines.scraper.clone();
    server::Engines {
        targets: Arc::new(move || scraper.as_ref().map(ingest::scrape::Scraper::targets).unwrap_or_default()),
        metadata: engines.metadata.clone(),
        reload: Arc::new(move || {
            let reloads = reloads.clone();
            Box::pin(async move { reloads.run().await.map_err(|fault| fault.to_string()) })
        }),
        clock: ground.clock.clone(),
        supervisor: ground.supervisor.clone(),
        store: stores.samples.clone(),
        promql: engines.promql.clone(),
        queries: engines.queries.clone(),
        state: stores.state.clone(),
        fleet: Arc::new(engines.fleet.clone()),
        alerts: Arc::new(engines.alerting.clone()),
        health: Arc::new(engines.health.clone()),
        host: engines.host.clone(),
        render_metrics: Arc::new(move || metrics.render()),
    }
}
