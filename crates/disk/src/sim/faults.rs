//! Faults that a test orders: which call fails, how, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard};

use rustix::io::Errno;

use super::machine::FileId;

/// What a program asks of a disk, as far as it can be told to fail or to stall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    Create,
    Append,
    Sync,
    Truncate,
    Rename,
    Remove,
    SyncDir,
}

impl Call {
    pub const ALL: [Call; 7] =
        [Call::Create, Call::Append, Call::Sync, Call::Truncate, Call::Rename, Call::Remove, Call::SyncDir];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The medium does not answer (EIO).
    Medium,
    /// There is no room (ENOSPC).
    Full,
}

impl Cause {
    pub(super) fn error(self) -> io::Error {
        match self {
            Cause::Medium => Errno::IO.into(),
            Cause::Full => Errno::NOSPC.into(),
        }
    }
}

/// What was ordered and has not happened yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    /// Per call: how many of it still succeed, and why the next one does not.
    ordered: Vec<(Call, u64, Cause)>,
    /// How many reads of a file still fail.
    reads: BTreeMap<FileId, u64>,
    pub is_read_only: bool,
}

impl Faults {
    pub fn order(&mut self, call: Call, after: u64, cause: Cause) {
        self.ordered.push((call, after, cause));
    }

    pub fn order_reads(&mut self, file: FileId, count: u64) {
        self.reads.insert(file, count);
    }

    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether this call fails.
    pub fn of(&mut self, call: Call) -> io::Result<()> {
        if self.is_read_only {
            return Err(Errno::ROFS.into());
        }
        let mut found = None;
        self.ordered.retain_mut(|(other, after, cause)| {
            let is_due = *other == call && *after == 0 && found.is_none();
            if is_due {
                found = Some(*cause);
            } else if *other == call {
                *after = after.saturating_sub(1);
            }
            !is_due
        });
        found.map_or(Ok(()), |cause| Err(cause.error()))
    }

    pub fn of_read(&mut self, file: FileId) -> io::Result<()> {
        match self.reads.get_mut(&file) {
            Some(left) if *left > 0 => {
                *left -= 1;
                Err(Errno::IO.into())
            }
            _ => Ok(()),
        }
    }
}

/// Where calls wait while the disk does not move. Nobody else waits with them: reads go on.
#[derive(Debug, Default)]
pub(super) struct Gate {
    stalled: Mutex<(BTreeSet<Call>, usize)>,
    moved: Condvar,
}

impl Gate {
    pub fn close(&self, call: Call) {
        self.lock().0.insert(call);
    }

    pub fn open(&self) {
        self.lock().0.clear();
        self.moved.notify_all();
    }

    pub fn waiting(&self) -> usize {
        self.lock().1
    }

    pub fn pass(&self, call: Call) {
        let mut state = self.lock();
        state.1 += 1;
        while state.0.contains(&call) {
            state = self
                .moved
                .wait(state)
                .expect("the gate's lock is never poisoned: no code under it can panic");
        }
        state.1 -= 1;
    }

    fn lock(&self) -> MutexGuard<'_, (BTreeSet<Call>, usize)> {
        self.stalled.lock().expect("the gate's lock is never poisoned: no code under it can panic")
    }
}
