//! Accepts connections and serves each until it ends or the shutdown has had its time.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use runtime::{SharedClock, Shutdown};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::wire::Peer;

/// A client that has not sent its headers by then is not a client.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(15);

/// What is under way when the shutdown begins may take this long to finish.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// After a failure to accept (no file descriptors, mostly) others get time to close theirs.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the shutdown begins and the connections have ended.
pub(crate) async fn accept(
    listener: TcpListener,
    router: Router,
    connections_max: Arc<Semaphore>,
    clock: SharedClock,
    shutdown: Shutdown,
) {
    let mut connections = JoinSet::new();
    while let Some(Ok(seat)) = shutdown.or(connections_max.clone().acquire_owned()).await {
        let Some(accepted) = shutdown.or(listener.accept()).await else { break };
        match accepted {
            Ok((stream, peer)) => {
                let (router, clock, shutdown) = (router.clone(), clock.clone(), shutdown.clone());
                connections.spawn(async move {
                    serve_connection(stream, peer, router, &clock, shutdown).await;
                    drop(seat);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                clock.sleep(ACCEPT_PAUSE).await;
            }
        }
        // Ended connections are taken out as new ones come.
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_TIMEOUT, all_ended).await.is_err() {
        tracing::warn!(cut = connections.len(), "connections were cut at the shutdown");
    }
}

async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    clock: &SharedClock,
    shutdown: Shutdown,
) {
    // Answers are small: waiting to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let has_asked = Arc::new(AtomicBool::new(false));
    let asks = has_asked.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        asks.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(Peer(peer));
        router.clone().oneshot(request.map(Body::new))
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_TIMEOUT);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Duration::from_secs(30));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut patience = pin!(clock.sleep(HEADERS_TIMEOUT));
    let mut is_new = true;
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            () = shutdown.begun() => {
                connection.as_mut().graceful_shutdown();
                break connection.await;
            }
            // While it is not known which HTTP a client speaks, no other limit counts: silent
            // ones would hold all seats.
            () = patience.as_mut(), if is_new => {
                if !has_asked.load(Ordering::Relaxed) {
                    metrics::counter!("watchkeeper_connections_dropped_total", "reason" => "silent")
                        .increment(1);
                    return;
                }
                is_new = false;
            }
        }
    };
    if let Err(error) = ended {
        // Clients go away in the middle of things all the time.
        tracing::debug!(%error, "a connection ended badly");
    }
}
