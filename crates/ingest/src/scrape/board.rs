//! What can be said about all targets at any time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::{LabelSet, Timestamp};
use parking_lot::Mutex;

use super::target::Target;

/// All targets at one moment.
#[derive(Clone, Debug, Default)]
pub struct TargetsSnapshot {
    /// Names of jobs, in the order of the file.
    pub pools: Vec<String>,
    pub active: Vec<ActiveTarget>,
    /// Their labels before relabelling, with their job.
    pub dropped: Vec<(String, LabelSet)>,
    /// By job; also of those that are not remembered one by one.
    pub dropped_counts: BTreeMap<String, usize>,
}

#[derive(Clone, Debug)]
pub struct ActiveTarget {
    pub target: Arc<Target>,
    /// Under which it is known to the registry of metadata.
    pub source: String,
    pub status: TargetStatus,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetStatus {
    pub health: TargetHealth,
    /// Empty when the last scrape went well.
    pub last_error: String,
    pub last_scrape: Option<Timestamp>,
    pub last_duration: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetHealth {
    /// Not scraped yet.
    #[default]
    Unknown,
    Up,
    Down,
}

impl TargetHealth {
    pub const fn as_str(self) -> &'static str {
        match self {
            TargetHealth::Unknown => "unknown",
            TargetHealth::Up => "up",
            TargetHealth::Down => "down",
        }
    }
}

/// The status of one target. Written by its loop, read by whoever asks; never held across
/// an await.
pub(super) type SharedStatus = Arc<Mutex<TargetStatus>>;

/// What the scraper last made of its configuration.
#[derive(Debug, Default)]
pub(super) struct Board {
    pub pools: Vec<String>,
    pub active: Vec<(Arc<Target>, String, SharedStatus)>,
    pub dropped: Vec<(String, LabelSet)>,
    pub dropped_counts: BTreeMap<String, usize>,
}

impl Board {
    pub fn snapshot(&self) -> TargetsSnapshot {
        let active = self.active.iter().map(|(target, source, status)| ActiveTarget {
            target: target.clone(),
            source: source.clone(),
            status: status.lock().clone(),
        });
        TargetsSnapshot {
            pools: self.pools.clone(),
            active: active.collect(),
            dropped: self.dropped.clone(),
            dropped_counts: self.dropped_counts.clone(),
        }
    }
}
