//! Holds the watches against what the configuration and the files say now.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use disk::Disk;
use parking_lot::Mutex;
use runtime::{SharedClock, Shutdown, Supervisor, TaskError};
use storage::Appender;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::board::{Board, SharedStatus, TargetsSnapshot};
use super::config::{ConfigError, FILE_BYTES_MAX, Job, ScrapeConfig};
use super::discovery::{Discovery, Group};
use super::fetch::{Fetch, FetchError, HttpFetch};
use super::target::{Found, Target, targets};
use super::watch::Watch;
use crate::exposition::PageLimits;
use crate::metadata::MetadataRegistry;

/// How often files of targets are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Dropped targets that are remembered one by one where the job says nothing.
const DROPPED_MAX: usize = 1000;

#[derive(Clone, Debug)]
pub struct ScrapeSettings {
    /// A `prometheus.yml`.
    pub config: PathBuf,
    /// Of one page, unpacked.
    pub body_bytes_max: u64,
    /// Of all jobs.
    pub targets_max: usize,
    /// Of one page.
    pub samples_max: usize,
}

/// What the scraper works with.
#[derive(Clone)]
pub struct ScrapeParts {
    pub disk: Arc<dyn Disk>,
    pub store: Arc<dyn Appender>,
    pub clock: SharedClock,
    pub supervisor: Supervisor,
    pub metadata: Arc<MetadataRegistry>,
}

impl std::fmt::Debug for ScrapeParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScrapeParts").finish_non_exhaustive()
    }
}

/// Cheap to clone; clones are one scraper.
#[derive(Clone)]
pub struct Scraper(Arc<Shared>);

struct Shared {
    settings: ScrapeSettings,
    parts: ScrapeParts,
    config: watch::Sender<Arc<ScrapeConfig>>,
    /// Never held across an await.
    board: Mutex<Board>,
}

impl std::fmt::Debug for Scraper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scraper").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

impl Scraper {
    /// Reads the configuration, which must be right, and begins.
    pub fn start(settings: ScrapeSettings, parts: ScrapeParts) -> Result<Self, ConfigError> {
        let config = read(&settings, parts.disk.as_ref())?;
        let shared = Arc::new(Shared {
            settings,
            config: watch::Sender::new(Arc::new(config)),
            board: Mutex::default(),
            parts,
        });
        let task = shared.clone();
        shared.parts.supervisor.spawn("scrape", move |shutdown| keep_watching(task.clone(), shutdown));
        Ok(Self(shared))
    }

    /// Reads the configuration again. When something is wrong with it, the one before stays.
    pub fn reload(&self) -> Result<(), ConfigError> {
        let config = read(&self.0.settings, self.0.parts.disk.as_ref())?;
        self.0.config.send_replace(Arc::new(config));
        Ok(())
    }

    pub fn targets(&self) -> TargetsSnapshot {
        self.0.board.lock().snapshot()
    }

    pub fn metadata(&self) -> &Arc<MetadataRegistry> {
        &self.0.parts.metadata
    }
}

fn read(settings: &ScrapeSettings, disk: &dyn Disk) -> Result<ScrapeConfig, ConfigError> {
    let path = &settings.config;
    let fault = |source| ConfigError::Read { path: path.clone(), source };
    if disk.open(path).and_then(|file| file.size()).map_err(fault)? > FILE_BYTES_MAX {
        return Err(ConfigError::TooLarge(path.clone()));
    }
    let bytes = disk::read_all(disk, path).map_err(fault)?;
    let text = String::from_utf8(bytes).map_err(|_| ConfigError::NotUtf8(path.clone()))?;
    let config = ScrapeConfig::parse(path, &text)?;
    for warning in &config.warnings {
        tracing::warn!(file = %path.display(), "{warning}");
    }
    Ok(config)
}

/// The reconciler: looks, compares, does the difference, waits.
async fn keep_watching(shared: Arc<Shared>, shutdown: Shutdown) -> Result<(), TaskError> {
    let mut configs = shared.config.subscribe();
    let mut discovery = Discovery::default();
    let mut watches = Watches::new(shared.clone(), shutdown.clone());
    loop {
        let config = configs.borrow_and_update().clone();
        let (looked, groups) = look(discovery, shared.parts.disk.clone(), config.clone()).await?;
        discovery = looked;
        watches.reconcile(&wanted(&shared, &config, &groups));
        let change = async {
            tokio::select! {
                // The sender is in `shared`, which this task holds.
                _ = configs.changed() => {}
                () = shared.parts.clock.sleep(LOOK_INTERVAL) => {}
            }
        };
        if shutdown.or(change).await.is_none() {
            return Ok(());
        }
        watches.reap();
    }
}

type Groups = Vec<(Arc<Job>, Vec<Group>)>;

/// Off the event loop: files may be slow.
async fn look(
    mut discovery: Discovery,
    disk: Arc<dyn Disk>,
    config: Arc<ScrapeConfig>,
) -> Result<(Discovery, Groups), tokio::task::JoinError> {
    tokio::task::spawn_blocking(move || {
        let groups =
            config.jobs.iter().map(|job| (job.clone(), discovery.groups(disk.as_ref(), job))).collect();
        (discovery, groups)
    })
    .await
}

/// What there should be.
struct Wanted {
    pools: Vec<String>,
    targets: Vec<WantedTarget>,
    dropped: Vec<(String, model::LabelSet)>,
    dropped_counts: BTreeMap<String, usize>,
    complaints: Vec<String>,
}

struct WantedTarget {
    job: Arc<Job>,
    target: Arc<Target>,
    refused: Option<String>,
}

fn wanted(shared: &Shared, config: &ScrapeConfig, groups: &Groups) -> Wanted {
    let mut wanted = Wanted {
        pools: config.jobs.iter().map(|job| job.name.clone()).collect(),
        targets: Vec::new(),
        dropped: Vec::new(),
        dropped_counts: BTreeMap::new(),
        complaints: Vec::new(),
    };
    for (job, groups) in groups {
        wanted.add(job, groups);
    }
    let most = shared.settings.targets_max;
    if wanted.targets.len() > most {
        let left_out = wanted.targets.len() - most;
        metrics::counter!("watchkeeper_scrape_targets_left_out_total").increment(left_out as u64);
        wanted.complaints.push(format!("{left_out} targets are more than `scrape.targets_max` ({most})"));
        wanted.targets.truncate(most);
    }
    wanted
}

impl Wanted {
    fn add(&mut self, job: &Arc<Job>, groups: &[Group]) {
        let mut of_job: BTreeMap<u128, Target> = BTreeMap::new();
        let dropped_max =
            if job.limits.dropped_targets > 0 { job.limits.dropped_targets } else { DROPPED_MAX };
        let mut dropped = 0;
        for found in groups.iter().flat_map(|group| targets(job, &group.group, group.file.as_deref())) {
            match found {
                Found::Target(target) => {
                    of_job.insert(target.key(), *target);
                }
                Found::Dropped(labels) => {
                    dropped += 1;
                    if dropped <= dropped_max {
                        self.dropped.push((job.name.clone(), labels));
                    }
                }
                Found::Refused { address, reason } => {
                    self.complaints.push(format!("job `{}`: target `{address}`: {reason}", job.name));
                }
            }
        }
        self.dropped_counts.insert(job.name.clone(), dropped);
        let (most, count) = (job.limits.targets, of_job.len());
        let refused = (most > 0 && count > most)
            .then(|| format!("{count} targets are more than `target_limit` ({most})"));
        self.targets.extend(of_job.into_values().map(|target| WantedTarget {
            job: job.clone(),
            target: Arc::new(target),
            refused: refused.clone(),
        }));
    }
}

/// The watches that run.
struct Watches {
    shared: Arc<Shared>,
    program: Shutdown,
    running: HashMap<u128, Running>,
    /// One client for all targets of a job, where they may share one.
    fetches: Vec<(Arc<Job>, Arc<dyn Fetch>)>,
    started: u64,
    /// Ends with this value; a watch that panics is started again at the next look.
    tasks: JoinSet<()>,
    complaints: Vec<String>,
}

struct Running {
    job: Arc<Job>,
    target: Arc<Target>,
    refused: Option<String>,
    source: String,
    status: SharedStatus,
    gone: Shutdown,
    task: tokio::task::AbortHandle,
}

impl Watches {
    fn new(shared: Arc<Shared>, program: Shutdown) -> Self {
        Self {
            shared,
            program,
            running: HashMap::new(),
            fetches: Vec::new(),
            started: 0,
            tasks: JoinSet::new(),
            complaints: Vec::new(),
        }
    }

    fn reconcile(&mut self, wanted: &Wanted) {
        let keys: HashMap<u128, &WantedTarget> =
            wanted.targets.iter().map(|wanted| (wanted.target.key(), wanted)).collect();
        self.running.retain(|key, running| {
            let stays = keys.get(key).is_some_and(|wanted| running.fits(wanted));
            if !stays {
                running.gone.begin();
            }
            stays
        });
        self.fetches.retain(|(job, _)| wanted.targets.iter().any(|wanted| Arc::ptr_eq(&wanted.job, job)));
        for (key, wanted) in keys {
            if !self.running.contains_key(&key) {
                let running = self.start(wanted, key);
                self.running.insert(key, running);
            }
        }
        self.complain(&wanted.complaints);
        let active = wanted.targets.iter().filter_map(|wanted| self.running.get(&wanted.target.key()));
        let active =
            active.map(|running| (running.target.clone(), running.source.clone(), running.status.clone()));
        *self.shared.board.lock() = Board {
            pools: wanted.pools.clone(),
            active: active.collect(),
            dropped: wanted.dropped.clone(),
            dropped_counts: wanted.dropped_counts.clone(),
        };
    }

    fn start(&mut self, wanted: &WantedTarget, key: u128) -> Running {
        let gone = self.program.child();
        let fetch = self.fetch(wanted);
        self.started += 1;
        let status = SharedStatus::default();
        let parts = &self.shared.parts;
        let settings = &self.shared.settings;
        // The one that it follows may still be about to be forgotten.
        let source = format!("scrape {key:032x} {}", self.started);
        let watch = Watch {
            job: wanted.job.clone(),
            target: wanted.target.clone(),
            refused: wanted.refused.clone(),
            source: source.clone(),
            fetch,
            store: parts.store.clone(),
            clock: parts.clock.clone(),
            metadata: parts.metadata.clone(),
            status: status.clone(),
            limits: PageLimits { samples_max: settings.samples_max, ..PageLimits::default() },
        };
        let task = self.tasks.spawn(watch.run(gone.clone(), self.program.clone()));
        Running {
            job: wanted.job.clone(),
            target: wanted.target.clone(),
            refused: wanted.refused.clone(),
            source,
            status,
            gone,
            task,
        }
    }

    fn fetch(&mut self, wanted: &WantedTarget) -> Arc<dyn Fetch> {
        let known = self.fetches.iter().find(|(job, _)| Arc::ptr_eq(job, &wanted.job));
        if let Some((_, fetch)) = known {
            return fetch.clone();
        }
        let disk = self.shared.parts.disk.clone();
        let made = fetch(wanted, disk, self.shared.settings.body_bytes_max);
        // With `server_name`, a client knows the way to one target only.
        if wanted.job.http.tls.server_name.is_none() {
            self.fetches.push((wanted.job.clone(), made.clone()));
        }
        made
    }

    /// Told once, until they change.
    fn complain(&mut self, complaints: &[String]) {
        if self.complaints != complaints {
            for complaint in complaints {
                tracing::warn!("{complaint}");
            }
            self.complaints = complaints.to_vec();
        }
    }

    /// Notices watches that ended although nobody asked them to.
    fn reap(&mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(%error, "the watch over a target failed and will be started again");
                metrics::counter!("watchkeeper_scrape_watch_restarts_total").increment(1);
            }
        }
        self.running.retain(|_, running| !running.task.is_finished());
    }
}

impl Running {
    /// Discovered labels may change without any effect on what is scraped.
    fn fits(&self, wanted: &WantedTarget) -> bool {
        self.job.is_same(&wanted.job)
            && self.refused == wanted.refused
            && self.target.interval == wanted.target.interval
            && self.target.timeout == wanted.target.timeout
    }
}

/// A client that cannot be made is a fault of each scrape, not of the start.
fn fetch(wanted: &WantedTarget, disk: Arc<dyn Disk>, body_bytes_max: u64) -> Arc<dyn Fetch> {
    match HttpFetch::new(wanted.job.clone(), &wanted.target, disk, body_bytes_max) {
        Ok(fetch) => Arc::new(fetch),
        Err(error) => Arc::new(NoFetch(error.to_string())),
    }
}

struct NoFetch(String);

#[async_trait::async_trait]
impl Fetch for NoFetch {
    async fn fetch(&self, _: &Target) -> Result<super::fetch::Fetched, FetchError> {
        Err(FetchError::Client(self.0.clone()))
    }
}

#[cfg(test)]
mod tests;
