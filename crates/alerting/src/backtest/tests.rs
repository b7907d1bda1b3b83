//! A look back beside the running engine, and at what only it knows.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use model::Batch;
use promql::EngineSettings;
use proptest::prelude::*;
use storage::Appender;
use testkit::{FakeClock, MemoryStore, clock::START};

use super::*;
use crate::lifecycle::{Stage, Step, next};
use crate::template::Surroundings;

const EVERY: Duration = Duration::from_secs(15);

fn rule(fields: &str) -> Arc<Rule> {
    let yaml = format!("groups: [{{name: g, rules: [{{alert: a, {fields}}}]}}]");
    crate::rules::parse("own.yml", &yaml).unwrap()[0].alerts().next().unwrap().clone()
}

/// The rule over samples of `x`, one each 15 seconds from the second evaluation on.
async fn look(fields: &str, series: &[(&str, &[f64])]) -> Result<Backtest, BacktestError> {
    let store = Arc::new(MemoryStore::new());
    let mut batch = Batch::default();
    let longest = series.iter().map(|(_, values)| values.len()).max().unwrap() as u32;
    for (of, values) in series {
        for (index, value) in values.iter().enumerate() {
            let at = START + EVERY * (index as u32 + 1);
            batch.push_sample(LabelSet::metric("x", [("of", of)]), at, *value);
        }
    }
    store.append(batch).await.unwrap();
    let queries = promql::Engine::with_clock(store, EngineSettings::default(), Arc::new(FakeClock::new()));
    let finder = Finder { queries: &queries, surroundings: &Surroundings::default(), alerts_max: 2 };
    let (start, end) = (START, START + EVERY * longest);
    let look = Look { start, end, interval: EVERY, night: Night::default() };
    backtest(&rule(fields), &look, finder).await
}

fn times(backtest: &Backtest) -> Vec<(u64, Option<u64>)> {
    let step = |at: Timestamp| at.since(START).as_secs() / 15;
    backtest.firings.iter().map(|firing| (step(firing.start), firing.end.map(step))).collect()
}

#[tokio::test]
async fn firings_are_told_with_their_times() {
    let values = [0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0];
    let found = look("expr: x > 0, for: 30s, keep_firing_for: 30s", &[("one", &values)]).await.unwrap();
    assert_eq!(times(&found), [(4, Some(7)), (10, None)]);
    assert_eq!((found.evaluations, found.failed, found.fired, found.fired_at_night), (11, 0, 2, 2));
    assert_eq!((found.firing.as_secs(), found.longest.as_secs()), (45 + 15, 45));
    let weeks = 11.0 * 15.0 / (7.0 * 86_400.0);
    assert!((found.fired_per_week - 2.0 / weeks).abs() < 1e-6);
}

#[tokio::test]
async fn evaluations_that_fail_leave_alerts_as_they_are() {
    let (bad, always) = ([1.0, 1.0, 1.0, 0.0, 0.0], [1.0; 5]);
    // Three at once are more than the limit of two, at the second and the third.
    let third = [0.0, 1.0, 1.0, 0.0, 0.0];
    let found = look("expr: x > 0", &[("a", &bad), ("b", &always), ("c", &third)]).await.unwrap();
    assert_eq!(times(&found), [(1, Some(4)), (1, None)]);
    assert_eq!(
        (found.failed, found.first_error.as_deref()),
        (2, Some("it finds more than 2 things at once"))
    );
    // Where both exceed zero the match is ambiguous.
    let query = "expr: 'x{of=\"a\"} + on() group_left() (x{of!=\"a\"} > 0)'";
    let found = look(query, &[("a", &always), ("b", &always), ("c", &third)]).await.unwrap();
    assert_eq!((found.failed, times(&found)), (2, vec![(1, None)]));
}

#[tokio::test]
async fn labels_of_the_value_tell_alerts_apart() {
    let values = [1.0, 1.0, 2.0, 2.0, 0.0];
    let found = look("expr: x > 0, labels: {level: '{{ $value }}'}", &[("a", &values)]).await.unwrap();
    assert_eq!(times(&found), [(1, Some(3)), (3, Some(5))]);
    assert_eq!(found.firings[1].labels.get("level"), Some("2"));
}

#[tokio::test]
async fn what_cannot_be_looked_back_on_is_refused() {
    let anchored = look("expr: x @ end() > 0", &[("a", &[1.0])]).await;
    assert!(matches!(anchored, Err(BacktestError::Anchored { .. })));
    let night = Night::default();
    let reversed = Look { start: START, end: START - EVERY, interval: EVERY, night: night.clone() };
    assert!(matches!(reversed.steps(), Err(BacktestError::Reversed)));
    let endless =
        Look { start: START, end: START + EVERY * 2_000_000, interval: Duration::from_millis(1), night };
    assert!(matches!(endless.steps(), Err(BacktestError::TooLong { .. })));
}

/// The firings of one alert, evaluation by evaluation.
fn stepped(holds: &[bool], timing: Timing) -> Vec<(u64, Option<u64>)> {
    let (mut stage, mut firings) = (Stage::Absent, Vec::new());
    for (index, holds) in holds.iter().enumerate() {
        let now = START + EVERY * (index as u32 + 1);
        let step = next(stage, *holds, timing, now);
        stage = stage.after(step, now);
        match (step, firings.last_mut()) {
            (Step::Fire, _) => firings.push((index as u64 + 1, None)),
            (Step::Resolve, Some(last)) => last.1 = Some(index as u64 + 1),
            _ => {}
        }
    }
    firings
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn it_fires_as_the_engine_does(
        holds in proptest::collection::vec(any::<bool>(), 1..60),
        hold in 0_u64..4,
        keep in 0_u64..4,
    ) {
        let values: Vec<f64> = holds.iter().map(|holds| f64::from(u8::from(*holds))).collect();
        let fields = format!("expr: x > 0, for: {}s, keep_firing_for: {}s", hold * 15, keep * 15);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(look(&fields, &[("a", &values)])).unwrap();
        let secs = |steps: u64| Duration::from_secs(steps * 15);
        let timing = Timing { hold: secs(hold), keep: secs(keep), gap_max: GAP_MAX };
        prop_assert_eq!(times(&found), stepped(&holds, timing));
    }
}
