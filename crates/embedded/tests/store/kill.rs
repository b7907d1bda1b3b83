//! A real process on a real disk, killed again and again.
//!
//! The child appends batches, two at a time, flushes and merges now and then, and prints
//! each number after its acknowledgement. The parent kills it after some number of
//! acknowledgements, wherever it is by then, and looks for all of them.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use disk::RealDisk;
use embedded::{Embedded, EmbeddedParts};
use storage::{Appender, Upkeep};
use testkit::FakeClock;

use crate::stand::{Chance, numbered, numbers, settings};

const DIR_VARIABLE: &str = "STORE_TEST_DIR";
const FIRST_VARIABLE: &str = "STORE_TEST_FIRST";
const ROUNDS: u64 = 20;

fn open_real(dir: &Path) -> Arc<Embedded> {
    let parts = EmbeddedParts { disk: Arc::new(RealDisk), clock: Arc::new(FakeClock::new()) };
    Embedded::open(settings(dir), parts).unwrap()
}

#[tokio::test]
async fn what_a_killed_process_acknowledged_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut chance = Chance(7);
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let first = acknowledged.last().map_or(0, |last| last + 1);
        let child = start_child(dir.path(), first);
        let printed = kill_after(child, chance.below(60));
        assert!(!printed.is_empty() || round > 0, "the child does not get anywhere");
        acknowledged.extend(printed);
        let store = open_real(dir.path());
        let found: BTreeSet<u64> = numbers(&*store).await.into_iter().collect();
        let lost: Vec<&u64> = acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "round {round}: acknowledged and lost: {lost:?}");
        // Two can have been on their way; from now on they have to stay.
        assert!(found.len() <= acknowledged.len() + 2, "round {round}");
        acknowledged = found;
    }
    assert!(acknowledged.len() > 100);
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
    for number in (first..).step_by(2) {
        let append = async |number: u64| {
            store.append(numbered(number)).await.unwrap();
            writeln!(std::io::stdout(), "acknowledged {number}").unwrap();
        };
        tokio::join!(append(number), append(number + 1));
        match number % 14 {
            0 | 1 => store.flush().await.unwrap(),
            6 | 7 => store.keep_up().await.unwrap(),
            _ => {}
        }
    }
}
