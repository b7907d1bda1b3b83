//! Every endpoint, in one table.
//!
//! [`all`] is the table: method, path, port, what it asks of its caller, and what it
//! answers. The routers, the guard and the OpenAPI document are made from it, so what is
//! not in it does not exist.

mod agents;
mod alerts;
mod export;
mod live;
mod login;
mod monitoring;
mod openapi;
mod pages;
mod parameters;
mod probes;
mod production;
mod receivers;
mod recovery;
mod table;
mod upkeep;

pub(crate) use probes::Readiness;
pub(crate) use table::{Port, Route, Table};

use axum::http::Method;

use crate::access::Access::{NeedsUnlessLocal, Open, SignedIn};
use crate::access::Permission::{Acknowledge, Administer, Alerts, ControlAgents, Metrics, Recover, View};
use crate::{dto, prometheus};

/// The longest that a recovery may take until its proof: three verifications of a minute.
const RECOVERY_SECONDS: u64 = 200;
/// A receiver may retry its connection during a test.
const TEST_SECONDS: u64 = 60;

pub(crate) fn all() -> Vec<Route> {
    [probes_and_login(), contract(), own(), prometheus_api(), pages()].into_iter().flatten().collect()
}

fn probes_and_login() -> Vec<Route> {
    vec![
        Route::get("/health", Open, "Overall health, for probes", probes::health)
            .answers::<dto::health::PublicHealthDto>(),
        Route::get("/livez", Open, "The process answers", probes::livez).text(),
        Route::get("/readyz", Open, "Store, state and tasks are able to serve", probes::readyz)
            .query(&["verbose"])
            .text(),
        Route::get("/metrics", NeedsUnlessLocal(Metrics), "The program's own counters", upkeep::metrics)
            .text(),
        Route::needs(Method::POST, "/-/reload", Administer, "Reads configuration again", upkeep::reload)
            .text(),
        Route::get("/api-docs/openapi.json", SignedIn, "This document", openapi::document).json(),
        Route::post("/login", Open, "Signs in and sets the session cookie", login::login)
            .takes::<dto::session::LoginDto>()
            .answers::<dto::session::SignedInDto>(),
        Route::post("/logout", SignedIn, "Ends the session", login::logout),
        Route::get("/setup/status", Open, "Whether there is an administrator", login::setup_status)
            .answers::<dto::session::SetupStatusDto>(),
        Route::post("/setup", Open, "Creates the first administrator by the one-time token", login::setup)
            .takes::<dto::session::SetupDto>()
            .answers::<dto::session::SignedInDto>(),
        Route::get("/monitoring/me", SignedIn, "Who is signed in, with permissions", login::me)
            .answers::<dto::session::MeDto>(),
    ]
}

fn contract() -> Vec<Route> {
    vec![
        Route::needs(Method::GET, "/monitoring/health", View, "Verdicts of all checks", monitoring::health)
            .answers::<dto::health::HealthReplyDto>(),
        Route::needs(
            Method::GET,
            "/monitoring/recovery",
            View,
            "Recovery runs of 24 hours",
            monitoring::recovery,
        )
        .answers::<dto::run::RecoveryDto>(),
        Route::needs(
            Method::GET,
            "/monitoring/agents/{name}",
            View,
            "Everything about one agent",
            agents::one,
        )
        .answers::<dto::status::AgentReportDto>(),
        Route::needs(
            Method::GET,
            "/monitoring/production/status",
            View,
            "Everything at a glance",
            production::status,
        )
        .answers::<dto::status::StatusDto>(),
        Route::needs(
            Method::GET,
            "/monitoring/production/performance",
            Metrics,
            "Averages and trends",
            production::performance,
        )
        .query(&["hours"])
        .answers::<dto::metrics::PerformanceReportDto>(),
        Route::needs(
            Method::GET,
            "/monitoring/production/alerts",
            Alerts,
            "Open alerts and history",
            alerts::list,
        )
        .answers::<dto::alert::AlertsDto>(),
        Route::needs(
            Method::POST,
            "/monitoring/production/alerts/{id}/acknowledge",
            Acknowledge,
            "Takes an alert upon oneself",
            alerts::acknowledge,
        )
        .takes::<dto::session::AcknowledgeDto>()
        .answers::<dto::alert::AcknowledgedDto>(),
        Route::needs(
            Method::POST,
            "/monitoring/production/recovery/{action}",
            Recover,
            "Runs a recovery action and waits for its proof",
            recovery::trigger,
        )
        .takes::<dto::session::TriggerDto>()
        .answers::<dto::run::TriggeredDto>()
        .patience(RECOVERY_SECONDS),
        Route::needs(
            Method::GET,
            "/monitoring/production/export",
            Alerts,
            "Everything as a file",
            export::export,
        )
        .query(&["format", "hours"])
        .json(),
    ]
}

fn own() -> Vec<Route> {
    vec![
        Route::needs(Method::GET, "/monitoring/live", View, "Changes as server-sent events", live::stream)
            .text(),
        Route::needs(Method::GET, "/monitoring/agents", View, "All agents and sources", agents::list)
            .answers::<dto::fleet::AgentsDto>(),
        Route::needs(
            Method::POST,
            "/monitoring/agents/{name}/abort",
            ControlAgents,
            "Ends the turn",
            agents::abort,
        )
        .answers::<dto::session::DoneDto>(),
        Route::needs(
            Method::POST,
            "/monitoring/agents/{name}/prompt",
            ControlAgents,
            "Asks the agent",
            agents::prompt,
        )
        .takes::<dto::session::PromptDto>()
        .answers::<dto::session::DoneDto>(),
        Route::needs(
            Method::POST,
            "/monitoring/agents/{name}/permissions/{request}",
            ControlAgents,
            "Answers what the agent asks for",
            agents::reply,
        )
        .takes::<dto::session::ReplyDto>()
        .answers::<dto::session::DoneDto>(),
        Route::needs(Method::GET, "/monitoring/receivers", Alerts, "Who is told of alerts", receivers::list)
            .answers::<dto::alert::ReceiversDto>(),
        Route::needs(
            Method::POST,
            "/monitoring/receivers/{id}/test",
            Administer,
            "Sends a test notification",
            receivers::test,
        )
        .answers::<dto::alert::ReceiptDto>()
        .patience(TEST_SECONDS),
        Route::needs(
            Method::GET,
            "/monitoring/receipts",
            Alerts,
            "What became of notifications",
            receivers::receipts,
        )
        .query(&["limit"])
        .answers::<dto::alert::ReceiptsDto>(),
    ]
}

fn prometheus_api() -> Vec<Route> {
    let route = |method, path, about, handler: axum::routing::MethodRouter<crate::app::Shared>| {
        Route::new(method, path, crate::access::Access::Needs(Metrics), about, handler).json()
    };
    use axum::routing::{get, post};
    let instant: &[&str] = &["query", "time", "timeout", "limit"];
    let range: &[&str] = &["query", "start", "end", "step", "timeout", "limit"];
    let matching: &[&str] = &["match[]", "start", "end", "limit"];
    vec![
        route(Method::GET, "/api/v1/query", "PromQL at an instant", get(prometheus::instant)).query(instant),
        route(Method::POST, "/api/v1/query", "PromQL at an instant", post(prometheus::instant))
            .query(instant),
        route(Method::GET, "/api/v1/query_range", "PromQL over a range", get(prometheus::range)).query(range),
        route(Method::POST, "/api/v1/query_range", "PromQL over a range", post(prometheus::range))
            .query(range),
        route(Method::GET, "/api/v1/series", "Label sets of series", get(prometheus::series)).query(matching),
        route(Method::POST, "/api/v1/series", "Label sets of series", post(prometheus::series))
            .query(matching),
        route(Method::GET, "/api/v1/labels", "Names of labels", get(prometheus::labels)).query(matching),
        route(Method::POST, "/api/v1/labels", "Names of labels", post(prometheus::labels)).query(matching),
        route(Method::GET, "/api/v1/label/{name}/values", "Values of a label", get(prometheus::label_values))
            .query(matching),
        route(Method::GET, "/api/v1/targets", "What is scraped, and how it went", get(prometheus::targets))
            .query(&["state", "scrapePool"]),
        route(Method::GET, "/api/v1/scrape_pools", "Names of scrape jobs", get(prometheus::scrape_pools)),
        route(
            Method::GET,
            "/api/v1/targets/metadata",
            "What targets say of their metrics",
            get(prometheus::targets_metadata),
        )
        .query(&["match_target", "metric", "limit"]),
        route(
            Method::GET,
            "/api/v1/metadata",
            "What sources say of their metrics",
            get(prometheus::metadata),
        )
        .query(&["metric", "limit", "limit_per_metric"]),
        route(Method::GET, "/api/v1/status/buildinfo", "Version", get(prometheus::buildinfo)),
    ]
}

fn pages() -> Vec<Route> {
    vec![
        Route::page("/", pages::index),
        Route::page("/mobile", pages::mobile),
        Route::page("/dashboard/{view}", pages::dashboard),
        Route::page("/settings/notifications", pages::index),
        Route::open_page("/login", "The login page", pages::index),
        Route::open_page("/setup", "The page of the one-time link", pages::index),
        Route::open_page("/assets/{*path}", "A file of the page", pages::asset),
        Route::open_page("/{file}", "A file of the page", pages::file),
    ]
}
