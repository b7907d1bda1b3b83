//! How the connection stands, in words for people.

use model::{SourceState, SourceStatus, Timestamp};

#[derive(Debug)]
pub struct Standing {
    status: SourceStatus,
}

impl Standing {
    pub fn new(name: &str, url: &str, now: Timestamp) -> Self {
        Self {
            status: SourceStatus {
                name: name.to_owned(),
                kind: "opencode".to_owned(),
                url: url.to_owned(),
                state: SourceState::Connecting,
                reason: "not connected yet".to_owned(),
                since: now,
                last_seen: None,
                version: None,
            },
        }
    }

    pub fn status(&self) -> SourceStatus {
        self.status.clone()
    }

    pub fn set_version(&mut self, version: Option<String>) {
        self.status.version = version.map(|version| crate::redact::name(&version));
    }

    pub fn seen(&mut self, at: Timestamp) {
        self.status.last_seen = Some(at);
    }

    /// A verdict stands until the server is found again.
    pub fn is_fault(&self) -> bool {
        !matches!(self.status.state, SourceState::Connecting | SourceState::Live)
    }

    /// Whether it is something new.
    pub fn set(&mut self, state: SourceState, reason: String, now: Timestamp) -> bool {
        if self.status.state == state && self.status.reason == reason {
            return false;
        }
        if self.status.state != state {
            self.status.since = now;
        }
        self.status.state = state;
        self.status.reason = reason;
        true
    }
}
