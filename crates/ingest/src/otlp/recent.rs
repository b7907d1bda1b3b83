//! Log records that came a moment ago: senders repeat what was not acknowledged in time, and a
//! store keeps two equal records as two.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::{KeysAreHashes, LogRecord, Timestamp};
use parking_lot::Mutex;

use super::logs::hash;

/// Clients give up after five minutes by themselves.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// 32 bytes each.
const RECORDS_MAX: usize = 500_000;

#[derive(Debug, Default)]
pub struct Recent {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    hashes: HashSet<u128, KeysAreHashes>,
    /// In order of arrival.
    arrivals: VecDeque<(Timestamp, u128)>,
}

/// Records that are on their way into the store. Dropped without [`keep`](Claim::keep), they
/// may come again.
#[derive(Debug)]
pub struct Claim {
    recent: Arc<Recent>,
    hashes: Vec<u128>,
}

impl Recent {
    /// Takes out those that came before. Equal ones of the same request are not repeated: they
    /// are told apart by how many there are.
    pub fn claim(self: &Arc<Self>, logs: &mut Vec<LogRecord>, now: Timestamp) -> Claim {
        let mut seen: HashMap<u128, u128, KeysAreHashes> = HashMap::default();
        let mut hashes = Vec::with_capacity(logs.len());
        let mut known = self.known.lock();
        known.forget(now);
        let before = logs.len();
        logs.retain(|record| {
            let hash = hash(record);
            let place = seen.entry(hash).and_modify(|place| *place += 1).or_insert(0);
            let hash = hash.wrapping_add(*place);
            let is_new = known.hashes.insert(hash);
            if is_new {
                known.arrivals.push_back((now, hash));
                hashes.push(hash);
            }
            is_new
        });
        let repeated = before - logs.len();
        if repeated > 0 {
            metrics::counter!("watchkeeper_otlp_duplicates_total").increment(repeated as u64);
        }
        Claim { recent: self.clone(), hashes }
    }
}

impl Known {
    fn forget(&mut self, now: Timestamp) {
        while let Some((at, hash)) = self.arrivals.front().copied() {
            if now.since(at) < REMEMBERED && self.arrivals.len() <= RECORDS_MAX {
                return;
            }
            self.arrivals.pop_front();
            self.hashes.remove(&hash);
        }
    }
}

impl Claim {
    /// They are durable.
    pub fn keep(mut self) {
        self.hashes.clear();
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.hashes.is_empty() {
            return;
        }
        let mut known = self.recent.known.lock();
        for hash in &self.hashes {
            known.hashes.remove(hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{LabelSet, LogSeverity};

    use super::*;

    fn records(bodies: &[&str]) -> Vec<LogRecord> {
        let record = |body: &&str| {
            LogRecord::new(Timestamp::from_secs(1), LabelSet::empty(), LogSeverity::Info, *body)
        };
        bodies.iter().map(record).collect()
    }

    fn claim(recent: &Arc<Recent>, bodies: &[&str], secs: i64) -> (usize, Claim) {
        let mut logs = records(bodies);
        let claim = recent.claim(&mut logs, Timestamp::from_secs(secs));
        (logs.len(), claim)
    }

    #[test]
    fn what_is_repeated_is_taken_once_and_equal_lines_of_one_request_are_all_taken() {
        let recent = Arc::new(Recent::default());
        let (taken, first) = claim(&recent, &["a", "a", "b"], 0);
        first.keep();
        assert_eq!(taken, 3);
        assert_eq!(claim(&recent, &["a", "a", "b"], 1).0, 0);
        assert_eq!(claim(&recent, &["a", "a", "a"], 2).0, 1);
        assert_eq!(claim(&recent, &["a"], 601).0, 1, "long after");
    }

    #[test]
    fn what_was_not_kept_may_come_again() {
        let recent = Arc::new(Recent::default());
        drop(claim(&recent, &["a"], 0));
        assert_eq!(claim(&recent, &["a"], 1).0, 1);
    }
}
