//! Native histograms and exemplars: what passes a limit, and what they cost on disk.

use std::sync::Arc;

use disk::sim::SimDisk;
use embedded::{Embedded, EmbeddedSettings, Limits};
use model::{
    Batch, Bucket, Exemplar, ExemplarSeries, Histogram, HistogramSample, HistogramSeries, LabelSet,
    TimeRange, Timestamp,
};
use storage::{Appender, SampleReader, Upkeep};
use testkit::FakeClock;

use crate::stand::{MIDNIGHT, NO_LIMITS, numbered, numbers, open, open_with, settings};

fn series(histograms: impl IntoIterator<Item = Histogram>) -> HistogramSeries {
    let sample = |(step, histogram): (i64, Histogram)| HistogramSample {
        at: Timestamp::from_secs(MIDNIGHT + 15 * step),
        histogram: Arc::new(histogram),
    };
    let samples = (0i64..).zip(histograms).map(sample).collect();
    HistogramSeries { labels: LabelSet::metric("rpc", [("job", "a")]), samples }
}

fn with_buckets(count: i32) -> Histogram {
    let bucket = |index| Bucket { index, count: 1.0 };
    Histogram { count: f64::from(count), positive: (0..count).map(bucket).collect(), ..Histogram::default() }
}

fn open_with_limits(limits: Limits) -> Arc<Embedded> {
    let settings = EmbeddedSettings { limits, ..settings("/data") };
    open_with(settings, &SimDisk::new(1), Arc::new(FakeClock::new())).unwrap()
}

#[tokio::test]
async fn a_histogram_with_too_many_buckets_costs_only_itself() {
    let limits = Limits { buckets_max: 3, ..Limits::default() };
    let store = open_with_limits(limits);
    let histograms = vec![series([with_buckets(3), with_buckets(4), with_buckets(2)])];
    let appended = store.append(Batch { histograms, ..numbered(0) }).await.unwrap();
    assert_eq!((appended.refused, appended.refused_histograms), (1, 1));
    assert!(appended.reasons[0].starts_with("1 rows pass `storage.buckets_max` = 3"), "{appended:?}");
    assert_eq!(numbers(&*store).await, [0]);
    let found = store.select_histograms(&[], TimeRange::ALL, NO_LIMITS).await.unwrap();
    let counts: Vec<f64> = found[0].samples.iter().map(|sample| sample.histogram.count).collect();
    assert_eq!(counts, [3.0, 2.0]);
}

#[tokio::test]
async fn an_exemplar_with_too_long_a_label_is_counted_and_nobody_is_told() {
    let store = open(&SimDisk::new(1));
    let exemplar = |trace: &str| Exemplar {
        at: Timestamp::from_secs(MIDNIGHT),
        value: 1.0,
        labels: LabelSet::new([("trace_id", trace)]),
    };
    let exemplars = vec![exemplar(&"x".repeat(5000)), exemplar("ab")];
    let exemplars = vec![ExemplarSeries { labels: LabelSet::metric("rpc", [("job", "a")]), exemplars }];
    let appended = store.append(Batch { exemplars, ..Batch::default() }).await.unwrap();
    assert_eq!((appended.refused, appended.dropped_exemplars, appended.reasons.len()), (0, 1, 0));
    let found = store.select_exemplars(&[], TimeRange::ALL, NO_LIMITS).await.unwrap();
    assert_eq!(found[0].exemplars, [exemplar("ab")]);
}

/// The most buckets that can be accepted, in more rows than a page has.
#[tokio::test]
async fn the_largest_histograms_fit_their_pages() {
    let limits = Limits { buckets_max: Limits::BUCKETS_MAX, ..Limits::default() };
    let store = open_with_limits(limits);
    let largest = with_buckets(Limits::BUCKETS_MAX as i32);
    for _ in 0..3 {
        let histograms = vec![series(std::iter::repeat_n(largest.clone(), 300))];
        store.append(Batch { histograms, ..Batch::default() }).await.unwrap();
        store.flush().await.unwrap();
    }
    let found = store.select_histograms(&[], TimeRange::ALL, NO_LIMITS).await.unwrap();
    assert_eq!(found[0].samples.len(), 300);
    assert!(found[0].samples.iter().all(|sample| *sample.histogram == largest));
}
