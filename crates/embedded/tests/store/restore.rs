//! Backups that are not what they were, and where they are restored to.

use std::path::{Path, PathBuf};

use disk::sim::SimDisk;
use disk::{Disk, read_all, write_atomically};
use embedded::OpenError;
use embedded::backup::{self, BackupError};
use storage::{Appender, Upkeep};

use crate::backup::{COPY, back_up, parts};
use crate::stand::{DIR, numbered, numbers, open, open_with, settings};

/// With a file of each kind.
async fn backed_up() -> SimDisk {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    for number in 0..3 {
        store.append(numbered(number)).await.unwrap();
    }
    store.flush().await.unwrap();
    store.append(numbered(3)).await.unwrap();
    let erasure = storage::Erasure {
        signals: vec![storage::Signal::Logs],
        range: model::TimeRange::ALL,
        stream: vec![model::Matcher::equal("service", "nobody")],
        attributes: Vec::new(),
    };
    store.erase(&erasure).await.unwrap();
    store.append(numbered(4)).await.unwrap();
    // Copies, so that damage to the backup does not reach the store.
    disk.refuse_links();
    back_up(&disk).unwrap();
    disk
}

/// Files that verify complains about.
fn bad_files(disk: &SimDisk) -> Vec<String> {
    let verified = backup::verify(Path::new(COPY), &parts(disk.clone())).unwrap();
    let mut files: Vec<String> =
        verified.damage.iter().map(|damage| damage.file.to_string_lossy().into_owned()).collect();
    files.dedup();
    files
}

fn files(disk: &SimDisk) -> Vec<String> {
    let manifest = backup::Manifest::read(disk, Path::new(COPY)).unwrap();
    manifest.files.into_iter().map(|file| file.file).collect()
}

fn in_copy(file: &str) -> PathBuf {
    Path::new(COPY).join(file)
}

#[tokio::test]
async fn verify_names_every_file_with_a_flipped_bit_and_changes_nothing() {
    let disk = backed_up().await;
    assert_eq!(bad_files(&disk), [""; 0]);
    let all = files(&disk);
    for kind in [".log", ".seg", ".idx", ".del"] {
        assert!(all.iter().any(|file| file.ends_with(kind)), "{all:?}");
    }
    for file in all {
        let path = in_copy(&file);
        let bits = 8 * read_all(&disk, &path).unwrap().len() as u64;
        for bit in (0..bits).step_by(211) {
            disk.flip_bit(&path, bit).unwrap();
            let steps = disk.steps();
            assert_eq!(bad_files(&disk), [file.as_str()], "bit {bit}");
            assert_eq!(disk.steps(), steps, "it was written to");
            disk.flip_bit(&path, bit).unwrap();
        }
    }
    assert_eq!(bad_files(&disk), [""; 0]);
}

#[tokio::test]
async fn verify_names_files_that_are_missing_cut_longer_or_strange() {
    for file in files(&backed_up().await) {
        let path = in_copy(&file);
        let disk = backed_up().await;
        let bytes = read_all(&disk, &path).unwrap();
        write_atomically(&disk, &path, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(bad_files(&disk), [file.as_str()], "cut");
        write_atomically(&disk, &path, &[&bytes[..], b"x"].concat()).unwrap();
        assert_eq!(bad_files(&disk), [file.as_str()], "longer");
        disk.remove(&path).unwrap();
        let found = bad_files(&disk);
        assert!(found.contains(&file), "missing: {found:?}");
        write_atomically(&disk, &path, &bytes).unwrap();
        assert_eq!(bad_files(&disk), [""; 0]);
        write_atomically(&disk, &in_copy("wal/notes.txt"), b"mine").unwrap();
        assert_eq!(bad_files(&disk), ["wal/notes.txt"]);
    }
}

#[tokio::test]
async fn a_damaged_manifest_is_told_and_nothing_is_restored_by_it() {
    let disk = backed_up().await;
    let path = in_copy("manifest.jsonl");
    let bits = 8 * read_all(&disk, &path).unwrap().len() as u64;
    for bit in (0..bits).step_by(101) {
        disk.flip_bit(&path, bit).unwrap();
        let refused = backup::restore(&disk, Path::new(COPY), Path::new("/restored"));
        let is_refused = matches!(refused, Err(BackupError::DamagedManifest { .. }));
        assert!(is_refused || refused.is_ok(), "bit {bit}");
        if refused.is_ok() {
            break;
        }
        assert!(disk.list(Path::new("/restored")).is_err(), "bit {bit}");
        disk.flip_bit(&path, bit).unwrap();
    }
}

#[tokio::test]
async fn a_restore_goes_into_an_empty_directory_that_nobody_uses() {
    let disk = backed_up().await;
    let store = open(&disk);
    let used = backup::restore(&disk, Path::new(COPY), Path::new(DIR)).unwrap_err();
    assert!(matches!(used, BackupError::Lock(_)), "{used}");
    drop(store);
    let full = backup::restore(&disk, Path::new(COPY), Path::new(DIR)).unwrap_err();
    assert!(matches!(full, BackupError::NotEmpty(_)), "{full}");
    let target = Path::new("/restored");
    disk.create_dir(target).unwrap();
    write_atomically(&disk, &target.join("notes.txt"), b"mine").unwrap();
    let not_empty = backup::restore(&disk, Path::new(COPY), target).unwrap_err();
    assert!(matches!(not_empty, BackupError::NotEmpty(_)), "{not_empty}");
    disk.remove(&target.join("notes.txt")).unwrap();
    backup::restore(&disk, Path::new(COPY), target).unwrap();
    let store = open_with(settings(target), &disk, parts(disk.clone()).clock).unwrap();
    assert_eq!(numbers(&*store).await, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_restore_that_was_cut_off_is_not_taken_for_a_store() {
    let whole = backed_up().await;
    let before = whole.steps();
    backup::restore(&whole, Path::new(COPY), Path::new("/restored")).unwrap();
    for step in 1..=whole.steps() - before {
        let disk = backed_up().await;
        disk.crash_after(step);
        drop(backup::restore(&disk, Path::new(COPY), Path::new("/restored")));
        let disk = disk.reboot();
        match open_with(settings("/restored"), &disk, parts(disk.clone()).clock) {
            Err(OpenError::HalfRestored(_)) => {}
            Err(error) => panic!("step {step}: {error}"),
            Ok(store) => {
                let found = numbers(&*store).await;
                assert!(found.is_empty() || found == [0, 1, 2, 3, 4], "step {step}: {found:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_file_that_changes_between_verify_and_restore_is_noticed() {
    let disk = backed_up().await;
    let file = files(&disk).pop().unwrap();
    disk.flip_bit(&in_copy(&file), 99).unwrap();
    let changed = backup::restore(&disk, Path::new(COPY), Path::new("/restored")).unwrap_err();
    assert!(matches!(&changed, BackupError::Changed(path) if path.ends_with(&file)), "{changed}");
}
