//! Exemplars: few observations that stand for many, with the way to their traces.

use std::sync::Arc;

use model::{Batch, Exemplar, ExemplarSeries, LabelSet, Matcher, TimeRange};
use storage::{QueryError, QueryLimits, Store};

use super::{NO_LIMITS, Stand, append_batch, at};

pub async fn check(stand: &dyn Stand) {
    exemplars_come_back_in_order_of_time(stand).await;
    an_exemplar_that_comes_again_is_there_once(stand).await;
    exemplars_count_against_the_limit(stand).await;
}

fn latency(job: &str) -> LabelSet {
    LabelSet::metric("latency_bucket", [("job", job), ("le", "0.5")])
}

fn exemplar(secs: i64, value: f64, trace: &str) -> Exemplar {
    Exemplar { at: at(secs), value, labels: LabelSet::new([("trace_id", trace), ("span_id", "01")]) }
}

async fn stored(stand: &dyn Stand, rows: &[(&str, Exemplar)]) -> Arc<dyn Store> {
    let series = |(job, exemplar): &(&str, Exemplar)| ExemplarSeries {
        labels: latency(job),
        exemplars: vec![exemplar.clone()],
    };
    let store = stand.fresh().await;
    let exemplars = rows.iter().map(series).collect();
    append_batch(&*store, Batch { exemplars, ..Batch::default() }).await;
    stand.disturb(store).await
}

async fn select(store: &Arc<dyn Store>, job: &str, range: TimeRange) -> Vec<ExemplarSeries> {
    let matchers = [Matcher::equal("job", job)];
    store.select_exemplars(&matchers, range, NO_LIMITS).await.expect("a selection succeeds")
}

async fn exemplars_come_back_in_order_of_time(stand: &dyn Stand) {
    let bare = Exemplar { labels: LabelSet::empty(), ..exemplar(30, -0.25, "") };
    let rows = [
        ("a", exemplar(20, 0.5, "two")),
        ("a", exemplar(10, 0.125, "one")),
        ("b", exemplar(10, 9.0, "other")),
        ("a", bare.clone()),
    ];
    let store = stored(stand, &rows).await;
    let expected =
        |exemplars: &[Exemplar]| [ExemplarSeries { labels: latency("a"), exemplars: exemplars.to_vec() }];
    let all = [exemplar(10, 0.125, "one"), exemplar(20, 0.5, "two"), bare];
    assert_eq!(select(&store, "a", TimeRange::new(at(0), at(60))).await, expected(&all));
    assert_eq!(select(&store, "a", TimeRange::new(at(10), at(20))).await, expected(&all[..2]));
    assert_eq!(select(&store, "a", TimeRange::new(at(11), at(19))).await, []);
}

async fn an_exemplar_that_comes_again_is_there_once(stand: &dyn Stand) {
    let one = exemplar(10, 0.5, "one");
    let store = stored(stand, &[("a", one.clone()), ("a", exemplar(10, 0.5, "two"))]).await;
    let exemplars = vec![ExemplarSeries { labels: latency("a"), exemplars: vec![one] }];
    append_batch(&*store, Batch { exemplars, ..Batch::default() }).await;
    let store = stand.disturb(store).await;
    let found = select(&store, "a", TimeRange::ALL).await;
    let mut traces: Vec<&str> =
        found[0].exemplars.iter().map(|exemplar| exemplar.labels.value("trace_id")).collect();
    traces.sort_unstable();
    assert_eq!(traces, ["one", "two"], "others at the same instant stay");
}

async fn exemplars_count_against_the_limit(stand: &dyn Stand) {
    let store = stored(stand, &[("a", exemplar(10, 1.0, "one")), ("a", exemplar(20, 2.0, "two"))]).await;
    let limits = QueryLimits { samples_max: 1, ..NO_LIMITS };
    let refused = store.select_exemplars(&[], TimeRange::new(at(0), at(60)), limits).await;
    assert!(matches!(refused, Err(QueryError::TooMuch { what: "samples", limit: 1, .. })), "{refused:?}");
}
