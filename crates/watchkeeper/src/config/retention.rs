//! The `[[retention.rules]]` tables.

use std::collections::BTreeMap;
use std::time::Duration;

use model::Matcher;
use storage::Signal;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Origin;
use super::file::Place;
use super::kind::{Kind, Value};
use super::nearest::suggestion;
use super::problem::Problem;

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

/// The keys of one table; all of them are needed.
pub const KEYS: [(&str, Kind); 3] =
    [("signal", Kind::Choice(&["samples", "logs", "spans"])), ("match", Kind::Text), ("age", AGE)];

/// Reads `value`, which must be an array of tables.
pub fn read(value: &Spanned<DeValue<'_>>, place: &Place<'_>) -> (Vec<RetentionRule>, Vec<Problem>) {
    let (mut rules, mut problems) = (vec![], vec![]);
    let DeValue::Array(entries) = value.get_ref() else {
        let reason = "must be a list of tables: write [[retention.rules]]";
        return (
            rules,
            vec![Problem::new("retention.rules", reason, Some(place.origin(value.span().start)))],
        );
    };
    for (index, entry) in entries.iter().enumerate() {
        let key = format!("retention.rules[{index}]");
        let origin = place.origin(entry.span().start);
        match entry.get_ref() {
            DeValue::Table(table) => match read_one(&key, table, origin, place) {
                Ok(rule) => rules.push(rule),
                Err(found) => problems.extend(found),
            },
            _ => problems.push(Problem::new(&key, "must be a table", Some(origin))),
        }
    }
    (rules, problems)
}

fn read_one(
    key: &str,
    table: &DeTable<'_>,
    origin: Origin,
    place: &Place<'_>,
) -> Result<RetentionRule, Vec<Problem>> {
    let mut problems = vec![];
    let mut values = BTreeMap::new();
    for (name, value) in table {
        let at = place.origin(value.span().start);
        let path = format!("{key}.{}", name.get_ref());
        let Some((known, kind)) = KEYS.iter().find(|(known, _)| *known == name.get_ref().as_ref()) else {
            let near = suggestion(name.get_ref(), KEYS.map(|(known, _)| known));
            problems.push(Problem::new(&path, format!("there is no such key{near}"), Some(at)));
            continue;
        };
        match kind.read_toml(value.get_ref()) {
            Ok(value) => drop(values.insert(*known, value)),
            Err(mismatch) => problems.push(Problem::new(&path, format!("must be {}", mismatch.0), Some(at))),
        }
    }
    for (name, _) in KEYS.iter().filter(|(name, _)| !table.contains_key(*name)) {
        problems.push(Problem::new(&format!("{key}.{name}"), "is missing", Some(origin.clone())));
    }
    let mut text = |name| values.remove(name).map(|value: Value| value.to_string()).unwrap_or_default();
    let (signal, selector) = (text("signal"), text("match"));
    let matchers = matchers(&selector);
    if let (Err(reason), false) = (&matchers, selector.is_empty()) {
        let path = format!("{key}.match");
        problems.push(Problem::new(
            &path,
            format!("`{selector}` is not a selector: {reason}"),
            Some(origin.clone()),
        ));
    }
    let signal = Signal::ALL.into_iter().find(|known| known.as_str() == signal);
    match (signal, matchers, values.remove("age")) {
        (Some(signal), Ok(matchers), Some(Value::Duration(age))) if problems.is_empty() => {
            Ok(RetentionRule { signal, selector, matchers, age, origin })
        }
        _ => Err(problems),
    }
}

/// In the words of PromQL: `{job="ci"}`.
fn matchers(selector: &str) -> Result<Vec<Matcher>, String> {
    let query = promql::parse(selector).map_err(|error| error.to_string())?;
    let matchers =
        query.plain_selector().ok_or("write one such as {job=\"ci\"}, without a range or an offset")?;
    Ok(matchers.to_vec())
}
