//! How it ends.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::program::Home;

#[tokio::test]
async fn sigterm_ends_it_cleanly_within_seconds() {
    let home = Home::new("");
    let mut program = home.start();
    let api = program.ready().await;
    // A client that stays connected does not hold it up.
    let client = reqwest::Client::new();
    client.get(format!("{api}/livez")).send().await.unwrap();
    let asked = Instant::now();
    program.signal(Signal::TERM);
    assert_eq!(program.ended().await, Some(0), "{}", program.said());
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    // The directory is free again.
    let mut again = home.start();
    again.ready().await;
}
