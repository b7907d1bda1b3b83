//! Files of a real store for the fuzz targets to begin with (fuzz/README.md).

use std::path::{Path, PathBuf};

use disk::sim::SimDisk;
use disk::{Disk, RealDisk, read_all};
use model::{
    Batch, LabelSet, LogRecord, LogSeverity, Matcher, Span, SpanEvent, SpanId, SpanKind, SpanLink,
    SpanStatus, TimeRange, Timestamp, TraceId,
};
use storage::{Appender, Erasure, Signal, Upkeep};

use crate::stand::{DIR, open};

#[tokio::test]
#[ignore = "writes to fuzz/corpus"]
async fn the_fuzz_targets_get_files_to_begin_with() {
    let disk = SimDisk::new(1);
    let store = open(&disk);
    for size in [1, 5, 70, 300] {
        store.append(batch(size)).await.unwrap();
        save(&disk, "wal", ".log", "wal", size);
        store.flush().await.unwrap();
        for table in ["samples", "logs", "spans"] {
            let day = format!("{table}/2026-11-23");
            save(&disk, &day, ".seg", "segment", size);
            save(&disk, &day, ".idx", "labels", size);
        }
    }
    let attributes = vec![Matcher::equal("user.email", "x@example.org")];
    let erasure =
        Erasure { signals: Signal::ALL.to_vec(), range: TimeRange::ALL, stream: Vec::new(), attributes };
    store.erase(&erasure).await.unwrap();
    save(&disk, "erased", ".del", "tombstone", 1);
}

fn save(disk: &SimDisk, dir: &str, ending: &str, target: &str, size: u64) {
    let dir = Path::new(DIR).join(dir);
    let corpus = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus")).join(target);
    RealDisk.create_dir(&corpus).unwrap();
    for entry in disk.list(&dir).unwrap().iter().filter(|entry| entry.name.ends_with(ending)) {
        let folder = dir.display().to_string().replace('/', "-");
        let name = format!("seed{folder}-{size}-{}", entry.name);
        let bytes = read_all(disk, &dir.join(&entry.name)).unwrap();
        RealDisk.create(&corpus.join(name)).unwrap().append(&bytes).unwrap();
    }
}

/// Rows of all kinds, with everything that a row can have.
fn batch(size: u64) -> Batch {
    let mut batch = Batch::default();
    for row in 0..size {
        let at = Timestamp::from_secs(1_795_392_000 + row as i64 * 15);
        let job = (row % 7).to_string();
        let stream = LabelSet::new([("service", "test"), ("job", job.as_str())]);
        let attributes = vec![
            ("n".to_owned(), model::Value::Int(row as i64)),
            ("user.email".to_owned(), format!("{row}@example.org").into()),
        ];
        batch.push_sample(LabelSet::metric("load", [("job", &job)]), at, row as f64 / 3.0);
        let record = LogRecord::new(at, stream.clone(), LogSeverity::Warn, format!("error {row} of a tool"));
        batch.logs.push(LogRecord { attributes: attributes.clone(), ..record });
        let trace = TraceId([row as u8 / 4; 16]);
        let id = SpanId(row.to_be_bytes());
        batch.spans.push(Span {
            trace,
            id,
            parent: (row % 3 > 0).then_some(SpanId((row.max(1) - 1).to_be_bytes())),
            stream,
            name: "chat".to_owned(),
            kind: SpanKind::Client,
            status: SpanStatus::Unset,
            status_message: String::new(),
            start: at,
            duration_nanos: row * 1000,
            attributes: attributes.clone(),
            events: vec![SpanEvent { at, name: "token".to_owned(), attributes: attributes.clone() }],
            links: vec![SpanLink { trace, span: id, attributes }],
        });
    }
    batch
}
