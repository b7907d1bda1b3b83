//! Every endpoint, in one table.
//!
//! [`all`] is the table: method, path, port, what it asks of its caller, and what it
//! answers. The routers, the guard and the OpenAPI document are made from it, so what is
//! not in it does not exist.

mod agents;
mod alerts;
mod backtest;
mod export;
mod live;
mod login;
mod logs;
mod monitoring;
mod openapi;
mod pages;
mod parameters;
mod probes;
mod production;
mod receivers;
mod recovery;
mod searches;
mod table;
mod traces;
mod upkeep;

pub(crate) use probes::Readiness;
pub(crate) use table::{Errors, Port, Route, Table};

use axum::http::Method;

use crate::access::Access::{Needs, NeedsUnlessLocal, Open, SignedIn};
use crate::access::Permission::{
    Acknowledge, Administer, Alerts, ControlAgents, Ingest, Logs, Metrics, Recover, View,
};
use crate::app::Shared;
use crate::{dto, prometheus, receive};

/// The longest that a recovery may take until its proof: three verifications of a minute.
const RECOVERY_SECONDS: u64 = 200;
/// A receiver may retry its connection during a test.
const TEST_SECONDS: u64 = 60;

pub(crate) fn all() -> Vec<Route> {
    [probes_and_login(), contract(), own(), prometheus_api(), otlp(), pages()].into_iter().flatten().collect()
}

fn probes_and_login() -> Vec<Route> {
    vec![
        Route::get("/health", Open, "Overall health, for probes", probes::health)
            .answers::<dto::health::PublicHealthDto>(),
        Route::get("/livez", Open, "The process answers", probes::livez).text(),
        Route::get("/readyz", Open, "Store, state and tasks are able to serve", probes::readyz)
            .query(&["verbose"])
            .text(),
        Route::get("/-/healthy", Open, "The process answers, at Prometheus' path", probes::livez).text(),
        Route::get("/-/ready", Open, "Able to serve, at Prometheus' path", probes::readyz)
            .query(&["verbose"])
            .text(),
        Route::get("/metrics", NeedsUnlessLocal(Metrics), "The program's own counters", upkeep::metrics)
            .text(),
        Route::needs(Method::POST, "/-/reload", Administer, "Reads configuration again", upkeep::reload)
            .text(),
        Route::needs(Method::PUT, "/-/reload", Administer, "Reads configuration again", upkeep::reload)
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
            Method::POST,
            "/monitoring/alerts/backtest",
            Alerts,
            "What rules would have done over stored samples",
            backtest::backtest,
        )
        .takes::<dto::backtest::BacktestQuestionDto>()
        .answers::<dto::backtest::BacktestsDto>(),
        Route::needs(
            Method::GET,
            "/monitoring/receipts",
            Alerts,
            "What became of notifications",
            receivers::receipts,
        )
        .query(&["limit"])
        .answers::<dto::alert::ReceiptsDto>(),
        Route::needs(Method::GET, "/monitoring/logs", Logs, "Searches log records", logs::list)
            .query(&["query", "start", "end", "order", "limit", "cursor"])
            .answers::<dto::log::LogsDto>(),
        Route::needs(
            Method::GET,
            "/monitoring/logs/summary",
            Logs,
            "Counts log records by time and field",
            logs::summary,
        )
        .query(&["query", "start", "end", "bars", "fields"])
        .answers::<dto::search::SummaryDto>(),
        Route::needs(Method::GET, "/monitoring/traces", Logs, "Searches traces by their spans", traces::list)
            .query(&["query", "start", "end", "order", "limit", "cursor"])
            .answers::<dto::trace::TracesDto>(),
        Route::needs(
            Method::GET,
            "/monitoring/traces/summary",
            Logs,
            "Counts spans by time and field",
            traces::summary,
        )
        .query(&["query", "start", "end", "bars", "fields"])
        .answers::<dto::search::SummaryDto>(),
        Route::needs(Method::GET, "/monitoring/traces/{trace}", Logs, "One trace in outline", traces::one)
            .answers::<dto::trace::TraceDto>(),
        Route::needs(
            Method::GET,
            "/monitoring/traces/{trace}/spans/{span}",
            Logs,
            "One span in full",
            traces::span,
        )
        .answers::<dto::trace::SpanDto>(),
        Route::needs(
            Method::GET,
            "/monitoring/storage",
            Metrics,
            "What the store takes up, and who passes its limits",
            monitoring::storage,
        )
        .answers::<dto::storage::StorageDto>(),
    ]
}

fn prometheus_api() -> Vec<Route> {
    use axum::routing::{MethodFilter, MethodRouter, get, on};
    let route = |method, path, about, handler: MethodRouter<Shared>| {
        Route::new(method, path, Needs(Metrics), about, handler).json()
    };
    let fact = |path, about, handler| route(Method::GET, path, about, handler);
    let about_alerts = |path, about, handler: MethodRouter<Shared>| {
        Route::new(Method::GET, path, Needs(Alerts), about, handler).json()
    };
    let instant: &[&str] = &["query", "time", "timeout", "limit", "lookback_delta", "stats"];
    let range: &[&str] = &["query", "start", "end", "step", "timeout", "limit", "lookback_delta", "stats"];
    let exemplars: &[&str] = &["query", "start", "end"];
    let matching: &[&str] = &["match[]", "start", "end", "limit"];
    let mut routes = vec![
        Route::post(
            "/api/v1/write",
            NeedsUnlessLocal(Ingest),
            "Remote write 1.0 and 2.0",
            receive::remote_write,
        ),
        fact("/api/v1/label/{name}/values", "Values of a label", get(prometheus::label_values))
            .query(matching),
        fact("/api/v1/status/buildinfo", "Version", get(prometheus::buildinfo)),
        fact("/api/v1/status/runtimeinfo", "Since when, and how much is kept", get(prometheus::runtimeinfo)),
        fact("/api/v1/status/config", "The configuration in Prometheus' words", get(prometheus::config)),
        fact("/api/v1/status/flags", "Settings by the names of Prometheus' flags", get(prometheus::flags)),
        fact("/api/v1/status/tsdb", "What makes series many", get(prometheus::tsdb)).query(&["limit"]),
        fact("/api/v1/status/walreplay", "Whether the log was replayed", get(prometheus::walreplay)),
        fact("/api/v1/targets", "What is scraped, and how it went", get(prometheus::targets))
            .query(&["state", "scrapePool"]),
        fact("/api/v1/scrape_pools", "Names of scrape jobs", get(prometheus::scrape_pools)),
        fact(
            "/api/v1/targets/metadata",
            "What targets say of their metrics",
            get(prometheus::targets_metadata),
        )
        .query(&["match_target", "metric", "limit"]),
        about_alerts("/api/v1/rules", "Groups of rules with their alerts", get(prometheus::rules)).query(&[
            "type",
            "rule_name[]",
            "rule_group[]",
            "file[]",
            "match[]",
            "exclude_alerts",
            "group_limit",
            "group_next_token",
        ]),
        about_alerts("/api/v1/alerts", "Pending and firing alerts", get(prometheus::alerts)),
        fact("/api/v1/alertmanagers", "Alertmanagers: there are none", get(prometheus::alertmanagers)),
        fact("/api/v1/metadata", "What sources say of their metrics", get(prometheus::metadata)).query(&[
            "metric",
            "limit",
            "limit_per_metric",
        ]),
    ];
    // Questions come in the query string, or as a form where they are too long for one.
    for (method, filter) in [(Method::GET, MethodFilter::GET), (Method::POST, MethodFilter::POST)] {
        let asked = |path, about, handler| route(method.clone(), path, about, handler);
        routes.extend([
            asked("/api/v1/query", "PromQL at an instant", on(filter, prometheus::instant)).query(instant),
            asked("/api/v1/query_range", "PromQL over a range", on(filter, prometheus::range)).query(range),
            asked("/api/v1/format_query", "PromQL, laid out", on(filter, prometheus::format_query))
                .query(&["query"]),
            asked("/api/v1/parse_query", "PromQL as a tree", on(filter, prometheus::parse_query))
                .query(&["query"]),
            asked("/api/v1/query_exemplars", "Exemplars of series", on(filter, prometheus::exemplars))
                .query(exemplars),
            asked("/api/v1/series", "Label sets of series", on(filter, prometheus::series)).query(matching),
            asked("/api/v1/labels", "Names of labels", on(filter, prometheus::labels)).query(matching),
        ]);
    }
    for (method, filter) in [(Method::POST, MethodFilter::POST), (Method::PUT, MethodFilter::PUT)] {
        let ordered =
            |path, about, handler| Route::new(method.clone(), path, Needs(Administer), about, handler);
        routes.extend([
            ordered(
                "/api/v1/admin/tsdb/delete_series",
                "Erases samples",
                on(filter, prometheus::delete_series),
            )
            .query(&["match[]", "start", "end"]),
            ordered(
                "/api/v1/admin/tsdb/clean_tombstones",
                "Lets erased samples leave the disk",
                on(filter, prometheus::clean_tombstones),
            ),
            ordered("/api/v1/admin/tsdb/snapshot", "Says how to make one", on(filter, prometheus::snapshot))
                .json(),
        ]);
    }
    routes
}

fn otlp() -> Vec<Route> {
    vec![
        Route::otlp("/v1/metrics", "OTLP: metrics", receive::metrics),
        Route::otlp("/v1/logs", "OTLP: log records", receive::logs),
        Route::otlp("/v1/traces", "OTLP: spans", receive::traces),
        Route::grpc(
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            "OTLP by gRPC: metrics",
            receive::grpc::metrics,
        ),
        Route::grpc(
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            "OTLP by gRPC: log records",
            receive::grpc::logs,
        ),
        Route::grpc(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            "OTLP by gRPC: spans",
            receive::grpc::traces,
        ),
        Route::otlp("/api/v1/otlp/v1/metrics", "OTLP at Prometheus' path: metrics", receive::metrics),
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
