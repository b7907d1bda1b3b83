//! Whether a backup is what was taken, and whether a store would open it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, DiskError};

use super::BackupError;
use super::manifest::{Manifest, digest, files_below};
use crate::inspect::{self, Damage};
use crate::settings::EmbeddedParts;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub manifest: Manifest,
    /// In segments and in the WAL; rows may be in both.
    pub rows: u64,
    /// In order of files; empty when all is well.
    pub damage: Vec<Damage>,
}

/// Holds every file against the manifest, reads everything in it, and opens it as a store
/// would, all without changing it.
pub fn verify(dir: &Path, parts: &EmbeddedParts) -> Result<Verified, BackupError> {
    let manifest = Manifest::read(&*parts.disk, dir)?;
    let mut damage = compare(&parts.disk, dir, &manifest)?;
    let mut rows = 0;
    match inspect::check(&parts.disk, dir) {
        Ok(report) => {
            rows = report.rows;
            damage.extend(report.damage);
        }
        Err(error) => damage.push(of_all(&error)),
    }
    // What is damaged would be set aside; the rest must make a store all the same.
    if damage.is_empty() {
        damage.extend(inspect::try_open(dir, parts).err().map(|error| of_all(&error)));
    }
    damage.sort();
    Ok(Verified { manifest, rows, damage })
}

fn of_all(error: &dyn std::error::Error) -> Damage {
    let source = error.source().map_or(String::new(), |source| format!(": {source}"));
    Damage {
        file: PathBuf::from("."),
        what: format!("{error}{source}"),
        affected: "a store does not open it".to_owned(),
    }
}

/// Files that are missing, differ, or are not in the manifest.
fn compare(disk: &Arc<dyn Disk>, dir: &Path, manifest: &Manifest) -> Result<Vec<Damage>, DiskError> {
    let damage = |file: &str, what: String, affected: &str| Damage {
        file: PathBuf::from(file),
        what,
        affected: affected.to_owned(),
    };
    let mut found = Vec::new();
    for listed in &manifest.files {
        let what = match digest(&**disk, &dir.join(&listed.file)) {
            Ok((bytes, _)) if bytes != listed.bytes => {
                format!("it has {bytes} bytes, the manifest says {}", listed.bytes)
            }
            Ok((_, sha256)) if sha256 != listed.sha256 => "its checksum is not the manifest's".to_owned(),
            Ok(_) => continue,
            Err(error) if error.is_missing() => "it is missing".to_owned(),
            Err(error) if error.is_medium_fault() => error.source.to_string(),
            Err(error) => return Err(error),
        };
        found.push(damage(&listed.file, what, "what is in it"));
    }
    let known: BTreeSet<&str> = manifest.files.iter().map(|listed| listed.file.as_str()).collect();
    for file in files_below(&**disk, dir)? {
        if !known.contains(file.as_str()) {
            found.push(damage(&file, "it is not in the manifest".to_owned(), "nothing; it is not restored"));
        }
    }
    Ok(found)
}
