//! What is looked at, how often, and where the lines are drawn. Plain values.

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::Verdict;
use url::Url;

#[derive(Clone, Debug)]
pub struct HealthSettings {
    /// Between two rounds of checks.
    pub interval: Duration,
    /// A check that takes longer is reported, and not begun again before it has ended.
    pub check_timeout: Duration,
    /// Before the first round, so that our own listeners are up when they are asked.
    pub first_after: Duration,
    /// How often the host is sampled; older samples than three of these are stale.
    pub metrics_interval: Duration,
    pub directories: Vec<ProbedDirectory>,
    pub urls: Vec<ProbedUrl>,
    /// The watched platform's SQLite database, opened read-only.
    pub database: Option<PathBuf>,
    pub dependencies: DependencyTargets,
    pub thresholds: Thresholds,
    pub auto_recovery: bool,
    pub recovery: RecoverySettings,
}

impl HealthSettings {
    /// The defaults: our own data directory, temporary directory and API, nothing outside.
    pub fn new(data_dir: &Path, temp_dir: &Path, own_api: &Url) -> Self {
        let directory = |name: &str, path: &Path, access| ProbedDirectory {
            name: name.to_owned(),
            path: path.to_owned(),
            access,
        };
        Self {
            interval: Duration::from_secs(30),
            check_timeout: Duration::from_secs(10),
            first_after: Duration::from_secs(1),
            metrics_interval: Duration::from_secs(30),
            directories: vec![
                directory("data", data_dir, Access::Ours),
                directory("temp", temp_dir, Access::Foreign),
            ],
            urls: vec![ProbedUrl::ours(own_api)],
            database: None,
            dependencies: DependencyTargets::within(data_dir, temp_dir, own_api),
            thresholds: Thresholds::default(),
            auto_recovery: true,
            recovery: RecoverySettings::default(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbedDirectory {
    /// A short word; the keys of the check's details begin with it.
    pub name: String,
    pub path: PathBuf,
    pub access: Access,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// We own it, or were told that we may: a small file is written and deleted.
    Ours,
    /// Only looked at; nothing in it is touched.
    Foreign,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbedUrl {
    pub name: String,
    pub url: Url,
    /// Part of Watchkeeper itself: not to reach it is worse than anything outside.
    pub is_ours: bool,
}

impl ProbedUrl {
    /// `/livez` of our own API.
    pub fn ours(own_api: &Url) -> Self {
        Self { name: "localhost".to_owned(), url: livez(own_api), is_ours: true }
    }
}

fn livez(own_api: &Url) -> Url {
    let mut url = own_api.clone();
    url.set_path("/livez");
    url
}

/// What each of the six dependencies stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DependencyTargets {
    /// The platform's SQLite database; without one, our own.
    pub database: Option<PathBuf>,
    pub sessions_directory: PathBuf,
    pub temp_directory: PathBuf,
    pub log_directory: PathBuf,
    pub localhost_api: Url,
}

impl DependencyTargets {
    /// With nothing configured: what Watchkeeper itself rests on.
    pub fn within(data_dir: &Path, temp_dir: &Path, own_api: &Url) -> Self {
        Self {
            database: None,
            sessions_directory: data_dir.to_owned(),
            temp_directory: temp_dir.to_owned(),
            log_directory: data_dir.to_owned(),
            localhost_api: livez(own_api),
        }
    }
}

/// Where good ends and each degree of bad begins: a value above a line is beyond it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    pub degraded: f64,
    pub unhealthy: f64,
    pub critical: f64,
}

impl Limits {
    pub const fn new(degraded: f64, unhealthy: f64, critical: f64) -> Self {
        Self { degraded, unhealthy, critical }
    }

    /// The verdict on `value`, and the line that it crossed.
    pub fn judge(self, value: f64) -> (Verdict, f64) {
        if value > self.critical {
            (Verdict::Critical, self.critical)
        } else if value > self.unhealthy {
            (Verdict::Unhealthy, self.unhealthy)
        } else if value > self.degraded {
            (Verdict::Degraded, self.degraded)
        } else {
            (Verdict::Healthy, self.degraded)
        }
    }
}

/// The first and last numbers are the contract's; the ones between are halfway or so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    pub cpu_percent: Limits,
    pub memory_percent: Limits,
    pub disk_percent: Limits,
    /// One-minute load by processors.
    pub load_percent: Limits,
    pub query_ms: Limits,
    /// Stuck agents of all; any stuck agent is degraded already.
    pub stuck_ratio: Limits,
    pub task_stale_after: Duration,
    /// Stale tasks of the active ones; any stale task is degraded already.
    pub stale_ratio: Limits,
    /// Dead sessions of all; any is degraded already.
    pub dead_ratio: Limits,
    /// Of one processor.
    pub own_cpu_percent: f64,
    pub own_memory_mb: f64,
    pub own_threads: f64,
    /// Open files of those allowed.
    pub own_files_percent: f64,
    /// Growth of our own memory, MB an hour.
    pub growth_mb_per_hour: Limits,
    /// Less growth than this is no leak, whatever its slope.
    pub growth_mb_min: f64,
    /// How long growth is watched before it is judged.
    pub growth_watch_min: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            cpu_percent: Limits::new(80.0, 85.0, 90.0),
            memory_percent: Limits::new(85.0, 90.0, 95.0),
            disk_percent: Limits::new(90.0, 93.0, 95.0),
            load_percent: Limits::new(150.0, 175.0, 200.0),
            query_ms: Limits::new(1000.0, 3000.0, 8000.0),
            stuck_ratio: Limits::new(0.0, 0.25, 0.5),
            task_stale_after: Duration::from_secs(3600),
            stale_ratio: Limits::new(0.0, 0.5, 0.9),
            dead_ratio: Limits::new(0.0, 0.3, 0.9),
            own_cpu_percent: 80.0,
            own_memory_mb: 1024.0,
            own_threads: 100.0,
            own_files_percent: 80.0,
            growth_mb_per_hour: Limits::new(20.0, 100.0, 500.0),
            growth_mb_min: 32.0,
            growth_watch_min: Duration::from_secs(30 * 60),
        }
    }
}

/// The numbers of `restart_stuck_agents`.
#[derive(Clone, Debug, PartialEq)]
pub struct RecoverySettings {
    /// Between two looks for stuck agents; a nudge brings the next one forward.
    pub every: Duration,
    /// After our own start, or a jump of the clock, nothing is done by itself for so long.
    pub warm_up: Duration,
    /// After an attempt on an agent; doubled after each further one within the window.
    pub cooldown: Duration,
    /// By itself, per agent and window.
    pub attempts_max: usize,
    pub attempts_window: Duration,
    /// At once, of all agents that are not dead; one is always allowed.
    pub fleet_share_max: f64,
    pub concurrent_max: usize,
    /// When so many of the busy agents wait for a provider, the provider is the fault.
    pub provider_incident_share: f64,
    /// After the abort.
    pub idle_within: Duration,
    /// After the new prompt.
    pub progress_within: Duration,
    pub poll: Duration,
    /// For one call to an agent's server.
    pub control_timeout: Duration,
    /// Tools that may take as long as they like.
    pub tools_never_aborted: Vec<String>,
}

impl Default for RecoverySettings {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(2),
            warm_up: Duration::from_secs(15),
            cooldown: Duration::from_secs(60),
            attempts_max: 2,
            attempts_window: Duration::from_secs(30 * 60),
            fleet_share_max: 0.10,
            concurrent_max: 5,
            provider_incident_share: 0.30,
            idle_within: Duration::from_secs(10),
            progress_within: Duration::from_secs(60),
            poll: Duration::from_millis(500),
            control_timeout: Duration::from_secs(10),
            tools_never_aborted: Vec::new(),
        }
    }
}
