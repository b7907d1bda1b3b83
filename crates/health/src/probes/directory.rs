//! Looking at a directory: ours by writing a small file, others without touching anything.

use std::io;
use std::path::Path;

use crate::settings::{Access, ProbedDirectory};

/// A directory with more entries than this is not measured.
const ENTRIES_MAX: usize = 20_000;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DirectoryState {
    pub name: String,
    pub exists: bool,
    /// Of ours only, and only when it has not too many entries.
    pub size_bytes: Option<u64>,
    /// Why it is not in order.
    pub fault: Option<String>,
}

impl DirectoryState {
    pub(crate) fn is_writable(&self) -> bool {
        self.exists && self.fault.is_none()
    }
}

/// Looks, off the event loop: a hung disk must not hold up anything else.
pub(crate) async fn probe(directory: &ProbedDirectory) -> DirectoryState {
    let wanted = directory.clone();
    match tokio::task::spawn_blocking(move || look(&wanted)).await {
        Ok(state) => state,
        Err(error) => DirectoryState {
            name: directory.name.clone(),
            exists: false,
            size_bytes: None,
            fault: Some(format!("the look itself failed: {error}")),
        },
    }
}

fn look(directory: &ProbedDirectory) -> DirectoryState {
    let path = directory.path.as_path();
    let exists = path.is_dir();
    let fault = if !exists {
        Some(format!("`{}` is no directory or cannot be reached", path.display()))
    } else {
        let tried = match directory.access {
            Access::Ours => write_and_delete(path),
            Access::Foreign => rustix::fs::access(path, rustix::fs::Access::WRITE_OK).map_err(Into::into),
        };
        tried.err().map(|error| format!("`{}` cannot be written: {error}", path.display()))
    };
    let size_bytes = (exists && directory.access == Access::Ours).then(|| size(path)).flatten();
    DirectoryState { name: directory.name.clone(), exists, size_bytes, fault }
}

#[expect(clippy::disallowed_methods, reason = "the check is about the real file system and nothing else")]
fn write_and_delete(directory: &Path) -> io::Result<()> {
    // Two of us, or a leftover of a crash, must not be in each other's way.
    let unique = u64::from_le_bytes(runtime::random::bytes());
    let file = directory.join(format!(".watchkeeper-probe-{unique:016x}"));
    let written = std::fs::write(&file, b"written to see whether it can be\n");
    let deleted = std::fs::remove_file(&file);
    written.and(deleted)
}

/// The bytes of all files below, links not followed; nothing when there are too many.
#[expect(clippy::disallowed_methods, reason = "the check is about the real file system and nothing else")]
fn size(directory: &Path) -> Option<u64> {
    let mut waiting = vec![directory.to_owned()];
    let (mut bytes, mut entries) = (0, 0);
    while let Some(directory) = waiting.pop() {
        // What vanishes or is closed to us while we look is not counted.
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            entries += 1;
            if entries > ENTRIES_MAX {
                return None;
            }
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => waiting.push(entry.path()),
                Ok(metadata) => bytes += metadata.len(),
                Err(_) => {}
            }
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods)]

    use super::*;

    fn check(path: &Path, access: Access) -> DirectoryState {
        look(&ProbedDirectory { name: "logs".into(), path: path.to_owned(), access })
    }

    #[test]
    fn a_look_at_ours_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("inner")).unwrap();
        std::fs::write(directory.path().join("inner/file"), [0; 100]).unwrap();
        let state = check(directory.path(), Access::Ours);
        assert_eq!((state.fault.clone(), state.size_bytes), (None, Some(100)));
        assert!(state.is_writable());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_directory_is_named() {
        let state = check(Path::new("/no/such/place"), Access::Foreign);
        assert!(!state.exists && state.fault.unwrap().contains("/no/such/place"));
    }

    #[test]
    fn a_file_is_no_directory() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(!check(file.path(), Access::Ours).exists);
    }

    #[test]
    fn what_cannot_be_written_is_a_fault_of_ours() {
        // Not even root can write here.
        let state = check(Path::new("/proc"), Access::Ours);
        assert!(state.exists && !state.is_writable());
    }
}
