//! Samples in outline: the same numbers, however and whenever an engine rolls them up.

use std::sync::Arc;

use model::{LabelSet, Matcher, STALE_NAN, TimeRange};
use storage::{Bucket, Erasure, QueryError, QueryLimits, Resolution, RollupSeries, Signal, Store, roll_up};

use super::{NO_LIMITS, Stand, append, at, samples};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

pub async fn check(stand: &dyn Stand) {
    an_empty_store_has_no_buckets(stand).await;
    buckets_outline_the_samples_of_their_time(stand).await;
    every_bucket_that_the_range_touches_is_complete(stand).await;
    late_samples_are_in_their_buckets(stand).await;
    erased_samples_leave_their_buckets(stand).await;
    a_series_that_was_erased_comes_back_with_new_samples_only(stand).await;
    series_are_selected_by_all_matchers(stand).await;
    limits_are_kept(stand).await;
}

async fn rollup(
    store: &Arc<dyn Store>,
    matchers: &[Matcher],
    range: TimeRange,
    resolution: Resolution,
) -> Vec<RollupSeries> {
    store.select_rollup(matchers, range, resolution, NO_LIMITS).await.expect("a selection succeeds")
}

type Row = (i64, u64, [u64; 6]);

fn bits(series: &[RollupSeries]) -> Vec<(String, Vec<Row>)> {
    let row = |bucket: &Bucket| {
        let Bucket { start, count, sum, min, max, first, last, increase } = *bucket;
        (start.as_nanos(), count, [sum, min, max, first, last, increase].map(f64::to_bits))
    };
    series
        .iter()
        .map(|series| (series.labels.to_string(), series.buckets.iter().map(row).collect()))
        .collect()
}

/// What the store answers is what its samples say, for ranges that begin and end anywhere.
async fn check_against_samples(store: &Arc<dyn Store>, when: &str) {
    let all = store.select(&[], TimeRange::ALL, NO_LIMITS).await.expect("a selection succeeds");
    let within = |start, end| TimeRange::new(at(start), at(end));
    let ranges = [
        TimeRange::ALL,
        within(-DAY, DAY - 1),
        within(0, 0),
        within(-1, 1),
        within(HOUR + 77, DAY + 500),
        within(DAY - 400, DAY + HOUR),
        within(5 * DAY, 6 * DAY),
    ];
    for (range, resolution) in ranges.into_iter().flat_map(|range| Resolution::ALL.map(|one| (range, one))) {
        let wanted = resolution.whole_buckets(range);
        let expected = all.iter().map(|series| {
            let mut buckets = roll_up(series.samples.clone(), resolution);
            buckets.retain(|bucket| wanted.contains(bucket.start));
            RollupSeries { labels: series.labels.clone(), buckets }
        });
        let expected: Vec<RollupSeries> = expected.filter(|series| !series.buckets.is_empty()).collect();
        let found = rollup(store, &[], range, resolution).await;
        assert_eq!(bits(&found), bits(&expected), "{when}, {range:?}, {resolution:?}");
    }
}

/// Two days of a counter with resets, of a gauge with a few odd values and a silence, and
/// of a series that ends.
async fn stored(stand: &dyn Stand) -> Arc<dyn Store> {
    let counter: Vec<(i64, f64)> =
        (-60..2 * DAY / 120).map(|step| (step * 120, ((step + 60) % 500 * 3) as f64)).collect();
    let gauge = (0..2 * DAY / 90).filter(|step| !(300..420).contains(step)).map(|step| {
        let odd = [STALE_NAN, f64::NAN, f64::INFINITY, -0.0];
        let value = odd.get(step as usize % 97).copied().unwrap_or((step * 7919 % 1000) as f64 / 10.0);
        (step * 90, value)
    });
    let ends = [(DAY - 30, 1.0), (DAY - 15, 2.0), (DAY, STALE_NAN), (DAY + HOUR, 7.0)];
    let store = stand.fresh().await;
    append(&*store, vec![samples(&named("counter"), &counter)]).await;
    append(&*store, vec![samples(&named("gauge"), &gauge.collect::<Vec<_>>())]).await;
    append(&*store, vec![samples(&named("ends"), &ends)]).await;
    store
}

fn named(name: &str) -> LabelSet {
    LabelSet::metric(name, [("job", "a")])
}

async fn an_empty_store_has_no_buckets(stand: &dyn Stand) {
    let store = stand.disturb(stand.fresh().await).await;
    assert_eq!(rollup(&store, &[], TimeRange::ALL, Resolution::OneHour).await, []);
}

async fn buckets_outline_the_samples_of_their_time(stand: &dyn Stand) {
    let store = stand.fresh().await;
    let written = [(-20, 5.0), (-10, 8.0), (10, 9.0), (20, 2.0), (299, 3.0), (300, 4.0), (600, STALE_NAN)];
    append(&*store, vec![samples(&named("m"), &written)]).await;
    let store = stand.disturb(store).await;
    let bucket = |secs, count, sum, [min, max, first, last]: [f64; 4], increase| Bucket {
        start: at(secs),
        count,
        sum,
        min,
        max,
        first,
        last,
        increase,
    };
    let found = rollup(&store, &[], TimeRange::ALL, Resolution::FiveMinutes).await;
    let expected = [
        bucket(-300, 2, 13.0, [5.0, 8.0, 5.0, 8.0], 3.0),
        bucket(0, 3, 14.0, [2.0, 9.0, 9.0, 3.0], 4.0),
        bucket(300, 1, 4.0, [4.0; 4], 1.0),
    ];
    assert_eq!(found, [RollupSeries { labels: named("m"), buckets: expected.to_vec() }]);
    let found = rollup(&store, &[], TimeRange::new(at(0), at(0)), Resolution::OneHour).await;
    let expected = vec![bucket(0, 4, 18.0, [2.0, 9.0, 9.0, 4.0], 5.0)];
    assert_eq!(found, [RollupSeries { labels: named("m"), buckets: expected }]);
}

async fn every_bucket_that_the_range_touches_is_complete(stand: &dyn Stand) {
    let store = stored(stand).await;
    check_against_samples(&store, "as it came").await;
    let store = stand.disturb(store).await;
    check_against_samples(&store, "rolled up").await;
}

async fn late_samples_are_in_their_buckets(stand: &dyn Stand) {
    let mut store = stand.disturb(stored(stand).await).await;
    // A new one, one that replaces another, one that moves the step over midnight, and a
    // series that the day did not know.
    let late = [(130, 5.0), (240, 1.0), (-1, 30.0), (DAY - 1, 4.0)];
    for name in ["counter", "late"] {
        append(&*store, vec![samples(&named(name), &late)]).await;
        check_against_samples(&store, "late").await;
        store = stand.disturb(store).await;
        check_against_samples(&store, "late and rolled up").await;
    }
}

async fn erased_samples_leave_their_buckets(stand: &dyn Stand) {
    let mut store = stand.disturb(stored(stand).await).await;
    let samples_of = |name, start, end| Erasure {
        signals: vec![Signal::Samples],
        range: TimeRange::new(at(start), at(end)),
        stream: vec![Matcher::equal("__name__", name)],
        attributes: Vec::new(),
    };
    for erasure in [
        samples_of("gauge", 500, 4000),
        samples_of("counter", -HOUR, 0),
        samples_of("counter", DAY + 10, DAY + HOUR + 10),
        samples_of("ends", -DAY, 3 * DAY),
        samples_of("gauge", -DAY, DAY - 1),
    ] {
        store.erase(&erasure).await.expect("an erasure succeeds");
        check_against_samples(&store, &format!("at once: {erasure:?}")).await;
        store = stand.disturb(store).await;
        check_against_samples(&store, &format!("for good: {erasure:?}")).await;
    }
}

async fn a_series_that_was_erased_comes_back_with_new_samples_only(stand: &dyn Stand) {
    let store = stand.disturb(stored(stand).await).await;
    let everything = Erasure {
        signals: vec![Signal::Samples],
        range: TimeRange::ALL,
        stream: Vec::new(),
        attributes: Vec::new(),
    };
    store.erase(&everything).await.expect("an erasure succeeds");
    append(&*store, vec![samples(&named("new"), &[(10, 1.0)]), samples(&named("gauge"), &[(20, 2.0)])]).await;
    check_against_samples(&store, "at once").await;
    let store = stand.disturb(store).await;
    check_against_samples(&store, "for good").await;
    let found = rollup(&store, &[], TimeRange::ALL, Resolution::OneHour).await;
    assert_eq!(found.len(), 2);
}

async fn series_are_selected_by_all_matchers(stand: &dyn Stand) {
    let store = stand.disturb(stored(stand).await).await;
    let check = async |matchers: &[Matcher], expected: &[&str]| {
        let found = rollup(&store, matchers, TimeRange::ALL, Resolution::OneHour).await;
        let found: Vec<LabelSet> = found.into_iter().map(|series| series.labels).collect();
        assert_eq!(found, expected.iter().map(|name| named(name)).collect::<Vec<_>>());
    };
    check(&[], &["counter", "ends", "gauge"]).await;
    check(&[Matcher::equal("__name__", "gauge")], &["gauge"]).await;
    check(&[Matcher::equal("__name__", "gauge"), Matcher::equal("job", "b")], &[]).await;
    check(&[Matcher::equal("job", "a"), Matcher::equal("nowhere", "")], &["counter", "ends", "gauge"]).await;
}

async fn limits_are_kept(stand: &dyn Stand) {
    let store = stand.disturb(stored(stand).await).await;
    let check = async |series_max, samples_max, refused: &str| {
        let limits = QueryLimits { series_max, samples_max };
        let found = store.select_rollup(&[], TimeRange::ALL, Resolution::FiveMinutes, limits).await;
        assert!(matches!(&found, Err(QueryError::TooMuch { what, .. }) if *what == refused), "{found:?}");
    };
    check(2, u64::MAX, "series").await;
    check(u64::MAX, 900, "samples").await;
}
