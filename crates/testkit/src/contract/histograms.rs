//! Native histograms: what was appended comes back, beside the floats and apart from them.

use std::sync::Arc;

use model::{
    Batch, Bucket, CUSTOM_BUCKETS_SCHEMA, CounterReset, Histogram, HistogramSample, HistogramSeries,
    LabelSet, Matcher, STALE_NAN, TimeRange,
};
use storage::{QueryError, QueryLimits, Store};

use super::{NO_LIMITS, Stand, append_batch, at, samples};

pub async fn check(stand: &dyn Stand) {
    histograms_come_back_in_order_of_time(stand).await;
    floats_and_histograms_of_a_series_do_not_mix(stand).await;
    buckets_count_against_the_limit(stand).await;
    the_last_of_one_instant_stays(stand).await;
    every_form_comes_back_bit_by_bit(stand).await;
    a_series_of_histograms_only_is_a_series(stand).await;
}

fn latency() -> LabelSet {
    LabelSet::metric("latency", [("job", "a")])
}

fn histogram(count: f64) -> Arc<Histogram> {
    Arc::new(Histogram {
        schema: 3,
        zero_threshold: 0.001,
        zero_count: 1.0,
        count,
        sum: 2.5 * count,
        positive: vec![Bucket { index: -7, count: 2.0 }, Bucket { index: 90, count }],
        negative: vec![Bucket { index: 4, count: 1.0 }],
        custom_bounds: Vec::new(),
        reset: CounterReset::Gauge,
    })
}

async fn stored(stand: &dyn Stand, rows: &[(i64, f64)]) -> Arc<dyn Store> {
    let sample = |(secs, count): &(i64, f64)| HistogramSample { at: at(*secs), histogram: histogram(*count) };
    let histograms = vec![HistogramSeries { labels: latency(), samples: rows.iter().map(sample).collect() }];
    let series = vec![samples(&latency(), &[(5, 1.0)])];
    let store = stand.fresh().await;
    append_batch(&*store, Batch { series, histograms, ..Batch::default() }).await;
    stand.disturb(store).await
}

async fn select(store: &Arc<dyn Store>, range: TimeRange) -> Vec<HistogramSeries> {
    let all = [Matcher::equal("job", "a")];
    store.select_histograms(&all, range, NO_LIMITS).await.expect("a selection succeeds")
}

async fn histograms_come_back_in_order_of_time(stand: &dyn Stand) {
    let store = stored(stand, &[(20, 2.0), (10, 1.0), (30, 3.0)]).await;
    let found = select(&store, TimeRange::new(at(10), at(20))).await;
    let expected = [(10, 1.0), (20, 2.0)]
        .map(|(secs, count)| HistogramSample { at: at(secs), histogram: histogram(count) });
    assert_eq!(found, [HistogramSeries { labels: latency(), samples: expected.to_vec() }]);
}

async fn floats_and_histograms_of_a_series_do_not_mix(stand: &dyn Stand) {
    let store = stored(stand, &[(10, 1.0)]).await;
    let all = [Matcher::equal("job", "a")];
    let range = TimeRange::new(at(0), at(60));
    let floats = store.select(&all, range, NO_LIMITS).await.expect("a selection succeeds");
    assert_eq!(floats.iter().map(|series| series.samples.len()).collect::<Vec<_>>(), [1]);
    assert_eq!(select(&store, TimeRange::new(at(0), at(9))).await, []);
}

async fn buckets_count_against_the_limit(stand: &dyn Stand) {
    let store = stored(stand, &[(10, 1.0), (20, 2.0)]).await;
    let all = [Matcher::equal("job", "a")];
    let limits = QueryLimits { samples_max: 5, ..NO_LIMITS };
    let refused = store.select_histograms(&all, TimeRange::new(at(0), at(60)), limits).await;
    assert!(matches!(refused, Err(QueryError::TooMuch { what: "samples", limit: 5, .. })), "{refused:?}");
}

async fn the_last_of_one_instant_stays(stand: &dyn Stand) {
    let store = stored(stand, &[(10, 1.0), (20, 2.0), (10, 3.0)]).await;
    let again = HistogramSample { at: at(20), histogram: histogram(4.0) };
    let histograms = vec![HistogramSeries { labels: latency(), samples: vec![again] }];
    append_batch(&*store, Batch { histograms, ..Batch::default() }).await;
    let store = stand.disturb(store).await;
    let found = select(&store, TimeRange::new(at(0), at(60))).await;
    let counts = found[0].samples.iter().map(|sample| (sample.at, sample.histogram.count));
    assert_eq!(counts.collect::<Vec<_>>(), [(at(10), 3.0), (at(20), 4.0)]);
}

/// Whole and broken counts, changing buckets and schemas, stale markers, bounds of one's own.
async fn every_form_comes_back_bit_by_bit(stand: &dyn Stand) {
    let bucket = |index, count| Bucket { index, count };
    let growing = |step: i32| Histogram {
        schema: 8,
        count: f64::from(3 * step),
        sum: 0.1 * f64::from(step),
        positive: vec![bucket(-100, f64::from(step)), bucket(i32::MAX, f64::from(2 * step))],
        ..Histogram::default()
    };
    let custom = Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: 2.5,
        sum: -0.0,
        positive: vec![bucket(0, 0.5), bucket(3, 2.0)],
        custom_bounds: vec![-1.0, 0.1, 2.5],
        reset: CounterReset::NotReset,
        ..Histogram::default()
    };
    let wider = Histogram { negative: vec![bucket(i32::MIN, 1.0)], ..growing(4) };
    let coarser = Histogram { schema: -4, zero_threshold: 1e-9, reset: CounterReset::Reset, ..growing(1) };
    let stale = Histogram { sum: STALE_NAN, ..Histogram::default() };
    let huge = Histogram { count: 1e300, zero_count: f64::INFINITY, ..growing(2) };
    let forms =
        [growing(1), growing(2), growing(1), wider, custom, coarser, stale, huge, Histogram::default()];
    let samples =
        (0..).zip(forms).map(|(secs, form)| HistogramSample { at: at(secs), histogram: Arc::new(form) });
    let samples: Vec<HistogramSample> = samples.collect();
    let store = stand.fresh().await;
    let histograms = vec![HistogramSeries { labels: latency(), samples: samples.clone() }];
    append_batch(&*store, Batch { histograms, ..Batch::default() }).await;
    let store = stand.disturb(store).await;
    let found = select(&store, TimeRange::new(at(0), at(60))).await;
    // As text a stale marker is equal to itself.
    assert_eq!(format!("{:?}", found[0].samples), format!("{samples:?}"));
    assert!(found[0].samples[6].histogram.is_stale());
}

async fn a_series_of_histograms_only_is_a_series(stand: &dyn Stand) {
    let alone = LabelSet::metric("alone", [("job", "b"), ("only", "here")]);
    let store = stored(stand, &[(10, 1.0)]).await;
    let samples = vec![HistogramSample { at: at(10), histogram: histogram(1.0) }];
    let histograms = vec![HistogramSeries { labels: alone.clone(), samples }];
    append_batch(&*store, Batch { histograms, ..Batch::default() }).await;
    let store = stand.disturb(store).await;
    let range = TimeRange::new(at(0), at(60));
    let found = store.series(&[], range, NO_LIMITS).await.expect("series are listed");
    assert_eq!(found, [alone, latency()], "one with both kinds is listed once");
    let names = store.label_names(&[], range).await.expect("names are listed");
    assert_eq!(names, ["__name__", "job", "only"]);
    let values = store.label_values("job", &[], range).await.expect("values are listed");
    assert_eq!(values, ["a", "b"]);
}
