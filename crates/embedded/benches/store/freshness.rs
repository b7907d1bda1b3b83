//! From an append to the first select that sees it.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bench::Durations;
use model::{Batch, LabelSet, Matcher, TimeRange};
use runtime::SystemClock;
use storage::{Appender, QueryLimits, SampleReader};

use crate::report::milliseconds;
use crate::stand::Stand;

const PROBES: usize = 100;
const VISIBLE_AFTER_MAX: Duration = Duration::from_secs(30);
const METRIC: &str = "freshness_probe";

#[derive(Default)]
struct Freshness {
    acknowledged: Durations,
    visible: Durations,
}

pub async fn print(stand: &Stand) -> anyhow::Result<()> {
    println!(
        "| one sample | append → acknowledged, p50, p99 ms | append → selected, p50, p99 ms |\n|---|---|---|"
    );
    for (name, is_new) in [("known series", false), ("new series", true)] {
        let mut fresh = Freshness::default();
        for number in 0..PROBES {
            let probe = if is_new { format!("new-{number}") } else { "known".to_owned() };
            fresh.probe(stand, &probe, number as f64).await?;
        }
        let shown = |durations: &Durations| {
            let quantile = |quantile| milliseconds(durations.quantile_ms(quantile));
            format!("{}, {}", quantile(0.5), quantile(0.99))
        };
        println!("| {name} | {} | {} |", shown(&fresh.acknowledged), shown(&fresh.visible));
    }
    println!();
    Ok(())
}

impl Freshness {
    async fn probe(&mut self, stand: &Stand, probe: &str, value: f64) -> anyhow::Result<()> {
        let now = SystemClock::shared().now();
        let mut batch = Batch::default();
        batch.push_sample(LabelSet::metric(METRIC, [("probe", probe)]), now, value);
        let matchers = [Matcher::equal("__name__", METRIC), Matcher::equal("probe", probe)];
        let started = Instant::now();
        stand.store.append(batch).await?;
        self.acknowledged.push(started.elapsed());
        loop {
            let range = TimeRange::new(now, now);
            let found = stand.store.select(&matchers, range, QueryLimits::default()).await?;
            if found.iter().flat_map(|series| &series.samples).any(|sample| sample.value == value) {
                self.visible.push(started.elapsed());
                return Ok(());
            }
            ensure!(started.elapsed() < VISIBLE_AFTER_MAX, "a sample is not visible after 30 s");
        }
    }
}
