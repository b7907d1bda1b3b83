//! What only shows on real connections: ports, and the end of the server.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use state::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::fixture::{Fixture, get};
use crate::app::router;
use crate::listen::{BindError, Listeners, accept};
use crate::routes::Port;
use crate::settings::OtlpAddresses;

/// Both ports on free numbers.
async fn on_free_ports() -> (Fixture, Listeners) {
    let fixture = Fixture::with_settings(|settings| {
        settings.api_addr.set_port(0);
        settings.dashboard_addr = Some(settings.api_addr);
        settings.otlp_addrs = Some(OtlpAddresses { http: settings.api_addr, grpc: settings.api_addr });
    })
    .await;
    let listeners = Listeners::bind(&fixture.app.settings).await.unwrap();
    (fixture, listeners)
}

async fn said(listeners: &Listeners, request: &str) -> TcpStream {
    let mut connection = TcpStream::connect(listeners.api_addr()).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    connection
}

#[tokio::test]
async fn a_port_in_use_is_told_with_its_setting() {
    let (fixture, listeners) = on_free_ports().await;
    let mut settings = fixture.app.settings.clone();
    settings.api_addr = listeners.api_addr();
    let error = Listeners::bind(&settings).await.unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }));
    let text = error.to_string();
    assert!(text.contains(&listeners.api_addr().to_string()) && text.contains("server.port"), "{text}");
    assert_ne!(listeners.dashboard_addr().unwrap().port(), listeners.api_addr().port());
}

#[tokio::test]
async fn a_connection_is_kept_and_the_peer_is_known() {
    let (fixture, listeners) = on_free_ports().await;
    let mut connection = said(&listeners, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await;
    let router = router(&fixture.app, Port::Api);
    let clock = fixture.app.engines.clock.clone();
    let limit = Arc::new(Semaphore::new(8));
    let serving = accept(listeners.api, router, limit, clock, fixture.shutdown.clone());
    let asking = async {
        let mut buffer = vec![0; 4096];
        for _ in 0..2 {
            let read = connection.read(&mut buffer).await.unwrap();
            let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
            assert!(text.starts_with("HTTP/1.1 200 OK") && text.contains("seen_total 1\n"), "{text}");
            connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await.unwrap();
        }
        fixture.shutdown.begin();
    };
    tokio::join!(serving, asking);
}

#[tokio::test]
async fn whoever_connects_and_says_nothing_loses_the_seat() {
    let (fixture, listeners) = on_free_ports().await;
    // `PRI` could become HTTP/2: nothing is asked yet.
    let mut silent = [said(&listeners, "").await, said(&listeners, "PRI").await];
    let router = router(&fixture.app, Port::Api);
    let clock = fixture.app.engines.clock.clone();
    let limit = Arc::new(Semaphore::new(3));
    let serving = accept(listeners.api, router, limit.clone(), clock, fixture.shutdown.clone());
    let waiting = async {
        while limit.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let mut buffer = [0; 16];
        for connection in &mut silent {
            let mut read = std::pin::pin!(connection.read(&mut buffer));
            let read = loop {
                tokio::select! {
                    read = read.as_mut() => break read.unwrap(),
                    () = fixture.clock.advance(Duration::from_secs(15)) => {}
                }
            };
            assert_eq!(read, 0);
        }
        fixture.shutdown.begin();
    };
    let ended = tokio::time::timeout(Duration::from_secs(10), async { tokio::join!(serving, waiting) }).await;
    assert!(ended.is_ok());
}

#[tokio::test]
async fn an_open_stream_does_not_hold_up_the_end() {
    let (fixture, listeners) = on_free_ports().await;
    let token = fixture.token(Role::Viewer).await;
    let request =
        format!("GET /monitoring/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    let mut connection = said(&listeners, &request).await;
    let router = router(&fixture.app, Port::Api);
    let clock = fixture.app.engines.clock.clone();
    let limit = Arc::new(Semaphore::new(8));
    let serving = accept(listeners.api, router, limit, clock, fixture.shutdown.clone());
    let reading = async {
        let mut text = String::new();
        let mut buffer = vec![0; 65_536];
        while !text.contains("event: snapshot") {
            let read = connection.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0, "{text}");
            text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        fixture.shutdown.begin();
        while connection.read(&mut buffer).await.unwrap() > 0 {}
    };
    // Far longer than it takes; without an end to streams it would be the drain's five seconds.
    let ended = tokio::time::timeout(Duration::from_secs(4), async { tokio::join!(serving, reading) }).await;
    assert!(ended.is_ok());
}

/// The sums would take minutes.
#[tokio::test]
async fn the_query_of_a_client_that_left_ends() {
    let (fixture, listeners) = on_free_ports().await;
    let token = fixture.token(Role::Viewer).await;
    let query = "sum_over_time(vector(1)[1000s:1ms])&start=0&end=10.999&step=0.001";
    let request = format!(
        "GET /api/v1/query_range?query={query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let connection = said(&listeners, &request).await;
    let router = router(&fixture.app, Port::Api);
    let clock = fixture.app.engines.clock.clone();
    let limit = Arc::new(Semaphore::new(8));
    let serving = accept(listeners.api, router, limit, clock, fixture.shutdown.clone());
    let leaving = async {
        // The one place is taken.
        while may_ask(&fixture, &token).await {
            tokio::task::yield_now().await;
        }
        drop(connection);
        while !may_ask(&fixture, &token).await {
            tokio::task::yield_now().await;
        }
        fixture.shutdown.begin();
    };
    tokio::join!(serving, leaving);
}

async fn may_ask(fixture: &Fixture, token: &str) -> bool {
    let answer = fixture.ask(get("/api/v1/query?query=1").bearer(token)).await;
    answer.status == StatusCode::OK
}
