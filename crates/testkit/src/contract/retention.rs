//! Retention: whole UTC days go, or streams of them, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use model::{LabelSet, MatchOp, Matcher, TimeRange};
use storage::{Retention, RetentionPlan, RetentionRule, Signal, Store};

use super::rows::{Row, append_rows, named, rows_of, without};
use super::{MIDNIGHT, NO_LIMITS, Stand, append, at, samples};

const DAY: i64 = 86_400;

/// Rows of every signal: one on the first day, two on the second, two on the third.
const PLACES: [(&str, i64); 5] = [("a", -2 * DAY), ("a", -1), ("b", -DAY), ("a", 0), ("a", 5)];

pub async fn check(stand: &dyn Stand) {
    days_that_ended_longer_ago_than_their_age_go(stand).await;
    each_signal_has_its_own_age(stand).await;
    without_an_age_everything_stays(stand).await;
    rules_thin_only_the_streams_they_select(stand).await;
    a_stream_goes_by_the_first_rule_that_selects_it(stand).await;
    a_rule_says_nothing_of_a_day_that_goes_as_a_whole(stand).await;
    the_oldest_days_go_while_all_tables_take_too_much(stand).await;
    labels_go_with_their_last_day(stand).await;
    a_day_that_was_dropped_can_be_filled_again(stand).await;
    usage_counts_rows(stand).await;
}

async fn stored(stand: &dyn Stand) -> Arc<dyn Store> {
    let store = stand.fresh().await;
    append_rows(&*store, &PLACES).await;
    stand.disturb(store).await
}

fn days(count: i64) -> Duration {
    Duration::from_secs(count.unsigned_abs() * DAY.unsigned_abs())
}

fn of_ages(ages: &[(Signal, i64)]) -> Retention {
    let ages = ages.iter().map(|(signal, count)| (*signal, days(*count))).collect();
    Retention { ages, ..Retention::default() }
}

fn of_age(age: i64) -> Retention {
    of_ages(&Signal::ALL.map(|signal| (signal, age)))
}

fn rule(signal: Signal, stream: Matcher, age: i64) -> RetentionRule {
    RetentionRule { signal, stream: vec![stream], age: days(age) }
}

/// One line for each part of a plan, in alphabetical order.
fn lines(plan: &RetentionPlan) -> Vec<String> {
    let day = |start: model::Timestamp| (start.as_secs() - MIDNIGHT) / DAY;
    let dropped = plan.days.iter().map(|dropped| {
        let signal = dropped.signal.as_str();
        format!("{signal} of day {}: {} rows by {:?}", day(dropped.day), dropped.rows, dropped.reason)
    });
    let thinned = plan.thinned.iter().map(|thinned| {
        let signal = thinned.signal.as_str();
        format!("{signal} of day {}: {} streams by rule {}", day(thinned.day), thinned.streams, thinned.rule)
    });
    let mut lines: Vec<String> = dropped.chain(thinned).collect();
    lines.sort();
    lines
}

/// The plan says what goes, all of that goes at once and nothing else, and it stays gone.
async fn check_goes(stand: &dyn Stand, retention: &Retention, now: i64, plan: &[&str], gone: &[Row]) {
    let all = named(&Signal::ALL, &PLACES);
    let store = stored(stand).await;
    let planned = store.plan_retention(retention, at(now)).await.expect("a plan is made");
    assert_eq!(lines(&planned), plan, "{retention:?} at {now}");
    assert_eq!(rows_of(&store).await, all, "a plan drops nothing");
    let done = store.retain(retention, at(now)).await.expect("days go");
    assert_eq!(done, planned, "{retention:?} at {now}");
    assert_eq!(rows_of(&store).await, without(&all, gone), "{retention:?} at {now}");
    let store = stand.disturb(store).await;
    assert_eq!(rows_of(&store).await, without(&all, gone), "{retention:?} at {now}");
    let again = store.retain(retention, at(now)).await.expect("nothing goes");
    assert_eq!(again, RetentionPlan::default(), "a second time there is nothing to do");
}

async fn days_that_ended_longer_ago_than_their_age_go(stand: &dyn Stand) {
    check_goes(stand, &of_age(2), DAY - 60, &[], &[]).await;
    let first = [
        "exemplars of day -2: 1 rows by Age",
        "histograms of day -2: 1 rows by Age",
        "logs of day -2: 1 rows by Age",
        "samples of day -2: 1 rows by Age",
        "spans of day -2: 1 rows by Age",
    ];
    check_goes(stand, &of_age(2), DAY + 60, &first, &named(&Signal::ALL, &PLACES[..1])).await;
    check_goes(stand, &of_age(1), 60, &first, &named(&Signal::ALL, &PLACES[..1])).await;
    check_goes(stand, &of_age(0), -DAY + 60, &first, &named(&Signal::ALL, &PLACES[..1])).await;
}

async fn each_signal_has_its_own_age(stand: &dyn Stand) {
    let plan =
        ["logs of day -1: 2 rows by Age", "logs of day -2: 1 rows by Age", "spans of day -2: 1 rows by Age"];
    let gone = [named(&[Signal::Logs], &PLACES[..3]), named(&[Signal::Spans], &PLACES[..1])].concat();
    let ages = of_ages(&[(Signal::Logs, 0), (Signal::Spans, 1), (Signal::Samples, 30)]);
    check_goes(stand, &ages, 60, &plan, &gone).await;
    let without_samples = of_ages(&[(Signal::Logs, 0), (Signal::Spans, 1)]);
    check_goes(stand, &without_samples, 60, &plan, &gone).await;
}

async fn without_an_age_everything_stays(stand: &dyn Stand) {
    check_goes(stand, &Retention::default(), 1_000 * DAY, &[], &[]).await;
    let for_ever = Signal::ALL.map(|signal| (signal, Duration::MAX)).to_vec();
    let retention = Retention { ages: for_ever, bytes_max: Some(u64::MAX), ..Retention::default() };
    check_goes(stand, &retention, 1_000 * DAY, &[], &[]).await;
}

async fn rules_thin_only_the_streams_they_select(stand: &dyn Stand) {
    let only = |rule| Retention { rules: vec![rule], ..Retention::default() };
    let logs_of_b = only(rule(Signal::Logs, Matcher::equal("job", "b"), 0));
    let gone = named(&[Signal::Logs], &[("b", -DAY)]);
    check_goes(stand, &logs_of_b, -60, &[], &[]).await;
    check_goes(stand, &logs_of_b, 60, &["logs of day -1: 1 streams by rule 0"], &gone).await;

    let plan = ["samples of day -1: 1 streams by rule 0", "samples of day -2: 1 streams by rule 0"];
    let gone = named(&[Signal::Samples], &[("a", -2 * DAY), ("a", -1)]);
    let up_of_a = only(RetentionRule {
        signal: Signal::Samples,
        stream: vec![Matcher::equal("__name__", "up"), Matcher::equal("job", "a")],
        age: days(0),
    });
    check_goes(stand, &up_of_a, 60, &plan, &gone).await;

    let all_spans = only(RetentionRule { signal: Signal::Spans, stream: Vec::new(), age: days(0) });
    let plan = ["spans of day -1: 2 streams by rule 0", "spans of day -2: 1 streams by rule 0"];
    check_goes(stand, &all_spans, 60, &plan, &named(&[Signal::Spans], &PLACES[..3])).await;
}

async fn a_stream_goes_by_the_first_rule_that_selects_it(stand: &dyn Stand) {
    let every = RetentionRule { signal: Signal::Logs, stream: Vec::new(), age: days(0) };
    let rules = vec![rule(Signal::Logs, Matcher::equal("job", "b"), 0), every.clone(), every];
    let retention = Retention { rules, ..Retention::default() };
    let plan = [
        "logs of day -1: 1 streams by rule 0",
        "logs of day -1: 1 streams by rule 1",
        "logs of day -2: 1 streams by rule 1",
    ];
    check_goes(stand, &retention, 60, &plan, &named(&[Signal::Logs], &PLACES[..3])).await;
}

async fn a_rule_says_nothing_of_a_day_that_goes_as_a_whole(stand: &dyn Stand) {
    let not_a = Matcher::new("job", MatchOp::NotEqual, "a").expect("the expression is one");
    let rules = vec![rule(Signal::Logs, not_a, 0), rule(Signal::Logs, Matcher::equal("job", "a"), 30)];
    let retention = Retention { rules, ..of_ages(&[(Signal::Logs, 1)]) };
    let plan = ["logs of day -1: 1 streams by rule 0", "logs of day -2: 1 rows by Age"];
    check_goes(stand, &retention, 60, &plan, &named(&[Signal::Logs], &[("a", -2 * DAY), ("b", -DAY)])).await;
}

/// In a store whose rows take no bytes nothing goes; that, too, is what is asked here.
async fn the_oldest_days_go_while_all_tables_take_too_much(stand: &dyn Stand) {
    let bytes = async |store: &Arc<dyn Store>| -> u64 {
        store.usage().await.expect("usage").tables.iter().map(|table| table.bytes).sum()
    };
    let store = stored(stand).await;
    store.flush().await.expect("a flush succeeds");
    let bytes_max = bytes(&store).await / 2;
    let retention = Retention { bytes_max: Some(bytes_max), ..Retention::default() };
    let planned = store.plan_retention(&retention, at(60)).await.expect("a plan is made");
    let done = store.retain(&retention, at(60)).await.expect("days go");
    assert_eq!(done, planned);
    assert!(bytes(&store).await <= bytes_max);
    let store = stand.disturb(store).await;
    let day = |row: &Row| row.2.div_euclid(DAY);
    let left = rows_of(&store).await;
    let gone = without(&named(&Signal::ALL, &PLACES), &left);
    let (newest_gone, oldest_left) = (gone.iter().map(day).max(), left.iter().map(day).min());
    assert!(oldest_left.is_none() || newest_gone <= oldest_left, "{gone:?} went, {left:?} stayed");
    assert_eq!(done.days.iter().map(|dropped| dropped.rows).sum::<u64>(), gone.len() as u64);
    assert!(lines(&done).iter().all(|line| line.ends_with("by Size")), "{done:?}");
}

async fn labels_go_with_their_last_day(stand: &dyn Stand) {
    let store = stored(stand).await;
    store.retain(&of_age(0), at(60)).await.expect("days go");
    let store = stand.disturb(store).await;
    let values = store.label_values("job", &[], TimeRange::ALL).await.expect("values");
    assert_eq!(values, ["a"]);
}

async fn a_day_that_was_dropped_can_be_filled_again(stand: &dyn Stand) {
    let store = stored(stand).await;
    store.retain(&of_age(0), at(60)).await.expect("days go");
    append_rows(&*store, &[("c", -7)]).await;
    append(&*store, vec![samples(&LabelSet::metric("late", [("job", "c")]), &[(-7, 1.0)])]).await;
    let store = stand.disturb(store).await;
    let found = store.select(&[Matcher::equal("job", "c")], TimeRange::ALL, NO_LIMITS).await;
    assert_eq!(found.expect("a selection succeeds").len(), 2);
    let left: Vec<i64> = rows_of(&store).await.into_iter().map(|(_, _, secs)| secs).collect();
    let of_others = [0, 5, -7].repeat(Signal::ALL.len() - 1);
    assert_eq!(left, [&[0, 5, -7, -7][..], &of_others].concat(), "samples, then the other signals");
}

async fn usage_counts_rows(stand: &dyn Stand) {
    let store = stored(stand).await;
    append(&*store, vec![samples(&LabelSet::metric("one", [("more", "row")]), &[(1, 1.0)])]).await;
    let store = stand.disturb(store).await;
    let usage = store.usage().await.expect("usage");
    let is_of_signal = |name: &str| Signal::ALL.iter().any(|signal| signal.as_str() == name);
    let tables = usage.tables.iter().filter(|table| is_of_signal(table.table));
    let rows: Vec<(&str, u64)> = tables.map(|table| (table.table, table.rows)).collect();
    assert_eq!(rows, [("samples", 6), ("logs", 5), ("spans", 5), ("histograms", 5), ("exemplars", 5)]);
}
