//! A day is read whole, stream by stream, and dropped only as it was planned.

use std::sync::Arc;
use std::time::Duration;

use model::{LabelSet, LogRecord, LogSeverity, Matcher, Span, TimeRange};
use parking_lot::Mutex;
use storage::{
    DayError, DayRows, DaySink, DroppedDay, Erasure, LogQuery, Retention, Signal, SinkError, SpanQuery,
    Store, StreamRows,
};

use super::rows::{append_rows, bare_span, named, rows_of, without};
use super::{MIDNIGHT, NO_LIMITS, Stand, append, append_logs, append_spans, at, samples};

const DAY: i64 = 86_400;

pub async fn check(stand: &dyn Stand) {
    a_day_is_read_whole_and_nothing_beside_it(stand).await;
    streams_come_by_metric_and_rows_by_time(stand).await;
    what_was_replaced_or_erased_is_left_out(stand).await;
    a_stream_that_is_too_large_for_memory_comes_in_pieces(stand).await;
    a_sink_ends_the_reading(stand).await;
    planned_days_are_dropped(stand).await;
    a_day_with_rows_since_the_plan_stays(stand).await;
}

/// What a sink was handed.
#[derive(Clone, Default)]
struct Handed {
    pieces: Arc<Mutex<Vec<StreamRows>>>,
    finished: Arc<Mutex<u32>>,
    /// After so many pieces it takes no more.
    most: Option<usize>,
}

impl DaySink for Handed {
    fn take(&mut self, rows: StreamRows) -> Result<(), SinkError> {
        let mut pieces = self.pieces.lock();
        if self.most.is_some_and(|most| pieces.len() >= most) {
            return Err("enough".into());
        }
        pieces.push(rows);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        *self.finished.lock() += 1;
        Ok(())
    }
}

/// The pieces of the day after midnight.
async fn read(store: &Arc<dyn Store>, signal: Signal) -> Vec<StreamRows> {
    let handed = Handed::default();
    // Any instant names its day.
    store.read_day(signal, at(DAY - 1), Box::new(handed.clone())).await.expect("a day is read");
    assert_eq!(*handed.finished.lock(), 1, "{signal:?}");
    std::mem::take(&mut *handed.pieces.lock())
}

fn seconds(rows: &DayRows) -> Vec<i64> {
    let times: Vec<model::Timestamp> = match rows {
        DayRows::Samples(rows) => rows.iter().map(|sample| sample.at).collect(),
        DayRows::Logs(rows) => rows.iter().map(|record| record.at).collect(),
        DayRows::Spans(rows) => rows.iter().map(|span| span.start).collect(),
        DayRows::Histograms(rows) => rows.iter().map(|sample| sample.at).collect(),
        DayRows::Exemplars(rows) => rows.iter().map(|exemplar| exemplar.at).collect(),
    };
    times.into_iter().map(|at| at.as_secs() - MIDNIGHT).collect()
}

async fn a_day_is_read_whole_and_nothing_beside_it(stand: &dyn Stand) {
    let places = [("a", -1), ("a", 0), ("b", 7), ("a", DAY - 1), ("a", DAY), ("b", -3 * DAY)];
    let store = stand.fresh().await;
    append_rows(&*store, &places[..3]).await;
    let store = stand.disturb(store).await;
    append_rows(&*store, &places[3..]).await;
    let store = stand.disturb(store).await;
    for signal in Signal::ALL {
        let pieces = read(&store, signal).await;
        let mut found: Vec<(String, i64)> = Vec::new();
        for piece in &pieces {
            let job = piece.labels.value("job").to_owned();
            found.extend(seconds(&piece.rows).into_iter().map(|secs| (job.clone(), secs)));
        }
        found.sort();
        let expected = [("a", 0), ("a", DAY - 1), ("b", 7)].map(|(job, secs)| (job.to_owned(), secs));
        assert_eq!(found, expected, "{signal:?}");
    }
    let empty = stand.fresh().await;
    assert!(read(&empty, Signal::Logs).await.is_empty());
}

async fn streams_come_by_metric_and_rows_by_time(stand: &dyn Stand) {
    let series = |name: &str, job: &str| LabelSet::metric(name, [("job", job)]);
    let store = stand.fresh().await;
    for (name, job, secs) in [("up", "b", 5), ("load", "a", 3), ("up", "a", 9), ("up", "b", 2)] {
        append(&*store, vec![samples(&series(name, job), &[(secs, 1.0), (secs + 100, 2.0)])]).await;
    }
    append(&*store, vec![samples(&LabelSet::new([("job", "nameless")]), &[(1, 0.0)])]).await;
    let store = stand.disturb(store).await;
    append(&*store, vec![samples(&series("up", "b"), &[(50, 3.0)])]).await;
    append(&*store, vec![samples(&series("disk", "a"), &[(1, 3.0)])]).await;
    let pieces = read(&store, Signal::Samples).await;
    let metrics: Vec<&str> = pieces.iter().map(|piece| piece.labels.value("__name__")).collect();
    assert_eq!(metrics, ["", "disk", "load", "up", "up"]);
    let of_b = pieces.iter().find(|piece| piece.labels == series("up", "b")).expect("it is there");
    assert_eq!(seconds(&of_b.rows), [2, 5, 50, 102, 105]);
    assert_eq!(read(&store, Signal::Samples).await, pieces, "a second time it is the same");
}

async fn what_was_replaced_or_erased_is_left_out(stand: &dyn Stand) {
    let labels = LabelSet::metric("up", [("job", "a")]);
    let span = |who: &str, secs| Span {
        attributes: vec![("who".to_owned(), who.into())],
        ..bare_span(LabelSet::new([("job", "a")]), secs)
    };
    let line = |body: &str| LogRecord::new(at(5), LabelSet::new([("job", "a")]), LogSeverity::Info, body);
    let store = stand.fresh().await;
    append(&*store, vec![samples(&labels, &[(1, 1.0), (2, 1.0), (3, 1.0)])]).await;
    append_spans(&*store, vec![span("first", 1), span("first", 2), span("first", 3)]).await;
    append_logs(&*store, vec![line("twice"), line("twice")]).await;
    let store = stand.disturb(store).await;
    append(&*store, vec![samples(&labels, &[(2, 2.0)])]).await;
    append_spans(&*store, vec![span("second", 2), span("third", 3)]).await;
    append_logs(&*store, vec![line("then")]).await;
    let erasure = |signals: &[Signal], range, attributes| Erasure {
        signals: signals.to_vec(),
        range,
        stream: vec![Matcher::equal("job", "a")],
        attributes,
    };
    let third = vec![Matcher::equal("who", "third")];
    store.erase(&erasure(&[Signal::Spans], TimeRange::ALL, third)).await.expect("an erasure succeeds");
    let at_three = TimeRange::new(at(3), at(3));
    store.erase(&erasure(&[Signal::Samples], at_three, Vec::new())).await.expect("an erasure succeeds");
    check_left(&store, &labels, &[span("first", 1), span("second", 2)]).await;
    let store = stand.disturb(store).await;
    check_left(&store, &labels, &[span("first", 1), span("second", 2)]).await;
}

/// What is read is what queries find.
async fn check_left(store: &Arc<dyn Store>, labels: &LabelSet, left: &[Span]) {
    let read_samples = read(store, Signal::Samples).await;
    let selected = store.select(&[], TimeRange::ALL, NO_LIMITS).await.expect("a selection succeeds");
    let expected = DayRows::Samples(selected[0].samples.clone());
    assert_eq!(read_samples, [StreamRows { labels: labels.clone(), rows: expected }]);

    let spans = store.search_spans(&SpanQuery::of(TimeRange::ALL)).await.expect("a search succeeds");
    assert_eq!(spans, left);
    let [StreamRows { rows: DayRows::Spans(found), .. }] = &read(store, Signal::Spans).await[..] else {
        panic!("it is one stream of spans")
    };
    let who = |span: &Span| span.attributes[0].1.to_string();
    assert_eq!(found.iter().map(|span| who(span)).collect::<Vec<_>>(), ["first", "second"]);

    let [StreamRows { rows: DayRows::Logs(found), .. }] = &read(store, Signal::Logs).await[..] else {
        panic!("it is one stream of logs")
    };
    let bodies: Vec<&str> = found.iter().map(|record| record.body.as_str()).collect();
    assert_eq!(bodies, ["twice", "twice", "then"], "in order of arrival");
}

async fn a_stream_that_is_too_large_for_memory_comes_in_pieces(stand: &dyn Stand) {
    const LINES: i64 = 20;
    let stream = LabelSet::new([("job", "loud")]);
    let line = |number: i64| {
        let body = format!("{number} {}", "x".repeat(900 << 10));
        LogRecord::new(at(number * 4000), stream.clone(), LogSeverity::Info, body)
    };
    let store = stand.fresh().await;
    for first in (0..LINES).step_by(4) {
        append_logs(&*store, (first..first + 4).map(line).collect()).await;
        store.flush().await.expect("a flush succeeds");
    }
    let store = stand.disturb(store).await;
    let mut found = Vec::new();
    for piece in read(&store, Signal::Logs).await {
        assert_eq!(piece.labels, stream);
        let DayRows::Logs(records) = piece.rows else { panic!("they are logs") };
        found.extend(records.iter().map(|record| record.body.split(' ').next().map(str::to_owned)));
    }
    assert_eq!(found, (0..LINES).map(|number| Some(number.to_string())).collect::<Vec<_>>());
    let query = LogQuery { limit: 1, ..LogQuery::of(TimeRange::ALL) };
    assert_eq!(store.search_logs(&query).await.expect("a search succeeds").len(), 1);
}

async fn a_sink_ends_the_reading(stand: &dyn Stand) {
    let store = stand.fresh().await;
    append_rows(&*store, &[("a", 1), ("b", 2)]).await;
    let store = stand.disturb(store).await;
    let handed = Handed { most: Some(1), ..Handed::default() };
    let read = store.read_day(Signal::Logs, at(0), Box::new(handed.clone())).await;
    assert!(matches!(read, Err(DayError::Sink(_))), "{read:?}");
    assert_eq!((handed.pieces.lock().len(), *handed.finished.lock()), (1, 0));
}

const PLACES: [(&str, i64); 4] = [("a", -5), ("a", 10), ("b", 20), ("a", DAY)];

async fn planned(store: &Arc<dyn Store>) -> Vec<DroppedDay> {
    let ages = vec![(Signal::Logs, Duration::ZERO), (Signal::Samples, Duration::ZERO)];
    let retention = Retention { ages, ..Retention::default() };
    store.plan_retention(&retention, at(DAY)).await.expect("a plan is made").days
}

async fn planned_days_are_dropped(stand: &dyn Stand) {
    let store = stand.fresh().await;
    append_rows(&*store, &PLACES).await;
    let store = stand.disturb(store).await;
    let of_logs: Vec<DroppedDay> =
        planned(&store).await.into_iter().filter(|day| day.signal == Signal::Logs).collect();
    assert_eq!(store.drop_days(&of_logs).await.expect("days go"), of_logs);
    let left = without(&named(&Signal::ALL, &PLACES), &named(&[Signal::Logs], &PLACES[..3]));
    assert_eq!(rows_of(&store).await, left);
    assert_eq!(store.drop_days(&of_logs).await.expect("nothing goes"), []);
    let store = stand.disturb(store).await;
    assert_eq!(rows_of(&store).await, left);
}

async fn a_day_with_rows_since_the_plan_stays(stand: &dyn Stand) {
    let store = stand.fresh().await;
    append_rows(&*store, &PLACES).await;
    let store = stand.disturb(store).await;
    let plan = planned(&store).await;
    let late = DAY - 1;
    append_rows(&*store, &[("late", late)]).await;
    let gone = store.drop_days(&plan).await.expect("the others go");
    assert!(gone.iter().all(|day| day.day < at(0)), "{gone:?}");
    let all = [&named(&Signal::ALL, &PLACES)[..], &named(&Signal::ALL, &[("late", late)])].concat();
    let mut left = without(&all, &named(&[Signal::Samples, Signal::Logs], &PLACES[..1]));
    left.sort();
    assert_eq!(rows_of(&store).await, left);
}
