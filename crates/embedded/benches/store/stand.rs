//! The store under measurement: opened as the program opens it, with its upkeep running.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use disk::RealDisk;
use embedded::{Embedded, EmbeddedParts, EmbeddedSettings};
use runtime::{Shutdown, SystemClock, TaskError};
use storage::Upkeep;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::arguments::Arguments;

/// Upkeep looks every few seconds whether something is due; when no file has changed for
/// more than twice as long, nothing is.
const QUIET: Duration = Duration::from_secs(11);
const SETTLED_AFTER_MAX: Duration = Duration::from_secs(300);

pub struct Stand {
    pub store: Arc<Embedded>,
    dir: PathBuf,
    shutdown: Shutdown,
    upkeep: JoinHandle<Result<(), TaskError>>,
}

impl Stand {
    /// With the settings that users have.
    pub async fn open(dir: &Path) -> anyhow::Result<Self> {
        Self::open_with(EmbeddedSettings::new(dir)).await
    }

    /// Everything stays in the WAL.
    pub async fn open_without_flushes(dir: &Path) -> anyhow::Result<Self> {
        let mut settings = EmbeddedSettings::new(dir);
        settings.flush_bytes = usize::MAX;
        settings.flush_age = Duration::from_secs(1 << 30);
        Self::open_with(settings).await
    }

    async fn open_with(settings: EmbeddedSettings) -> anyhow::Result<Self> {
        let dir = settings.dir.clone();
        let parts = EmbeddedParts { disk: Arc::new(RealDisk), clock: SystemClock::shared() };
        let store = tokio::task::spawn_blocking(|| Embedded::open(settings, parts)).await??;
        let shutdown = Shutdown::new();
        let upkeep = tokio::spawn(store.clone().run(shutdown.clone()));
        Ok(Self { store, dir, shutdown, upkeep })
    }

    /// Writes out what is in memory and waits until merges have come to rest.
    pub async fn settle(&self) -> anyhow::Result<()> {
        self.store.flush().await?;
        let started = Instant::now();
        let (mut files, mut since) = (files(&self.dir)?, Instant::now());
        while since.elapsed() < QUIET {
            ensure!(started.elapsed() < SETTLED_AFTER_MAX, "the store's files never come to rest");
            tokio::time::sleep(Duration::from_millis(500)).await;
            let found = self::files(&self.dir)?;
            if found != files {
                (files, since) = (found, Instant::now());
            }
        }
        Ok(())
    }

    /// All files, whatever they are for.
    pub fn disk_bytes(&self) -> anyhow::Result<u64> {
        Ok(files(&self.dir)?.iter().map(|(_, bytes)| bytes).sum())
    }

    /// Ends as a crash would: nothing is written out.
    pub async fn abandon(self) -> anyhow::Result<()> {
        self.shutdown.begin();
        self.upkeep.await?.map_err(anyhow::Error::from_boxed)?;
        Ok(())
    }

    pub async fn close(self) -> anyhow::Result<()> {
        self.shutdown.begin();
        self.upkeep.await?.map_err(anyhow::Error::from_boxed)?;
        self.store.close().await?;
        Ok(())
    }
}

/// A folder for the store's files, below the target folder: a real disk, which `/tmp` often
/// is not.
pub enum Folder {
    Passing(TempDir),
    Kept(PathBuf),
}

impl Folder {
    pub fn create(arguments: &Arguments) -> anyhow::Result<Self> {
        let Some(dir) = &arguments.dir else {
            let passing =
                tempfile::Builder::new().prefix("store-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
            return Ok(Folder::Passing(passing));
        };
        ensure!(!dir.exists(), "{} exists already", dir.display());
        std::fs::create_dir_all(dir)?;
        Ok(Folder::Kept(dir.clone()))
    }

    pub fn path(&self) -> &Path {
        match self {
            Folder::Passing(dir) => dir.path(),
            Folder::Kept(dir) => dir,
        }
    }
}

/// Every file below `dir` with its size, in order.
fn files(dir: &Path) -> anyhow::Result<Vec<(PathBuf, u64)>> {
    let mut found = vec![];
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("failed to list {}", folder.display()))?
        {
            let entry = entry?;
            // A merge may have removed it meanwhile.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                found.push((entry.path(), metadata.len()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A copy of a store that is open; all that it has acknowledged is on the disk.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    for (file, _) in files(from)? {
        let copy = to.join(file.strip_prefix(from)?);
        if let Some(folder) = copy.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::copy(&file, &copy).with_context(|| format!("failed to copy {}", file.display()))?;
    }
    Ok(())
}
