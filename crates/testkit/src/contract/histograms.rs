//! Native histograms: what was appended comes back, beside the floats and apart from them.

use std::sync::Arc;

use model::{
    Batch, Bucket, CounterReset, Histogram, HistogramSample, HistogramSeries, LabelSet, Matcher, TimeRange,
};
use storage::{QueryError, QueryLimits, Store};

use super::{NO_LIMITS, Stand, append_batch, at, samples};

pub async fn check(stand: &dyn Stand) {
    histograms_come_back_in_order_of_time(stand).await;
    floats_and_histograms_of_a_series_do_not_mix(stand).await;
    buckets_count_against_the_limit(stand).await;
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
