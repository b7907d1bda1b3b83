//! From engines to answers.

use std::sync::Arc;
use std::time::Duration;

use runtime::Shutdown;
use tokio::sync::Semaphore;

use crate::app::{App, router};
use crate::engines::Engines;
use crate::listen::{Listeners, accept};
use crate::live;
use crate::routes::Port;
use crate::settings::ServerSettings;

/// Changes whose caller left may take this long to be written down.
const CHANGES_TIMEOUT: Duration = Duration::from_secs(1);

/// Answers on all ports until the shutdown begins; then the live streams are closed and
/// requests under way are finished, within five seconds.
pub async fn serve(settings: ServerSettings, listeners: Listeners, engines: Engines, shutdown: Shutdown) {
    let mut settings = settings;
    settings.api_addr = listeners.api_addr();
    settings.dashboard_addr = listeners.dashboard_addr();
    settings.otlp_addrs = listeners.otlp_addrs();
    let connections_max = Arc::new(Semaphore::new(settings.connections_max));
    let supervisor = engines.supervisor.clone();
    let clock = engines.clock.clone();
    let app = App::new(settings, engines, shutdown.clone());

    let feed = app.clone();
    supervisor.spawn("live", move |shutdown| live::run(feed.clone(), shutdown));
    app.auth.warm_up().await;

    let api = accept(
        listeners.api,
        router(&app, Port::Api),
        connections_max.clone(),
        clock.clone(),
        shutdown.clone(),
    );
    let otlp = futures::future::join_all(listeners.otlp.into_iter().map(|listener| {
        accept(listener, router(&app, Port::Otlp), connections_max.clone(), clock.clone(), shutdown.clone())
    }));
    let dashboard = async {
        if let Some(listener) = listeners.dashboard {
            let (limit, clock, shutdown) = (connections_max.clone(), clock.clone(), shutdown.clone());
            accept(listener, router(&app, Port::Dashboard), limit, clock, shutdown).await;
        }
    };
    tokio::join!(api, dashboard, otlp);
    if tokio::time::timeout(CHANGES_TIMEOUT, app.changes.finish()).await.is_err() {
        tracing::warn!("changes were cut at the shutdown");
    }
}
