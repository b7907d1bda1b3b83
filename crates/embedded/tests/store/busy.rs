//! A disk through which one party works while another one works between its calls, and rows
//! of which each tells what it should be.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use disk::{AppendFile, DirLock, Disk, DiskError, Entry, LockError, ReadFile};
use model::{LabelSet, LogRecord, LogSeverity, TimeRange, Timestamp};
use storage::{LogReader, SampleReader, SpanQuery, SpanReader, Store};

use crate::stand::{DAY, MIDNIGHT, NO_LIMITS, everything};

/// Calls `meddle` before each call, then the disk.
pub struct BusyDisk<F> {
    pub inner: Arc<dyn Disk>,
    pub meddle: F,
}

impl<F> std::fmt::Debug for BusyDisk<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BusyDisk")
    }
}

impl<F: Fn() + Send + Sync> BusyDisk<F> {
    fn disk(&self) -> &dyn Disk {
        (self.meddle)();
        &*self.inner
    }
}

impl<F: Fn() + Send + Sync> Disk for BusyDisk<F> {
    fn create(&self, path: &Path) -> Result<Box<dyn AppendFile>, DiskError> {
        self.disk().create(path)
    }

    fn open(&self, path: &Path) -> Result<Box<dyn ReadFile>, DiskError> {
        self.disk().open(path)
    }

    fn truncate(&self, path: &Path, len: u64) -> Result<(), DiskError> {
        self.disk().truncate(path, len)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        self.disk().rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        self.disk().link(from, to)
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        self.disk().remove(path)
    }

    fn list(&self, dir: &Path) -> Result<Vec<Entry>, DiskError> {
        self.disk().list(dir)
    }

    fn create_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.disk().create_dir(dir)
    }

    fn remove_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.disk().remove_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.disk().sync_dir(dir)
    }

    fn free_bytes(&self, dir: &Path) -> Result<u64, DiskError> {
        self.disk().free_bytes(dir)
    }

    fn lock(&self, dir: &Path) -> Result<DirLock, LockError> {
        self.disk().lock(dir)
    }
}

/// A batch of a day before those of numbered batches, which retention drops and which may
/// come again. Its stream is new, so that streams of the day are numbered anew each time.
pub fn old(number: u64) -> model::Batch {
    let mut batch = model::Batch::default();
    let at = Timestamp::from_secs(MIDNIGHT - DAY + number as i64);
    let name = number.to_string();
    batch.push_sample(LabelSet::metric("old", [("number", &name)]), at, number as f64);
    let stream = LabelSet::new([("service", "old"), ("number", &name)]);
    batch.logs.push(LogRecord::new(at, stream, LogSeverity::Info, format!("old {name}")));
    batch
}

/// How often each piece of a numbered batch is there. Panics if a row is not what its
/// stream says, or if a piece of an old batch is there twice.
pub async fn pieces(store: &dyn Store) -> BTreeMap<u64, Vec<usize>> {
    const KINDS: usize = 4;
    let mut found: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    let mut old: BTreeMap<(&str, u64), usize> = BTreeMap::new();
    let mut count = |number: u64, kind: usize, at: Timestamp| {
        let day = usize::from(at >= Timestamp::from_secs(MIDNIGHT + DAY));
        found.entry(number).or_insert_with(|| vec![0; 2 * KINDS])[2 * kind + day] += 1;
    };
    for record in LogReader::search_logs(store, &everything()).await.unwrap() {
        match record.body.strip_prefix("old ") {
            Some(number) => {
                assert_eq!(record.stream.get("number"), Some(number), "a line in a strange stream");
                *old.entry(("line", number.parse().unwrap())).or_default() += 1;
            }
            None => count(record.body.parse().unwrap(), 0, record.at),
        }
    }
    for span in SpanReader::search_spans(store, &SpanQuery::of(TimeRange::ALL)).await.unwrap() {
        count(span.duration_nanos, 1, span.start);
    }
    for series in SampleReader::select(store, &[], TimeRange::ALL, NO_LIMITS).await.unwrap() {
        for sample in &series.samples {
            let number = sample.value as u64;
            let is_own = series.labels.get("number").is_none_or(|name| name == number.to_string());
            assert!(is_own, "{number} in {}", series.labels);
            match series.labels.metric_name() {
                Some("of_batch") => count(number, 2, sample.at),
                Some("shared") => count(number, 3, sample.at),
                Some("old") => *old.entry(("sample", number)).or_default() += 1,
                other => panic!("nobody wrote {other:?}"),
            }
        }
    }
    assert!(old.values().all(|times| *times == 1), "an old row is there twice");
    found
}

/// Panics unless each of `acknowledged` is there wholly and once, and of all others no piece
/// is there twice.
pub async fn expect_once(store: &dyn Store, acknowledged: &[u64], context: &str) {
    let pieces = pieces(store).await;
    for number in acknowledged {
        let found = pieces.get(number);
        assert!(
            found.is_some_and(|found| found.iter().all(|times| *times == 1)),
            "{context}: {number}, {found:?}"
        );
    }
    for (number, found) in &pieces {
        assert!(found.iter().all(|times| *times <= 1), "{context}: {number} twice: {found:?}");
    }
}
