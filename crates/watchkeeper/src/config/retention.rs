//! The `[[retention.rules]]` tables.

use std::time::Duration;

use model::Matcher;
use storage::Signal;
use toml::Spanned;
use toml::de::DeValue;

use super::Origin;
use super::file::Place;
use super::kind::{Kind, Value};
use super::problem::Problem;
use super::tables::{self, Entry, Key};

/// Streams that are given up earlier than the rest.
#[derive(Clone, Debug)]
pub struct RetentionRule {
    pub signal: Signal,
    /// As it was written.
    pub selector: String,
    pub matchers: Vec<Matcher>,
    pub age: Duration,
    pub origin: Origin,
}

/// A day is the smallest that is given up; ten years are as good as for ever.
const AGE: Kind =
    Kind::Duration { min: Duration::from_secs(24 * 60 * 60), max: Duration::from_secs(3650 * 24 * 60 * 60) };

const fn needed(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, is_needed: true }
}

pub const KEYS: [Key; 3] = [
    needed("signal", Kind::Choice(&["samples", "logs", "spans"])),
    needed("match", Kind::Text),
    needed("age", AGE),
];

/// Reads `value`, which must be an array of tables.
pub fn read(value: &Spanned<DeValue<'_>>, place: &Place<'_>) -> (Vec<RetentionRule>, Vec<Problem>) {
    let (entries, mut problems) = tables::read("retention.rules", value, place, &KEYS);
    let mut rules = vec![];
    for entry in entries {
        match rule(entry) {
            Ok(rule) => rules.push(rule),
            Err(found) => problems.extend(found),
        }
    }
    (rules, problems)
}

fn rule(mut entry: Entry) -> Result<RetentionRule, Vec<Problem>> {
    let signal = entry.take_text("signal").unwrap_or_default();
    let selector = entry.take_text("match").unwrap_or_default();
    let matchers = matchers(&selector);
    if let (Err(reason), false) = (&matchers, selector.is_empty()) {
        entry.problem("match", format!("`{selector}` is not a selector: {reason}"));
    }
    let signal = Signal::ALL.into_iter().find(|known| known.as_str() == signal);
    match (signal, matchers, entry.take("age")) {
        (Some(signal), Ok(matchers), Some(Value::Duration(age))) if entry.problems.is_empty() => {
            Ok(RetentionRule { signal, selector, matchers, age, origin: entry.origin })
        }
        _ => Err(entry.problems),
    }
}

/// In the words of PromQL: `{job="ci"}`.
fn matchers(selector: &str) -> Result<Vec<Matcher>, String> {
    let query = promql::parse(selector).map_err(|error| error.to_string())?;
    let matchers =
        query.plain_selector().ok_or("write one such as {job=\"ci\"}, without a range or an offset")?;
    Ok(matchers.to_vec())
}
