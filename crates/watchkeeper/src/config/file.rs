//! `watchkeeper.toml`: read strictly, with the line of every value.

#![allow(clippy::disallowed_methods, reason = "configuration is read before there is a disk to ask")]

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::catalogue::{SETTINGS, Setting, by_key};
use super::nearest::suggestion;
use super::problem::Problem;
use super::retention::{self, RetentionRule};
use super::sources::{self, OpenCodeSource};
use super::{Given, Origin, Written};

/// A configuration or a secret longer than this is some other file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What a file says.
#[derive(Debug, Default)]
pub struct Read {
    pub given: Vec<Given>,
    pub sources: Vec<OpenCodeSource>,
    pub retention_rules: Vec<RetentionRule>,
    pub problems: Vec<Problem>,
}

/// The file that a value stands in, to tell its line.
#[derive(Debug)]
pub struct Place<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Place<'_> {
    pub fn origin(&self, offset: usize) -> Origin {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Origin::File { path: self.path.to_owned(), line }
    }
}

/// The whole text of a small file.
pub fn text(path: &Path) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    std::fs::read_to_string(path)
}

/// The files of a directory that are called `.yml` or `.yaml`, by name.
pub fn yaml_files(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "yml" || extension == "yaml") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

pub fn read(path: &Path, text: &str) -> Read {
    let place = Place { path, text };
    let mut read = Read::default();
    match DeTable::parse(text) {
        Ok(table) => read_table("", table.get_ref(), &place, &mut read),
        Err(error) => {
            let origin = place.origin(error.span().map_or(0, |span| span.start));
            let file = path.display().to_string();
            read.problems.push(Problem::new(
                &file,
                format!("is not TOML: {}", error.message()),
                Some(origin),
            ));
        }
    }
    read
}

fn read_table(prefix: &str, table: &DeTable<'_>, place: &Place<'_>, read: &mut Read) {
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name.get_ref().to_string()
        } else {
            format!("{prefix}.{}", name.get_ref())
        };
        let origin = place.origin(value.span().start);
        if key == "sources.opencode" {
            let (sources, problems) = sources::read(value, place);
            read.sources.extend(sources);
            read.problems.extend(problems);
        } else if key == "retention.rules" {
            let (rules, problems) = retention::read(value, place);
            read.retention_rules.extend(rules);
            read.problems.extend(problems);
        } else if let Some(setting) = by_key(&key) {
            read_value(setting, value, origin, read);
        } else if let Some(setting) = secret_file(&key) {
            match value.get_ref().as_str() {
                Some(path) => read.given.push(Given {
                    setting,
                    written: Written::SecretFile(PathBuf::from(path)),
                    origin,
                }),
                None => read.problems.push(Problem::new(&key, "must be a path", Some(origin))),
            }
        } else if is_section(&key) {
            match value.get_ref() {
                DeValue::Table(table) => read_table(&key, table, place, read),
                _ => read.problems.push(Problem::new(&key, "must be a table", Some(origin))),
            }
        } else {
            let near = suggestion(&key, known_keys().iter().map(String::as_str));
            read.problems.push(Problem::new(&key, format!("there is no such key{near}"), Some(origin)));
        }
    }
}

fn read_value(setting: &'static Setting, value: &Spanned<DeValue<'_>>, origin: Origin, read: &mut Read) {
    match setting.kind.read_toml(value.get_ref()) {
        Ok(value) => read.given.push(Given { setting, written: Written::Value(value), origin }),
        Err(mismatch) => {
            let reason = format!("must be {}", mismatch.0);
            read.problems.push(Problem::new(setting.key, reason, Some(origin)));
        }
    }
}

fn secret_file(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.secret && setting.file_key() == key)
}

fn is_section(key: &str) -> bool {
    key == "sources" || SETTINGS.iter().any(|setting| setting.key.starts_with(&format!("{key}.")))
}

/// Everything that may be written: settings, files of secrets, sections.
fn known_keys() -> Vec<String> {
    let keys = SETTINGS.iter().map(|setting| setting.key.to_owned());
    let files = SETTINGS.iter().filter(|setting| setting.secret).map(Setting::file_key);
    let sections = SETTINGS
        .iter()
        .filter_map(|setting| setting.key.rsplit_once('.'))
        .map(|(section, _)| section.to_owned());
    keys.chain(files)
        .chain(sections)
        .chain(["sources.opencode", "retention.rules"].map(str::to_owned))
        .collect()
}
