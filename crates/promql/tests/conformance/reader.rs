//! What the cases load, as a store would give it back.

use model::{
    Batch, Bucket, CUSTOM_BUCKETS_SCHEMA, CounterReset, Histogram, HistogramSample, HistogramSeries,
    LabelSet, METRIC_NAME, Sample, SeriesSamples, Timestamp, is_stale,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use storage::Appender;
use testkit::MemoryStore;

use promql::notation::Item;

/// With `converted`, as `load_with_nhcb` means it, classic histograms are also loaded as
/// native ones.
pub async fn load(store: &MemoryStore, interval_ms: i64, series: &[(LabelSet, Vec<Item>)], converted: bool) {
    let mut batch = Batch::default();
    let at = |index: usize| Timestamp::from_millis(interval_ms * i64::try_from(index).unwrap());
    for (labels, items) in series {
        let sample = |(index, item): (usize, &Item)| match item {
            Item::Float(value) => Some(Sample { at: at(index), value: *value }),
            Item::Gap | Item::Histogram(..) => None,
        };
        let samples: Vec<Sample> = items.iter().enumerate().filter_map(sample).collect();
        batch.series.push(SeriesSamples { labels: labels.clone(), samples });
        let samples = with_hints(items)
            .into_iter()
            .map(|(index, histogram)| HistogramSample { at: at(index), histogram: Arc::new(histogram) })
            .collect();
        batch.histograms.push(HistogramSeries { labels: labels.clone(), samples });
    }
    if converted {
        batch.histograms.extend(converted_series(&batch.series));
    }
    batch.histograms.retain(|series| !series.samples.is_empty());
    store.append(batch).await.unwrap();
}

/// Prometheus' store cuts a chunk where a histogram cannot be appended, forgets why, and
/// knows within a chunk that nothing was reset.
fn with_hints(items: &[Item]) -> Vec<(usize, Histogram)> {
    let mut hinted = Vec::new();
    let mut before: Option<&Histogram> = None;
    for (index, item) in items.iter().enumerate() {
        let Item::Histogram(histogram, _) = item else {
            before = before.filter(|_| *item == Item::Gap);
            continue;
        };
        let appends = before.is_some_and(|before| counts_on(before, histogram));
        let reset = match histogram.reset {
            CounterReset::Gauge => CounterReset::Gauge,
            CounterReset::Reset => CounterReset::Unknown,
            _ if appends => CounterReset::NotReset,
            _ => CounterReset::Unknown,
        };
        hinted.push((index, Histogram { reset, ..(**histogram).clone() }));
        before = Some(histogram);
    }
    hinted
}

fn counts_on(before: &Histogram, now: &Histogram) -> bool {
    let falls = |before: &[Bucket], now: &[Bucket]| {
        let count = |index: i32| now.iter().find(|bucket| bucket.index == index).map_or(0.0, |b| b.count);
        before.iter().any(|bucket| count(bucket.index) < bucket.count)
    };
    before.reset != CounterReset::Gauge
        && before.schema == now.schema
        && before.zero_threshold == now.zero_threshold
        && before.custom_bounds == now.custom_bounds
        && before.count <= now.count
        && before.zero_count <= now.zero_count
        && !falls(&before.positive, &now.positive)
        && !falls(&before.negative, &now.negative)
}

/// What the series of one classic histogram say at one instant.
#[derive(Default)]
struct Classic {
    /// Cumulative, by the order of their bounds.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

fn converted_series(series: &[SeriesSamples]) -> Vec<HistogramSeries> {
    let mut all: BTreeMap<LabelSet, BTreeMap<Timestamp, Classic>> = BTreeMap::new();
    for SeriesSamples { labels, samples } in series {
        let name = labels.value(METRIC_NAME);
        let base =
            ["_bucket", "_count", "_sum"].into_iter().find_map(|end| Some((name.strip_suffix(end)?, end)));
        let Some((base, end)) = base else { continue };
        let native = labels.without(&["le"]).with(METRIC_NAME, base);
        for sample in samples.iter().filter(|sample| !is_stale(sample.value)) {
            let bound = labels.value("le").parse::<f64>();
            if end == "_bucket" && bound.is_err() {
                continue;
            }
            let classic = all.entry(native.clone()).or_default().entry(sample.at).or_default();
            match (end, bound) {
                ("_bucket", Ok(bound)) => classic.buckets.push((bound, sample.value)),
                ("_count", _) => classic.count = Some(sample.value),
                _ => classic.sum = sample.value,
            }
        }
    }
    let series = all.into_iter().map(|(labels, at)| {
        let sample = |(at, classic): (Timestamp, Classic)| {
            Some(HistogramSample { at, histogram: Arc::new(native(classic)?) })
        };
        let samples: Vec<HistogramSample> = at.into_iter().filter_map(sample).collect();
        let items: Vec<Item> = samples
            .iter()
            .map(|sample| Item::Histogram(Box::new((*sample.histogram).clone()), false))
            .collect();
        let hinted = with_hints(&items).into_iter().zip(samples);
        let samples = hinted
            .map(|((_, histogram), sample)| HistogramSample { histogram: Arc::new(histogram), ..sample });
        HistogramSeries { labels, samples: samples.collect() }
    });
    series.collect()
}

fn native(mut classic: Classic) -> Option<Histogram> {
    classic.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    classic.buckets.dedup_by(|later, kept| later.0 == kept.0);
    let count = classic.count.or_else(|| classic.buckets.last().map(|(_, count)| *count))?;
    if classic.buckets.last().is_none_or(|(bound, _)| *bound != f64::INFINITY) {
        classic.buckets.push((f64::INFINITY, count));
    }
    let mut before = 0.0;
    let mut positive = Vec::new();
    for (index, (_, cumulative)) in (0..).zip(&classic.buckets) {
        if *cumulative < before {
            return None;
        }
        positive.push(Bucket { index, count: cumulative - before });
        before = *cumulative;
    }
    classic.buckets.pop();
    let custom_bounds = classic.buckets.into_iter().map(|(bound, _)| bound).collect();
    Some(Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count,
        sum: classic.sum,
        positive,
        custom_bounds,
        ..Histogram::default()
    })
}
