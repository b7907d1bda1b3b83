//! Carries out the commands of a file and finds out what became of each case.

use std::sync::Arc;
use std::time::Duration;

use model::{HistogramSeries, LabelSet, Series, Timestamp};
use promql::{Answer, Engine, EngineSettings, Value};

use crate::compare;
use testkit::MemoryStore;

use crate::reader;
use crate::script::{self, Case, Command, Steps, When};

#[derive(Debug)]
pub enum Outcome {
    Passed,
    Failed(String),
}

pub async fn file(text: &str) -> Vec<(usize, String, Outcome)> {
    let mut store = Arc::new(MemoryStore::new());
    let mut outcomes = Vec::new();
    for command in script::parse(text) {
        match command {
            Command::Clear => store = Arc::new(MemoryStore::new()),
            Command::Load { interval_ms, series, with_histograms } => {
                reader::load(&store, interval_ms, &series, with_histograms).await;
            }
            Command::Eval(case) => {
                let outcome = outcome(&case, &store).await;
                outcomes.push((case.line, case.query.clone(), outcome));
            }
        }
    }
    outcomes
}

async fn outcome(case: &Case, reader: &Arc<MemoryStore>) -> Outcome {
    if let Some(why) = &case.unreadable {
        return Outcome::Failed(format!("the expectation cannot be read: {why}"));
    }
    let result = evaluate(&case.query, case.when, reader).await;
    if let Err(why) = check(case, &result) {
        return Outcome::Failed(why);
    }
    match same_in_the_middle_of_a_range(case, &result, reader).await {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

fn check(case: &Case, result: &Result<Answer, String>) -> Result<(), String> {
    match (&case.fails, result) {
        (None, Ok(answer)) => compare::answer(case, answer),
        (None, Err(error)) => Err(error.clone()),
        (Some(message), Err(error)) if compare::fits(message, error) => Ok(()),
        (Some(message), Err(error)) => Err(format!("expected {message:?}, got error: {error}")),
        (Some(_), Ok(answer)) => Err(format!("expected to fail, got {:?}", answer.value)),
    }
}

/// An instant query must answer the same as the step of a range query at that time.
async fn same_in_the_middle_of_a_range(
    case: &Case,
    result: &Result<Answer, String>,
    reader: &Arc<MemoryStore>,
) -> Result<(), String> {
    const MINUTE: i64 = 60_000;
    let (When::At(at), Ok(answer)) = (case.when, result) else { return Ok(()) };
    if depends_on_bounds(case) || matches!(answer.value, Value::Matrix(_) | Value::String(_)) {
        return Ok(());
    }
    let over = When::Over(Steps { start: at - MINUTE, end: at + MINUTE, step: MINUTE });
    // Other steps may have no answer at all, for example where series match ambiguously.
    let Ok(range) = evaluate(&case.query, over, reader).await else { return Ok(()) };
    let middle = Timestamp::from_millis(at);
    if floats_at(&range.value, middle) != floats_at(&answer.value, middle) {
        return Err("a range query answers differently at this step".to_owned());
    }
    if histograms_at(&range, middle) != histograms_at(answer, middle) {
        return Err("a range query answers with other histograms at this step".to_owned());
    }
    Ok(())
}

/// By labels and bits, so that what is not a number equals itself.
fn floats_at(value: &Value, at: Timestamp) -> Vec<(LabelSet, u64)> {
    let mut floats: Vec<(LabelSet, u64)> = match value {
        Value::Vector(vector) => {
            vector.iter().map(|(labels, sample)| (labels.clone(), sample.value.to_bits())).collect()
        }
        Value::Scalar(sample) => vec![(LabelSet::empty(), sample.value.to_bits())],
        Value::Matrix(series) => {
            let sample = |series: &Series| {
                let sample = series.samples.iter().find(|sample| sample.at == at)?;
                Some((series.labels.clone(), sample.value.to_bits()))
            };
            series.iter().filter_map(sample).collect()
        }
        Value::String(_) => Vec::new(),
    };
    floats.sort();
    floats
}

fn histograms_at(answer: &Answer, at: Timestamp) -> Vec<(LabelSet, String)> {
    let sample = |series: &HistogramSeries| {
        let sample = series.samples.iter().find(|sample| sample.at == at)?;
        Some((series.labels.clone(), format!("{:?}", sample.histogram)))
    };
    let mut histograms: Vec<(LabelSet, String)> = answer.histograms.iter().filter_map(sample).collect();
    histograms.sort();
    histograms
}

fn depends_on_bounds(case: &Case) -> bool {
    ["start()", "end()", "range()", "step()"].iter().any(|word| case.query.contains(word))
}

async fn evaluate(query: &str, when: When, reader: &Arc<MemoryStore>) -> Result<Answer, String> {
    let query = promql::parse(query).map_err(|error| error.to_string())?;
    let reader: Arc<dyn storage::SampleReader> = reader.clone();
    let engine =
        Engine::new(reader, EngineSettings { experimental_functions: true, ..EngineSettings::default() });
    let result = match when {
        When::At(at) => engine.instant(&query, Timestamp::from_millis(at)).await,
        When::Over(steps) => {
            let (start, end) = (Timestamp::from_millis(steps.start), Timestamp::from_millis(steps.end));
            engine.range(&query, start, end, Duration::from_millis(steps.step.unsigned_abs())).await
        }
    };
    result.map_err(|error| error.to_string())
}
