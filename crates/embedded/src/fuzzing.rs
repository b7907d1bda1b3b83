//! Doors for the fuzz targets: each reads one kind of file as the store does, from bytes
//! that may be anything.
//!
//! Checksums would stop nearly all of them at the first frame. So every file is read
//! twice: as it is, and with its checksums made right, as if somebody had meant it so.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use columns::filter::hash_word;
use disk::sim::SimDisk;
use disk::{Disk, frame};
use index::{Index, Selector};
use model::{Batch, MatchOp, Matcher, TimeRange, Timestamp};

use crate::erasure;
use crate::files::{Cache, FOOTER_BYTES, FileError, Place};
use crate::labels::LabelPart;
use crate::rows::{Probe, Rows, of_any_table};
use crate::segment::{Directory, DirectoryCache, Segment, SegmentReader, SegmentScan};
use crate::wal::{self, HEADER_BYTES, WalError};

const HEAD_BYTES: usize = 8;

/// A file of the write-ahead log.
pub fn wal(bytes: &[u8]) {
    let mut sealed = bytes.to_vec();
    if let Some(header) = bytes.get(..HEADER_BYTES) {
        let salt = u32::from_le_bytes([header[16], header[17], header[18], header[19]]);
        sealed[..HEADER_BYTES].copy_from_slice(&wal::header(1, salt));
        seal_frames(&mut sealed[HEADER_BYTES..], salt);
    }
    for bytes in [bytes, &sealed] {
        let disk = disk_with(Path::new("/f/00000001.log"), bytes);
        let take = |batch: Batch, _| {
            drop(batch);
            Ok::<(), WalError>(())
        };
        drop(wal::replay(&disk, Path::new("/f"), take));
    }
}

/// A segment: opened, asked for some streams and times, and read from end to end.
pub fn segment(bytes: &[u8]) {
    for bytes in [bytes, &sealed_file(bytes)] {
        let place = place("000001.seg");
        let disk = Arc::new(disk_with(&place.path, bytes));
        let Ok(segment) = Segment::open(disk, place) else { continue };
        drop(of_any_table!(segment.footer().table, R => read_segment::<R>(&segment)));
    }
}

fn read_segment<R: Rows>(segment: &Segment) -> Result<(), FileError> {
    let cache: DirectoryCache = Cache::new(1 << 20, Directory::memory_bytes);
    let directory = segment.directory(&cache)?;
    let reader = SegmentReader::open(segment, &cache)?;
    let probe = Probe::new(vec![hash_word("error")]);
    let some: Vec<u32> = directory.streams.iter().copied().step_by(2).collect();
    let times = segment.times();
    let half = TimeRange::new(times.start, Timestamp::from_nanos(times.end.as_nanos() / 2));
    drop(reader.streams_with_rows::<R>(&some, half));
    drop(reader.read::<R, FileError>(&some, half, |_, _| Ok(())));
    drop(reader.identities::<R>(half, &probe));
    for mut scan in SegmentScan::<R>::open(segment, &cache)? {
        while let Some((_, mut rows)) = scan.next()? {
            rows.settle();
        }
    }
    Ok(())
}

/// A part of an index: opened, asked everything, and merged.
pub fn labels(bytes: &[u8]) {
    for bytes in [bytes, &sealed_file(bytes)] {
        let place = place("000001.idx");
        let disk = Arc::new(disk_with(&place.path, bytes));
        drop(LabelPart::open(disk, place).and_then(|part| ask(&part)));
    }
}

fn ask(part: &LabelPart) -> Result<(), FileError> {
    let cache = Cache::new(1 << 20, index::Part::memory_bytes);
    let part = part.read(&cache)?;
    let mut all = roaring::RoaringBitmap::new();
    all.insert_range(part.ids());
    let _ = part.visit_labels(&all, &mut |_, _| {});
    for name in part.label_names()?.iter().take(8) {
        let values = part.label_values(name).unwrap_or_default();
        let first = values.first().map_or("x", String::as_str);
        let ops = [(MatchOp::Equal, first), (MatchOp::NotEqual, first), (MatchOp::Matches, "a.*|1")];
        for (op, value) in ops {
            let Ok(matcher) = Matcher::new(name, op, value) else { continue };
            let matchers = [matcher];
            if let Ok(ids) = part.select_with(&Selector::new(&matchers)) {
                drop(part.label_names_among(&ids));
                drop(part.label_values_among(name, &ids));
            }
        }
    }
    for id in part.ids().take(8) {
        drop(part.labels(id));
    }
    index::merge(&[&part])?;
    Ok(())
}

/// A note of what is erased.
pub fn tombstone(bytes: &[u8]) {
    let mut sealed = bytes.to_vec();
    if sealed.len() >= HEAD_BYTES {
        sealed[..HEAD_BYTES].copy_from_slice(&erasure::HEAD);
        seal_frames(&mut sealed[HEAD_BYTES..], 0);
    }
    for bytes in [bytes, &sealed] {
        let disk = disk_with(Path::new("/f/000001.del"), bytes);
        drop(erasure::read_dir(&disk, Path::new("/f")));
    }
}

fn place(name: &str) -> Place {
    Place { path: Path::new("/f").join(name), quarantine: PathBuf::from("/f/quarantine"), number: 1 }
}

fn disk_with(path: &Path, bytes: &[u8]) -> SimDisk {
    let disk = SimDisk::new(1);
    let written = disk.create_dir(Path::new("/f")).and_then(|()| disk.create(path)?.append(bytes));
    written.expect("a simulated disk takes whatever fits into memory");
    disk
}

/// A segment or part with its frames and its footer made right.
fn sealed_file(bytes: &[u8]) -> Vec<u8> {
    let mut sealed = bytes.to_vec();
    let Some(footer) = bytes.len().checked_sub(FOOTER_BYTES).filter(|footer| *footer >= HEAD_BYTES) else {
        return sealed;
    };
    sealed[..HEAD_BYTES].copy_from_slice(&crate::files::HEAD);
    seal_frames(&mut sealed[HEAD_BYTES..footer], 0);
    let end = sealed.len();
    let checksum = crc32fast::hash(&sealed[footer..end - 8]);
    sealed[end - 8..end - 4].copy_from_slice(&checksum.to_le_bytes());
    sealed
}

/// Gives every frame its checksum, as far as lengths lead from one to the next.
fn seal_frames(mut bytes: &mut [u8], salt: u32) {
    while bytes.len() >= frame::HEADER_BYTES {
        let len = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]) as usize;
        // A frame that would be longer than the file takes the rest of it.
        let len = len.min(bytes.len() - frame::HEADER_BYTES);
        let (framed, rest) = bytes.split_at_mut(frame::HEADER_BYTES + len);
        let mut sealed = Vec::new();
        frame::push(&mut sealed, salt, &framed[frame::HEADER_BYTES..]);
        framed.copy_from_slice(&sealed);
        bytes = rest;
    }
}
