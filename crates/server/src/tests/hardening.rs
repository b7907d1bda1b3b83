//! Bad input, hostile headers, panics, ids.

use axum::http::StatusCode;
use state::Role;

use super::fixture::{Fixture, get, post};
use crate::routes::Port;

#[tokio::test]
async fn malformed_bodies_are_answered_with_the_field() {
    let fixture = Fixture::new().await;
    for (body, status, pointer) in [
        ("{", StatusCode::BAD_REQUEST, "/"),
        ("[]", StatusCode::BAD_REQUEST, "/"),
        ("{}", StatusCode::BAD_REQUEST, "/"),
        (r#"{"username":7,"password":"x"}"#, StatusCode::BAD_REQUEST, "/username"),
        (r#"{"username":"ada","password":null}"#, StatusCode::BAD_REQUEST, "/password"),
    ] {
        let answer = fixture.ask(post("/login", body)).await;
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}: {}", answer.text);
    }
}

#[tokio::test]
async fn other_content_types_are_refused() {
    let fixture = Fixture::new().await;
    let body = r#"{"username":"ada","password":"x"}"#;
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let answer = fixture.ask(post("/login", body).with("content-type", kind)).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    let with_charset = post("/login", body).with("content-type", "application/json; charset=utf-8");
    assert_eq!(fixture.ask(with_charset).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn large_bodies_are_refused() {
    let fixture = Fixture::new().await;
    let body = format!(r#"{{"username":"{}","password":"x"}}"#, "a".repeat(1 << 20));
    let answer = fixture.ask(post("/login", &body)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn every_answer_carries_ids_and_security_headers() {
    let fixture = Fixture::new().await;
    for path in ["/health", "/nothing", "/monitoring/health", "/login"] {
        let answer = fixture.ask(get(path).with("x-correlation-id", "deploy-42")).await;
        assert_eq!(answer.header("x-correlation-id"), "deploy-42", "{path}");
        assert_eq!(answer.header("x-request-id").len(), 36, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        let policy = answer.header("content-security-policy");
        for part in [
            "default-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        if answer.header("content-type") == "application/problem+json" {
            assert_eq!(answer.json()["correlation_id"], "deploy-42");
        }
    }
    let odd = fixture.ask(get("/health").with("x-correlation-id", "a b<script>")).await;
    assert_eq!(odd.header("x-correlation-id").len(), 36);
}

#[tokio::test]
async fn a_panic_is_one_answer_and_nothing_more() {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Admin).await;
    let answer = fixture.ask(post("/monitoring/production/recovery/panics", "").bearer(&token)).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.json()["status"], 500);
    assert!(!answer.text.contains("on purpose"));
    assert_eq!(fixture.ask(get("/health")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_needs_a_proper_host() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.ask(get("/health").without("host")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(fixture.ask(get("/health").with("host", "a b")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_path_that_is_not_text_is_a_problem_like_others() {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Admin).await;
    for path in ["/monitoring/agents/%FF", "/api/v1/label/%FF/values", "/assets/%C3"] {
        let answer = fixture.ask(get(path).bearer(&token)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_page_leads_to_the_login_and_back() {
    let fixture = Fixture::new().await;
    let answer = fixture.ask(get("/dashboard/operations")).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (StatusCode::FOUND, "/login?next=/dashboard/operations")
    );
    let token = fixture.token(Role::Viewer).await;
    let unknown = fixture.ask(get("/dashboard/nonsense").bearer(&token)).await;
    assert_eq!((unknown.status, unknown.header("location")), (StatusCode::FOUND, "/"));
    let login = fixture.ask(get("/login")).await;
    assert!(login.header("content-type").starts_with("text/html"), "{login:?}");
    assert_eq!(login.header("cache-control"), "no-cache");
    assert_eq!(fixture.ask(get("/assets/nothing.js")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(fixture.ask(get("/index.html")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_mobile_view_can_be_turned_off() {
    let fixture = Fixture::with_settings(|settings| settings.configuration.enable_mobile = false).await;
    let token = fixture.token(Role::Viewer).await;
    assert_eq!(fixture.ask(get("/mobile").bearer(&token)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn text_is_compressed_for_those_who_ask() {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Admin).await;
    let ask = get("/monitoring/agents").bearer(&token).with("accept-encoding", "gzip").on(Port::Api);
    let answer = fixture.send(ask).await;
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    let stream = get("/monitoring/live").bearer(&token).with("accept-encoding", "gzip");
    assert!(!fixture.send(stream).await.headers().contains_key("content-encoding"));
}
