//! Rows that must no longer be there.
//!
//! An erasure first writes out what is in memory, then puts down a [`Tombstone`]: it hides
//! the rows that it selects in every segment with a smaller number, at once. Merges leave
//! such rows out; upkeep rewrites the segments that have some ([`crate::merge`]), and when
//! none is left the tombstone goes. Rows that are appended later are in segments with
//! greater numbers, so no tombstone touches them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use columns::Corrupt;
use columns::bytes::{Cursor, put_text, put_uint};
use disk::{Disk, DiskError, frame, read_all, write_atomically};
use index::{Index, Selector};
use model::{Batch, MatchOp, Matcher, TimeRange, Timestamp};
use roaring::RoaringBitmap;
use storage::{Erasure, attribute_matches};

use crate::batch::{Row, retain_rows};
use crate::files::FileError;
use crate::rows::Rows;
use crate::segment::Segment;
use crate::shared::{DayFiles, Shared};
use crate::table::Table;

#[derive(Debug)]
pub struct Tombstone {
    /// Segments with smaller numbers are subject to it.
    pub number: u64,
    /// So are WAL files up to this number, should they still be there when they are replayed.
    pub wal_last: u64,
    pub tables: Vec<Table>,
    pub range: TimeRange,
    pub stream: Vec<Matcher>,
    pub attributes: Vec<Matcher>,
}

impl Tombstone {
    pub fn new(number: u64, wal_last: u64, erasure: &Erasure) -> Self {
        let holds_any = |table: &Table| erasure.signals.contains(&table.signal());
        Self {
            number,
            wal_last,
            tables: Table::ALL.into_iter().filter(holds_any).collect(),
            range: erasure.range,
            stream: erasure.stream.clone(),
            attributes: erasure.attributes.clone(),
        }
    }

    /// Whether rows of the segment can be meant, as far as its footer tells.
    pub fn may_concern(&self, segment: &Segment) -> bool {
        segment.number() < self.number
            && self.tables.contains(&segment.footer().table)
            && self.range.overlaps(segment.times())
    }
}

/// Leaves out of a replayed batch what was erased after it had been written.
pub fn retain_visible(batch: &mut Batch, tombstones: &[Arc<Tombstone>], wal: u64) {
    for tombstone in tombstones.iter().filter(|tombstone| wal <= tombstone.wal_last) {
        let selects = |row: Row<'_>| {
            tombstone.tables.contains(&row.table)
                && tombstone.range.contains(row.at)
                && tombstone.stream.iter().all(|matcher| matcher.matches(row.stream))
                && tombstone.attributes.iter().all(|matcher| attribute_matches(matcher, row.attributes))
        };
        retain_rows(batch, |row| !selects(row));
    }
}

/// The rows of one segment that tombstones hide.
#[derive(Debug, Default)]
pub struct Erased {
    rules: Vec<(RoaringBitmap, Arc<Tombstone>)>,
}

impl Erased {
    /// Of the tombstones those that concern the segment, with the streams that they mean.
    pub fn of(
        shared: &Shared,
        tombstones: &[Arc<Tombstone>],
        files: &DayFiles,
        segment: &Segment,
    ) -> Result<Self, FileError> {
        let mut rules = Vec::new();
        for tombstone in tombstones.iter().filter(|tombstone| tombstone.may_concern(segment)) {
            let selector = Selector::new(&tombstone.stream);
            let mut streams = RoaringBitmap::new();
            for part in &files.parts {
                streams |= part.read(&shared.parts)?.select_with(&selector)?;
            }
            if !streams.is_empty() {
                rules.push((streams, tombstone.clone()));
            }
        }
        Ok(Self { rules })
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a stream of the segment may have rows that are hidden.
    pub fn concerns_any(&self, streams: &[u32]) -> bool {
        self.rules.iter().any(|(erased, _)| streams.iter().any(|stream| erased.contains(*stream)))
    }

    pub fn apply<R: Rows>(&self, stream: u32, rows: &mut R) {
        for (_, tombstone) in self.rules.iter().filter(|(streams, _)| streams.contains(stream)) {
            rows.erase(tombstone.range, &tombstone.attributes);
        }
    }
}

pub const HEAD: [u8; 8] = *b"WKDEL\0\0\x01";
const ENDING: &str = ".del";
const WHAT: &str = "a tombstone";

/// The folder within the data directory.
pub const FOLDER: &str = "erased";

pub fn dir(shared: &Shared) -> PathBuf {
    shared.settings.dir.join(FOLDER)
}

fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:06}{ENDING}"))
}

pub fn write(disk: &dyn Disk, dir: &Path, tombstone: &Tombstone) -> Result<(), DiskError> {
    let mut out = HEAD.to_vec();
    frame::push(&mut out, 0, &encode(tombstone));
    write_atomically(disk, &path(dir, tombstone.number), &out)
}

pub fn remove(disk: &dyn Disk, dir: &Path, tombstone: &Tombstone) -> Result<(), DiskError> {
    disk.remove(&path(dir, tombstone.number))?;
    disk.sync_dir(dir)
}

/// All tombstones of the folder. One that cannot be read is an error: what it hides must
/// not come back unnoticed.
pub fn read_dir(disk: &dyn Disk, dir: &Path) -> Result<Vec<Arc<Tombstone>>, (PathBuf, FileError)> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: FileError| (path.clone(), error)
    };
    let mut found = Vec::new();
    for entry in disk.list(dir).map_err(|error| failed(dir)(error.into()))? {
        let Some(number) = file_number(&entry.name) else { continue };
        let path = path(dir, number);
        found.push(Arc::new(read(disk, &path, number).map_err(failed(&path))?));
    }
    Ok(found)
}

pub fn file_number(name: &str) -> Option<u64> {
    name.strip_suffix(ENDING)?.parse().ok()
}

pub fn read(disk: &dyn Disk, path: &Path, number: u64) -> Result<Tombstone, FileError> {
    let bytes = read_all(disk, path)?;
    let payload = bytes.strip_prefix(&HEAD).and_then(|framed| frame::read(framed, 0).ok());
    Ok(decode(number, payload.ok_or(Corrupt(WHAT))?)?)
}

fn encode(tombstone: &Tombstone) -> Vec<u8> {
    let mut out = Vec::new();
    put_uint(&mut out, tombstone.wal_last);
    put_uint(&mut out, tombstone.tables.len() as u64);
    out.extend(tombstone.tables.iter().map(|table| table.tag()));
    out.extend_from_slice(&tombstone.range.start.as_nanos().to_le_bytes());
    out.extend_from_slice(&tombstone.range.end.as_nanos().to_le_bytes());
    for matchers in [&tombstone.stream, &tombstone.attributes] {
        put_uint(&mut out, matchers.len() as u64);
        for matcher in matchers {
            put_text(&mut out, matcher.name());
            out.push(matcher.op() as u8);
            put_text(&mut out, matcher.value());
        }
    }
    out
}

fn decode(number: u64, bytes: &[u8]) -> Result<Tombstone, Corrupt> {
    let mut cursor = Cursor::new(bytes, WHAT);
    let wal_last = cursor.uint()?;
    let mut tables = Vec::new();
    for _ in 0..cursor.count()? {
        let tag = cursor.byte()?;
        tables.push(Table::ALL.into_iter().find(|table| table.tag() == tag).ok_or(Corrupt(WHAT))?);
    }
    let start = Timestamp::from_nanos(cursor.word()? as i64);
    let end = Timestamp::from_nanos(cursor.word()? as i64);
    let stream = read_matchers(&mut cursor)?;
    let attributes = read_matchers(&mut cursor)?;
    cursor.finish()?;
    Ok(Tombstone { number, wal_last, tables, range: TimeRange::new(start, end), stream, attributes })
}

fn read_matchers(cursor: &mut Cursor<'_>) -> Result<Vec<Matcher>, Corrupt> {
    const OPS: [MatchOp; 4] = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Matches, MatchOp::NotMatches];
    (0..cursor.count()?)
        .map(|_| {
            let name = cursor.text()?;
            let op = *OPS.get(usize::from(cursor.byte()?)).ok_or(Corrupt(WHAT))?;
            Matcher::new(name, op, cursor.text()?).map_err(|_| Corrupt(WHAT))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use storage::Signal;

    use super::*;

    #[test]
    fn a_tombstone_comes_back_and_a_cut_one_is_corrupt() {
        let erasure = Erasure {
            signals: vec![Signal::Logs, Signal::Spans],
            range: TimeRange::new(Timestamp::from_secs(-1), Timestamp::MAX),
            stream: vec![Matcher::new("agent", MatchOp::NotMatches, "a|b").unwrap()],
            attributes: vec![Matcher::equal("user.email", "x@example.org")],
        };
        let bytes = encode(&Tombstone::new(7, 3, &erasure));
        let found = decode(7, &bytes).unwrap();
        assert_eq!(encode(&found), bytes);
        assert_eq!((found.number, found.wal_last, found.tables), (7, 3, vec![Table::Logs, Table::Spans]));
        assert!((0..bytes.len()).all(|end| decode(7, &bytes[..end]).is_err()));
    }
}
