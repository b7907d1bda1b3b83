//! Whatever text comes in is answered or refused: it never brings the program down.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use model::{Batch, LabelSet, Timestamp};
use promql::{Engine, EngineSettings, Value, parse};
use proptest::prelude::*;
use storage::{Appender, QueryLimits};
use testkit::MemoryStore;

const WORDS: &[&str] = &[
    "m",
    "n_total",
    "sum",
    "topk",
    "rate",
    "sum_over_time",
    "histogram_quantile",
    "label_replace",
    "absent",
    "vector",
    "scalar",
    "time",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "bool",
    "offset",
    "and",
    "or",
    "unless",
    "atan2",
    "(",
    ")",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "[1m]",
    "[5m:1m]",
    "[1m*2]",
    "[2m:1m/2]",
    "offset (1m-",
    "{a=\"b\"}",
    "{a=~\".*\"}",
    ",",
    ":",
    "@",
    "start()",
    "end()",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "==",
    "!=",
    ">",
    "<=",
    "1",
    "-1",
    "0",
    "1e308",
    "NaN",
    "Inf",
    "0x1f",
    "5m",
    "1y",
    "1e400",
    "\"text\"",
    "'\\xff'",
    "`",
    "#",
    "\n",
    "é",
    "\\",
];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(WORDS), 0..14).prop_map(|words| words.join(" "))
}

/// Queries that mostly parse: functions around functions around a selector.
fn nested() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(
        &["m", "n_total", "m offset 1m", "n_total @ 60", "m{a!=\"b\"}", "vector(time())"][..],
    );
    leaf.prop_map(str::to_owned).prop_recursive(4, 16, 2, |inner| {
        let around = prop::sample::select(
            &[
                "sum by (a) (X)",
                "rate((X)[2m:30s])",
                "topk(1, X)",
                "-(X)",
                "abs(X)",
                "sort(X)",
                "absent(X)",
                "label_replace(X, \"a\", \"c\", \"a\", \".*\")",
                "count_values(\"v\", X)",
                "quantile(0.5, X)",
                "X > 1",
                "2 ^ (X)",
                "vector(scalar(X))",
                "quantile_over_time(0.9, (X)[3m:7s])",
                "timestamp(X)",
                "histogram_quantile(0.9, X)",
                "deriv((X)[2m:10s] offset -1m)",
                "limit_ratio(0.5, X)",
            ][..],
        );
        let two = prop::sample::select(
            &["(X) + (Y)", "(X) and (Y)", "(X) or (Y)", "(X) / on (a) group_left () (Y)"][..],
        );
        prop_oneof![
            (around, inner.clone()).prop_map(|(shape, x)| shape.replace('X', &x)),
            (two, inner.clone(), inner).prop_map(|(shape, x, y)| shape.replace('X', &x).replace('Y', &y)),
        ]
    })
}

async fn engine() -> Engine {
    let store = Arc::new(MemoryStore::new());
    let mut batch = Batch::default();
    for (name, a) in [("m", "b"), ("m", "c"), ("n_total", "b")] {
        for step in 0..20 {
            let labels = LabelSet::metric(name, [("a", a), ("le", "+Inf")]);
            batch.push_sample(labels, Timestamp::from_secs(step * 15), step as f64);
        }
    }
    store.append(batch).await.unwrap();
    let limits = QueryLimits { samples_max: 100_000, ..QueryLimits::default() };
    Engine::new(store, EngineSettings { limits, experimental_functions: true, ..EngineSettings::default() })
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered_or_refused(text in prop_oneof![soup(), ".{0,40}"]) {
        if let Ok(query) = parse(&text) {
            let answered = run(async { engine().await.instant(&query, Timestamp::from_secs(200)).await });
            if let Err(error) = answered {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }

    #[test]
    fn what_is_laid_out_reads_the_same(text in prop_oneof![soup(), nested()]) {
        let Ok(laid_out) = promql::format(&text) else { return Ok(()) };
        prop_assert_eq!(promql::syntax_tree(&laid_out).unwrap(), promql::syntax_tree(&text).unwrap());
        prop_assert_eq!(promql::format(&laid_out).unwrap(), laid_out);
    }

    /// An instant query is a range query of one step.
    #[test]
    fn every_step_of_a_range_answers_like_an_instant(text in nested()) {
        let query = parse(&text).unwrap();
        let (start, end, step) = (Timestamp::from_secs(60), Timestamp::from_secs(240), Duration::from_secs(60));
        let (range, instants) = run(async {
            let engine = engine().await;
            let mut instants = Vec::new();
            for index in 0..4 {
                instants.push(engine.instant(&query, start + step * index).await);
            }
            (engine.range(&query, start, end, step).await, instants)
        });
        // Series that may not meet at one step are an error of the whole range.
        if let Ok(range) = range {
            for (index, instant) in (0..).zip(instants) {
                let Value::Vector(vector) = instant.unwrap().value else { return Ok(()) };
                let at = start + step * index;
                let mut expected: Vec<_> =
                    vector.into_iter().map(|(labels, sample)| (labels, sample.value.to_bits())).collect();
                let Value::Matrix(series) = &range.value else { panic!("not a matrix") };
                let actual = series.iter().filter_map(|series| {
                    let sample = series.samples.iter().find(|sample| sample.at == at)?;
                    Some((series.labels.clone(), sample.value.to_bits()))
                });
                expected.sort();
                prop_assert_eq!(actual.collect::<Vec<_>>(), expected, "{} at {}", text, at);
            }
        }
    }
}
