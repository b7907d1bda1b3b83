//! Good files with mistakes in them, through the doors of the fuzz targets: nothing that is
//! read may panic, hang or take the memory. A short look at what `fuzz/` searches for days.

#![allow(clippy::disallowed_methods, reason = "golden files lie in the sources")]

use std::path::{Path, PathBuf};

use crate::stand::Chance;

type Door = fn(&[u8]);

const DOORS: [(&str, Door); 3] = [
    ("log", embedded::fuzzing::wal),
    ("seg", embedded::fuzzing::segment),
    ("idx", embedded::fuzzing::labels),
];

const MUTATIONS_OF_A_FILE: u64 = 1_500;

fn golden_files(ending: &str) -> Vec<Vec<u8>> {
    let mut found = vec![];
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|other| other == Path::new(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// One to eight mistakes: bits, numbers at their ends, pieces that are missing, doubled or
/// of another file.
fn mutated(good: &[u8], other: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..=chance.below(7) {
        let at = chance.below(bytes.len().max(1) as u64) as usize;
        let length = chance.below(32) as usize;
        let end = (at + length).min(bytes.len());
        match chance.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            1 => bytes[at..end].fill(0xff),
            2 => bytes[at..end].fill(0),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let copy = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, copy));
            }
            _ => {
                let from = chance.below(other.len() as u64) as usize;
                let piece = &other[from..(from + length).min(other.len())];
                drop(bytes.splice(at..end, piece.iter().copied()));
            }
        }
    }
    bytes
}

#[test]
fn files_with_mistakes_are_read_or_refused() {
    for (ending, door) in DOORS {
        let files = golden_files(ending);
        assert!(!files.is_empty(), "there is no golden .{ending}");
        for (place, good) in files.iter().enumerate() {
            for seed in 0..MUTATIONS_OF_A_FILE {
                let mut chance = Chance((place as u64) << 32 | seed);
                let bytes = mutated(good, &files[(place + 1) % files.len()], &mut chance);
                if std::panic::catch_unwind(|| door(&bytes)).is_err() {
                    panic!("seed {seed} of the golden .{ending} number {place} makes the reader panic");
                }
            }
        }
    }
}
