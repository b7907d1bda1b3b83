//! One open page.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::stream::unfold;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::feed::json;
use super::hub::{Frame, Seat, Start, What};
use super::snapshot;
use crate::app::Shared;
use crate::auth::Identity;
use crate::dto;

/// Longer silence lets proxies and pages think that the connection is dead.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// How long a browser waits before it comes back.
const PREAMBLE: &[u8] = b"retry: 2000\n\n";

pub(crate) struct Client {
    app: Shared,
    identity: Identity,
    receiver: broadcast::Receiver<Arc<Frame>>,
    waiting: VecDeque<Bytes>,
    /// Its snapshot was taken after this frame.
    seen: u64,
    next_ping: Duration,
    _seat: Seat,
}

#[derive(serde::Serialize)]
struct Ping {
    now: String,
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Shutdown,
    TooSlow,
    SignedOut,
    Fault,
}

/// Prepares the beginning of the stream, so that what fails then fails as a problem.
pub(crate) async fn open(
    app: Shared,
    identity: Identity,
    last_event_id: Option<&str>,
    seat: Seat,
) -> Result<Client, state::StateError> {
    let (start, receiver) = app.hub.join(last_event_id);
    let next_ping = app.engines.clock.monotonic() + PING_INTERVAL;
    let waiting = VecDeque::from([Bytes::from_static(PREAMBLE)]);
    let mut client = Client { app, identity, receiver, waiting, seen: 0, next_ping, _seat: seat };
    match start {
        Start::Resume(frames) => {
            for frame in frames {
                client.queue(&frame);
                client.seen = frame.sequence;
            }
        }
        Start::Snapshot(newest) => client.queue_snapshot(newest).await?,
    }
    Ok(client)
}

impl Client {
    /// The rest of the connection.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send {
        unfold(self, |mut client| async move {
            let bytes = client.next().await?;
            Some((Ok(bytes), client))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.waiting.pop_front() {
                return Some(bytes);
            }
            if let Err(end) = self.wait().await {
                let why = match end {
                    End::Shutdown => "shutdown",
                    End::TooSlow => "too_slow",
                    End::SignedOut => "signed_out",
                    End::Fault => "fault",
                };
                metrics::counter!("watchkeeper_live_clients_dropped_total", "reason" => why).increment(1);
                return None;
            }
        }
    }

    async fn wait(&mut self) -> Result<(), End> {
        let clock = self.app.engines.clock.clone();
        let shutdown = self.app.shutdown.clone();
        let pause = self.next_ping.saturating_sub(clock.monotonic());
        let received = tokio::select! {
            () = shutdown.begun() => return Err(End::Shutdown),
            received = self.receiver.recv() => Some(received),
            () = clock.sleep(pause) => None,
        };
        match received {
            Some(Ok(frame)) => self.take(&frame).await,
            Some(Err(RecvError::Lagged(_))) => Err(End::TooSlow),
            Some(Err(RecvError::Closed)) => Err(End::Shutdown),
            None => self.ping().await,
        }
    }

    async fn take(&mut self, frame: &Frame) -> Result<(), End> {
        if frame.sequence <= self.seen {
            return Ok(());
        }
        if matches!(frame.what, What::StartAgain) {
            return self.queue_snapshot(frame.sequence).await.map_err(|_| End::Fault);
        }
        self.queue(frame);
        Ok(())
    }

    fn queue(&mut self, frame: &Frame) {
        if let What::Event { full, reduced } = &frame.what
            && self.identity.may(frame.needs)
        {
            let bytes = if self.identity.sees_content() { full } else { reduced };
            self.waiting.push_back(bytes.clone());
        }
    }

    async fn queue_snapshot(&mut self, newest: u64) -> Result<(), state::StateError> {
        let snapshot = snapshot::take(&self.app, &self.identity).await?;
        self.waiting.push_back(self.app.hub.rendered(newest, "snapshot", &json(&snapshot)));
        self.seen = newest;
        Ok(())
    }

    /// Also the moment to see whether the session was ended elsewhere.
    async fn ping(&mut self) -> Result<(), End> {
        let clock = &self.app.engines.clock;
        self.next_ping = clock.monotonic() + PING_INTERVAL;
        match self.app.auth.still_valid(&self.identity).await {
            Ok(true) => {}
            Ok(false) => return Err(End::SignedOut),
            Err(error) => tracing::warn!(%error, "the session of a live stream could not be checked"),
        }
        let ping = json(&Ping { now: dto::time(clock.now()) });
        // Without an id: what was seen last stays what is resumed from.
        self.waiting.push_back(Bytes::from(format!("event: ping\ndata: {ping}\n\n")));
        Ok(())
    }
}
