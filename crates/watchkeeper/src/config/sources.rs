//! The `[[sources.opencode]]` tables.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use url::Url;

use super::file::{self, Place};
use super::kind::{Kind, Value};
use super::nearest::suggestion;
use super::problem::Problem;
use super::{Origin, Secret};

/// One OpenCode server to watch.
#[derive(Clone, Debug)]
pub struct OpenCodeSource {
    pub name: String,
    pub url: Url,
    pub user: String,
    pub password: Option<Secret>,
    pub origin: Origin,
}

/// The user name that OpenCode itself expects when none is configured.
const USER: &str = "opencode";

/// The keys of one table.
pub const KEYS: [(&str, Kind); 5] = [
    ("name", Kind::Text),
    ("url", Kind::Url),
    ("user", Kind::Text),
    ("password", Kind::Text),
    ("password_file", Kind::Path),
];

/// Reads `value`, which must be an array of tables.
pub fn read(value: &Spanned<DeValue<'_>>, place: &Place<'_>) -> (Vec<OpenCodeSource>, Vec<Problem>) {
    let DeValue::Array(entries) = value.get_ref() else {
        let reason = "must be a list of tables: write [[sources.opencode]]";
        return (
            vec![],
            vec![Problem::new("sources.opencode", reason, Some(place.origin(value.span().start)))],
        );
    };
    let mut sources: Vec<OpenCodeSource> = vec![];
    let mut problems = vec![];
    for (index, entry) in entries.iter().enumerate() {
        let key = format!("sources.opencode[{index}]");
        let origin = place.origin(entry.span().start);
        match entry.get_ref() {
            DeValue::Table(table) => match read_one(&key, table, origin, place) {
                Ok(source) if sources.iter().any(|other| other.name == source.name) => {
                    let reason = format!("the name `{}` is taken by another source", source.name);
                    problems.push(Problem::new(&key, reason, Some(source.origin)));
                }
                Ok(source) => sources.push(source),
                Err(found) => problems.extend(found),
            },
            _ => problems.push(Problem::new(&key, "must be a table", Some(origin))),
        }
    }
    (sources, problems)
}

fn read_one(
    key: &str,
    table: &DeTable<'_>,
    origin: Origin,
    place: &Place<'_>,
) -> Result<OpenCodeSource, Vec<Problem>> {
    let mut problems = vec![];
    let mut texts = BTreeMap::new();
    for (name, value) in table {
        let at = place.origin(value.span().start);
        let path = format!("{key}.{}", name.get_ref());
        let Some((known, kind)) = KEYS.iter().find(|(known, _)| *known == name.get_ref().as_ref()) else {
            let near = suggestion(name.get_ref(), KEYS.map(|(known, _)| known));
            problems.push(Problem::new(&path, format!("there is no such key{near}"), Some(at)));
            continue;
        };
        match kind.read_toml(value.get_ref()) {
            Ok(Value::Text(text)) => drop(texts.insert(*known, text)),
            _ => problems.push(Problem::new(&path, format!("must be {kind}"), Some(at))),
        }
    }
    if !table.contains_key("url") {
        problems.push(Problem::new(&format!("{key}.url"), "is missing", Some(origin.clone())));
    }
    let password = match (texts.remove("password"), texts.remove("password_file")) {
        (Some(_), Some(_)) => {
            let reason = "is given both as a value and as a file; keep one of them";
            problems.push(Problem::new(&format!("{key}.password"), reason, Some(origin.clone())));
            None
        }
        (text, None) => text,
        (None, Some(path)) => match file::text(Path::new(&path)) {
            Ok(text) => Some(text.trim().to_owned()),
            Err(error) => {
                let reason = format!("`{path}` cannot be read: {error}");
                problems.push(Problem::new(&format!("{key}.password_file"), reason, Some(origin.clone())));
                None
            }
        },
    };
    let url = texts.remove("url").and_then(|text| Url::parse(&text).ok());
    match url {
        Some(url) if problems.is_empty() => Ok(OpenCodeSource {
            name: texts.remove("name").unwrap_or_else(|| name_from(&url)),
            url,
            user: texts.remove("user").unwrap_or_else(|| USER.to_owned()),
            password: password.map(Secret::new),
            origin,
        }),
        _ => Err(problems),
    }
}

/// `host:port`, for a source without a name.
pub fn name_from(url: &Url) -> String {
    let host = url.host_str().unwrap_or("opencode");
    url.port_or_known_default().map_or(host.to_owned(), |port| format!("{host}:{port}"))
}
