//! The loop that watches one server.
//!
//! Probe the health until it is good, wait a moment, open the event stream, take a snapshot,
//! then apply events; poll every half minute against what the stream lost. Any fault ends the
//! stream and begins again with the probe. Meanwhile a tick of one second lets time change
//! states; the end of a damping is not kept waiting for it. Commands to re-read a session are
//! served whenever the server answers.

mod live;
mod rounds;
mod status;

use std::sync::Arc;
use std::time::Duration;

use model::{Agent, SourceState};
use runtime::{Backoff, SharedClock, Shutdown, TaskError};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::client::{Client, ClientError};
use super::stream::{self, StreamEnd};
use super::world::{World, WorldSettings};
use crate::judge::{Limits, Link, Moment};
use crate::publish::Publisher;
use crate::settings::{FleetSettings, OpenCodeSource, Pace};
pub use status::Standing;

/// After this many refused connections in a row a server is down.
const REFUSED_MAX: u32 = 2;
/// After this many silent probes in a row a server is wedged.
const SILENT_MAX: u32 = 3;
const TICK: Duration = Duration::from_secs(1);

/// Re-reads a session; the answer is what is true now.
#[derive(Debug)]
pub struct Refresh {
    pub session: String,
    pub reply: oneshot::Sender<Result<Arc<Agent>, RefreshError>>,
}

#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    #[error("the source is {state}: {reason}", state = .state.as_str())]
    NotLive { state: SourceState, reason: String },
    #[error("the session is gone")]
    Gone,
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// What a connector is made of; it is built again from this when it fails.
#[derive(Clone)]
pub struct ConnectorParts {
    pub client: Arc<Client>,
    pub publisher: Arc<Publisher>,
    pub clock: SharedClock,
    pub refreshes: Arc<Mutex<mpsc::Receiver<Refresh>>>,
}

pub struct Connector {
    source: OpenCodeSource,
    settings: FleetSettings,
    parts: ConnectorParts,
    world: World,
    standing: Standing,
    /// Between probes of a server that is not healthy.
    probing: Backoff,
    /// Between connections that do not last.
    opening: Backoff,
    is_unstable: bool,
    refused: u32,
    silent: u32,
    /// Nothing was ever found there and nobody asked to look: no log, no status.
    is_quiet: bool,
}

impl Connector {
    /// `is_quiet`: the source was not configured, so it is invisible until it is found.
    pub async fn new(
        source: OpenCodeSource,
        settings: FleetSettings,
        parts: ConnectorParts,
        is_quiet: bool,
    ) -> Self {
        let world = WorldSettings {
            source: source.name.clone(),
            host: parts.client.host(),
            limits: Limits {
                model: settings.stalled_after_model,
                tool: settings.stalled_after_tool,
                provider_lasting: settings.waiting_provider_lasting,
                lost_grace: settings.pace.lost_grace,
            },
            heartbeat: settings.pace.heartbeat,
            idle_sessions_max: settings.idle_sessions_max,
        };
        let world = World::new(world, parts.publisher.saved().await);
        let standing = Standing::new(&source.name, &parts.client.address(), parts.clock.now());
        let probing = Backoff::new(settings.pace.retry_first, settings.pace.retry_max);
        Self {
            source,
            settings,
            parts,
            world,
            standing,
            opening: probing.clone(),
            probing,
            is_unstable: false,
            refused: 0,
            silent: 0,
            is_quiet,
        }
    }

    fn pace(&self) -> &Pace {
        &self.settings.pace
    }

    fn now(&self) -> Moment {
        Moment::of(self.parts.clock.as_ref())
    }

    /// Watches until the shutdown.
    pub async fn run(mut self, shutdown: Shutdown) -> Result<(), TaskError> {
        if !self.is_quiet {
            self.parts.publisher.begin_source(self.standing.status(), self.parts.client.clone()).await;
        }
        let refreshes = self.parts.refreshes.clone();
        let mut refreshes = refreshes.lock().await;
        let watching = async {
            loop {
                self.watch_once(&mut refreshes).await;
            }
        };
        shutdown.or(watching).await;
        Ok(())
    }

    /// From the probe to the end of one connection.
    async fn watch_once(&mut self, refreshes: &mut mpsc::Receiver<Refresh>) {
        match self.parts.client.health().await {
            Ok(version) => self.found(version).await,
            Err(error) => {
                self.not_healthy(&error).await;
                let pause = if self.is_quiet { self.pace().quiet_probe } else { self.probing.next_pause() };
                return self.pause(pause, refreshes).await;
            }
        }
        if self.is_unstable {
            let pause = self.opening.next_pause();
            self.pause(pause, refreshes).await;
        }
        self.pause(self.pace().settle, refreshes).await;
        let opened_at = self.now();
        let opened = stream::open(&self.parts.client, &self.settings.pace, &self.parts.clock).await;
        let end = match opened {
            Ok(stream) => self.follow(stream, refreshes).await,
            Err(end) => Ended::Stream(end),
        };
        self.is_unstable = self.now().since(opened_at) < self.pace().heartbeat;
        if !self.is_unstable {
            self.opening.reset();
        }
        self.ended(end).await;
    }

    async fn found(&mut self, version: Option<String>) {
        (self.refused, self.silent) = (0, 0);
        self.probing.reset();
        self.standing.set_version(version);
        if std::mem::take(&mut self.is_quiet) {
            tracing::info!(url = self.standing.status().url, "found an OpenCode server");
            self.parts.publisher.begin_source(self.standing.status(), self.parts.client.clone()).await;
        }
        self.tell(SourceState::Connecting, "healthy; the event stream is being opened".to_owned()).await;
    }

    async fn not_healthy(&mut self, error: &ClientError) {
        let now = self.now();
        let address = self.parts.client.address();
        let reason = format!("{address}: {error}");
        self.refused = if error.is_gone() { self.refused + 1 } else { 0 };
        self.silent = if error.is_gone() || error.is_wrong_answer() { 0 } else { self.silent + 1 };
        let (state, link) = if error.is_wrong_answer() {
            (SourceState::Refused, Link::Refused { since: now, reason: reason.clone() })
        } else if self.refused >= REFUSED_MAX {
            (SourceState::Down, Link::Down { since: now, reason: reason.clone() })
        } else if self.silent >= SILENT_MAX {
            let reason = format!("{address} accepts connections and does not answer: {error}");
            (SourceState::Wedged, Link::Wedged { since: now, reason })
        } else {
            (SourceState::Connecting, Link::Lost { since: now, reason: reason.clone() })
        };
        // A verdict is told once, with its first moment.
        if std::mem::discriminant(&link) != std::mem::discriminant(self.world.link()) {
            self.world.disconnected(link);
        }
        if !(state == SourceState::Connecting && self.standing.is_fault()) {
            self.tell(state, reason).await;
        }
        self.publish_by_time().await;
    }

    async fn ended(&mut self, end: Ended) {
        let now = self.now();
        let reason = format!("{}: {end}", self.parts.client.address());
        if let Ended::Refused(error) | Ended::Stream(StreamEnd::Open(error)) = &end
            && error.is_wrong_answer()
        {
            self.world.disconnected(Link::Refused { since: now, reason: reason.clone() });
            self.tell(SourceState::Refused, reason).await;
        } else {
            self.world.disconnected(Link::Lost { since: now, reason: reason.clone() });
            self.tell(SourceState::Connecting, reason).await;
        }
        let source = self.source.name.clone();
        metrics::counter!("watchkeeper_fleet_reconnects_total", "source" => source).increment(1);
        self.publish_by_time().await;
    }

    /// Waits, between connections. Time goes on for the agents, and commands are answered.
    async fn pause(&mut self, pause: Duration, refreshes: &mut mpsc::Receiver<Refresh>) {
        let until = self.parts.clock.monotonic() + pause;
        loop {
            let now = self.parts.clock.monotonic();
            let left = until.saturating_sub(now);
            if left.is_zero() {
                return;
            }
            let look = self.next_look(now + TICK);
            let clock = self.parts.clock.clone();
            tokio::select! {
                () = clock.sleep(look.saturating_sub(now).min(left)) => self.publish_by_time().await,
                Some(refresh) = refreshes.recv() => {
                    let status = self.standing.status();
                    let (state, reason) = (status.state, status.reason);
                    // Whoever asked may have gone.
                    let _ = refresh.reply.send(Err(RefreshError::NotLive { state, reason }));
                }
            }
        }
    }

    /// The next tick, or the end of a damping before it.
    fn next_look(&self, tick: Duration) -> Duration {
        self.world.next_due().map_or(tick, |due| due.min(tick))
    }

    async fn publish(&mut self) {
        let changes = self.world.judge(self.now());
        self.parts.publisher.publish(changes).await;
    }

    async fn publish_by_time(&mut self) {
        let changes = self.world.judge_by_time(self.now());
        self.parts.publisher.publish(changes).await;
        self.parts.publisher.flush();
    }

    async fn tell(&mut self, state: SourceState, reason: String) {
        if self.standing.set(state, reason, self.parts.clock.now()) && !self.is_quiet {
            self.parts.publisher.source(self.standing.status()).await;
        }
    }
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{0}{cause}", cause = cause(.0))]
    Stream(StreamEnd),
    #[error("the snapshot could not be taken: {0}")]
    Refused(ClientError),
}

fn cause(end: &StreamEnd) -> String {
    std::error::Error::source(end).map(|source| format!(": {source}")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
