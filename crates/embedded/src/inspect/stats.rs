//! What takes how much room.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use disk::DiskError;
use index::Index;
use serde::Serialize;

use super::{InspectError, again_if_files_went, look};
use crate::erasure;
use crate::settings::EmbeddedParts;
use crate::shared::{DayFiles, Shared};
use crate::table::{Day, Table};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    pub tables: Vec<TableStats>,
    /// Acknowledged rows that are in no table yet.
    pub wal_files: u64,
    pub wal_bytes: u64,
    /// Files that could not be read and were set aside.
    pub quarantine_files: u64,
    pub quarantine_bytes: u64,
    /// Erasures of which not all rows are out of the files yet.
    pub tombstones: u64,
    /// Streams with the most rows, all days together.
    pub top_streams: Vec<StreamStats>,
    /// Label names with the most different values.
    pub top_labels: Vec<LabelStats>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableStats {
    pub table: &'static str,
    pub rows: u64,
    pub bytes: u64,
    pub label_bytes: u64,
    pub days: Vec<DayStats>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DayStats {
    pub day: String,
    pub segments: u64,
    pub rows: u64,
    /// Of segments.
    pub bytes: u64,
    pub label_bytes: u64,
    pub streams: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamStats {
    pub table: &'static str,
    pub labels: String,
    pub rows: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LabelStats {
    pub name: String,
    pub values: u64,
}

/// Reads directories and labels, no rows. The lists of the largest have at most `top`
/// entries.
pub fn stats(dir: &Path, parts: &EmbeddedParts, top: usize) -> Result<Stats, InspectError> {
    again_if_files_went(|| {
        let shared = look(dir, parts)?;
        let mut counted = Counted::default();
        let mut stats = Stats::default();
        (stats.wal_files, stats.wal_bytes) = folder_size(&shared, &shared.wal_dir())?;
        (stats.quarantine_files, stats.quarantine_bytes) = folder_size(&shared, &shared.quarantine_dir())?;
        (stats.tombstones, _) = folder_size(&shared, &erasure::dir(&shared))?;
        for table in Table::ALL {
            let mut of_table = TableStats { table: table.as_str(), ..TableStats::default() };
            for ((_, day), files) in shared.view().days.iter().filter(|((other, _), _)| *other == table) {
                of_table.add(counted.add_day(&shared, table, *day, files)?);
            }
            stats.tables.push(of_table);
        }
        stats.top_streams = counted.top_streams(&shared, top)?;
        stats.top_labels = counted.top_labels(top);
        Ok(stats)
    })
}

fn folder_size(shared: &Shared, dir: &Path) -> Result<(u64, u64), DiskError> {
    let entries = shared.disk.list(dir)?;
    Ok((entries.len() as u64, entries.iter().map(|entry| entry.bytes).sum()))
}

impl TableStats {
    fn add(&mut self, day: DayStats) {
        self.rows += day.rows;
        self.bytes += day.bytes;
        self.label_bytes += day.label_bytes;
        self.days.push(day);
    }
}

/// Rows of one stream over all days, and where its labels are found.
struct StreamRows {
    rows: u64,
    day: Day,
    stream: u32,
}

/// Kept over all days as hashes, so that a million streams take some dozens of megabytes.
#[derive(Default)]
struct Counted {
    streams: HashMap<(Table, u128), StreamRows>,
    values: BTreeMap<String, HashSet<u64>>,
    hasher: RandomState,
}

impl Counted {
    fn add_day(
        &mut self,
        shared: &Shared,
        table: Table,
        day: Day,
        files: &DayFiles,
    ) -> Result<DayStats, InspectError> {
        let mut rows: HashMap<u32, u64> = HashMap::new();
        for segment in &files.segments {
            let directory = segment.directory(&shared.directories)?;
            for (piece, stream) in directory.streams.iter().enumerate() {
                *rows.entry(*stream).or_default() += directory.rows(piece);
            }
        }
        for part in &files.parts {
            let labels = part.read(&shared.parts)?;
            let ids = labels.ids().collect();
            labels
                .visit_labels(&ids, &mut |stream, labels| {
                    let fresh = StreamRows { rows: 0, day, stream };
                    let counted = self.streams.entry((table, labels.hash())).or_insert(fresh);
                    counted.rows += rows.get(&stream).copied().unwrap_or(0);
                })
                .map_err(crate::files::FileError::from)?;
            for name in labels.label_names().map_err(crate::files::FileError::from)? {
                let values = labels.label_values(&name).map_err(crate::files::FileError::from)?;
                let hashes = values.iter().map(|value| self.hasher.hash_one(value));
                self.values.entry(name).or_default().extend(hashes);
            }
        }
        Ok(DayStats {
            day: day.folder(),
            segments: files.segments.len() as u64,
            rows: files.segments.iter().map(|segment| segment.footer().rows).sum(),
            bytes: files.segments.iter().map(|segment| segment.file().bytes).sum(),
            label_bytes: files.parts.iter().map(|part| part.file().bytes).sum(),
            streams: rows.len() as u64,
        })
    }

    fn top_streams(&self, shared: &Shared, top: usize) -> Result<Vec<StreamStats>, InspectError> {
        let mut all: Vec<(Table, &StreamRows)> =
            self.streams.iter().map(|((table, _), counted)| (*table, counted)).collect();
        all.sort_unstable_by_key(|(table, counted)| {
            (std::cmp::Reverse(counted.rows), *table, counted.day, counted.stream)
        });
        let mut found = Vec::new();
        for (table, counted) in all.into_iter().take(top) {
            let view = shared.view();
            let files = view.days.get(&(table, counted.day));
            for part in files.iter().flat_map(|files| &files.parts) {
                let labels = part.read(&shared.parts)?;
                if labels.ids().contains(&counted.stream) {
                    let labels = labels.labels(counted.stream).map_err(crate::files::FileError::from)?;
                    found.push(StreamStats {
                        table: table.as_str(),
                        labels: labels.to_string(),
                        rows: counted.rows,
                    });
                    break;
                }
            }
        }
        Ok(found)
    }

    fn top_labels(self, top: usize) -> Vec<LabelStats> {
        let count = |(name, values): (String, HashSet<u64>)| LabelStats { name, values: values.len() as u64 };
        let mut all: Vec<LabelStats> = self.values.into_iter().map(count).collect();
        all.sort_by(|a, b| b.values.cmp(&a.values).then_with(|| a.name.cmp(&b.name)));
        all.truncate(top);
        all
    }
}
