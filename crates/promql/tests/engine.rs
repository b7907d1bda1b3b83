//! The engine as its users see it: times, limits, order and errors.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{
    Batch, ExemplarSeries, HistogramSeries, LabelSet, Matcher, STALE_NAN, Sample, Series, SeriesSamples,
    TimeRange, Timestamp,
};
use promql::{Engine, EngineSettings, EvalError, QueryOptions, Value, parse};
use storage::{Appender, QueryError, QueryLimits, SampleReader};
use testkit::{FakeClock, MemoryStore};

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

/// Series of pairs of seconds and values.
async fn store(series: &[(&str, &[(i64, f64)])]) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    let sample = |(secs, value): &(i64, f64)| Sample { at: at(*secs), value: *value };
    let series = series.iter().map(|(name, pairs)| {
        let (metric, instance) = name.split_once('/').unwrap_or((name, ""));
        SeriesSamples {
            labels: LabelSet::metric(metric, [("instance", instance)]),
            samples: pairs.iter().map(sample).collect(),
        }
    });
    store.append(Batch { series: series.collect(), ..Batch::default() }).await.unwrap();
    store
}

async fn engine(series: &[(&str, &[(i64, f64)])]) -> Engine {
    let settings = EngineSettings { experimental_functions: true, ..EngineSettings::default() };
    Engine::new(store(series).await, settings)
}

async fn instant(engine: &Engine, query: &str, secs: i64) -> Vec<(String, f64)> {
    match engine.instant(&parse(query).unwrap(), at(secs)).await.unwrap().value {
        Value::Vector(vector) => {
            vector.into_iter().map(|(labels, sample)| (labels.to_string(), sample.value)).collect()
        }
        other => panic!("not a vector: {other:?}"),
    }
}

#[tokio::test]
async fn a_sample_stands_for_less_than_the_lookback() {
    let engine = engine(&[("up", &[(0, 1.0)])]).await;
    assert_eq!(instant(&engine, "up", 299).await, [("up".to_owned(), 1.0)]);
    assert_eq!(instant(&engine, "up", 300).await, []);
}

#[tokio::test]
async fn a_stale_marker_ends_a_series_at_once() {
    let engine = engine(&[("up", &[(0, 1.0), (10, STALE_NAN)])]).await;
    assert_eq!(instant(&engine, "up", 10).await, []);
    assert_eq!(instant(&engine, "count_over_time(up[1m])", 20).await, [("{}".to_owned(), 1.0)]);
}

#[tokio::test]
async fn a_range_query_has_a_sample_at_every_step_that_has_a_value() {
    let engine = engine(&[("up", &[(0, 1.0), (60, 2.0), (90, STALE_NAN)])]).await;
    let answer = engine.range(&parse("up").unwrap(), at(0), at(120), Duration::from_secs(30)).await.unwrap();
    let Value::Matrix(series) = answer.value else { panic!("not a matrix") };
    let samples: Vec<_> =
        series[0].samples.iter().map(|sample| (sample.at.as_secs(), sample.value)).collect();
    assert_eq!(samples, [(0, 1.0), (30, 1.0), (60, 2.0)]);
}

#[tokio::test]
async fn samples_finer_than_a_millisecond_belong_to_it() {
    let store = store(&[]).await;
    let mut batch = Batch::default();
    batch.push_sample(LabelSet::metric("up", [("", "")]), Timestamp::from_nanos(10_000_999_999), 7.0);
    store.append(batch).await.unwrap();
    let engine = Engine::new(store, EngineSettings::default());
    assert_eq!(instant(&engine, "up", 10).await, [("up".to_owned(), 7.0)]);
}

#[tokio::test]
async fn sort_and_topk_decide_the_order_of_a_vector() {
    let engine = engine(&[("m/a", &[(0, 2.0)]), ("m/b", &[(0, 3.0)]), ("m/c", &[(0, 1.0)])]).await;
    let values = |found: Vec<(String, f64)>| found.into_iter().map(|(_, value)| value).collect::<Vec<_>>();
    assert_eq!(values(instant(&engine, "m", 0).await), [2.0, 3.0, 1.0]);
    assert_eq!(values(instant(&engine, "sort(m)", 0).await), [1.0, 2.0, 3.0]);
    assert_eq!(values(instant(&engine, "topk(2, m)", 0).await), [3.0, 2.0]);
    assert_eq!(values(instant(&engine, "bottomk(2, m)", 0).await), [1.0, 2.0]);
}

#[tokio::test]
async fn a_missing_side_can_be_filled() {
    let engine =
        engine(&[("a/x", &[(0, 1.0)]), ("a/y", &[(0, 2.0)]), ("b/y", &[(0, 5.0)]), ("b/z", &[(0, 6.0)])])
            .await;
    let mut found = instant(&engine, "a + fill_right(10) b", 0).await;
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found, [(r#"{instance="x"}"#.to_owned(), 11.0), (r#"{instance="y"}"#.to_owned(), 7.0)]);
    assert_eq!(instant(&engine, "a + fill(0) b", 0).await.len(), 3);
}

#[tokio::test]
async fn a_gauge_under_rate_earns_a_remark_with_its_place() {
    let engine = engine(&[("load", &[(0, 1.0), (30, 2.0)])]).await;
    let answer = engine.instant(&parse("1 +\n  rate(load[1m])").unwrap(), at(30)).await.unwrap();
    assert_eq!(
        answer.infos,
        [
            "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"load\" (2:8)"
        ]
    );
}

#[tokio::test]
async fn too_many_samples_name_the_setting() {
    let store = store(&[("up", &[(0, 1.0), (1, 1.0), (2, 1.0)])]).await;
    let limits = QueryLimits { samples_max: 2, ..QueryLimits::default() };
    let engine = Engine::new(store, EngineSettings { limits, ..EngineSettings::default() });
    let error = engine.instant(&parse("up").unwrap(), at(2)).await.unwrap_err();
    assert!(error.to_string().contains("query.samples_max"), "{error}");
    let steps = engine.range(&parse("vector(1)").unwrap(), at(0), at(10), Duration::from_secs(1)).await;
    assert!(matches!(steps, Err(EvalError::TooManySamples { limit: 2 })));
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_stopped() {
    let clock = Arc::new(FakeClock::new());
    let settings = EngineSettings { timeout: Duration::ZERO, ..EngineSettings::default() };
    let engine = Engine::with_clock(store(&[]).await, settings, clock);
    let error = engine.instant(&parse("up").unwrap(), at(0)).await.unwrap_err();
    assert!(matches!(error, EvalError::Timeout(_)), "{error}");
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_not_waited_for_longer_than_the_timeout() {
    let clock = FakeClock::new();
    let settings = EngineSettings { timeout: Duration::from_secs(30), ..EngineSettings::default() };
    let engine = Engine::with_clock(Arc::new(Silent), settings, Arc::new(clock.clone()));
    let query = parse("up").unwrap();
    let asking = async { engine.instant(&query, at(0)).await };
    let (answer, ()) = tokio::join!(asking, clock.advance(Duration::from_secs(30)));
    assert!(matches!(answer, Err(EvalError::Timeout(_))), "{answer:?}");
}

#[tokio::test]
async fn a_query_that_finds_no_place_waits_within_its_timeout_or_is_refused() {
    let clock = FakeClock::new();
    let settings = EngineSettings { timeout: Duration::from_secs(30), ..EngineSettings::default() };
    let engine = Engine::with_clock(Arc::new(Silent), settings, Arc::new(clock.clone())).gated(1, 1);
    let query = parse("up").unwrap();
    let (mut running, mut waiting) =
        (Box::pin(engine.instant(&query, at(0))), Box::pin(engine.instant(&query, at(0))));
    assert!(is_pending(&mut running).await && is_pending(&mut waiting).await);
    let refused = engine.instant(&query, at(0)).await.unwrap_err();
    assert!(matches!(refused, EvalError::Busy { running: 1, waiting: 1 }), "{refused}");
    assert!(refused.to_string().contains("query.concurrency_max"));
    clock.advance(Duration::from_secs(30)).await;
    assert!(matches!(waiting.await, Err(EvalError::Timeout(_))));
    drop(running);
    let next = engine.instant(&parse("1").unwrap(), at(0)).await;
    assert!(next.is_ok(), "the place is free again");
}

async fn is_pending<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    tokio::select! {
        biased;
        _ = future => false,
        () = std::future::ready(()) => true,
    }
}

/// The sums would take minutes. The place is free when the thread that computes has ended.
#[tokio::test]
async fn a_query_nobody_waits_for_ends() {
    let limits = QueryLimits { samples_max: u64::MAX, ..QueryLimits::default() };
    let settings = EngineSettings { limits, timeout: Duration::from_secs(3600), ..EngineSettings::default() };
    let engine = Engine::new(store(&[]).await, settings).gated(1, 1);
    let query = parse("sum_over_time(vector(1)[1000s:1ms])").unwrap();
    let mut asking = Box::pin(engine.range(&query, at(0), at(200), Duration::from_millis(1)));
    assert!(is_pending(&mut asking).await);
    drop(asking);
    assert!(engine.instant(&parse("1").unwrap(), at(0)).await.is_ok());
}

#[tokio::test]
async fn what_is_experimental_must_be_enabled() {
    let query = parse("mad_over_time(up[1m])").unwrap();
    let refused = Engine::new(store(&[]).await, EngineSettings::default());
    let refused = refused.instant(&query, at(0)).await.unwrap_err();
    assert!(matches!(refused, EvalError::Invalid(_)));
    assert!(refused.to_string().contains("query.experimental_functions"), "{refused}");
    let settings = EngineSettings { experimental_functions: true, ..EngineSettings::default() };
    assert!(Engine::new(store(&[]).await, settings).instant(&query, at(0)).await.is_ok());
}

#[tokio::test]
async fn one_query_may_look_back_otherwise() {
    let engine = engine(&[("up", &[(0, 1.0)])]).await;
    let query = parse("up").unwrap();
    let found = |options| {
        let (engine, query) = (engine.with_options(options), query.clone());
        async move { engine.instant(&query, at(30)).await.unwrap().value }
    };
    let lookback =
        |secs| QueryOptions { lookback: Some(Duration::from_secs(secs)), ..QueryOptions::default() };
    assert_eq!(found(lookback(30)).await, Value::Vector(Vec::new()));
    assert_ne!(found(lookback(31)).await, Value::Vector(Vec::new()));
}

/// Counted as Prometheus counts: every step anew, and in a subquery where its range is
/// looked at.
#[tokio::test]
async fn statistics_tell_the_samples_of_each_step() {
    let samples: &[(i64, f64)] = &[(0, 1.0), (30, 2.0), (60, 3.0), (90, 4.0), (120, 5.0)];
    let options = QueryOptions { statistics: true, ..QueryOptions::default() };
    let engine = engine(&[("a", samples), ("b", &[(0, 1.0)])]).await.with_options(options);
    for (query, expected) in [
        ("a", [1, 1, 1]),
        ("a + on () b", [2, 2, 2]),
        ("sum_over_time(a[1m])", [1, 2, 2]),
        ("max_over_time((a + a)[1m:20s])", [1, 3, 3]),
        ("1", [0, 0, 0]),
    ] {
        let asked = parse(query).unwrap();
        let answer = engine.range(&asked, at(0), at(120), Duration::from_secs(60)).await.unwrap();
        let statistics = answer.statistics.unwrap();
        let by_step: Vec<u64> = statistics.samples_per_step.iter().map(|(_, count)| *count).collect();
        assert_eq!(by_step, expected, "{query}");
        assert_eq!(statistics.samples, expected.iter().sum::<u64>(), "{query}");
    }
}

/// A store that never answers.
struct Silent;

#[async_trait]
impl SampleReader for Silent {
    async fn select(&self, _: &[Matcher], _: TimeRange, _: QueryLimits) -> Result<Vec<Series>, QueryError> {
        std::future::pending().await
    }

    async fn select_histograms(
        &self,
        _: &[Matcher],
        _: TimeRange,
        _: QueryLimits,
    ) -> Result<Vec<HistogramSeries>, QueryError> {
        std::future::pending().await
    }

    async fn select_exemplars(
        &self,
        _: &[Matcher],
        _: TimeRange,
        _: QueryLimits,
    ) -> Result<Vec<ExemplarSeries>, QueryError> {
        std::future::pending().await
    }

    async fn series(&self, _: &[Matcher], _: TimeRange, _: QueryLimits) -> Result<Vec<LabelSet>, QueryError> {
        std::future::pending().await
    }

    async fn label_names(&self, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, QueryError> {
        std::future::pending().await
    }

    async fn label_values(&self, _: &str, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, QueryError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_long_computation_is_answered_from_another_thread() {
    let engine = engine(&[("up", &[(0, 1.0)])]).await;
    let query = parse("sum(up) + time()").unwrap();
    let answer = engine.range(&query, at(0), at(299), Duration::from_millis(1)).await.unwrap();
    let Value::Matrix(series) = answer.value else { panic!("not a matrix") };
    assert_eq!(series[0].samples.len(), 299_001);
    assert_eq!(series[0].samples[250_000].value, 251.0);
}

#[tokio::test]
async fn a_range_query_needs_a_step_an_order_and_an_instant_value() {
    let engine = engine(&[]).await;
    let range = |query: &str, start, end, step| {
        let (engine, query) = (engine.clone(), parse(query).unwrap());
        async move { engine.range(&query, at(start), at(end), Duration::from_secs(step)).await }
    };
    assert!(matches!(range("up", 0, 10, 0).await, Err(EvalError::Invalid(_))));
    assert!(matches!(range("up", 10, 0, 1).await, Err(EvalError::Invalid(_))));
    assert!(matches!(range("up[1m]", 0, 10, 1).await, Err(EvalError::Invalid(_))));
    assert!(matches!(range("\"text\"", 0, 10, 1).await, Err(EvalError::Invalid(_))));
}

#[tokio::test]
async fn the_deepest_query_that_is_accepted_fits_the_stack() {
    let engine = engine(&[("m", &[(0, 1.0)])]).await;
    for query in [
        format!("{}m{}", "abs(".repeat(190), ")".repeat(190)),
        format!("{}m", "m + ".repeat(190)),
        format!("{}m", "-".repeat(190)),
        format!("{}m{}", "sum(".repeat(190), ")".repeat(190)),
        format!("{}m{}", "m + sum(".repeat(95), ")".repeat(95)),
        format!("{}m{}", "sum_over_time((m + ".repeat(48), ")[1s:1s])".repeat(48)),
    ] {
        assert!(engine.instant(&parse(&query).unwrap(), at(0)).await.is_ok());
    }
}
