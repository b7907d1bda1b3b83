//! Telemetry that others send: Prometheus' remote write, and OTLP.
//!
//! A request takes a turn, so that only so many bodies are in memory at once; it is read and
//! unfolded off the runtime's threads, appended, and answered when all of it is durable.

pub(crate) mod grpc;
mod origins;
mod otlp;
mod remote_write;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Request;
use http_body_util::LengthLimitError;
use ingest::remote_write::{Receiver, RemoteWriteLimits};
use tokio::sync::{Semaphore, SemaphorePermit};

pub(crate) use origins::{admit_origins, is_from_listed_origin};
pub(crate) use otlp::{encoding, logs, metrics, render, traces};
pub(crate) use remote_write::remote_write;

use crate::engines::Engines;

/// Bounds of what is sent to us.
#[derive(Clone, Debug)]
pub struct ReceiveSettings {
    /// Of a body of remote write as it is sent.
    pub body_bytes_max: usize,
    /// Bodies that are worked on at the same time.
    pub concurrent_max: usize,
    /// How long a request of OTLP waits for its turn; clients give up after ten seconds.
    pub patience: Duration,
    pub remote_write: RemoteWriteLimits,
    pub otlp: ingest::otlp::OtlpSettings,
    /// Pages of these origins may send OTLP: `https://app.example.com`.
    pub otlp_origins: Vec<String>,
}

impl Default for ReceiveSettings {
    /// Eight times 16 MiB and what they unfold to are half a gigabyte at the very worst; with
    /// OTLP, of which only one large message is read at a time, it is two.
    fn default() -> Self {
        Self {
            body_bytes_max: 16 << 20,
            concurrent_max: 8,
            patience: Duration::from_secs(5),
            remote_write: RemoteWriteLimits::default(),
            otlp: ingest::otlp::OtlpSettings::default(),
            otlp_origins: Vec::new(),
        }
    }
}

pub(crate) struct Reception {
    settings: ReceiveSettings,
    turns: Semaphore,
    remote_write: Arc<Receiver>,
    otlp: ingest::otlp::Receiver,
}

impl Reception {
    pub fn new(settings: ReceiveSettings, engines: &Engines) -> Self {
        let parts = ingest::otlp::OtlpParts {
            store: engines.store.clone(),
            metadata: engines.metadata.clone(),
            clock: engines.clock.clone(),
        };
        Self {
            turns: Semaphore::new(settings.concurrent_max),
            remote_write: Arc::new(Receiver::new(settings.remote_write)),
            otlp: ingest::otlp::Receiver::new(settings.otlp.clone(), parts),
            settings,
        }
    }

    /// The whole of a request counts, from the first byte of the body to its durability.
    fn turn(&self) -> Result<SemaphorePermit<'_>, String> {
        self.turns.try_acquire().map_err(|_| self.busy())
    }

    /// As [`turn`](Reception::turn), after some patience: agents are many, and each of their
    /// exports is small. What waits is still in the sender's connection.
    async fn turn_in_time(&self) -> Result<SemaphorePermit<'_>, String> {
        match tokio::time::timeout(self.settings.patience, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(self.busy()),
        }
    }

    fn busy(&self) -> String {
        let most = self.settings.concurrent_max;
        format!("{most} requests are being worked on (`ingest.concurrent_max`)")
    }
}

/// A sender is told to come back after this many seconds.
const RETRY_AFTER_SECONDS: u64 = 5;

/// Why there is no whole body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unread {
    TooLarge,
    BreaksOff,
}

async fn read(request: Request, most: usize) -> Result<Bytes, Unread> {
    axum::body::to_bytes(request.into_body(), most).await.map_err(|error| {
        if error.into_inner().is::<LengthLimitError>() { Unread::TooLarge } else { Unread::BreaksOff }
    })
}

fn count_refused(reason: &'static str) {
    metrics::counter!("watchkeeper_ingest_requests_refused_total", "reason" => reason).increment(1);
}
