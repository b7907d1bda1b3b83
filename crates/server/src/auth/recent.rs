//! Callers that were looked up a moment ago, so that a busy page does not ask the
//! database for the same session a hundred times a second.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use state::TokenHash;

use super::Identity;

/// How long a revoked token of another process may still work.
const KEEP: Duration = Duration::from_secs(3);

/// More callers than this at one time are looked up each time.
const ENTRIES_MAX: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// With the time of the look-up. Held only to read or change one entry.
    entries: Mutex<HashMap<TokenHash, (Identity, Duration)>>,
}

impl Recent {
    pub fn get(&self, token: &TokenHash, now: Duration) -> Option<Identity> {
        let entries = self.entries.lock();
        let (identity, looked_up) = entries.get(token)?;
        (now.saturating_sub(*looked_up) < KEEP).then(|| identity.clone())
    }

    pub fn put(&self, token: TokenHash, identity: Identity, now: Duration) {
        let mut entries = self.entries.lock();
        if entries.len() >= ENTRIES_MAX {
            entries.retain(|_, (_, looked_up)| now.saturating_sub(*looked_up) < KEEP);
        }
        if entries.len() < ENTRIES_MAX {
            entries.insert(token, (identity, now));
        }
    }

    pub fn forget(&self, token: &TokenHash) {
        self.entries.lock().remove(token);
    }
}
