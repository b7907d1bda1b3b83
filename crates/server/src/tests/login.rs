//! Signing in, staying in, and getting out.

use std::time::Duration;

use axum::http::StatusCode;
use state::Role;

use super::fixture::{Answer, Ask, Fixture, get, post};
use crate::auth::{hash_password, issue_setup_token};

const PASSWORD: &str = "correct horse battery";

async fn with_ada() -> Fixture {
    let fixture = Fixture::new().await;
    let hash = hash_password(PASSWORD).await.unwrap();
    fixture.app.engines.state.create_user("ada", Role::Operator, &hash).await.unwrap();
    fixture
}

fn credentials(name: &str, password: &str) -> Ask {
    post("/login", &serde_json::json!({ "username": name, "password": password }).to_string())
}

/// The cookie as a browser sends it back.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_login_sets_a_cookie_that_opens_the_api() {
    let fixture = with_ada().await;
    let answer = fixture.ask(credentials("ada", PASSWORD)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.json()["user"], serde_json::json!({ "name": "ada", "role": "operator" }));
    let set = answer.header("set-cookie");
    for part in ["watchkeeper_session=", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    let me = fixture.ask(get("/monitoring/me").with("cookie", &cookie(&answer))).await.json();
    assert_eq!(me["name"], "ada");
    assert!(me["permissions"].as_array().unwrap().contains(&"recover".into()), "{me}");
    let page = fixture.send(get("/").with("cookie", &cookie(&answer))).await;
    assert_ne!(page.status(), StatusCode::FOUND);
}

#[tokio::test]
async fn over_https_the_cookie_is_bound_to_this_host() {
    let fixture = Fixture::with_settings(|settings| settings.secure_cookies = true).await;
    let hash = hash_password(PASSWORD).await.unwrap();
    fixture.app.engines.state.create_user("ada", Role::Operator, &hash).await.unwrap();
    let answer = fixture.ask(credentials("ada", PASSWORD)).await;
    let set = answer.header("set-cookie");
    assert!(set.starts_with("__Host-watchkeeper_session=") && set.contains("; Secure"), "{set}");
    assert!(set.contains("; Path=/;") && !set.contains("Domain"), "{set}");
    let me = |cookie: String| fixture.ask(get("/monitoring/me").with("cookie", &cookie));
    assert_eq!(me(cookie(&answer)).await.status, StatusCode::OK);
    let planted = cookie(&answer).replace("__Host-", "");
    assert_eq!(me(planted).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let fixture = with_ada().await;
    let first = cookie(&fixture.ask(credentials("ada", PASSWORD)).await);
    let status = async |cookie: &str| fixture.ask(get("/monitoring/me").with("cookie", cookie)).await.status;
    // A failed attempt ends nothing.
    fixture.ask(credentials("ada", "wrong").with("cookie", &first)).await;
    assert_eq!(status(&first).await, StatusCode::OK);
    let second = cookie(&fixture.ask(credentials("ada", PASSWORD).with("cookie", &first)).await);
    assert_eq!(status(&first).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&second).await, StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_read_the_same() {
    let fixture = with_ada().await;
    let wrong = fixture.ask(credentials("ada", "wrong")).await;
    let unknown = fixture.ask(credentials("eve", "wrong")).await;
    for answer in [&wrong, &unknown] {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.header("set-cookie"), "");
    }
    assert_eq!(wrong.json()["detail"], unknown.json()["detail"]);
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let fixture = with_ada().await;
    for _ in 0..6 {
        fixture.ask(credentials("ada", "wrong")).await;
    }
    let refused = fixture.ask(credentials("ada", PASSWORD)).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() <= 31);
    let elsewhere = fixture.ask(credentials("ada", PASSWORD).from("192.0.2.77:1")).await;
    assert_eq!(elsewhere.status, StatusCode::OK);
    fixture.clock.advance(Duration::from_secs(31)).await;
    assert_eq!(fixture.ask(credentials("ada", PASSWORD)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_ends_at_logout_when_idle_and_in_any_case() {
    let fixture = with_ada().await;
    let cookies = [
        cookie(&fixture.ask(credentials("ada", PASSWORD)).await),
        cookie(&fixture.ask(credentials("ada", PASSWORD)).await),
    ];
    let status = |cookie: &str| {
        let ask = get("/monitoring/me").with("cookie", cookie);
        let fixture = &fixture;
        async move { fixture.ask(ask).await.status }
    };
    let logout = post("/logout", "").with("cookie", &cookies[0]).with("x-watchkeeper", "1");
    let answer = fixture.ask(logout).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(status(&cookies[0]).await, StatusCode::UNAUTHORIZED);
    // Used every 20 minutes, it lives until its 12 hours are over.
    for _ in 0..35 {
        fixture.clock.advance(Duration::from_secs(20 * 60)).await;
        assert_eq!(status(&cookies[1]).await, StatusCode::OK);
    }
    fixture.clock.advance(Duration::from_secs(21 * 60)).await;
    assert_eq!(status(&cookies[1]).await, StatusCode::UNAUTHORIZED);
    let third = cookie(&fixture.ask(credentials("ada", PASSWORD)).await);
    fixture.clock.advance(Duration::from_secs(31 * 60)).await;
    assert_eq!(status(&third).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_change_by_cookie_needs_proof_of_intent() {
    let fixture = with_ada().await;
    let cookie = cookie(&fixture.ask(credentials("ada", PASSWORD)).await);
    let change =
        post("/monitoring/production/alerts/agent_stuck_1/acknowledge", "{}").with("cookie", &cookie);
    assert_eq!(fixture.ask(change.clone()).await.status, StatusCode::FORBIDDEN);
    let intended = change.with("x-watchkeeper", "1");
    for (name, value) in [("origin", "http://evil.test"), ("sec-fetch-site", "cross-site")] {
        let foreign = fixture.ask(intended.clone().with(name, value)).await;
        assert_eq!(foreign.status, StatusCode::FORBIDDEN, "{name}");
    }
    let own = intended.with("origin", "http://watch.test:8083").with("sec-fetch-site", "same-origin");
    assert_eq!(fixture.ask(own).await.status, StatusCode::OK);
    let foreign_login = credentials("ada", PASSWORD).with("origin", "http://evil.test");
    assert_eq!(fixture.ask(foreign_login).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_setup_link_makes_one_administrator_once() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.ask(get("/setup/status")).await.json()["needs_administrator"], true);
    let token = issue_setup_token(&fixture.app.engines.state).await.unwrap().unwrap();
    let setup = |token: &str, name: &str, password: &str| {
        let body = serde_json::json!({ "token": token, "username": name, "password": password });
        post("/setup", &body.to_string())
    };
    let wrong = fixture.ask(setup("nonsense", "ada", PASSWORD)).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let short = fixture.ask(setup(&token, "ada", "short")).await;
    assert_eq!(
        (short.status, &short.json()["errors"][0]["pointer"]),
        (StatusCode::BAD_REQUEST, &"/password".into())
    );
    let odd = fixture.ask(setup(&token, "<script>", PASSWORD)).await;
    assert_eq!(odd.json()["errors"][0]["pointer"], "/username");
    let made = fixture.ask(setup(&token, "ada", PASSWORD)).await;
    assert_eq!((made.status, &made.json()["user"]["role"]), (StatusCode::OK, &"admin".into()));
    let me = fixture.ask(get("/monitoring/me").with("cookie", &cookie(&made))).await.json();
    assert_eq!(me["role"], "admin");
    assert_eq!(fixture.ask(setup(&token, "eve", PASSWORD)).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.ask(get("/setup/status")).await.json()["needs_administrator"], false);
    assert!(issue_setup_token(&fixture.app.engines.state).await.unwrap().is_none());
}

#[tokio::test]
async fn a_revoked_token_stops_working_within_seconds() {
    let fixture = Fixture::new().await;
    let token = fixture.token(Role::Viewer).await;
    assert_eq!(fixture.ask(get("/monitoring/me").bearer(&token)).await.status, StatusCode::OK);
    assert!(fixture.app.engines.state.revoke_token("viewer-0").await.unwrap());
    fixture.clock.advance(Duration::from_secs(3)).await;
    assert_eq!(fixture.ask(get("/monitoring/me").bearer(&token)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn logins_are_in_the_audit_log_without_passwords() {
    let fixture = with_ada().await;
    fixture.ask(credentials("ada", "a wrong password")).await;
    fixture.ask(credentials("ada", PASSWORD)).await;
    let entries = fixture.app.engines.state.audit_since(testkit::clock::START, 10).await.unwrap();
    let told: Vec<_> = entries.iter().map(|entry| (entry.actor.as_str(), entry.outcome.as_str())).collect();
    assert_eq!(told, [("ada", "ok"), ("ada", "refused")]);
    assert!(!format!("{entries:?}").contains("password"));
}
