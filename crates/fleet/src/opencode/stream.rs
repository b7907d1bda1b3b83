//! Reads the global event stream and always drains it.
//!
//! A reader that is slow makes the server hold its events for ever, so the reader only
//! decodes and queues. The queue is bounded: when it is full the connection is given up, and
//! the next one starts from a fresh snapshot.

use std::time::Duration;

use model::Timestamp;
use runtime::SharedClock;
use tokio::sync::mpsc;

use super::client::{Client, ClientError};
use super::framing::{Frame, Framing};
use super::wire::{self, Envelope};
use crate::judge::Moment;
use crate::settings::Pace;

/// Some seconds of the busiest streams that were recorded.
pub const QUEUE: usize = 8192;

/// What the reader tells.
#[derive(Debug)]
pub enum Told {
    Event(Box<Envelope>, Moment),
    /// Bytes came that are no event to us; the stream is alive.
    Alive(Moment),
}

#[derive(Debug, thiserror::Error)]
pub enum StreamEnd {
    #[error("the event stream could not be opened")]
    Open(#[source] ClientError),
    /// Streams that were opened while the server boots stay like this for ever.
    #[error("the event stream sent nothing within {0:?} of opening")]
    NoFirstByte(Duration),
    #[error("no heartbeat for {0:?}")]
    NoHeartbeat(Duration),
    #[error("the event stream was closed by the server")]
    Closed,
    #[error("the event stream broke")]
    Broken(#[source] reqwest::Error),
    #[error("more than {QUEUE} events waited to be read")]
    Overrun,
}

/// Opens the stream and waits for its first event.
pub async fn open(client: &Client, pace: &Pace, clock: &SharedClock) -> Result<Stream, StreamEnd> {
    let opening = async {
        let response = client.open_stream().await.map_err(StreamEnd::Open)?;
        let mut stream = Stream { response, framing: Framing::default(), first: Vec::new() };
        while stream.first.is_empty() {
            stream.first = stream.next_frames().await?;
        }
        Ok(stream)
    };
    tokio::select! {
        stream = opening => stream,
        () = clock.sleep(pace.first_byte) => Err(StreamEnd::NoFirstByte(pace.first_byte)),
    }
}

#[derive(Debug)]
pub struct Stream {
    response: reqwest::Response,
    framing: Framing,
    /// What came while it was opened.
    first: Vec<Frame>,
}

impl Stream {
    async fn next_frames(&mut self) -> Result<Vec<Frame>, StreamEnd> {
        match self.response.chunk().await {
            Ok(Some(bytes)) => Ok(self.framing.push(&bytes)),
            Ok(None) => Err(StreamEnd::Closed),
            Err(error) => Err(StreamEnd::Broken(error)),
        }
    }

    /// Reads until the stream ends, which it does with a reason.
    pub async fn read(
        mut self,
        source: String,
        pace: Pace,
        clock: SharedClock,
        queue: mpsc::Sender<Told>,
    ) -> StreamEnd {
        let mut frames = std::mem::take(&mut self.first);
        loop {
            let now = Moment::of(clock.as_ref());
            let told = std::iter::once(Told::Alive(now))
                .chain(frames.into_iter().filter_map(|frame| read_frame(frame, now, &source)));
            for told in told {
                if queue.try_send(told).is_err() {
                    return StreamEnd::Overrun;
                }
            }
            let next = tokio::select! {
                next = self.next_frames() => next,
                () = clock.sleep(pace.heartbeat_deadline) => {
                    Err(StreamEnd::NoHeartbeat(pace.heartbeat_deadline))
                }
            };
            match next {
                Ok(next) => frames = next,
                Err(end) => return end,
            }
        }
    }
}

fn read_frame(frame: Frame, now: Moment, source: &str) -> Option<Told> {
    let data = match frame {
        Frame::Data(data) => data,
        Frame::Oversized => {
            skipped(source, "oversized");
            return None;
        }
    };
    match decode(&data, now.at) {
        Ok(envelope) => Some(Told::Event(Box::new(envelope), now)),
        Err(error) => {
            tracing::debug!(source, error, "an event could not be read");
            skipped(source, "malformed");
            None
        }
    }
}

fn decode(data: &[u8], at: Timestamp) -> Result<Envelope, String> {
    wire::decode(data, at)
}

fn skipped(source: &str, reason: &'static str) {
    let source = source.to_owned();
    metrics::counter!("watchkeeper_fleet_events_skipped_total", "source" => source, "reason" => reason)
        .increment(1);
}
