//! The embedded engine as the store: what is in its files and in its memory goes.

use std::path::Path;
use std::sync::Arc;

use disk::sim::SimDisk;
use embedded::{Embedded, EmbeddedParts, EmbeddedSettings};
use model::Batch;
use storage::{Appender, Upkeep};
use testkit::FakeClock;

use crate::stand::{DAY, content, folder_archive, next_day, one_day, one_of_each, rows_left};

fn open(disk: &SimDisk) -> Arc<Embedded> {
    let settings = EmbeddedSettings { disk_reserve_bytes: 0, ..EmbeddedSettings::new("/d/data") };
    let parts = EmbeddedParts { disk: Arc::new(disk.clone()), clock: Arc::new(FakeClock::new()) };
    Embedded::open(settings, parts).unwrap()
}

#[tokio::test]
async fn a_crash_on_the_way_loses_no_row_and_writes_none_twice() {
    let dir = Path::new("/d");
    // Each step of the disk would take long; these come by every kind of them.
    for step in (0..200).step_by(7) {
        let disk = SimDisk::new(step);
        let store = open(&disk);
        store.append(one_of_each(5)).await.unwrap();
        store.flush().await.unwrap();
        store.append(one_of_each(6)).await.unwrap();
        store.append(Batch { series: one_of_each(DAY).series, ..Batch::default() }).await.unwrap();
        disk.crash_after(step + 1);
        drop(folder_archive(disk.clone(), dir).retain(&*store, &one_day(), next_day()).await);
        drop(store);
        let disk = disk.reboot();
        let store = open(&disk);
        folder_archive(disk.clone(), dir).retain(&*store, &one_day(), next_day()).await.unwrap();
        assert_eq!(rows_left(&*store).await, 2, "those of the second day stay; step {step}");
        for (signal, rows) in [("samples", 4), ("logs", 4), ("spans", 4)] {
            let path = dir.join(format!("archive/{signal}/2026-11-23.parquet"));
            let found = content(disk::read_all(&disk, &path).unwrap()).rows;
            assert_eq!(found.len(), rows, "{signal} of step {step}");
        }
    }
}
