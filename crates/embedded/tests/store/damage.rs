//! Flipped bits and files that make no sense: noticed, reported, kept, and survived.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use disk::sim::{Call, Cause, SimDisk};
use disk::{Disk, read_all};
use model::{Sample, TimeRange};
use storage::{Appender, LogReader, SampleReader, SpanQuery, SpanReader, Store, Upkeep};

use crate::stand::{DIR, NO_LIMITS, everything, numbered, numbers, open, open_later};

/// What one batch adds: samples, lines and spans.
const ROWS_OF_ONE: usize = 8;

type Row = (String, i64, u64);

/// All rows of all tables, values by their bits.
async fn rows(store: &dyn Store) -> BTreeSet<Row> {
    let series = SampleReader::select(store, &[], TimeRange::ALL, NO_LIMITS).await.unwrap();
    let row = |labels: String, sample: &Sample| (labels, sample.at.as_nanos(), sample.value.to_bits());
    let samples = series
        .iter()
        .flat_map(|series| series.samples.iter().map(move |sample| row(series.labels.to_string(), sample)));
    let logs = LogReader::search_logs(store, &everything()).await.unwrap();
    let logs = logs.iter().map(|record| (format!("{record:?}"), record.at.as_nanos(), 0));
    let spans = SpanReader::search_spans(store, &SpanQuery::of(TimeRange::ALL)).await.unwrap();
    let spans = spans.iter().map(|span| (format!("{span:?}"), span.start.as_nanos(), 0));
    samples.chain(logs).chain(spans).collect()
}

fn files(disk: &SimDisk, dir: &str) -> Vec<PathBuf> {
    let dir = Path::new(DIR).join(dir);
    disk.list(&dir)
        .unwrap()
        .into_iter()
        .filter(|entry| !entry.is_dir)
        .map(|entry| dir.join(entry.name))
        .collect()
}

/// The only segment of a folder.
fn segment(disk: &SimDisk, folder: &str) -> PathBuf {
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "seg");
    files(disk, folder).into_iter().find(is_segment).unwrap()
}

async fn flushed() -> SimDisk {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    for number in 0..12 {
        store.append(numbered(number)).await.unwrap();
    }
    store.flush().await.unwrap();
    disk
}

const FOLDERS: [&str; 4] =
    ["samples/2026-11-23", "samples/2026-11-24", "logs/2026-11-23", "spans/2026-11-24"];

#[tokio::test]
async fn a_flipped_bit_in_a_file_hides_rows_and_never_changes_one() {
    let whole = rows(&*open(&flushed().await)).await;
    let disk = flushed().await;
    for path in FOLDERS.iter().flat_map(|folder| files(&disk, folder)) {
        let (folder, name) = (path.parent().unwrap(), path.display());
        let bits = 8 * read_all(&disk, &path).unwrap().len() as u64;
        // A prime stride meets every part of the file and every bit of a byte.
        for bit in (0..bits).step_by(37) {
            let disk = flushed().await;
            disk.flip_bit(&path, bit).unwrap();
            let before = read_all(&disk, &path).unwrap();
            let found = rows(&*open(&disk)).await;
            assert!(found.is_subset(&whole), "{name}, bit {bit}: a row was changed");
            assert!(found.len() < whole.len(), "{name}, bit {bit}: the damage was not noticed");
            // Other days and tables are not touched by it.
            assert!(found.len() >= whole.len() - 24, "{name}, bit {bit}");
            let mut kept = files(&disk, folder.to_str().unwrap());
            kept.extend(files(&disk, "quarantine"));
            assert!(kept.iter().any(|kept| read_all(&disk, kept).unwrap() == before), "bit {bit}: deleted");
        }
    }
}

#[tokio::test]
async fn a_segment_with_a_damaged_page_goes_to_quarantine_when_it_is_merged() {
    let disk = flushed().await;
    let path = segment(&disk, FOLDERS[2]);
    disk.flip_bit(&path, 8 * 30).unwrap();
    let damaged = read_all(&disk, &path).unwrap();
    let store = open_later(&disk).await;
    for number in 100..110 {
        store.append(numbered(number)).await.unwrap();
        store.flush().await.unwrap();
    }
    store.keep_up().await.unwrap();
    drop(store);
    let kept = files(&disk, "quarantine");
    assert_eq!(kept, [Path::new(DIR).join("quarantine/logs-2026-11-23-000006.seg")]);
    assert_eq!(read_all(&disk, &kept[0]).unwrap(), damaged);
    assert_eq!(files(&disk, FOLDERS[2]).len(), 2, "one of rows, one of labels");
}

#[tokio::test]
async fn a_flipped_bit_in_the_wal_hides_rows_never_changes_one_and_keeps_the_file() {
    let written = async || {
        let disk = SimDisk::new(1);
        let store = open(&disk);
        for number in 0..5 {
            store.append(numbered(number)).await.unwrap();
        }
        disk
    };
    let disk = written().await;
    let whole = rows(&*open(&disk)).await;
    let path = files(&disk, "wal").remove(0);
    let bits = 8 * read_all(&disk, &path).unwrap().len() as u64;
    let (mut lost_none, mut lost_one) = (0, 0);
    for bit in (0..bits).step_by(13) {
        let disk = written().await;
        disk.flip_bit(&path, bit).unwrap();
        let before = read_all(&disk, &path).unwrap();
        let store = open(&disk);
        let found = rows(&*store).await;
        assert!(found.is_subset(&whole), "bit {bit}: a row was changed");
        lost_none += u64::from(found.len() == whole.len());
        lost_one += u64::from(found.len() + ROWS_OF_ONE == whole.len());
        // A flipped length at the very end looks like a torn tail: that is cut. All other
        // damage keeps the file.
        store.flush().await.unwrap();
        assert_eq!(rows(&*store).await, found);
        assert_eq!(files(&disk, "wal").len(), 0);
        if let [copy] = &files(&disk, "quarantine")[..] {
            assert_eq!(read_all(&disk, copy).unwrap(), before);
        } else {
            let last = found.len() + ROWS_OF_ONE;
            assert_eq!(last, whole.len(), "bit {bit}: only the last batch can be cut off");
        }
    }
    // The header can be damaged without loss; a record costs its own rows, and those of
    // streams that it was the first to name.
    assert!(lost_none > 0 && lost_one > 0);
}

#[tokio::test]
async fn files_that_make_no_sense_are_set_aside_or_left_alone() {
    let disk = flushed().await;
    let whole = rows(&*open(&disk)).await;
    let write = |path: &str, bytes: &[u8]| {
        let mut file = disk.create(&Path::new(DIR).join(path)).unwrap();
        file.append(bytes).unwrap();
        file.sync().unwrap();
    };
    write("samples/2026-11-23/000090.seg", b"");
    write("samples/2026-11-23/000091.seg", &[7; 500]);
    write("samples/2026-11-23/notes.txt", b"mine");
    write("samples/2026-11-23/000092.seg.tmp", b"half a segment");
    write("wal/00000099.log", b"");
    write("wal/00000100.log", &[9; 100]);
    write("wal/README", b"mine too");
    // A segment that somebody moved to another day would be dropped at the wrong time.
    let stray = read_all(&disk, &segment(&disk, FOLDERS[0])).unwrap();
    write("samples/2026-11-24/000093.seg", &stray);
    // Nor is it a part of an index.
    write("samples/2026-11-23/000094.idx", &stray);
    let store = open(&disk);
    assert_eq!(rows(&*store).await, whole);
    assert!(files(&disk, FOLDERS[0]).iter().any(|path| path.ends_with("notes.txt")));
    assert!(!files(&disk, FOLDERS[0]).iter().any(|path| path.ends_with("000092.seg.tmp")));
    store.append(numbered(200)).await.unwrap();
    store.flush().await.unwrap();
    let aside: Vec<String> = files(&disk, "quarantine")
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let expected = [
        "samples-2026-11-23-000090.seg",
        "samples-2026-11-23-000091.seg",
        "samples-2026-11-23-000094.idx",
        "samples-2026-11-24-000093.seg",
        "wal-00000100.log",
    ];
    assert_eq!(aside, expected);
    drop(store);
    assert_eq!(rows(&*open(&disk)).await.len(), whole.len() + ROWS_OF_ONE);
}

#[tokio::test]
async fn a_batch_after_a_failed_sync_goes_to_a_new_file_and_the_failed_one_stays_away() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    store.append(numbered(1)).await.unwrap();
    disk.fail(Call::Sync, 0, Cause::Medium);
    let refusal = store.append(numbered(2)).await.unwrap_err();
    assert!(matches!(refusal, storage::AppendError::NotDurable(_)), "{refusal}");
    assert!(refusal.is_retryable());
    assert_eq!(numbers(&*store).await, [1]);
    store.append(numbered(3)).await.unwrap();
    assert_eq!(files(&disk, "wal").len(), 2);
    drop(store);
    let store = open(&disk);
    assert_eq!(numbers(&*store).await, [1, 3]);
    store.append(numbered(2)).await.unwrap();
    assert_eq!(numbers(&*store).await, [1, 2, 3]);
}

/// The WAL outlives its segments when it cannot be removed. What is then replayed for a
/// damaged one is older than its neighbours and must not be taken for their successor.
#[tokio::test]
async fn rows_replayed_for_a_damaged_segment_do_not_replace_its_neighbours() {
    for damaged in 0..3 {
        let disk = SimDisk::new(1);
        let store = open(&disk);
        for number in 0..3 {
            store.append(numbered(number)).await.unwrap();
            disk.fail(Call::Remove, 0, Cause::Medium);
            store.flush().await.unwrap();
        }
        drop(store);
        let disk = disk.reboot();
        for folder in FOLDERS {
            let segments: Vec<PathBuf> = files(&disk, folder)
                .into_iter()
                .filter(|path| path.extension().is_some_and(|e| e == "seg"))
                .collect();
            assert_eq!(segments.len(), 3);
            // In the footer, so that it is noticed at once.
            let bits = 8 * read_all(&disk, &segments[damaged]).unwrap().len() as u64;
            disk.flip_bit(&segments[damaged], bits - 1).unwrap();
        }
        let store = open_later(&disk).await;
        store.append(numbered(3)).await.unwrap();
        for _ in 0..2 {
            store.flush().await.unwrap();
            assert_eq!(numbers(&*store).await, [0, 1, 2, 3], "{damaged}");
            store.keep_up().await.unwrap();
            assert_eq!(numbers(&*store).await, [0, 1, 2, 3], "{damaged}, merged");
        }
        drop(store);
        assert_eq!(numbers(&*open(&disk.reboot())).await, [0, 1, 2, 3], "{damaged}, opened again");
    }
}
