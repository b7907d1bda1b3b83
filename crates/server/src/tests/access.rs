//! Every role against every endpoint.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Response, StatusCode};
use state::Role;

use super::fixture::{Ask, Fixture, get, post};
use crate::access::{Access, Permission};
use crate::routes::{self, Port, Route};

/// Written by hand from the contract, and not from `access`.
fn may(role: Role, permission: Permission) -> bool {
    use Permission::{Acknowledge, Administer, Alerts, ControlAgents, Ingest, Logs, Metrics, Recover, View};
    match (role, permission) {
        (Role::Admin, _) => true,
        (Role::Operator, View | Alerts | Logs | Metrics | Acknowledge | Recover | ControlAgents | Ingest) => {
            true
        }
        (Role::Operator, Administer) => false,
        (Role::Viewer | Role::Executive, View | Metrics) => true,
        (Role::Viewer | Role::Executive, _) => false,
    }
}

/// Written by hand: what each path asks for. Anything that is not here must answer anyone.
fn asked_for(method: &Method, path: &str) -> Option<&'static str> {
    let is_post = *method == Method::POST;
    Some(match path {
        "/health" | "/livez" | "/readyz" | "/-/healthy" | "/-/ready" | "/login" | "/setup"
        | "/setup/status" => return None,
        "/assets/{*path}" | "/{file}" => return None,
        "/" | "/mobile" | "/dashboard/{view}" | "/settings/notifications" => "page",
        "/logout" | "/monitoring/me" | "/api-docs/openapi.json" => "signed_in",
        "/metrics" => "metrics",
        "/api/v1/write" | "/api/v1/otlp/v1/metrics" => "ingest",
        "/v1/metrics" | "/v1/logs" | "/v1/traces" => "ingest",
        path if path.starts_with("/opentelemetry.proto.collector.") => "ingest",
        path if path.starts_with("/api/v1/admin/") => "administer",
        "/-/reload" => "administer",
        "/api/v1/rules" | "/api/v1/alerts" => "alerts",
        path if path.starts_with("/api/v1/") => "metrics",
        "/monitoring/production/performance" | "/monitoring/storage" => "metrics",
        "/monitoring/production/alerts" | "/monitoring/production/export" => "alerts",
        path if path.starts_with("/monitoring/logs") || path.starts_with("/monitoring/traces") => "logs",
        "/monitoring/receivers" | "/monitoring/receipts" | "/monitoring/alerts/backtest" => "alerts",
        "/monitoring/receivers/{id}/test" => "administer",
        "/monitoring/production/alerts/{id}/acknowledge" => "acknowledge",
        "/monitoring/production/recovery/{action}" => "recover",
        path if is_post && path.starts_with("/monitoring/agents/") => "control_agents",
        path if !is_post && path.starts_with("/monitoring/") => "view",
        other => panic!("{method} {other} is in no list of this test"),
    })
}

fn ask_of(route: &Route) -> Ask {
    let path: String = route
        .path
        .split('/')
        .map(|part| if part.starts_with('{') { "nothing" } else { part })
        .collect::<Vec<_>>()
        .join("/");
    let ask = if route.method == Method::GET { get(&path) } else { post(&path, "{}") };
    Ask { method: route.method.clone(), ..ask }
}

/// gRPC tells in a header of its own.
fn status_of(answer: &Response<Body>) -> StatusCode {
    match answer.headers().get("grpc-status").map(|status| status.as_bytes()) {
        Some(b"16") => StatusCode::UNAUTHORIZED,
        Some(b"7") => StatusCode::FORBIDDEN,
        _ => answer.status(),
    }
}

fn is_stream(route: &Route) -> bool {
    route.path == "/monitoring/live"
}

#[tokio::test]
async fn every_role_gets_exactly_what_its_permissions_say() {
    let fixture = Fixture::new().await;
    for role in Role::ALL {
        let token = fixture.token(role).await;
        for route in routes::all() {
            let status = status_of(&fixture.send(ask_of(&route).bearer(&token)).await);
            let wanted = asked_for(&route.method, route.path);
            let permission =
                wanted.and_then(|word| Permission::ALL.into_iter().find(|one| one.as_str() == word));
            let expected = permission.is_none_or(|permission| may(role, permission));
            let what = format!("{} {} as {}: {status}", route.method, route.path, role.as_str());
            assert_eq!(status != StatusCode::FORBIDDEN, expected, "{what}");
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{what}");
        }
    }
}

#[tokio::test]
async fn strangers_get_only_what_is_open() {
    let fixture = Fixture::new().await;
    for route in routes::all() {
        let answer = fixture.send(ask_of(&route)).await;
        let status = status_of(&answer);
        let what = format!("{} {}: {status}", route.method, route.path);
        match asked_for(&route.method, route.path) {
            None => assert!(status != StatusCode::UNAUTHORIZED && status != StatusCode::FOUND, "{what}"),
            Some("page") => assert_eq!(status, StatusCode::FOUND, "{what}"),
            Some(_) => assert_eq!(status, StatusCode::UNAUTHORIZED, "{what}"),
        }
    }
}

#[tokio::test]
async fn wrong_and_foreign_tokens_are_strangers() {
    let fixture = Fixture::new().await;
    for token in ["wk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "Basic", "", "ghp_something"] {
        let answer = fixture.ask(get("/monitoring/health").bearer(token)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token}");
    }
}

#[tokio::test]
async fn a_token_is_narrowed_by_its_scopes() {
    let fixture = Fixture::new().await;
    let token = fixture.scoped_token(Role::Admin, &["view"]).await;
    assert_eq!(fixture.ask(get("/monitoring/health").bearer(&token)).await.status, StatusCode::OK);
    let refused = fixture.ask(get("/monitoring/production/alerts").bearer(&token)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let me = fixture.ask(get("/monitoring/me").bearer(&token)).await.json();
    assert_eq!(me["permissions"], serde_json::json!(["view"]));
}

#[tokio::test]
async fn the_programs_own_metrics_are_open_to_this_machine_only() {
    let fixture = Fixture::new().await;
    let local = get("/metrics").from("127.0.0.1:4000").with("host", "127.0.0.1:8080").on(Port::Api);
    assert!(fixture.ask(local.clone()).await.text.contains("seen_total 1\n"));
    let proxied = local.clone().with("x-forwarded-for", "198.51.100.7");
    assert_eq!(fixture.ask(proxied).await.status, StatusCode::UNAUTHORIZED);
    let rebound = local.with("host", "rebound.example.com");
    assert_eq!(fixture.ask(rebound).await.status, StatusCode::UNAUTHORIZED);
    let viewer = fixture.token(Role::Viewer).await;
    assert_eq!(fixture.ask(get("/metrics").bearer(&viewer)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn pages_are_on_the_dashboards_port_only() {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Viewer).await;
    for route in routes::all() {
        let status = fixture.send(ask_of(&route).bearer(&token).on(Port::Api)).await.status();
        let is_page = matches!(
            route.path,
            "/" | "/mobile" | "/dashboard/{view}" | "/settings/notifications" | "/assets/{*path}" | "/{file}"
        );
        if is_page {
            assert_eq!(status, StatusCode::NOT_FOUND, "{}", route.path);
        } else if route.method == Method::GET
            && !matches!(route.path, "/login" | "/setup")
            && !is_stream(&route)
        {
            assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{}", route.path);
        }
    }
}

#[tokio::test]
async fn the_table_has_each_entry_once() {
    let mut seen = BTreeSet::new();
    for route in routes::all() {
        assert!(seen.insert((route.path, route.method.to_string())), "{} {}", route.method, route.path);
        assert!(!route.about.is_empty());
        let is_change = route.method == Method::POST;
        let is_open_change = is_change && route.access == Access::Open;
        assert!(!is_open_change || matches!(route.path, "/login" | "/setup"), "{}", route.path);
        let expected = match route.path {
            "/api/v1/write" | "/api/v1/otlp/v1/metrics" => Access::NeedsUnlessLocal(Permission::Ingest),
            path if path.contains("/admin/") => Access::Needs(Permission::Administer),
            "/api/v1/rules" | "/api/v1/alerts" => Access::Needs(Permission::Alerts),
            _ => Access::Needs(Permission::Metrics),
        };
        assert!(!route.path.contains("/api/v1") || route.access == expected, "{}", route.path);
    }
}

#[tokio::test]
async fn what_is_not_in_the_table_is_not_there() {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Admin).await;
    for path in ["/monitoring", "/monitoring/health/x", "/api/v1/admin/tsdb", "/..%2f..%2fetc/passwd"] {
        let answer = fixture.ask(get(path).bearer(&token)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
    }
    let answer = fixture.ask(post("/monitoring/health", "").bearer(&token)).await;
    assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
    assert_eq!(answer.json()["status"], 405);
}
