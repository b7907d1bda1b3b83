//! Windows that slide over the samples answer as if each range were cut out anew.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use model::{Batch, LabelSet, Sample, SeriesSamples, Timestamp};
use promql::{Engine, EngineSettings, Value, parse};
use proptest::prelude::*;
use storage::Appender;
use testkit::MemoryStore;

/// `increase` by its definition, from samples in `(end - range, end]`; times in seconds.
fn naive_increase(samples: &[(i64, f64)], end: i64, range: i64) -> Option<f64> {
    let within: Vec<(i64, f64)> =
        samples.iter().copied().filter(|(at, _)| end - range < *at && *at <= end).collect();
    let (first, last) = (within.first()?, within.last()?);
    if within.len() < 2 {
        return None;
    }
    let mut increase = 0.0;
    for pair in within.windows(2) {
        increase += if pair[1].1 < pair[0].1 { pair[1].1 } else { pair[1].1 - pair[0].1 };
    }
    let sampled = (last.0 - first.0) as f64;
    let distance = sampled / (within.len() - 1) as f64;
    let stretch = |gap: f64| if gap < distance * 1.1 { gap } else { distance / 2.0 };
    let mut before = stretch((first.0 - (end - range)) as f64);
    if increase > 0.0 {
        before = before.min(sampled * first.1 / increase);
    }
    let after = stretch((end - last.0) as f64);
    Some(increase * (sampled + before + after) / sampled)
}

/// Gaps of up to a minute, counters that grow and fall.
fn samples() -> impl Strategy<Value = Vec<(i64, f64)>> {
    prop::collection::vec((1_i64..60, 0_u32..50), 0..60).prop_map(|steps| {
        let mut at = 0;
        let place = |(gap, value): (i64, u32)| {
            at += gap;
            (at, f64::from(value))
        };
        steps.into_iter().map(place).collect()
    })
}

async fn increase(samples: &[(i64, f64)], range: i64, step: i64, end: i64) -> Vec<(i64, f64)> {
    let store = Arc::new(MemoryStore::new());
    let sample = |(secs, value): &(i64, f64)| Sample { at: Timestamp::from_secs(*secs), value: *value };
    let labels = LabelSet::metric("m_total", [("job", "x")]);
    let series = vec![SeriesSamples { labels, samples: samples.iter().map(sample).collect() }];
    store.append(Batch { series, ..Batch::default() }).await.unwrap();
    let engine = Engine::new(store, EngineSettings::default());
    let query = parse(&format!("increase(m_total[{range}s])")).unwrap();
    let step = Duration::from_secs(step.unsigned_abs());
    let answer =
        engine.range(&query, Timestamp::from_secs(0), Timestamp::from_secs(end), step).await.unwrap();
    let Value::Matrix(series) = answer.value else { panic!("not a matrix") };
    let all = series.into_iter().flat_map(|series| series.samples);
    all.map(|sample| (sample.at.as_secs(), sample.value)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sliding_windows_agree_with_ranges_cut_out_anew(
        samples in samples(),
        range in 1_i64..300,
        step in 1_i64..90,
    ) {
        let end = 1_200;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let actual = runtime.block_on(increase(&samples, range, step, end));
        let times = (0..).map(|index| index * step).take_while(|at| *at <= end);
        let expected: Vec<(i64, f64)> =
            times.filter_map(|at| Some((at, naive_increase(&samples, at, range)?))).collect();
        prop_assert_eq!(actual.len(), expected.len());
        for ((actual_at, actual), (at, expected)) in actual.into_iter().zip(expected) {
            prop_assert_eq!(actual_at, at);
            prop_assert!((actual - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{} {}", actual, expected);
        }
    }
}
