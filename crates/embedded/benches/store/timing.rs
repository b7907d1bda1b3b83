//! How long one question to the store takes, asked again and again by one client.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bench::Durations;

use crate::process;

const TIMES_MIN: usize = 5;
const TIMES_MAX: usize = 300;
/// Enough for a median that one slow answer does not move.
const SPENT_MAX: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Series, or label values, or nothing for tables without series.
    pub series: usize,
    /// Samples, log records or spans.
    pub rows: usize,
}

#[derive(Debug)]
pub struct Timed {
    pub name: &'static str,
    pub answer: Answer,
    /// The very first one, before anything that it reads was read before.
    pub first: Duration,
    pub durations: Durations,
    pub cpu: Duration,
}

pub async fn time(
    name: &'static str,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Answer>,
) -> anyhow::Result<Timed> {
    let started = Instant::now();
    let answer = ask().await?;
    let first = started.elapsed();
    ensure!(answer != Answer::default(), "`{name}` finds nothing");
    let (cpu, started) = (process::cpu(), Instant::now());
    let mut durations = Durations::default();
    while durations.count() < TIMES_MIN || (durations.count() < TIMES_MAX && started.elapsed() < SPENT_MAX) {
        let asked = Instant::now();
        let again = ask().await?;
        durations.push(asked.elapsed());
        ensure!(again == answer, "`{name}` finds {again:?} after {answer:?}");
    }
    let cpu = process::cpu().saturating_sub(cpu) / durations.count() as u32;
    Ok(Timed { name, answer, first, durations, cpu })
}
