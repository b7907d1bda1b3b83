//! Random queries over random series, answered by the engine and by Prometheus itself.
//!
//! Prometheus is started when it is installed; its series are loaded as a block. Samples lie
//! at odd milliseconds and steps at whole seconds that no subquery hits, so that nothing lies
//! on the border of a range: Prometheus 2 counts the earlier border in, Prometheus 3 and the
//! engine do not. Counters stay far from zero and never reset, because Prometheus 2
//! extrapolates differently there.
//!
//! `DIFFERENTIAL_QUERIES` sets how many are asked, `DIFFERENTIAL_SEED` which ones; without
//! it they are always the same.

// It starts a program and reads the environment, as only a test does directly.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used)]

#[path = "differential/grammar.rs"]
mod grammar;
#[path = "differential/prometheus.rs"]
mod prometheus;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use grammar::Random;
use model::{Batch, LabelSet, Sample, SeriesSamples, Timestamp};
use prometheus::{Prometheus, Reply};
use promql::{Engine, EngineSettings, QueryOptions, Value};
use storage::Appender;
use testkit::MemoryStore;

/// Of the first sample, in milliseconds; a multiple of all steps.
const START: i64 = 1_700_000_400_000;
const END: i64 = START + 3_600_000;
/// Never a multiple of a subquery's step.
const FIRST_STEP: i64 = START + 907_000;
const LAST_STEP: i64 = START + 3_307_000;
const STEP: i64 = 60_000;

/// Values by labels and milliseconds.
type Matrix = BTreeMap<String, BTreeMap<i64, f64>>;

#[tokio::test]
async fn random_queries_are_answered_as_prometheus_answers_them() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seed = number("DIFFERENTIAL_SEED").unwrap_or(1);
    let queries = number("DIFFERENTIAL_QUERIES").unwrap_or(300);
    let mut random = Random::new(seed);
    let series = series(&mut random);
    let Some(prometheus) = Prometheus::start(&series) else {
        println!("skipped: prometheus and promtool are not installed");
        return;
    };
    println!("seed {seed}, {queries} queries");
    let store = MemoryStore::new();
    store.append(Batch { series, ..Batch::default() }).await.unwrap();
    let engine = Engine::new(
        Arc::new(store),
        EngineSettings { experimental_functions: true, ..EngineSettings::default() },
    )
    .with_options(QueryOptions { statistics: true, ..QueryOptions::default() });
    let (mut answered, mut different) = (0, Vec::new());
    for _ in 0..queries {
        let query = random.vector(3);
        let expected = prometheus.range(&query, FIRST_STEP, LAST_STEP, STEP);
        let actual = answer(&engine, &query).await;
        answered += u64::from(expected.as_ref().is_ok_and(|reply| !reply.matrix.is_empty()));
        if let Err(why) = compare(&expected, &actual) {
            different.push(format!("{query}\n    {why}"));
        }
    }
    for _ in 0..queries {
        let query = random.vector(4);
        let (expected, actual) = (prometheus.laid_out(&query), promql::format(&query).unwrap());
        // Prometheus 2 does not indent subqueries.
        if !expected.lines().map(str::trim_start).eq(actual.lines().map(str::trim_start)) {
            different.push(format!("laid out:\n{actual}\n    not\n{expected}"));
        }
    }
    println!("{answered} of {queries} queries found something");
    assert!(answered * 3 > queries, "most queries find nothing: {answered} of {queries} do");
    assert!(different.is_empty(), "seed {seed}, {}:\n{}", different.len(), different.join("\n"));
}

fn series(random: &mut Random) -> Vec<SeriesSamples> {
    let mut series = Vec::new();
    for name in grammar::METRICS {
        for job in ["a", "b", "c"] {
            for instance in ["1", "2"] {
                let labels = LabelSet::metric(name, [("job", job), ("instance", instance)]);
                series.push(SeriesSamples { labels, samples: samples(random, name.ends_with("_total")) });
            }
        }
    }
    series
}

/// Every quarter of a minute, with gaps.
fn samples(random: &mut Random, is_counter: bool) -> Vec<Sample> {
    let mut value = 1_000_000.0 + random.float() * 1000.0;
    let mut samples = Vec::new();
    let mut at = START;
    while at < END {
        at += if random.below(30) == 0 { 420_000 } else { 15_000 };
        if is_counter {
            value += random.float() * 10.0;
        } else {
            value = random.float() * 200.0 - 100.0;
        }
        let jitter = 1 + i64::try_from(random.below(900)).unwrap();
        samples.push(Sample { at: Timestamp::from_millis(at + jitter), value });
    }
    samples
}

async fn answer(engine: &Engine, query: &str) -> Result<Reply, String> {
    let query = promql::parse(query).map_err(|error| error.to_string())?;
    let (start, end) = (Timestamp::from_millis(FIRST_STEP), Timestamp::from_millis(LAST_STEP));
    let step = Duration::from_millis(STEP.unsigned_abs());
    let answer = engine.range(&query, start, end, step).await.map_err(|error| error.to_string())?;
    let Value::Matrix(series) = answer.value else { return Err("no matrix".to_owned()) };
    let values = |samples: Vec<Sample>| {
        samples.into_iter().map(|sample| (sample.at.as_millis(), sample.value)).collect::<BTreeMap<_, _>>()
    };
    let key = |labels: &LabelSet| labels.iter().map(|(name, value)| format!("{name}={value},")).collect();
    let matrix = series.into_iter().map(|series| (key(&series.labels), values(series.samples))).collect();
    let statistics = answer.statistics.ok_or("no statistics")?;
    Ok(Reply { matrix, samples: statistics.samples_per_step.into_iter().map(|(_, count)| count).collect() })
}

fn compare(expected: &Result<Reply, String>, actual: &Result<Reply, String>) -> Result<(), String> {
    let (expected, actual) = match (expected, actual) {
        (Ok(expected), Ok(actual)) => (expected, actual),
        (Err(_), Err(_)) => return Ok(()),
        // Prometheus 2 drops names at once and then finds twins where Prometheus 3 does not.
        (Err(error), Ok(_)) if error.contains("same labelset") => return Ok(()),
        (Err(error), Ok(_)) => return Err(format!("only Prometheus refuses: {error}")),
        (Ok(_), Err(error)) => return Err(format!("only the engine refuses: {error}")),
    };
    if expected.samples != actual.samples {
        return Err(format!("looks at {:?} samples, not {:?}", actual.samples, expected.samples));
    }
    let (expected, actual) = (&expected.matrix, &actual.matrix);
    if !expected.keys().eq(actual.keys()) {
        return Err(format!("series {:?}, not {:?}", actual.keys(), expected.keys()));
    }
    for ((labels, expected), actual) in expected.iter().zip(actual.values()) {
        if !expected.keys().eq(actual.keys()) {
            return Err(format!("{labels}: times {:?}, not {:?}", actual.keys(), expected.keys()));
        }
        for ((at, expected), actual) in expected.iter().zip(actual.values()) {
            if !close(*expected, *actual) {
                return Err(format!("{labels} at {at}: {actual}, not {expected}"));
            }
        }
    }
    Ok(())
}

fn close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-6 * (1.0 + a.abs().max(b.abs()))
}
