//! Numbered frames, the newest of them kept for those who come back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use model::Timestamp;
use parking_lot::Mutex;
use tokio::sync::broadcast;

use crate::access::Permission;

/// Frames that a client may be behind before it is dropped.
const BEHIND_MAX: usize = 1024;

/// What the ring keeps: some minutes of a busy fleet.
const FRAMES_MAX: usize = 2048;
const BYTES_MAX: usize = 4 << 20;

/// One change, rendered once for all clients.
#[derive(Debug)]
pub(crate) struct Frame {
    pub sequence: u64,
    pub needs: Permission,
    pub what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// `full` for those who see content, `reduced` for those who do not.
    Event { full: Bytes, reduced: Bytes },
    /// Changes were missed: every client gets a new snapshot.
    StartAgain,
}

impl Frame {
    fn bytes(&self) -> usize {
        match &self.what {
            What::Event { full, .. } => full.len(),
            What::StartAgain => 0,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Hub {
    /// Tells the sequence of this process from that of an earlier one.
    boot: String,
    sender: broadcast::Sender<Arc<Frame>>,
    /// Also held while a frame is sent, so that a client that joins misses none.
    ring: Mutex<Ring>,
    clients: Arc<AtomicUsize>,
    clients_max: usize,
}

#[derive(Debug, Default)]
struct Ring {
    last: u64,
    frames: VecDeque<Arc<Frame>>,
    bytes: usize,
}

/// How a client begins.
#[derive(Debug)]
pub(crate) enum Start {
    /// With what it missed.
    Resume(Vec<Arc<Frame>>),
    /// With a snapshot, which is at least as new as this frame.
    Snapshot(u64),
}

/// Gives its place back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
        metrics::gauge!("watchkeeper_live_clients").decrement(1.0);
    }
}

impl Hub {
    pub fn new(booted: Timestamp, clients_max: usize) -> Self {
        Self {
            boot: format!("{:x}", booted.as_millis()),
            sender: broadcast::channel(BEHIND_MAX).0,
            ring: Mutex::default(),
            clients: Arc::default(),
            clients_max,
        }
    }

    /// None when there are too many clients.
    pub fn seat(&self) -> Option<Seat> {
        if self.clients.fetch_add(1, Ordering::SeqCst) >= self.clients_max {
            self.clients.fetch_sub(1, Ordering::SeqCst);
            return None;
        }
        metrics::gauge!("watchkeeper_live_clients").increment(1.0);
        Some(Seat(self.clients.clone()))
    }

    pub fn publish(&self, event: &str, needs: Permission, full: &str, reduced: Option<&str>) {
        self.push(needs, |hub, sequence| {
            let full = hub.rendered(sequence, event, full);
            let reduced = reduced.map_or_else(|| full.clone(), |text| hub.rendered(sequence, event, text));
            What::Event { full, reduced }
        });
    }

    pub fn start_again(&self) {
        self.push(Permission::View, |_, _| What::StartAgain);
    }

    fn push(&self, needs: Permission, what: impl FnOnce(&Self, u64) -> What) {
        let mut ring = self.ring.lock();
        let sequence = ring.last + 1;
        let frame = Arc::new(Frame { sequence, needs, what: what(self, sequence) });
        ring.last = sequence;
        ring.bytes += frame.bytes();
        ring.frames.push_back(frame.clone());
        while ring.frames.len() > FRAMES_MAX || ring.bytes > BYTES_MAX {
            let Some(oldest) = ring.frames.pop_front() else { break };
            ring.bytes -= oldest.bytes();
        }
        // Without clients there is nobody to tell; the ring keeps it.
        let _ = self.sender.send(frame);
    }

    /// Joins the clients. `last_event_id` is what the browser saw last.
    pub fn join(&self, last_event_id: Option<&str>) -> (Start, broadcast::Receiver<Arc<Frame>>) {
        let ring = self.ring.lock();
        let receiver = self.sender.subscribe();
        let seen = last_event_id.and_then(|id| self.sequence_of(id));
        let start = match seen {
            Some(seen) if ring.holds_all_after(seen) => {
                Start::Resume(ring.frames.iter().filter(|frame| frame.sequence > seen).cloned().collect())
            }
            _ => Start::Snapshot(ring.last),
        };
        (start, receiver)
    }

    /// One event as the stream carries it. JSON has no line breaks, so one `data:` line does.
    pub fn rendered(&self, sequence: u64, event: &str, data: &str) -> Bytes {
        Bytes::from(format!("id: {}-{sequence}\nevent: {event}\ndata: {data}\n\n", self.boot))
    }

    fn sequence_of(&self, id: &str) -> Option<u64> {
        let (boot, sequence) = id.trim().rsplit_once('-')?;
        if boot == self.boot { sequence.parse().ok() } else { None }
    }
}

impl Ring {
    fn holds_all_after(&self, seen: u64) -> bool {
        let missed = self.last.checked_sub(seen);
        let kept = self.frames.iter().rev().take_while(|frame| frame.sequence > seen);
        let mut count = 0;
        for frame in kept {
            if matches!(frame.what, What::StartAgain) {
                return false;
            }
            count += 1;
        }
        missed == Some(count)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn hub() -> Hub {
        Hub::new(Timestamp::from_secs(1), 2)
    }

    fn resumed(hub: &Hub, id: &str) -> Option<Vec<u64>> {
        match hub.join(Some(id)).0 {
            Start::Resume(frames) => Some(frames.iter().map(|frame| frame.sequence).collect()),
            Start::Snapshot(_) => None,
        }
    }

    #[test]
    fn a_client_that_comes_back_gets_exactly_what_it_missed() {
        let hub = hub();
        for _ in 0..5 {
            hub.publish("agent", Permission::View, "{}", None);
        }
        let id = |sequence: u64| format!("{}-{sequence}", hub.boot);
        assert_eq!(resumed(&hub, &id(3)), Some(vec![4, 5]));
        assert_eq!(resumed(&hub, &id(5)), Some(vec![]));
        assert_eq!(resumed(&hub, &id(9)), None);
        assert_eq!(resumed(&hub, "other-3"), None);
        assert_eq!(resumed(&hub, "nonsense"), None);
    }

    #[test]
    fn what_left_the_ring_cannot_be_resumed() {
        let hub = hub();
        for _ in 0..=FRAMES_MAX {
            hub.publish("agent", Permission::View, "{}", None);
        }
        assert_eq!(resumed(&hub, &format!("{}-0", hub.boot)), None);
        assert!(resumed(&hub, &format!("{}-1", hub.boot)).is_some());
    }

    #[test]
    fn the_ring_is_bounded_in_bytes() {
        let hub = hub();
        let large = "x".repeat(BYTES_MAX / 2);
        for _ in 0..4 {
            hub.publish("agent", Permission::View, &large, None);
        }
        assert!(hub.ring.lock().bytes <= BYTES_MAX);
        assert_eq!(resumed(&hub, &format!("{}-1", hub.boot)), None);
    }

    #[test]
    fn after_missed_changes_nobody_resumes() {
        let hub = hub();
        hub.publish("agent", Permission::View, "{}", None);
        hub.start_again();
        assert_eq!(resumed(&hub, &format!("{}-1", hub.boot)), None);
        assert_eq!(resumed(&hub, &format!("{}-2", hub.boot)), Some(vec![]));
    }

    #[test]
    fn there_is_a_limit_to_clients() {
        let hub = hub();
        let first = hub.seat();
        let second = hub.seat();
        assert!(first.is_some() && second.is_some() && hub.seat().is_none());
        drop(first);
        assert!(hub.seat().is_some());
    }
}
