//! The contract of the storage traits, before and after everything that must not matter.

use std::sync::Arc;

use async_trait::async_trait;
use disk::RealDisk;
use disk::sim::SimDisk;
use embedded::{Embedded, EmbeddedParts};
use parking_lot::Mutex;
use storage::Store;
use testkit::FakeClock;
use testkit::contract::{Stand, check};

use crate::stand::{open, open_later, settings};

/// What happens between writing and reading.
#[derive(Clone, Copy, PartialEq)]
enum Between {
    Nothing,
    Flush,
    Reopen,
    FlushAndReopen,
    Merge,
}

struct OnSimDisk {
    between: Between,
    disk: Mutex<SimDisk>,
}

#[async_trait]
impl Stand for OnSimDisk {
    async fn fresh(&self) -> Arc<dyn Store> {
        let disk = SimDisk::new(1);
        *self.disk.lock() = disk.clone();
        open(&disk)
    }

    async fn disturb(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        if matches!(self.between, Between::Flush | Between::FlushAndReopen) {
            store.flush().await.unwrap();
        }
        if self.between == Between::Merge {
            store.flush().await.unwrap();
            drop(store);
            let disk = self.disk.lock().clone();
            let store = open_later(&disk).await;
            store.keep_up().await.unwrap();
            return store;
        }
        if matches!(self.between, Between::Nothing | Between::Flush) {
            return store;
        }
        drop(store);
        open(&self.disk.lock())
    }
}

async fn check_with(between: Between) {
    check(&OnSimDisk { between, disk: Mutex::new(SimDisk::new(1)) }).await;
}

#[tokio::test]
async fn the_contract_holds_in_memory() {
    check_with(Between::Nothing).await;
}

#[tokio::test]
async fn the_contract_holds_after_a_flush() {
    check_with(Between::Flush).await;
}

#[tokio::test]
async fn the_contract_holds_after_a_replay() {
    check_with(Between::Reopen).await;
}

#[tokio::test]
async fn the_contract_holds_after_a_flush_and_reopening() {
    check_with(Between::FlushAndReopen).await;
}

#[tokio::test]
async fn the_contract_holds_after_merges() {
    check_with(Between::Merge).await;
}

struct OnRealDisk {
    dirs: Mutex<Vec<tempfile::TempDir>>,
}

fn open_real(dir: &std::path::Path) -> Arc<dyn Store> {
    let parts = EmbeddedParts { disk: Arc::new(RealDisk), clock: Arc::new(FakeClock::new()) };
    Embedded::open(settings(dir), parts).unwrap()
}

#[async_trait]
impl Stand for OnRealDisk {
    async fn fresh(&self) -> Arc<dyn Store> {
        let dir = tempfile::tempdir().unwrap();
        let store = open_real(dir.path());
        self.dirs.lock().push(dir);
        store
    }

    async fn disturb(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        store.close().await.unwrap();
        drop(store);
        open_real(self.dirs.lock().last().unwrap().path())
    }
}

#[tokio::test]
async fn the_contract_holds_on_the_real_disk() {
    check(&OnRealDisk { dirs: Mutex::default() }).await;
}
