//! What happens behind the simulated disk.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::faults::{Call, Faults};
use super::tree::{Change, Tree};
use crate::Entry;

pub(super) type FileId = u64;

/// A file that only grows: what is read, and how much of it is on the medium.
#[derive(Clone, Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    synced: usize,
    /// Given up by a failed sync: read as written until a crash, zeros after it.
    lost: Vec<Range<usize>>,
}

#[derive(Clone, Debug)]
pub(super) struct Machine {
    chance: Chance,
    pub steps: u64,
    crash_at: u64,
    pub is_off: bool,
    pub capacity: u64,
    pub faults: Faults,
    pub refuses_links: bool,
    pub locked: BTreeSet<PathBuf>,
    contents: BTreeMap<FileId, Content>,
    visible: Tree,
    durable: Tree,
    /// Changes of names that are visible and not yet durable, oldest first.
    pending: Vec<Change>,
}

/// Whether a change happens wholly, or is the one at which the power goes.
#[derive(PartialEq)]
enum Fate {
    Whole,
    Cut,
}

impl Machine {
    pub fn new(seed: u64) -> Self {
        Self {
            chance: Chance(seed),
            steps: 0,
            crash_at: u64::MAX,
            is_off: false,
            capacity: u64::MAX,
            faults: Faults::default(),
            refuses_links: false,
            locked: BTreeSet::new(),
            contents: BTreeMap::new(),
            visible: Tree::default(),
            durable: Tree::default(),
            pending: Vec::new(),
        }
    }

    pub fn crash_after(&mut self, steps: u64) {
        self.crash_at = self.steps + steps;
    }

    fn step(&mut self) -> io::Result<Fate> {
        self.check_power()?;
        self.steps += 1;
        self.is_off = self.steps == self.crash_at;
        Ok(if self.is_off { Fate::Cut } else { Fate::Whole })
    }

    fn check_power(&self) -> io::Result<()> {
        if self.is_off { Err(power_cut()) } else { Ok(()) }
    }

    fn change(&mut self, call: Call, change: Change) -> io::Result<()> {
        self.faults.of(call)?;
        let fate = self.step()?;
        if fate == Fate::Whole || self.chance.coin() {
            self.visible.apply(&change);
            self.pending.push(change);
        }
        if fate == Fate::Cut { Err(power_cut()) } else { Ok(()) }
    }

    pub fn create(&mut self, path: &Path) -> io::Result<FileId> {
        self.check_power()?;
        let has_folder = path.parent().is_some_and(|dir| self.visible.dirs.contains(dir));
        if !has_folder {
            return Err(io::ErrorKind::NotFound.into());
        }
        let file = self.contents.len() as FileId;
        self.contents.insert(file, Content::default());
        self.change(Call::Create, Change::Link { path: path.to_owned(), file })?;
        Ok(file)
    }

    pub fn find(&self, path: &Path) -> io::Result<FileId> {
        self.check_power()?;
        self.visible.files.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub fn len(&self, file: FileId) -> io::Result<u64> {
        self.check_power()?;
        Ok(self.contents[&file].bytes.len() as u64)
    }

    pub fn bytes(&mut self, file: FileId) -> io::Result<&[u8]> {
        self.check_power()?;
        self.faults.of_read(file)?;
        Ok(&self.contents[&file].bytes)
    }

    fn content(&mut self, file: FileId) -> &mut Content {
        self.contents.entry(file).or_default()
    }

    pub fn append(&mut self, file: FileId, bytes: &[u8]) -> io::Result<()> {
        self.check_power()?;
        let fault = self.faults.of(Call::Append);
        let fate = self.step()?;
        let room = usize::try_from(self.free_room()).unwrap_or(usize::MAX);
        let whole = bytes.len().min(room);
        let is_short = fate == Fate::Cut || fault.is_err();
        let taken = if is_short { self.chance.below(whole + 1) } else { whole };
        self.content(file).bytes.extend_from_slice(&bytes[..taken]);
        match fate {
            Fate::Cut => Err(power_cut()),
            Fate::Whole if fault.is_err() => fault,
            Fate::Whole if whole < bytes.len() => Err(io::ErrorKind::StorageFull.into()),
            Fate::Whole => Ok(()),
        }
    }

    /// A sync that fails loses what it should have made durable, as Linux does after a write
    /// error.
    pub fn sync(&mut self, file: FileId) -> io::Result<()> {
        self.check_power()?;
        let fault = self.faults.of(Call::Sync);
        let fate = self.step()?;
        let happens = fate == Fate::Whole || self.chance.coin();
        let content = self.content(file);
        if happens {
            if fault.is_err() {
                content.lost.push(content.synced..content.bytes.len());
            }
            content.synced = content.bytes.len();
        }
        match fate {
            Fate::Cut => Err(power_cut()),
            Fate::Whole => fault,
        }
    }

    pub fn truncate(&mut self, path: &Path, len: u64) -> io::Result<()> {
        let file = self.find(path)?;
        self.faults.of(Call::Truncate)?;
        let fate = self.step()?;
        if fate == Fate::Whole || self.chance.coin() {
            let content = self.content(file);
            content.bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX));
            let end = content.bytes.len();
            content.synced = end;
            content.lost.iter_mut().for_each(|lost| *lost = lost.start.min(end)..lost.end.min(end));
        }
        if fate == Fate::Cut { Err(power_cut()) } else { Ok(()) }
    }

    pub fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.check_power()?;
        if !self.visible.files.contains_key(from) && !self.visible.dirs.contains(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if self.visible.dirs.contains(from) {
            // Changes inside would have to follow the folder's name; they are settled first.
            self.settle(|change| change.folders().iter().any(|folder| folder == from));
        }
        self.change(Call::Rename, Change::Rename { from: from.to_owned(), to: to.to_owned() })
    }

    pub fn link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let file = self.find(from)?;
        if self.refuses_links {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        if self.visible.files.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !to.parent().is_some_and(|dir| self.visible.dirs.contains(dir)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change(Call::Create, Change::Link { path: to.to_owned(), file })
    }

    pub fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.find(path)?;
        self.change(Call::Remove, Change::Remove { path: path.to_owned() })
    }

    pub fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.check_power()?;
        if !self.visible.dirs.contains(dir) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_inside = |path: &Path| path.parent() == Some(dir);
        let files = self.visible.files.iter().filter(|(path, _)| is_inside(path)).map(|(path, file)| Entry {
            name: name(path),
            is_dir: false,
            bytes: self.contents[file].bytes.len() as u64,
        });
        let dirs = self.visible.dirs.iter().filter(|path| is_inside(path));
        let dirs = dirs.map(|path| Entry { name: name(path), is_dir: true, bytes: 0 });
        let mut entries: Vec<Entry> = files.chain(dirs).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Durable at once, as the trait promises, with all that happened in the folder above.
    pub fn create_dir(&mut self, dir: &Path) -> io::Result<()> {
        self.check_power()?;
        if self.visible.dirs.contains(dir) {
            return Ok(());
        }
        self.faults.of(Call::Create)?;
        let fate = self.step()?;
        if fate == Fate::Whole || self.chance.coin() {
            let above = dir.parent().unwrap_or(dir).to_owned();
            self.settle(|change| change.folders().contains(&above));
            for dir in dir.ancestors() {
                self.visible.dirs.insert(dir.to_owned());
                self.durable.dirs.insert(dir.to_owned());
            }
        }
        if fate == Fate::Cut { Err(power_cut()) } else { Ok(()) }
    }

    pub fn remove_dir(&mut self, dir: &Path) -> io::Result<()> {
        if !self.list(dir)?.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        self.change(Call::Remove, Change::RemoveDir { path: dir.to_owned() })
    }

    pub fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        self.check_power()?;
        self.faults.of(Call::SyncDir)?;
        let fate = self.step()?;
        if fate == Fate::Whole || self.chance.coin() {
            self.settle(|change| change.folders().iter().any(|folder| folder == dir));
        }
        if fate == Fate::Cut { Err(power_cut()) } else { Ok(()) }
    }

    /// Makes the chosen changes durable, oldest first.
    fn settle(&mut self, is_chosen: impl Fn(&Change) -> bool) {
        let (chosen, rest) = std::mem::take(&mut self.pending).into_iter().partition(is_chosen);
        self.pending = rest;
        let chosen: Vec<Change> = chosen;
        chosen.iter().for_each(|change| self.durable.apply(change));
    }

    pub fn used_bytes(&self) -> u64 {
        let files: BTreeSet<&FileId> = self.visible.files.values().collect();
        files.into_iter().map(|file| self.contents[file].bytes.len() as u64).sum()
    }

    fn free_room(&self) -> u64 {
        self.capacity.saturating_sub(self.used_bytes())
    }

    pub fn free_bytes(&self) -> io::Result<u64> {
        self.check_power()?;
        Ok(self.free_room())
    }

    pub fn flip_bit(&mut self, path: &Path, bit: u64) -> io::Result<()> {
        let file = self.find(path)?;
        let byte = self.content(file).bytes.get_mut((bit / 8) as usize);
        *byte.ok_or(io::ErrorKind::UnexpectedEof)? ^= 1 << (bit % 8);
        Ok(())
    }

    /// The process is gone and the machine goes on: what was written is there, and what was
    /// not synced can still be lost.
    pub fn restart(&mut self) -> Machine {
        self.is_off = true;
        let mut next = self.clone();
        next.chance = Chance(self.chance.next());
        (next.is_off, next.crash_at) = (false, u64::MAX);
        next.locked.clear();
        next
    }

    /// Of changes that were not synced, each folder keeps the older ones up to a point; of
    /// bytes that were not synced, some or none are there, and those may be wrong.
    pub fn reboot(&mut self) -> Machine {
        self.is_off = true;
        let mut tree = self.durable.clone();
        let mut stopped: BTreeSet<PathBuf> = BTreeSet::new();
        for change in &self.pending {
            let folders = change.folders();
            if self.chance.below(3) == 0 || folders.iter().any(|folder| stopped.contains(folder)) {
                stopped.extend(folders);
            } else {
                tree.apply(change);
            }
        }
        let mut next = Machine::new(self.chance.next());
        next.capacity = self.capacity;
        next.refuses_links = self.refuses_links;
        for (file, content) in &self.contents {
            let bytes = surviving(content, &mut self.chance);
            let synced = bytes.len();
            next.contents.insert(*file, Content { bytes, synced, lost: Vec::new() });
        }
        tree = tree.without_orphans();
        next.visible = tree.clone();
        next.durable = tree;
        next
    }
}

/// What a medium writes at once.
const SECTOR_BYTES: usize = 512;

fn surviving(content: &Content, chance: &mut Chance) -> Vec<u8> {
    let loose = content.bytes.len() - content.synced.min(content.bytes.len());
    let kept = match chance.below(4) {
        0 => 0,
        1 => loose,
        _ => chance.below(loose + 1),
    };
    let synced = content.bytes.len() - loose;
    let mut bytes = content.bytes[..synced + kept].to_vec();
    for range in &content.lost {
        bytes[range.clone()].fill(0);
    }
    if kept > 0 && chance.below(4) == 0 {
        // Sectors that never arrived although later ones did.
        for start in (synced..bytes.len()).step_by(SECTOR_BYTES) {
            let end = (start / SECTOR_BYTES * SECTOR_BYTES + SECTOR_BYTES).min(bytes.len());
            if chance.coin() {
                bytes[start.min(end)..end].fill(0);
            }
        }
    }
    bytes
}

fn power_cut() -> io::Error {
    io::Error::other("the power is gone")
}

/// SplitMix64: small, and good enough to choose faults.
#[derive(Clone, Debug)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }
}
