//! Carries out the commands of a file and counts what passes.

use std::sync::Arc;
use std::time::Duration;

use model::{METRIC_NAME, Timestamp};
use promql::{Answer, Engine, EngineSettings, Value};

use crate::compare;
use crate::reader::Reader;
use crate::script::{self, Case, Command, Steps, When};
use crate::series::Item;

#[derive(Debug)]
pub enum Outcome {
    Passed,
    /// Equal to what is expected, although the query reads a series that had native
    /// histograms left out.
    PassedBesideHistograms,
    NeedsHistograms(String),
    Failed(String),
}

#[derive(Debug, Default)]
pub struct Tally {
    pub passed: usize,
    pub passed_beside_histograms: usize,
    pub needs_histograms: usize,
    pub failed: usize,
}

impl Tally {
    pub fn of(outcomes: &[(usize, String, Outcome)]) -> Self {
        let mut tally = Self::default();
        for (_, _, outcome) in outcomes {
            match outcome {
                Outcome::Passed => tally.passed += 1,
                Outcome::PassedBesideHistograms => {
                    tally.passed += 1;
                    tally.passed_beside_histograms += 1;
                }
                Outcome::NeedsHistograms(_) => tally.needs_histograms += 1,
                Outcome::Failed(_) => tally.failed += 1,
            }
        }
        tally
    }

    pub fn add(&mut self, other: &Tally) {
        self.passed += other.passed;
        self.passed_beside_histograms += other.passed_beside_histograms;
        self.needs_histograms += other.needs_histograms;
        self.failed += other.failed;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let total = self.passed + self.needs_histograms + self.failed;
        let share = format!("{}/{total}", self.passed);
        write!(f, "{share:>12} {:>20} {:>7}", self.needs_histograms, self.failed)
    }
}

pub async fn file(text: &str) -> Vec<(usize, String, Outcome)> {
    let mut reader = Arc::new(Reader::default());
    let mut outcomes = Vec::new();
    for command in script::parse(text) {
        match command {
            Command::Clear => reader = Arc::new(Reader::default()),
            Command::Load { interval_ms, series, with_histograms } => {
                reader.load(interval_ms, &series).await;
                for (labels, _) in series.iter().filter(|_| with_histograms) {
                    // The classic histogram would also be loaded as a native one.
                    let name = labels.value(METRIC_NAME);
                    for suffix in ["_bucket", "_count", "_sum"] {
                        if let Some(base) = name.strip_suffix(suffix) {
                            reader.leave_out(labels.without(&["le"]).with(METRIC_NAME, base));
                        }
                    }
                }
            }
            Command::Eval(case) => {
                let outcome = outcome(&case, &reader).await;
                outcomes.push((case.line, case.query.clone(), outcome));
            }
        }
    }
    outcomes
}

async fn outcome(case: &Case, reader: &Arc<Reader>) -> Outcome {
    let expects_histograms = case.expected.iter().any(|(_, items)| items.contains(&Item::Histogram));
    let result = check(case, reader).await;
    let touched = reader.was_touched();
    match result {
        Ok(()) if touched => Outcome::PassedBesideHistograms,
        Ok(()) => Outcome::Passed,
        Err(why) if touched || expects_histograms || is_about_histograms(&case.query, &why) => {
            Outcome::NeedsHistograms(why)
        }
        Err(why) => Outcome::Failed(why),
    }
}

/// The operators `</` and `>/` cut native histograms and are in no grammar for floats.
fn is_about_histograms(query: &str, why: &str) -> bool {
    why.contains("needs native histograms") || query.contains(" </ ") || query.contains(" >/ ")
}

async fn check(case: &Case, reader: &Arc<Reader>) -> Result<(), String> {
    if let Some(why) = &case.unreadable {
        return Err(why.clone());
    }
    let result = evaluate(&case.query, case.when, reader).await;
    let answer = match (&case.fails, result) {
        (None, result) => result?,
        (Some(message), Err(error)) if compare::fits(message, &error) => return Ok(()),
        (Some(message), Err(error)) => return Err(format!("expected {message:?}, got error: {error}")),
        (Some(_), Ok(answer)) => return Err(format!("expected to fail, got {:?}", answer.value)),
    };
    compare::answer(case, &answer)?;
    match (case.when, &answer.value) {
        (When::At(at), Value::Vector(_) | Value::Scalar(_)) if !depends_on_bounds(case) => {
            same_in_the_middle_of_a_range(case, at, &answer, reader).await
        }
        _ => Ok(()),
    }
}

/// An instant query must answer the same as the step of a range query at that time.
async fn same_in_the_middle_of_a_range(
    case: &Case,
    at: i64,
    answer: &Answer,
    reader: &Arc<Reader>,
) -> Result<(), String> {
    const MINUTE: i64 = 60_000;
    let over = When::Over(Steps { start: at - MINUTE, end: at + MINUTE, step: MINUTE });
    // Other steps may have no answer at all, for example where series match ambiguously.
    let Ok(range) = evaluate(&case.query, over, reader).await else { return Ok(()) };
    let Value::Matrix(series) = range.value else { return Err("a range query yields a matrix".to_owned()) };
    let middle = Timestamp::from_millis(at);
    let mut actual: Vec<_> = series
        .into_iter()
        .filter_map(|series| {
            let sample = series.samples.into_iter().find(|sample| sample.at == middle)?;
            Some((series.labels, sample.value.to_bits()))
        })
        .collect();
    let mut expected: Vec<_> = match &answer.value {
        Value::Vector(vector) => {
            vector.iter().map(|(labels, sample)| (labels.clone(), sample.value.to_bits())).collect()
        }
        Value::Scalar(sample) => vec![(model::LabelSet::empty(), sample.value.to_bits())],
        _ => return Ok(()),
    };
    actual.sort();
    expected.sort();
    if actual == expected { Ok(()) } else { Err("a range query answers differently at this step".to_owned()) }
}

fn depends_on_bounds(case: &Case) -> bool {
    ["start()", "end()", "range()", "step()"].iter().any(|word| case.query.contains(word))
}

async fn evaluate(query: &str, when: When, reader: &Arc<Reader>) -> Result<Answer, String> {
    let query = promql::parse(query).map_err(|error| error.to_string())?;
    let reader: Arc<dyn storage::SampleReader> = reader.clone();
    let engine = Engine::new(reader, EngineSettings::default());
    let result = match when {
        When::At(at) => engine.instant(&query, Timestamp::from_millis(at)).await,
        When::Over(steps) => {
            let (start, end) = (Timestamp::from_millis(steps.start), Timestamp::from_millis(steps.end));
            engine.range(&query, start, end, Duration::from_millis(steps.step.unsigned_abs())).await
        }
    };
    result.map_err(|error| error.to_string())
}
