//! Reads every byte of a data directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, DiskError, UntouchedDisk};

use super::labels::DayLabels;
use super::steady::visit_files;
use super::{InspectError, again_if_files_went, expect_data_directory, pages};
use crate::batch::places;
use crate::erasure;
use crate::files::{FileError, Place};
use crate::labels::LabelPart;
use crate::segment::Segment;
use crate::shared::{LABELS, SEGMENT, file_number};
use crate::table::{Table, is_day_folder};
use crate::wal::{self, Replayed, WalError, replay};
use crate::{catalogue, shared};

/// What was read, and what could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub files: u64,
    pub bytes: u64,
    /// In segments that could be read, and in the WAL; rows may be in both.
    pub rows: u64,
    /// WAL files that end within a record: what a crash, or a backup of a running store,
    /// leaves. Nothing that was acknowledged is missing.
    pub torn_tails: u64,
    /// Files that were set aside earlier.
    pub quarantined: u64,
    pub damage: Vec<Damage>,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage {
    /// Within the directory that was looked at.
    pub file: PathBuf,
    pub what: String,
    /// What cannot be read because of it.
    pub affected: String,
}

/// Reads everything once: checksums of all frames, rows, labels, tombstones, the WAL.
pub fn check(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Report, InspectError> {
    expect_data_directory(&**disk, dir)?;
    let disk: Arc<dyn Disk> = Arc::new(UntouchedDisk::new(disk.clone()));
    let mut report = Report::default();
    check_tombstones(&*disk, dir, &mut report)?;
    check_wal(&*disk, dir, &mut report)?;
    for table in Table::ALL {
        for day in folders(&*disk, &dir.join(table.as_str()))? {
            Day { disk: &disk, dir, table, folder: &day }.check(&mut report)?;
        }
    }
    let aside = disk.list(&dir.join("quarantine"));
    report.quarantined = aside.map_or(0, |entries| entries.len() as u64);
    report.damage.sort();
    Ok(report)
}

fn folders(disk: &dyn Disk, dir: &Path) -> Result<Vec<String>, DiskError> {
    let entries = match disk.list(dir) {
        Err(error) if error.is_missing() => Vec::new(),
        listed => listed?,
    };
    let days = entries.into_iter().filter(|entry| entry.is_dir && is_day_folder(&entry.name));
    Ok(days.map(|entry| entry.name).collect())
}

impl Report {
    pub(super) fn add(&mut self, file: &Path, what: impl Into<String>, affected: impl Into<String>) {
        let damage = Damage { file: file.to_owned(), what: what.into(), affected: affected.into() };
        self.damage.push(damage);
    }

    fn count(&mut self, disk: &dyn Disk, path: &Path) -> Result<(), DiskError> {
        self.files += 1;
        self.bytes += disk.open(path)?.size()?;
        Ok(())
    }
}

/// Damage is noted, all else ends the check.
pub(super) fn or_damage<T>(
    read: Result<T, FileError>,
    note: impl FnOnce(String),
) -> Result<Option<T>, DiskError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(FileError::Disk(error)) if !error.is_medium_fault() => Err(error),
        Err(FileError::Disk(error)) => {
            note(error.source.to_string());
            Ok(None)
        }
        Err(error) => {
            note(error.to_string());
            Ok(None)
        }
    }
}

fn check_tombstones(disk: &dyn Disk, dir: &Path, report: &mut Report) -> Result<(), DiskError> {
    let is_tombstone = |name: &str| erasure::file_number(name).is_some();
    visit_files(disk, &dir.join(erasure::FOLDER), is_tombstone, |name, path| {
        let number = erasure::file_number(name).unwrap_or(0);
        report.count(disk, path)?;
        or_damage(erasure::read(disk, path, number), |what| {
            let file = Path::new(erasure::FOLDER).join(name);
            report.add(&file, what, "the store does not open: rows that were erased would come back");
        })?;
        Ok(())
    })?;
    Ok(())
}

fn check_wal(disk: &dyn Disk, dir: &Path, report: &mut Report) -> Result<(), InspectError> {
    let dir = dir.join("wal");
    let mut rows = 0;
    let replayed = again_if_files_went(|| {
        rows = 0;
        let replayed: Result<Replayed, WalError> = replay(disk, &dir, |batch, _| {
            rows += places(&batch).count() as u64;
            Ok(())
        });
        match replayed {
            Err(WalError::Disk(error)) => Err(error.into()),
            replayed => Ok(replayed),
        }
    })?;
    match replayed {
        Err(error) => report.add(Path::new("wal"), error.to_string(), "the store does not open"),
        Ok(replayed) => {
            report.files += replayed.files.len() as u64;
            report.bytes += replayed.bytes;
            report.rows += rows;
            report.torn_tails = replayed.torn_tails;
            for damage in replayed.damage {
                let what = format!("bytes {} to {}: {}", damage.bytes.start, damage.bytes.end, damage.error);
                let file = Path::new("wal").join(wal::file_name(damage.file));
                report.add(&file, what, "rows of these records, unless they are in segments already");
            }
        }
    }
    Ok(())
}

/// A folder of one table and day.
struct Day<'a> {
    disk: &'a Arc<dyn Disk>,
    dir: &'a Path,
    table: Table,
    folder: &'a str,
}

impl Day<'_> {
    fn check(&self, report: &mut Report) -> Result<(), DiskError> {
        let mut labels = DayLabels::default();
        let home = Path::new(self.table.as_str()).join(self.folder);
        let is_ours = |name: &str| shared::is_day_file(name);
        visit_files(&**self.disk, &self.dir.join(&home), is_ours, |name, path| {
            report.count(&**self.disk, path)?;
            let file = home.join(name);
            if let Some(number) = file_number(name, SEGMENT) {
                self.check_segment(&file, self.place(path, number), &mut labels, report)?;
            } else if let Some(number) = file_number(name, LABELS) {
                self.check_part(&file, self.place(path, number), &mut labels, report)?;
            }
            Ok(())
        })?;
        labels.report_unknown_streams(report);
        Ok(())
    }

    fn place(&self, path: &Path, number: u64) -> Place {
        Place { path: path.to_owned(), quarantine: PathBuf::new(), number }
    }

    fn check_segment(
        &self,
        file: &Path,
        place: Place,
        labels: &mut DayLabels,
        report: &mut Report,
    ) -> Result<(), DiskError> {
        let opened = Segment::open(self.disk.clone(), place).and_then(|segment| {
            catalogue::at_home(segment.footer(), self.table, self.folder)?;
            Ok(segment)
        });
        let segment = or_damage(opened, |what| report.add(file, what, "all rows of the file"))?;
        match segment {
            Some(segment) => pages::check(file, &segment, labels, report),
            None => Ok(()),
        }
    }

    fn check_part(
        &self,
        file: &Path,
        place: Place,
        labels: &mut DayLabels,
        report: &mut Report,
    ) -> Result<(), DiskError> {
        let opened = LabelPart::open(self.disk.clone(), place).and_then(|part| {
            catalogue::at_home(part.footer(), self.table, self.folder)?;
            Ok(part)
        });
        let affected = "its streams are found by no query, with all their rows of the day";
        let part = or_damage(opened, |what| report.add(file, what, affected))?;
        match part {
            Some(part) => labels.add_part(file, &part, report)?,
            None => labels.add_unread_part(),
        }
        Ok(())
    }
}
