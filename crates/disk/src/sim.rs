//! A disk that forgets, tears and lies, the same way again for the same seed.
//!
//! It keeps two states: what a program sees, and what would survive a power cut. Bytes
//! move from the first to the second by `sync`, names by `sync_dir`; at a crash, chance
//! decides about the rest, file by file and sector by sector, so that what was written
//! later may be there without what was written before ([`SimDisk::crash_after`],
//! [`SimDisk::reboot`]). It also fills up, fails any call, stalls and flips bits when told to.

mod faults;
mod machine;
mod tree;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use faults::Gate;
pub use faults::{Call, Cause};
use machine::{FileId, Machine};

use crate::{AppendFile, DirLock, Disk, DiskError, Entry, LockError, ReadFile};

/// Clones share the disk.
#[derive(Clone, Debug)]
pub struct SimDisk {
    machine: Arc<Mutex<Machine>>,
    gate: Arc<Gate>,
}

impl SimDisk {
    pub fn new(seed: u64) -> Self {
        Self::of(Machine::new(seed))
    }

    fn of(machine: Machine) -> Self {
        Self { machine: Arc::new(Mutex::new(machine)), gate: Arc::default() }
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().expect("the machine's lock is never poisoned: no code under it can panic")
    }

    /// The power goes at the `steps`-th change from now, in the middle of it.
    pub fn crash_after(&self, steps: u64) {
        self.machine().crash_after(steps);
    }

    pub fn has_crashed(&self) -> bool {
        self.machine().is_off
    }

    /// Changes made so far, to know how many steps there are to crash at.
    pub fn steps(&self) -> u64 {
        self.machine().steps
    }

    /// What is found when the power comes back. This disk stays off.
    pub fn reboot(&self) -> SimDisk {
        Self::of(self.machine().reboot())
    }

    /// What is found when only the process ended: all that was written, synced or not. This
    /// disk stays off. Ordered faults stay ordered.
    pub fn restart(&self) -> SimDisk {
        Self::of(self.machine().restart())
    }

    /// Room for so many bytes in all; more is refused as on a full disk.
    pub fn set_capacity(&self, bytes: u64) {
        self.machine().capacity = bytes;
    }

    pub fn used_bytes(&self) -> u64 {
        self.machine().used_bytes()
    }

    /// After so many that succeed, the next `call` of this kind fails. A sync that fails
    /// loses what it should have made durable; an append that fails has taken a part.
    pub fn fail(&self, call: Call, after: u64, cause: Cause) {
        self.machine().faults.order(call, after, cause);
    }

    /// The next `count` reads of the file fail, whatever its name will be by then.
    pub fn fail_reads(&self, path: &Path, count: u64) -> Result<(), DiskError> {
        let mut machine = self.machine();
        let file = machine.find(path).map_err(|e| DiskError::new("damage", path, e))?;
        machine.faults.order_reads(file, count);
        Ok(())
    }

    /// From now on nothing can be changed, as when a file system was remounted after errors.
    pub fn set_read_only(&self) {
        self.machine().faults.is_read_only = true;
    }

    /// The disk is well again, but for what was damaged.
    pub fn heal(&self) {
        self.machine().faults.forget();
    }

    /// From now on such calls wait until the disk [goes on](SimDisk::go_on).
    pub fn stall(&self, call: Call) {
        self.gate.close(call);
    }

    pub fn go_on(&self) {
        self.gate.open();
    }

    /// How many calls wait at this moment.
    pub fn stalled_calls(&self) -> usize {
        self.gate.waiting()
    }

    /// From now on no file gets a second name, as between two file systems.
    pub fn refuse_links(&self) {
        self.machine().refuses_links = true;
    }

    /// Flips one bit of the file.
    pub fn flip_bit(&self, path: &Path, bit: u64) -> Result<(), DiskError> {
        self.machine().flip_bit(path, bit).map_err(|e| DiskError::new("damage", path, e))
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> Result<Box<dyn AppendFile>, DiskError> {
        self.gate.pass(Call::Create);
        let id = self.machine().create(path).map_err(|e| DiskError::new("create", path, e))?;
        Ok(Box::new(SimFile { disk: self.clone(), id, path: path.to_owned() }))
    }

    fn open(&self, path: &Path) -> Result<Box<dyn ReadFile>, DiskError> {
        let id = self.machine().find(path).map_err(|e| DiskError::new("open", path, e))?;
        Ok(Box::new(SimFile { disk: self.clone(), id, path: path.to_owned() }))
    }

    fn truncate(&self, path: &Path, len: u64) -> Result<(), DiskError> {
        self.gate.pass(Call::Truncate);
        self.machine().truncate(path, len).map_err(|e| DiskError::new("truncate", path, e))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        self.gate.pass(Call::Rename);
        self.machine().rename(from, to).map_err(|e| DiskError::new("rename", from, e))
    }

    fn link(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        self.machine().link(from, to).map_err(|e| DiskError::new("link", from, e))
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        self.gate.pass(Call::Remove);
        self.machine().remove(path).map_err(|e| DiskError::new("remove", path, e))
    }

    fn list(&self, dir: &Path) -> Result<Vec<Entry>, DiskError> {
        self.machine().list(dir).map_err(|e| DiskError::new("list", dir, e))
    }

    fn create_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.machine().create_dir(dir).map_err(|e| DiskError::new("create the folder", dir, e))
    }

    fn remove_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.machine().remove_dir(dir).map_err(|e| DiskError::new("remove the folder", dir, e))
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.gate.pass(Call::SyncDir);
        self.machine().sync_dir(dir).map_err(|e| DiskError::new("sync the folder", dir, e))
    }

    fn free_bytes(&self, dir: &Path) -> Result<u64, DiskError> {
        self.machine().free_bytes().map_err(|e| DiskError::new("measure", dir, e))
    }

    fn lock(&self, dir: &Path) -> Result<DirLock, LockError> {
        if !self.machine().locked.insert(dir.to_owned()) {
            return Err(LockError::Held { path: dir.to_owned(), pid: Some(std::process::id()) });
        }
        Ok(DirLock::holding(SimLock { disk: self.clone(), dir: dir.to_owned() }))
    }
}

struct SimLock {
    disk: SimDisk,
    dir: PathBuf,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.machine().locked.remove(&self.dir);
    }
}

struct SimFile {
    disk: SimDisk,
    id: FileId,
    path: PathBuf,
}

impl AppendFile for SimFile {
    fn append(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.disk.gate.pass(Call::Append);
        self.disk.machine().append(self.id, bytes).map_err(|e| DiskError::new("write", &self.path, e))
    }

    fn sync(&mut self) -> Result<(), DiskError> {
        self.disk.gate.pass(Call::Sync);
        self.disk.machine().sync(self.id).map_err(|e| DiskError::new("sync", &self.path, e))
    }
}

impl ReadFile for SimFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        let failed = |e: io::Error| DiskError::new("read", &self.path, e);
        let mut machine = self.disk.machine();
        let bytes = machine.bytes(self.id).map_err(failed)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = start.checked_add(buffer.len()).and_then(|end| bytes.get(start..end));
        buffer.copy_from_slice(found.ok_or_else(|| failed(io::ErrorKind::UnexpectedEof.into()))?);
        Ok(())
    }

    fn size(&self) -> Result<u64, DiskError> {
        self.disk.machine().len(self.id).map_err(|e| DiskError::new("measure", &self.path, e))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::read_all;

    fn disk_with_folder(seed: u64) -> SimDisk {
        let disk = SimDisk::new(seed);
        disk.create_dir(Path::new("/d")).unwrap();
        disk
    }

    #[test]
    fn synced_bytes_under_a_synced_name_survive_and_others_may_not() {
        let path = Path::new("/d/f");
        let mut lengths = std::collections::BTreeSet::new();
        for seed in 0..100 {
            let disk = disk_with_folder(seed);
            let mut file = disk.create(path).unwrap();
            file.append(b"kept").unwrap();
            file.sync().unwrap();
            disk.sync_dir(Path::new("/d")).unwrap();
            file.append(b"perhaps").unwrap();
            let found = read_all(&disk.reboot(), path).unwrap();
            assert!(found.starts_with(b"kept"));
            lengths.insert(found.len());
        }
        assert!(lengths.len() > 3, "tails are torn at different places: {lengths:?}");
    }

    #[test]
    fn a_name_that_was_not_synced_may_be_gone() {
        let survivors = (0..100).filter(|seed| {
            let disk = disk_with_folder(*seed);
            let mut file = disk.create(Path::new("/d/f")).unwrap();
            file.sync().unwrap();
            disk.reboot().open(Path::new("/d/f")).is_ok()
        });
        assert!((1..100).contains(&survivors.count()));
    }

    #[test]
    fn bytes_of_a_failed_sync_are_lost_even_if_a_later_one_succeeds() {
        let disk = disk_with_folder(1);
        let mut file = disk.create(Path::new("/d/f")).unwrap();
        disk.sync_dir(Path::new("/d")).unwrap();
        file.append(b"lost").unwrap();
        disk.fail(Call::Sync, 0, Cause::Medium);
        assert!(file.sync().is_err());
        file.append(b"kept").unwrap();
        file.sync().unwrap();
        assert_eq!(read_all(&disk.reboot(), Path::new("/d/f")).unwrap(), b"\0\0\0\0kept");
    }

    #[test]
    fn a_full_disk_takes_what_fits_and_says_so() {
        let disk = disk_with_folder(1);
        disk.set_capacity(6);
        let mut file = disk.create(Path::new("/d/f")).unwrap();
        file.append(b"1234").unwrap();
        assert!(file.append(b"5678").unwrap_err().is_full());
        assert_eq!(disk.free_bytes(Path::new("/d")).unwrap(), 0);
    }

    #[test]
    fn the_ordered_call_fails_once_and_the_next_succeeds() {
        let disk = disk_with_folder(1);
        let (one, two) = (Path::new("/d/1"), Path::new("/d/2"));
        drop(disk.create(one).unwrap());
        disk.fail(Call::Rename, 1, Cause::Full);
        disk.rename(one, two).unwrap();
        assert!(disk.rename(two, one).unwrap_err().is_full());
        disk.rename(two, one).unwrap();
    }

    #[test]
    fn reads_fail_as_often_as_was_ordered() {
        let disk = disk_with_folder(1);
        let path = Path::new("/d/f");
        disk.create(path).unwrap().append(b"text").unwrap();
        disk.fail_reads(path, 3).unwrap();
        let file = disk.open(path).unwrap();
        let reads: Vec<bool> = (0..5).map(|_| file.read_at(0, &mut [0; 4]).is_ok()).collect();
        assert_eq!(reads, [false, false, false, true, true]);
    }

    #[test]
    fn after_a_restart_unsynced_bytes_are_there_and_can_still_be_lost() {
        let path = Path::new("/d/f");
        let survivors = (0..100).filter(|seed| {
            let disk = disk_with_folder(*seed);
            disk.create(path).unwrap().append(b"text").unwrap();
            let disk = disk.restart();
            assert_eq!(read_all(&disk, path).unwrap(), b"text");
            read_all(&disk.reboot(), path).is_ok_and(|found| found == b"text")
        });
        assert!((1..100).contains(&survivors.count()));
    }

    #[test]
    fn a_read_only_disk_changes_nothing_and_is_read() {
        let disk = disk_with_folder(1);
        let path = Path::new("/d/f");
        let mut file = disk.create(path).unwrap();
        file.append(b"text").unwrap();
        disk.set_read_only();
        assert!(file.append(b"more").is_err() || disk.remove(path).is_err());
        assert!(disk.rename(path, Path::new("/d/g")).is_err());
        assert!(read_all(&disk, path).unwrap().starts_with(b"text"));
    }

    #[test]
    fn a_stalled_call_waits_while_others_go_on() {
        let disk = disk_with_folder(1);
        let mut file = disk.create(Path::new("/d/f")).unwrap();
        disk.stall(Call::Sync);
        std::thread::scope(|scope| {
            scope.spawn(|| file.sync().unwrap());
            while disk.stalled_calls() == 0 {
                std::thread::yield_now();
            }
            disk.create(Path::new("/d/g")).unwrap();
            disk.go_on();
        });
        assert_eq!(disk.stalled_calls(), 0);
    }

    #[test]
    fn a_second_name_outlives_the_first_and_takes_no_room() {
        let (first, second) = (Path::new("/d/f"), Path::new("/d/g"));
        let disk = disk_with_folder(1);
        let mut file = disk.create(first).unwrap();
        file.append(b"shared").unwrap();
        file.sync().unwrap();
        disk.link(first, second).unwrap();
        assert_eq!(disk.used_bytes(), 6);
        assert_eq!(disk.link(first, second).unwrap_err().source.kind(), io::ErrorKind::AlreadyExists);
        disk.remove(first).unwrap();
        assert!(disk.link(first, Path::new("/d/h")).unwrap_err().is_missing());
        disk.sync_dir(Path::new("/d")).unwrap();
        assert_eq!(read_all(&disk.reboot(), second).unwrap(), b"shared");
    }

    #[test]
    fn a_lock_ends_with_its_holder() {
        let disk = disk_with_folder(1);
        let held = disk.lock(Path::new("/d")).unwrap();
        assert!(disk.lock(Path::new("/d")).is_err());
        drop(held);
        assert!(disk.lock(Path::new("/d")).is_ok());
    }
}
