//! Files from one place to another, in pieces.

use std::path::Path;

use crate::{Disk, DiskError, ReadFile};

/// Few calls for a large file, and little memory.
const PIECE_BYTES: u64 = 1 << 20;

/// Shows all bytes that the file has at the beginning, piece by piece. Returns how many.
pub fn read_pieces<E: From<DiskError>>(
    disk: &dyn Disk,
    path: &Path,
    see: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<u64, E> {
    pieces_of(&*disk.open(path)?, see)
}

fn pieces_of<E: From<DiskError>>(
    file: &dyn ReadFile,
    mut see: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<u64, E> {
    let size = file.size()?;
    let mut piece = vec![0; PIECE_BYTES.min(size) as usize];
    let mut offset = 0;
    while offset < size {
        piece.truncate((size - offset).min(PIECE_BYTES) as usize);
        file.read_at(offset, &mut piece)?;
        see(&piece)?;
        offset += piece.len() as u64;
    }
    Ok(size)
}

/// Writes a new file with the bytes of another, durably; its name is durable when its
/// folder is synced. Of a file that grows meanwhile, the end is left out; one that is
/// removed meanwhile is copied wholly or not at all.
pub fn copy(disk: &dyn Disk, from: &Path, to: &Path) -> Result<u64, DiskError> {
    let file = disk.open(from)?;
    let mut copied = disk.create(to)?;
    let bytes = pieces_of(&*file, |piece| copied.append(piece))?;
    copied.sync()?;
    Ok(bytes)
}

/// For files that never change: a second name where that is possible, otherwise a copy.
pub fn link_or_copy(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), DiskError> {
    match disk.link(from, to) {
        Err(error) if is_impossible(&error) => copy(disk, from, to).map(drop),
        done => done,
    }
}

/// Another file system, one that knows no second names, or one on which the file has as
/// many as it may: each system has its own error for that.
fn is_impossible(error: &DiskError) -> bool {
    use std::io::ErrorKind::{AlreadyExists, NotFound};
    !matches!(error.source.kind(), NotFound | AlreadyExists)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::sim::SimDisk;
    use crate::{RealDisk, read_all, write_atomically};

    #[test]
    fn a_copy_has_all_bytes_and_survives_the_power_cut() {
        let bytes: Vec<u8> = (0..PIECE_BYTES * 2 + 5).map(|n| n as u8).collect();
        let disk = SimDisk::new(1);
        disk.create_dir(Path::new("/d")).unwrap();
        write_atomically(&disk, Path::new("/d/f"), &bytes).unwrap();
        assert_eq!(copy(&disk, Path::new("/d/f"), Path::new("/d/g")).unwrap(), bytes.len() as u64);
        disk.sync_dir(Path::new("/d")).unwrap();
        assert_eq!(read_all(&disk.reboot(), Path::new("/d/g")).unwrap(), bytes);
    }

    #[test]
    fn a_file_that_is_not_there_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("f"), dir.path().join("g"));
        assert!(copy(&RealDisk, &from, &to).unwrap_err().is_missing());
        assert!(link_or_copy(&RealDisk, &from, &to).unwrap_err().is_missing());
        assert!(RealDisk.list(dir.path()).unwrap().is_empty());
    }

    #[test]
    fn where_there_are_no_second_names_there_is_a_copy() {
        let (from, to) = (Path::new("/d/f"), Path::new("/d/g"));
        for refuses in [false, true] {
            let disk = SimDisk::new(1);
            disk.create_dir(Path::new("/d")).unwrap();
            write_atomically(&disk, from, b"text").unwrap();
            if refuses {
                disk.refuse_links();
            }
            link_or_copy(&disk, from, to).unwrap();
            assert_eq!(read_all(&disk, to).unwrap(), b"text");
            assert_eq!(disk.used_bytes(), if refuses { 8 } else { 4 });
            assert!(link_or_copy(&disk, from, to).is_err() || refuses, "nothing is replaced by a link");
        }
    }
}
