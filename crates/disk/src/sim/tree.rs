//! Names: which files and folders there are, and changes of that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::machine::FileId;

#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    pub files: BTreeMap<PathBuf, FileId>,
    pub dirs: BTreeSet<PathBuf>,
}

#[derive(Clone, Debug)]
pub(super) enum Change {
    Link { path: PathBuf, file: FileId },
    Rename { from: PathBuf, to: PathBuf },
    Remove { path: PathBuf },
    RemoveDir { path: PathBuf },
}

impl Change {
    /// The folders of which entries change.
    pub fn folders(&self) -> Vec<PathBuf> {
        let parent = |path: &Path| path.parent().unwrap_or(Path::new("/")).to_owned();
        match self {
            Change::Link { path, .. } | Change::Remove { path } | Change::RemoveDir { path } => {
                vec![parent(path)]
            }
            Change::Rename { from, to } => vec![parent(from), parent(to)],
        }
    }
}

impl Tree {
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Link { path, file } => {
                self.files.insert(path.clone(), *file);
            }
            Change::Remove { path } => {
                self.files.remove(path);
            }
            Change::RemoveDir { path } => {
                self.dirs.remove(path);
            }
            Change::Rename { from, to } => self.rename(from, to),
        }
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        if let Some(file) = self.files.remove(from) {
            self.files.insert(to.to_owned(), file);
        }
        let moved = |path: &Path| path.strip_prefix(from).ok().map(|rest| to.join(rest));
        let inside: Vec<PathBuf> = self.files.keys().filter(|path| path.starts_with(from)).cloned().collect();
        for path in inside {
            if let (Some(file), Some(target)) = (self.files.remove(&path), moved(&path)) {
                self.files.insert(target, file);
            }
        }
        if self.dirs.remove(from) {
            self.dirs.insert(to.to_owned());
        }
    }

    /// Files of which the folder did not survive are not there.
    pub fn without_orphans(mut self) -> Self {
        let dirs = &self.dirs;
        self.files.retain(|path, _| path.parent().is_some_and(|parent| dirs.contains(parent)));
        self
    }
}
