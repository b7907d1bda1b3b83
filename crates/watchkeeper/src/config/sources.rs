//! The `[[sources.opencode]]` tables.

use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;
use url::Url;

use super::file::{self, Place};
use super::kind::Kind;
use super::problem::Problem;
use super::tables::{self, Entry, Key};
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

const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, is_needed: false }
}

pub const KEYS: [Key; 5] = [
    key("name", Kind::Text),
    Key { name: "url", kind: Kind::Url, is_needed: true },
    key("user", Kind::Text),
    key("password", Kind::Text),
    key("password_file", Kind::Path),
];

/// Reads `value`, which must be an array of tables.
pub fn read(value: &Spanned<DeValue<'_>>, place: &Place<'_>) -> (Vec<OpenCodeSource>, Vec<Problem>) {
    let (entries, mut problems) = tables::read("sources.opencode", value, place, &KEYS);
    let mut sources: Vec<OpenCodeSource> = vec![];
    for entry in entries {
        let path = entry.path.clone();
        match source(entry) {
            Ok(source) if sources.iter().any(|other| other.name == source.name) => {
                let reason = format!("the name `{}` is taken by another source", source.name);
                problems.push(Problem::new(&path, reason, Some(source.origin)));
            }
            Ok(source) => sources.push(source),
            Err(found) => problems.extend(found),
        }
    }
    (sources, problems)
}

fn source(mut entry: Entry) -> Result<OpenCodeSource, Vec<Problem>> {
    let password = match (entry.take_text("password"), entry.take_text("password_file")) {
        (Some(_), Some(_)) => {
            entry.problem("password", "is given both as a value and as a file; keep one of them");
            None
        }
        (text, None) => text,
        (None, Some(path)) => match file::text(Path::new(&path)) {
            Ok(text) => Some(text.trim().to_owned()),
            Err(error) => {
                entry.problem("password_file", format!("`{path}` cannot be read: {error}"));
                None
            }
        },
    };
    let url = entry.take_text("url").and_then(|text| Url::parse(&text).ok());
    match url {
        Some(url) if entry.problems.is_empty() => Ok(OpenCodeSource {
            name: entry.take_text("name").unwrap_or_else(|| name_from(&url)),
            url,
            user: entry.take_text("user").unwrap_or_else(|| USER.to_owned()),
            password: password.map(Secret::new),
            origin: entry.origin,
        }),
        _ => Err(entry.problems),
    }
}

/// `host:port`, for a source without a name.
pub fn name_from(url: &Url) -> String {
    let host = url.host_str().unwrap_or("opencode");
    url.port_or_known_default().map_or(host.to_owned(), |port| format!("{host}:{port}"))
}
