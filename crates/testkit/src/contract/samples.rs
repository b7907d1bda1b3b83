//! Samples: what was appended comes back, selected by labels and time, within limits.

use std::sync::Arc;

use model::{LabelSet, MatchOp, Matcher, STALE_NAN, Sample, SeriesSamples, TimeRange, Timestamp, is_stale};
use storage::{QueryError, QueryLimits, Store};

use super::{NO_LIMITS, Stand, append, at, samples};

pub async fn check(stand: &dyn Stand) {
    an_empty_store_has_nothing(stand).await;
    samples_come_back_in_order_of_time(stand).await;
    the_last_of_two_at_one_instant_wins(stand).await;
    appending_again_changes_nothing(stand).await;
    values_keep_every_bit(stand).await;
    the_ends_of_time_are_kept(stand).await;
    ranges_include_both_ends(stand).await;
    series_are_selected_by_all_matchers(stand).await;
    names_and_values_of_labels(stand).await;
    limits_are_kept(stand).await;
    many_series_over_days_come_back(stand).await;
}

fn up(job: &str) -> LabelSet {
    LabelSet::metric("up", [("job", job)])
}

type Rows = Vec<(i64, u64)>;

/// Series of the range by their labels' text, values by their bits.
async fn select(store: &Arc<dyn Store>, matchers: &[Matcher], range: TimeRange) -> Vec<(String, Rows)> {
    let series = store.select(matchers, range, NO_LIMITS).await.expect("a selection succeeds");
    let row = |sample: &Sample| (sample.at.as_nanos(), sample.value.to_bits());
    series
        .iter()
        .map(|series| (series.labels.to_string(), series.samples.iter().map(row).collect()))
        .collect()
}

fn rows(expected: &[(i64, f64)]) -> Rows {
    expected.iter().map(|(secs, value)| (at(*secs).as_nanos(), value.to_bits())).collect()
}

async fn stored(stand: &dyn Stand, batches: &[Vec<SeriesSamples>]) -> Arc<dyn Store> {
    let store = stand.fresh().await;
    for batch in batches {
        append(&*store, batch.clone()).await;
    }
    stand.disturb(store).await
}

async fn an_empty_store_has_nothing(stand: &dyn Stand) {
    let store = stored(stand, &[]).await;
    assert!(select(&store, &[], TimeRange::ALL).await.is_empty());
    assert!(store.label_names(&[], TimeRange::ALL).await.expect("names").is_empty());
}

async fn samples_come_back_in_order_of_time(stand: &dyn Stand) {
    let late = vec![samples(&up("a"), &[(5, 5.0), (1, 1.0)])];
    let later = vec![samples(&up("a"), &[(3, 3.0), (-100_000, 0.5)])];
    let store = stored(stand, &[late, later]).await;
    let expected = rows(&[(-100_000, 0.5), (1, 1.0), (3, 3.0), (5, 5.0)]);
    assert_eq!(select(&store, &[], TimeRange::ALL).await, [(up("a").to_string(), expected)]);
}

async fn the_last_of_two_at_one_instant_wins(stand: &dyn Stand) {
    let first = vec![samples(&up("a"), &[(1, 1.0), (2, 2.0)])];
    let store = stored(stand, std::slice::from_ref(&first)).await;
    append(&*store, vec![samples(&up("a"), &[(2, 9.0), (1, 7.0), (1, 8.0)])]).await;
    let store = stand.disturb(store).await;
    let expected = [(up("a").to_string(), rows(&[(1, 8.0), (2, 9.0)]))];
    assert_eq!(select(&store, &[], TimeRange::ALL).await, expected);
}

async fn appending_again_changes_nothing(stand: &dyn Stand) {
    let batch = vec![samples(&up("a"), &[(1, 1.0), (2, 2.0)]), samples(&up("b"), &[(1, 3.0)])];
    let store = stored(stand, std::slice::from_ref(&batch)).await;
    let before = select(&store, &[], TimeRange::ALL).await;
    append(&*store, batch).await;
    let store = stand.disturb(store).await;
    assert_eq!(select(&store, &[], TimeRange::ALL).await, before);
}

async fn values_keep_every_bit(stand: &dyn Stand) {
    let other_nan = f64::from_bits(0xfff8_0000_dead_beef);
    let values = [STALE_NAN, f64::NAN, other_nan, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE];
    let written: Vec<(i64, f64)> = (0..).zip(values).collect();
    let store = stored(stand, &[vec![samples(&up("a"), &written)]]).await;
    let found = store.select(&[], TimeRange::ALL, NO_LIMITS).await.expect("a selection succeeds");
    let bits: Vec<u64> = found[0].samples.iter().map(|sample| sample.value.to_bits()).collect();
    assert_eq!(bits, values.map(f64::to_bits));
    assert!(is_stale(found[0].samples[0].value) && !is_stale(found[0].samples[1].value));
}

async fn the_ends_of_time_are_kept(stand: &dyn Stand) {
    let ends = [Timestamp::MIN, Timestamp::from_nanos(-1), Timestamp::MAX];
    let written = ends.iter().map(|at| Sample { at: *at, value: 1.0 }).collect();
    let store = stored(stand, &[vec![SeriesSamples { labels: up("a"), samples: written }]]).await;
    let found = select(&store, &[], TimeRange::ALL).await;
    let times: Vec<i64> = found[0].1.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, ends.map(Timestamp::as_nanos));
}

async fn ranges_include_both_ends(stand: &dyn Stand) {
    let store =
        stored(stand, &[vec![samples(&up("a"), &[(1, 1.0), (2, 2.0), (3, 3.0), (90_000, 4.0)])]]).await;
    let check = async |start, end, expected: &[(i64, f64)]| {
        let range = TimeRange::new(at(start), at(end));
        let found = select(&store, &[], range).await;
        let found = found.into_iter().next().map(|(_, rows)| rows).unwrap_or_default();
        assert_eq!(found, rows(expected), "{start} to {end}");
        // Whether there is such a series is the same question.
        let series = store.series(&[], range, NO_LIMITS).await.expect("series");
        assert_eq!(series.is_empty(), expected.is_empty(), "{start} to {end}");
    };
    check(1, 3, &[(1, 1.0), (2, 2.0), (3, 3.0)]).await;
    check(2, 2, &[(2, 2.0)]).await;
    check(4, 80_000, &[]).await;
    check(3, 90_000, &[(3, 3.0), (90_000, 4.0)]).await;
}

async fn series_are_selected_by_all_matchers(stand: &dyn Stand) {
    let all = [
        up("a"),
        up("b"),
        LabelSet::metric("down", [("job", "a"), ("host", "x")]),
        LabelSet::new([("job", "a")]),
    ];
    let store = stored(stand, &[all.iter().map(|labels| samples(labels, &[(1, 1.0)])).collect()]).await;
    let matcher = |name, op, value| Matcher::new(name, op, value).expect("the expression is one");
    let check = async |matchers: &[Matcher], expected: &[&LabelSet]| {
        let mut expected: Vec<LabelSet> = expected.iter().map(|labels| (*labels).clone()).collect();
        expected.sort();
        let found = store.series(matchers, TimeRange::ALL, NO_LIMITS).await.expect("series");
        assert_eq!(found, expected, "{matchers:?}");
        let selected = store.select(matchers, TimeRange::ALL, NO_LIMITS).await.expect("a selection");
        let selected: Vec<LabelSet> = selected.into_iter().map(|series| series.labels).collect();
        assert_eq!(selected, expected, "{matchers:?}");
    };
    let [up_a, up_b, down, nameless] = &all;
    check(&[], &[up_a, up_b, down, nameless]).await;
    check(&[Matcher::equal("__name__", "up")], &[up_a, up_b]).await;
    check(&[Matcher::equal("__name__", "up"), Matcher::equal("job", "b")], &[up_b]).await;
    check(&[Matcher::equal("__name__", "")], &[nameless]).await;
    check(&[Matcher::equal("host", "")], &[up_a, up_b, nameless]).await;
    check(&[matcher("host", MatchOp::NotEqual, "")], &[down]).await;
    check(&[matcher("host", MatchOp::NotEqual, "x")], &[up_a, up_b, nameless]).await;
    check(&[matcher("job", MatchOp::Matches, "a|c")], &[up_a, down, nameless]).await;
    check(&[matcher("host", MatchOp::Matches, ".*")], &[up_a, up_b, down, nameless]).await;
    check(&[matcher("host", MatchOp::NotMatches, ".+")], &[up_a, up_b, nameless]).await;
    check(&[matcher("nowhere", MatchOp::NotMatches, "x"), Matcher::equal("job", "b")], &[up_b]).await;
    check(&[Matcher::equal("nowhere", "x")], &[]).await;
}

async fn names_and_values_of_labels(stand: &dyn Stand) {
    let early = LabelSet::metric("early", [("job", "b"), ("host", "x")]);
    let batch = vec![samples(&up("a"), &[(10, 1.0)]), samples(&early, &[(1, 1.0)])];
    let store = stored(stand, &[batch]).await;
    let late = TimeRange::new(at(5), at(20));
    let names = async |matchers: &[Matcher], range| store.label_names(matchers, range).await.expect("names");
    let values = async |name, matchers: &[Matcher], range| {
        store.label_values(name, matchers, range).await.expect("values")
    };
    assert_eq!(names(&[], TimeRange::ALL).await, ["__name__", "host", "job"]);
    assert_eq!(names(&[], late).await, ["__name__", "job"]);
    assert_eq!(names(&[Matcher::equal("job", "none")], TimeRange::ALL).await, Vec::<String>::new());
    assert_eq!(values("job", &[], TimeRange::ALL).await, ["a", "b"]);
    assert_eq!(values("job", &[], late).await, ["a"]);
    assert_eq!(values("job", &[Matcher::equal("host", "x")], TimeRange::ALL).await, ["b"]);
    assert_eq!(values("nowhere", &[], TimeRange::ALL).await, Vec::<String>::new());
}

async fn limits_are_kept(stand: &dyn Stand) {
    let batch = vec![samples(&up("a"), &[(1, 1.0), (2, 1.0)]), samples(&up("b"), &[(1, 1.0)])];
    let store = stored(stand, &[batch.clone(), batch]).await;
    let check = async |series_max, samples_max, refused: Option<&str>| {
        let limits = QueryLimits { series_max, samples_max };
        let found = store.select(&[], TimeRange::ALL, limits).await;
        match (found, refused) {
            (Ok(_), None) => {}
            (Err(QueryError::TooMuch { what, .. }), Some(expected)) => assert_eq!(what, expected),
            (found, _) => panic!("{series_max} series, {samples_max} samples: {found:?}"),
        }
    };
    check(2, 3, None).await;
    check(1, 3, Some("series")).await;
    check(2, 2, Some("samples")).await;
    let limits = QueryLimits { series_max: 1, samples_max: u64::MAX };
    let refused = store.series(&[], TimeRange::ALL, limits).await;
    assert!(matches!(refused, Err(QueryError::TooMuch { what: "series", .. })), "{refused:?}");
}

async fn many_series_over_days_come_back(stand: &dyn Stand) {
    let labels: Vec<LabelSet> = (0..40).map(|n| LabelSet::metric("m", [("n", format!("{n:02}"))])).collect();
    let values: Vec<(i64, f64)> = (0..600).map(|step| (step * 600, (step * step) as f64 / 3.0)).collect();
    let batches: Vec<Vec<SeriesSamples>> =
        values.chunks(100).map(|part| labels.iter().map(|labels| samples(labels, part)).collect()).collect();
    let store = stored(stand, &batches).await;
    let found = select(&store, &[Matcher::equal("__name__", "m")], TimeRange::ALL).await;
    assert_eq!(found.len(), labels.len());
    assert!(found.iter().all(|(_, found)| *found == rows(&values)));
    let one = [Matcher::equal("n", "17")];
    let found = select(&store, &one, TimeRange::new(at(60_000), at(120_000))).await;
    assert_eq!(found, [(labels[17].to_string(), rows(&values[100..=200]))]);
}
