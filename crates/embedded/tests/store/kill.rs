//! A real process on a real disk, killed fifty times under load.
//!
//! The child is as busy as it can be: several appenders at once with many series, logs and
//! spans, a memtable that is due after a few batches, upkeep all the time. It prints the
//! number of each batch after its acknowledgement. The parent kills it after some number of
//! acknowledgements, wherever it is by then, and looks for every row of all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use disk::RealDisk;
use embedded::{Embedded, EmbeddedParts, EmbeddedSettings};
use model::{Batch, LabelSet, TimeRange, Timestamp};
use storage::{AppendError, Appender, LogReader, SampleReader, SpanQuery, SpanReader, Store};
use testkit::FakeClock;
use tokio::task::JoinSet;

use crate::stand::{Chance, DAY, MIDNIGHT, NO_LIMITS, everything, numbered, settings};

const DIR_VARIABLE: &str = "STORE_TEST_DIR";
const FIRST_VARIABLE: &str = "STORE_TEST_FIRST";
const ROUNDS: u64 = 50;
const APPENDERS: u64 = 4;

/// Of each batch; with the batches of all rounds there are thousands of series a day.
const SERIES: u64 = 30;

/// What one batch has besides its samples: lines and spans, each on two days.
const EVENTS: usize = 2;

fn open_real(dir: &Path) -> Arc<Embedded> {
    let parts = EmbeddedParts { disk: Arc::new(RealDisk), clock: Arc::new(FakeClock::new()) };
    let busy = EmbeddedSettings { flush_bytes: 200 << 10, ..settings(dir) };
    Embedded::open(busy, parts).unwrap()
}

/// Batch `number`: a few series that are new with every twentieth batch, a line and a span,
/// all on two days.
fn batch(number: u64) -> Batch {
    let mut batch = Batch { series: Vec::new(), ..numbered(number) };
    for series in 0..SERIES {
        let (series, group) = (series.to_string(), (number / 20).to_string());
        let labels = LabelSet::metric("load", [("series", series.as_str()), ("group", &group)]);
        let at = Timestamp::from_secs(MIDNIGHT + (number % 2) as i64 * DAY + number as i64);
        batch.push_sample(labels, at, number as f64);
    }
    batch
}

/// The batches that are there. Panics if one is there in part or twice.
async fn found(store: &dyn Store) -> BTreeSet<u64> {
    let mut samples: BTreeMap<u64, u64> = BTreeMap::new();
    for series in SampleReader::select(store, &[], TimeRange::ALL, NO_LIMITS).await.unwrap() {
        series.samples.iter().for_each(|sample| *samples.entry(sample.value as u64).or_default() += 1);
    }
    let mut events: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
    for record in LogReader::search_logs(store, &everything()).await.unwrap() {
        events.entry(record.body.parse().unwrap()).or_default().0 += 1;
    }
    for span in SpanReader::search_spans(store, &SpanQuery::of(TimeRange::ALL)).await.unwrap() {
        events.entry(span.duration_nanos).or_default().1 += 1;
    }
    assert!(samples.values().all(|count| *count == SERIES), "a batch is there with all its samples");
    assert!(events.values().all(|counts| *counts == (EVENTS, EVENTS)), "each line and span is there once");
    assert!(samples.keys().eq(events.keys()), "samples, lines and spans are there together");
    samples.into_keys().collect()
}

#[tokio::test]
async fn what_a_killed_process_acknowledged_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut chance = Chance(7);
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let first = acknowledged.last().map_or(0, |last| last + 1);
        let printed = kill_after(start_child(dir.path(), first), chance.below(40));
        acknowledged.extend(printed);
        let store = open_real(dir.path());
        let found = found(&*store).await;
        let lost: Vec<&u64> = acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "round {round}: acknowledged and lost: {lost:?}");
        // So many can have been on their way; from now on they have to stay.
        let most = acknowledged.len() + APPENDERS as usize;
        assert!(found.len() <= most, "round {round}");
        acknowledged = found;
    }
    assert!(acknowledged.len() > 500, "{} batches: the child does not get anywhere", acknowledged.len());
}

fn start_child(dir: &Path, first: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::appends_until_it_is_killed", "--ignored", "--nocapture"])
        .env(DIR_VARIABLE, dir)
        .env(FIRST_VARIABLE, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What the child has printed, also what it printed while it was being killed.
fn kill_after(mut child: Child, acknowledgements: u64) -> Vec<u64> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut numbers = Vec::new();
    for number in lines.filter_map(|line| line.strip_prefix("acknowledged ")?.parse().ok()) {
        numbers.push(number);
        if numbers.len() as u64 == acknowledgements + 1 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    numbers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of the test above"]
#[expect(clippy::disallowed_methods, reason = "a test that is its own child is told by the environment")]
async fn appends_until_it_is_killed() {
    let Ok(dir) = std::env::var(DIR_VARIABLE) else { return };
    let first: u64 = std::env::var(FIRST_VARIABLE).unwrap().parse().unwrap();
    let store = open_real(Path::new(&dir));
    let mut busy = JoinSet::new();
    for appender in 0..APPENDERS {
        let store = store.clone();
        busy.spawn(async move {
            for number in (first + appender..).step_by(APPENDERS as usize) {
                while let Err(refusal) = store.append(batch(number)).await {
                    // Upkeep is behind: it says so, and there is nothing of the batch.
                    assert!(matches!(refusal, AppendError::Full(_)), "{refusal}");
                    tokio::task::yield_now().await;
                }
                writeln!(std::io::stdout(), "acknowledged {number}").unwrap();
            }
        });
    }
    busy.spawn(async move {
        loop {
            store.keep_up().await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    // None of them ends before the process does, unless it panics.
    busy.join_next().await.unwrap().unwrap();
}
