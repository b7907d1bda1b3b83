//! Lists of tables, such as `[[retention.rules]]`: each entry has the keys that are known
//! for it, and what is wrong with one does not hide what is wrong with the next.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Origin;
use super::file::Place;
use super::kind::{Kind, Value};
use super::nearest::suggestion;
use super::problem::Problem;

/// What one entry may have.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub is_needed: bool,
}

/// One entry as it was read.
#[derive(Debug)]
pub struct Entry {
    /// Where it is in the file, as people write it: `retention.rules[0]`.
    pub path: String,
    pub origin: Origin,
    values: BTreeMap<&'static str, Value>,
    pub problems: Vec<Problem>,
}

impl Entry {
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.values.remove(name)
    }

    pub fn take_text(&mut self, name: &str) -> Option<String> {
        self.take(name).map(|value| value.to_string())
    }

    pub fn problem(&mut self, name: &str, reason: impl Into<String>) {
        let path = format!("{}.{name}", self.path);
        self.problems.push(Problem::new(&path, reason, Some(self.origin.clone())));
    }
}

/// Reads the list at `path`, each entry with the values that have the right form.
pub fn read(
    path: &str,
    value: &Spanned<DeValue<'_>>,
    place: &Place<'_>,
    keys: &[Key],
) -> (Vec<Entry>, Vec<Problem>) {
    let (mut entries, mut problems) = (vec![], vec![]);
    let DeValue::Array(listed) = value.get_ref() else {
        let reason = format!("must be a list of tables: write [[{path}]]");
        return (entries, vec![Problem::new(path, reason, Some(place.origin(value.span().start)))]);
    };
    for (index, entry) in listed.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let origin = place.origin(entry.span().start);
        match entry.get_ref() {
            DeValue::Table(table) => entries.push(read_one(path, table, origin, place, keys)),
            _ => problems.push(Problem::new(&path, "must be a table", Some(origin))),
        }
    }
    (entries, problems)
}

fn read_one(path: String, table: &DeTable<'_>, origin: Origin, place: &Place<'_>, keys: &[Key]) -> Entry {
    let mut entry = Entry { path, origin, values: BTreeMap::new(), problems: vec![] };
    for (name, value) in table {
        let at = place.origin(value.span().start);
        let path = format!("{}.{}", entry.path, name.get_ref());
        let Some(key) = keys.iter().find(|key| key.name == name.get_ref().as_ref()) else {
            let near = suggestion(name.get_ref(), keys.iter().map(|key| key.name));
            entry.problems.push(Problem::new(&path, format!("there is no such key{near}"), Some(at)));
            continue;
        };
        match key.kind.read_toml(value.get_ref()) {
            Ok(value) => drop(entry.values.insert(key.name, value)),
            Err(mismatch) => {
                entry.problems.push(Problem::new(&path, format!("must be {}", mismatch.0), Some(at)));
            }
        }
    }
    for key in keys.iter().filter(|key| key.is_needed && !table.contains_key(key.name)) {
        entry.problem(key.name, "is missing");
    }
    entry
}
