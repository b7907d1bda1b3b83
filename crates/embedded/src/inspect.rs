//! Looks at a data directory without working in it: no lock, no change, whether a store is
//! open there or not.
//!
//! [`check`] reads every byte and says what is damaged and what that costs; [`stats`] says
//! what takes how much room; [`plan_retention`] says what a retention would drop. Files that
//! a running store merges or drops meanwhile are looked for again ([`steady`]).

mod check;
mod labels;
mod pages;
mod stats;
pub(crate) mod steady;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, DiskError, UntouchedDisk};
use model::Timestamp;
use storage::{Retention, RetentionPlan};

use crate::files::FileError;
use crate::intake::{Intake, Limits};
use crate::settings::{EmbeddedParts, EmbeddedSettings, OpenError};
use crate::shared::{Frozen, Shared};
use crate::{catalogue, retention};

pub use check::{Damage, Report, check};
pub use stats::{DayStats, LabelStats, Stats, StreamStats, TableStats, stats};

#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    #[error("`{0}` is not a data directory: it has no folder `wal`")]
    NotADataDirectory(PathBuf),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("failed to read a file of the data directory")]
    File(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<FileError> for InspectError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Disk(error) => InspectError::Disk(error),
            error => InspectError::File(Box::new(error)),
        }
    }
}

/// What a retention would drop now. Rows that a running store has in memory only are not
/// seen: those of past days are few, and go with their day when it is written out.
pub fn plan_retention(
    dir: &Path,
    parts: &EmbeddedParts,
    policy: &Retention,
    now: Timestamp,
) -> Result<RetentionPlan, InspectError> {
    again_if_files_went(|| {
        let shared = look(dir, parts)?;
        shared.recall_clock()?;
        let clock = shared.preview_clock(now);
        Ok(retention::plan(&shared, policy, clock)?)
    })
}

/// Whether a store would open the directory; all acknowledged rows are replayed into memory.
pub fn try_open(dir: &Path, parts: &EmbeddedParts) -> Result<(), InspectError> {
    let shared = look(dir, parts)?;
    // What a store would write out is looked at no further.
    let forget = |shared: &Shared, _: &Frozen| {
        shared.change_view(|view| view.frozen = None);
        Ok(())
    };
    catalogue::replay_wal(&shared, &mut Intake::new(Limits::none(), Arc::default()), 0, &forget)?;
    Ok(())
}

pub(crate) fn expect_data_directory(disk: &dyn Disk, dir: &Path) -> Result<(), InspectError> {
    match disk.list(&dir.join("wal")) {
        Err(error) if error.is_missing() => Err(InspectError::NotADataDirectory(dir.to_owned())),
        listed => Ok(listed.map(drop)?),
    }
}

/// The view that a store would have of the directory, without the rows of the WAL.
fn look(dir: &Path, parts: &EmbeddedParts) -> Result<Shared, InspectError> {
    expect_data_directory(&*parts.disk, dir)?;
    let disk = Arc::new(UntouchedDisk::new(parts.disk.clone()));
    let parts = EmbeddedParts { disk: disk.clone(), clock: parts.clock.clone() };
    let shared = Shared::new(EmbeddedSettings::new(dir), parts);
    catalogue::make_folders(&*disk, dir)?;
    let found = catalogue::read(&shared)?;
    shared.change_view(|view| *view = found.view);
    Ok(shared)
}

/// A store that merges and drops all the time does not do so between all of these.
const TRIES_MAX: u32 = 10;

fn again_if_files_went<T>(mut work: impl FnMut() -> Result<T, InspectError>) -> Result<T, InspectError> {
    for _ in 1..TRIES_MAX {
        match work() {
            Err(error) if is_missing(&error) => {}
            done => return done,
        }
    }
    work()
}

/// Whether a file that had been listed was not there any more.
fn is_missing(error: &InspectError) -> bool {
    let is_missing = |source: &(dyn std::error::Error + Send + Sync + 'static)| matches!(source.downcast_ref(), Some(FileError::Disk(error)) if error.is_missing());
    match error {
        InspectError::Disk(error) | InspectError::Open(OpenError::Disk(error)) => error.is_missing(),
        InspectError::Open(OpenError::File { source, .. } | OpenError::Labels(source)) => {
            is_missing(&**source)
        }
        _ => false,
    }
}
