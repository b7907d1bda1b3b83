//! Carries out the commands of a file and finds out what became of each case.

use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use promql::{Answer, Engine, EngineSettings, Value};

use crate::compare;
use crate::reader::{Found, Reader};
use crate::script::{self, Case, Command, Message, Steps, When};
use crate::series::Item;

#[derive(Debug)]
pub enum Outcome {
    Passed,
    /// Not passed, for a reason that was established, and what differed.
    Unmet(Cause, String),
    /// Not passed, and native histograms are no excuse.
    Failed(String),
}

/// What a case that is not passed has to do with native histograms, from the clearest to the
/// least clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It calls a function that only native histograms have.
    Function,
    /// It uses an operator that only native histograms have.
    Operator,
    /// Every value is right. A remark about the histograms that the query finds is missing.
    Remark,
    /// Histograms are among the expected values. The floats are right.
    Values,
    /// The query finds nothing but histograms.
    OnlyHistograms,
    /// The query finds floats and histograms, and a float is wrong. Here alone a fault of the
    /// engine could hide, so each of these was looked at.
    Mixed,
}

impl Cause {
    pub const ALL: [Cause; 6] =
        [Cause::Function, Cause::Operator, Cause::Remark, Cause::Values, Cause::OnlyHistograms, Cause::Mixed];

    pub fn name(self) -> &'static str {
        match self {
            Cause::Function => "function",
            Cause::Operator => "operator",
            Cause::Remark => "remark",
            Cause::Values => "values",
            Cause::OnlyHistograms => "only-histograms",
            Cause::Mixed => "mixed",
        }
    }
}

pub async fn file(text: &str) -> Vec<(usize, String, Outcome)> {
    let mut reader = Arc::new(Reader::default());
    let mut outcomes = Vec::new();
    for command in script::parse(text) {
        match command {
            Command::Clear => reader = Arc::new(Reader::default()),
            Command::Load { interval_ms, series, with_histograms } => {
                reader.load(interval_ms, &series, with_histograms).await;
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
    if let Some(why) = &case.unreadable {
        return Outcome::Failed(format!("the expectation cannot be read: {why}"));
    }
    reader.take_found();
    let result = evaluate(&case.query, case.when, reader).await;
    let found = reader.take_found();
    let Err(why) = check(case, &result) else {
        return match same_in_the_middle_of_a_range(case, &result, reader).await {
            Ok(()) => Outcome::Passed,
            Err(why) => Outcome::Failed(why),
        };
    };
    match cause(case, &result, found) {
        Some(cause) => Outcome::Unmet(cause, why),
        None => Outcome::Failed(why),
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

/// `None`: native histograms have nothing to do with it.
fn cause(case: &Case, result: &Result<Answer, String>, found: Found) -> Option<Cause> {
    match result {
        Err(error) if error.contains("needs native histograms") => return Some(Cause::Function),
        // They cut histograms and are in no grammar for floats.
        Err(_) if case.query.contains(" </ ") || case.query.contains(" >/ ") => {
            return Some(Cause::Operator);
        }
        Err(_) => return None,
        Ok(_) if !found.histograms => return None,
        Ok(_) => {}
    }
    let answer = result.as_ref().ok().filter(|_| case.fails.is_none());
    let expects_histograms = case.expected.iter().any(|(_, items)| items.contains(&Item::Histogram));
    let floats_are_right = answer.is_some_and(|answer| compare::floats(case, answer).is_ok());
    Some(match () {
        () if floats_are_right && expects_histograms => Cause::Values,
        () if floats_are_right && remarks_are_about_histograms(case) => Cause::Remark,
        () if !found.floats => Cause::OnlyHistograms,
        () => Cause::Mixed,
    })
}

/// As far as they say what they are about.
fn remarks_are_about_histograms(case: &Case) -> bool {
    case.warns.iter().chain(&case.informs).all(|message| match message {
        Message::Any => true,
        Message::Exactly(text) | Message::Matching(text) => {
            text.contains("histogram") || text.contains("bucket")
        }
    })
}

/// An instant query must answer the same as the step of a range query at that time.
async fn same_in_the_middle_of_a_range(
    case: &Case,
    result: &Result<Answer, String>,
    reader: &Arc<Reader>,
) -> Result<(), String> {
    const MINUTE: i64 = 60_000;
    let (When::At(at), Ok(answer)) = (case.when, result) else { return Ok(()) };
    if depends_on_bounds(case) {
        return Ok(());
    }
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
