//! Going through a folder in which somebody works.

use std::collections::BTreeSet;
use std::path::Path;

use disk::{Disk, DiskError};

/// A store adds or removes a few files in seconds; one round takes much less.
const ROUNDS_MAX: u32 = 100;

/// Visits the wanted files of a folder until a listing shows none that was not visited, and
/// returns the names of that last listing. So everything that the folder held at one moment,
/// not earlier than the call, was visited: when a file goes before its turn, what came in its
/// place is in the next listing. A folder that is not there is empty.
pub fn visit_files(
    disk: &dyn Disk,
    dir: &Path,
    is_wanted: impl Fn(&str) -> bool,
    mut visit: impl FnMut(&str, &Path) -> Result<(), DiskError>,
) -> Result<BTreeSet<String>, DiskError> {
    let mut visited = BTreeSet::new();
    for _ in 0..ROUNDS_MAX {
        let names = names(disk, dir, &is_wanted)?;
        if names.is_subset(&visited) {
            return Ok(names);
        }
        for name in names.difference(&visited.clone()) {
            match visit(name, &dir.join(name)) {
                Ok(()) => drop(visited.insert(name.clone())),
                Err(error) if error.is_missing() => {}
                Err(error) => return Err(error),
            }
        }
    }
    Err(DiskError::new("read all files of", dir, std::io::Error::other("it keeps changing")))
}

fn names(
    disk: &dyn Disk,
    dir: &Path,
    is_wanted: &impl Fn(&str) -> bool,
) -> Result<BTreeSet<String>, DiskError> {
    let entries = match disk.list(dir) {
        Err(error) if error.is_missing() => return Ok(BTreeSet::new()),
        listed => listed?,
    };
    let files = entries.into_iter().filter(|entry| !entry.is_dir && is_wanted(&entry.name));
    Ok(files.map(|entry| entry.name).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use disk::sim::SimDisk;
    use disk::write_atomically;

    use super::*;

    #[test]
    fn a_file_that_goes_before_its_turn_is_looked_for_under_its_new_name() {
        let dir = Path::new("/d");
        let disk = SimDisk::new(1);
        disk.create_dir(dir).unwrap();
        for name in ["1", "2", "3", "other"] {
            write_atomically(&disk, &dir.join(name), b"").unwrap();
        }
        let mut seen = Vec::new();
        let last = visit_files(
            &disk,
            dir,
            |name| name != "other",
            |name, path| {
                disk.open(path)?;
                if name == "1" {
                    // As by a merge: the new file comes first, then the old ones go.
                    write_atomically(&disk, &dir.join("4"), b"").unwrap();
                    ["1", "2"].iter().for_each(|name| disk.remove(&dir.join(name)).unwrap());
                }
                seen.push(name.to_owned());
                Ok(())
            },
        );
        assert_eq!(last.unwrap(), BTreeSet::from(["3".to_owned(), "4".to_owned()]));
        assert_eq!(seen, ["1", "3", "4"]);
    }

    #[test]
    fn a_folder_that_never_rests_is_an_error_and_a_missing_one_is_empty() {
        let dir = Path::new("/d");
        let disk = SimDisk::new(1);
        assert!(visit_files(&disk, dir, |_| true, |_, _| Ok(())).unwrap().is_empty());
        disk.create_dir(dir).unwrap();
        write_atomically(&disk, &dir.join("0"), b"").unwrap();
        let mut next = 0;
        let restless = visit_files(
            &disk,
            dir,
            |_| true,
            |_, _| {
                next += 1;
                write_atomically(&disk, &dir.join(next.to_string()), b"")
            },
        );
        assert!(restless.unwrap_err().source.to_string().contains("keeps changing"));
    }
}
