//! Random lives of a store, compared with the store in memory at every turn.

use std::sync::Arc;

use disk::sim::SimDisk;
use embedded::Embedded;
use model::{
    Batch, Bucket as HistogramBucket, Exemplar, ExemplarSeries, Histogram, HistogramSample, HistogramSeries,
    LabelSet, LogRecord, LogSeverity, MatchOp, Matcher, Series, TimeRange, Timestamp,
};
use storage::{Appender, Bucket, LogQuery, LogReader, Order, Resolution, RollupSeries, SampleReader, Upkeep};
use testkit::MemoryStore;

use crate::stand::{Chance, DAY, MIDNIGHT, NO_LIMITS, drop_before, everything, open, open_later};

const NAMES: [&str; 3] = ["up", "load", "cost"];

fn instant(chance: &mut Chance) -> Timestamp {
    // Few instants, so that samples often meet; five days, so that there are several files;
    // on both sides of midnight, so that counters step over it.
    Timestamp::from_secs(MIDNIGHT + chance.below(4) as i64 * DAY + chance.below(50) as i64 - 25)
}

fn labels(chance: &mut Chance) -> LabelSet {
    let name = NAMES[chance.below(3) as usize];
    let job = chance.below(4).to_string();
    let host = if chance.below(2) == 0 { "" } else { "x" };
    LabelSet::metric(name, [("job", job.as_str()), ("host", host)])
}

fn batch(chance: &mut Chance, serial: &mut i64) -> Batch {
    let mut batch = Batch::default();
    for _ in 0..chance.below(30) {
        batch.push_sample(labels(chance), instant(chance), f64::from_bits(chance.next()));
    }
    for _ in 0..chance.below(15) {
        let sample = HistogramSample { at: instant(chance), histogram: Arc::new(histogram(chance)) };
        batch.histograms.push(HistogramSeries { labels: labels(chance), samples: vec![sample] });
    }
    for _ in 0..chance.below(10) {
        let labels_of = LabelSet::new([("trace_id", chance.below(3).to_string())]);
        let exemplar = Exemplar { at: instant(chance), value: chance.below(3) as f64, labels: labels_of };
        batch.exemplars.push(ExemplarSeries { labels: labels(chance), exemplars: vec![exemplar] });
    }
    for _ in 0..chance.below(5) {
        *serial += 1;
        let stream = LabelSet::new([("agent", chance.below(3).to_string())]);
        let severity = LogSeverity::ALL[chance.below(6) as usize];
        let mut record = LogRecord::new(instant(chance), stream, severity, format!("line {serial}"));
        record.attributes.push(("n".to_owned(), chance.below(3).to_string().into()));
        batch.logs.push(record);
    }
    batch
}

/// Mostly whole, in few shapes.
fn histogram(chance: &mut Chance) -> Histogram {
    let count =
        |chance: &mut Chance| chance.below(1000) as f64 + if chance.below(9) == 0 { 0.5 } else { 0.0 };
    let buckets = |chance: &mut Chance, most: u64| {
        let first = chance.below(3) as i32 - 1;
        let indexes = first..first + chance.below(most) as i32;
        indexes.map(|index| HistogramBucket { index, count: count(chance) }).collect()
    };
    Histogram {
        schema: chance.below(3) as i8,
        zero_count: count(chance),
        count: count(chance),
        sum: count(chance) / 7.0,
        positive: buckets(chance, 4),
        negative: buckets(chance, 2),
        ..Histogram::default()
    }
}

/// Exemplars of one instant are in no order.
fn sorted(mut series: Vec<ExemplarSeries>) -> Vec<ExemplarSeries> {
    let key = |exemplar: &Exemplar| (exemplar.at, exemplar.value.to_bits(), exemplar.labels.clone());
    series.iter_mut().for_each(|series| series.exemplars.sort_by_key(key));
    series
}

fn range(chance: &mut Chance) -> TimeRange {
    let (a, b) = (instant(chance), instant(chance));
    if chance.below(4) == 0 { TimeRange::ALL } else { TimeRange::new(a.min(b), a.max(b)) }
}

fn matchers(chance: &mut Chance) -> Vec<Matcher> {
    let mut matchers = Vec::new();
    if chance.below(2) == 0 {
        matchers.push(Matcher::equal("__name__", NAMES[chance.below(3) as usize]));
    }
    match chance.below(4) {
        0 => matchers.push(Matcher::equal("host", "")),
        1 => matchers.push(Matcher::new("job", MatchOp::Matches, "0|3").unwrap()),
        2 => matchers.push(Matcher::new("job", MatchOp::NotEqual, "1").unwrap()),
        _ => {}
    }
    matchers
}

/// Values by their bits: NaN is not equal to itself.
fn bits(series: Vec<Series>) -> Vec<(LabelSet, Vec<(Timestamp, u64)>)> {
    let rows = |series: &Series| series.samples.iter().map(|row| (row.at, row.value.to_bits())).collect();
    series.iter().map(|series| (series.labels.clone(), rows(series))).collect()
}

type Outline = (Timestamp, u64, [u64; 6]);

/// As bits, NaN being one and the same: which of two NaNs a sum keeps is not promised.
fn outlines(series: Vec<RollupSeries>) -> Vec<(LabelSet, Vec<Outline>)> {
    let bits = |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
    let row = |bucket: &Bucket| {
        let Bucket { start, count, sum, min, max, first, last, increase } = *bucket;
        (start, count, [sum, min, max, first, last, increase].map(bits))
    };
    series.iter().map(|series| (series.labels.clone(), series.buckets.iter().map(row).collect())).collect()
}

async fn compare(store: &Arc<Embedded>, model: &MemoryStore, chance: &mut Chance, seed: u64) {
    let (matchers, range) = (matchers(chance), range(chance));
    let found = bits(store.select(&matchers, range, NO_LIMITS).await.unwrap());
    let expected = bits(model.select(&matchers, range, NO_LIMITS).await.unwrap());
    assert_eq!(found, expected, "seed {seed}, {matchers:?}, {range:?}");
    let found = store.select_histograms(&matchers, range, NO_LIMITS).await.unwrap();
    let expected = model.select_histograms(&matchers, range, NO_LIMITS).await.unwrap();
    assert_eq!(found, expected, "seed {seed}, {matchers:?}, {range:?}");
    let found = sorted(store.select_exemplars(&matchers, range, NO_LIMITS).await.unwrap());
    let expected = sorted(model.select_exemplars(&matchers, range, NO_LIMITS).await.unwrap());
    assert_eq!(found, expected, "seed {seed}, {matchers:?}, {range:?}");
    let found = store.series(&matchers, range, NO_LIMITS).await.unwrap();
    assert_eq!(found, model.series(&matchers, range, NO_LIMITS).await.unwrap(), "seed {seed}");
    let resolution = Resolution::ALL[chance.below(2) as usize];
    let found = outlines(store.select_rollup(&matchers, range, resolution, NO_LIMITS).await.unwrap());
    let expected = outlines(model.select_rollup(&matchers, range, resolution, NO_LIMITS).await.unwrap());
    assert_eq!(found, expected, "seed {seed}, {matchers:?}, {range:?}, {resolution:?}");
    let query = LogQuery {
        range,
        severity_min: (chance.below(2) == 0).then_some(LogSeverity::Warn),
        attributes: if chance.below(2) == 0 { vec![Matcher::equal("n", "1")] } else { Vec::new() },
        order: if chance.below(2) == 0 { Order::OldestFirst } else { Order::NewestFirst },
        limit: chance.below(20) as usize,
        ..everything()
    };
    let found = store.search_logs(&query).await.unwrap();
    assert_eq!(found, model.search_logs(&query).await.unwrap(), "seed {seed}, {query:?}");
}

#[tokio::test]
async fn any_life_reads_as_the_store_in_memory() {
    for seed in 0..40 {
        let mut chance = Chance(seed);
        let disk = SimDisk::new(seed);
        let mut store = open(&disk);
        let model = MemoryStore::new();
        let mut serial = 0;
        for _ in 0..60 {
            match chance.below(20) {
                0..9 => {
                    let batch = batch(&mut chance, &mut serial);
                    store.append(batch.clone()).await.unwrap();
                    model.append(batch).await.unwrap();
                }
                9..13 => store.flush().await.unwrap(),
                13 | 14 => store.keep_up().await.unwrap(),
                15 => {
                    drop(store);
                    let is_later = chance.below(2) == 0;
                    store = if is_later { open_later(&disk).await } else { open(&disk) };
                }
                16 if chance.below(3) == 0 => {
                    let secs = instant(&mut chance).as_secs() - MIDNIGHT;
                    drop_before(&*store, secs).await.unwrap();
                    drop_before(&model, secs).await.unwrap();
                }
                _ => compare(&store, &model, &mut chance, seed).await,
            }
        }
        compare(&store, &model, &mut chance, seed).await;
    }
}
