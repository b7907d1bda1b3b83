//! What all handlers share, and how the routers of all ports are built from the table.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use model::Timestamp;
use runtime::Shutdown;
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;

use crate::auth::Auth;
use crate::engines::Engines;
use crate::live::Hub;
use crate::problem::Problem;
use crate::receive::{Reception, admit_origins};
use crate::routes::{self, Port, Table};
use crate::settings::ServerSettings;
use crate::summary::Measures;
use crate::wire::{ChangesUnderWay, envelope, guard};

pub(crate) type Shared = Arc<App>;

pub(crate) struct App {
    pub settings: ServerSettings,
    pub engines: Engines,
    pub auth: Auth,
    pub hub: Hub,
    pub measures: Measures,
    pub reception: Reception,
    pub table: Table,
    /// One look back at a time.
    pub backtests: Semaphore,
    pub started: Timestamp,
    pub shutdown: Shutdown,
    pub changes: ChangesUnderWay,
    /// The answer of `/readyz` of a moment ago.
    pub readiness: routes::Readiness,
}

impl App {
    pub fn new(settings: ServerSettings, engines: Engines, shutdown: Shutdown) -> Shared {
        Arc::new(Self {
            auth: Auth::new(&settings, engines.state.clone(), engines.clock.clone()),
            hub: Hub::new(engines.clock.now(), settings.live_clients_max),
            measures: Measures::default(),
            reception: Reception::new(settings.receive.clone(), &engines),
            table: Table::of(&routes::all()),
            started: engines.clock.now(),
            backtests: Semaphore::new(1),
            readiness: routes::Readiness::default(),
            changes: ChangesUnderWay::default(),
            shutdown,
            settings,
            engines,
        })
    }
}

/// Everything that answers on one port.
pub(crate) fn router(app: &Shared, port: Port) -> Router {
    let mut router = Router::new();
    for route in routes::all() {
        if route.ports.include(port) {
            router = router.route(route.path, route.handler);
        }
    }
    router
        .fallback(nothing_here)
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed(None) })
        .layer(from_fn_with_state(app.clone(), guard))
        .layer(from_fn_with_state(app.clone(), admit_origins))
        .layer(from_fn_with_state(app.clone(), envelope))
        .layer(CompressionLayer::new().gzip(true).br(true))
        .with_state(app.clone())
}

async fn nothing_here() -> Problem {
    Problem::not_found("Nothing is at this path.")
}
