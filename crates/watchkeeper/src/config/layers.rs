//! Layers of written values, the strongest of which wins.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::catalogue::{SETTINGS, Setting};
use super::file;
use super::kind::Value;
use super::problem::{Problem, Problems};
use super::retention::RetentionRule;
use super::sources::OpenCodeSource;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    File { path: PathBuf, line: usize },
    Environment(String),
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Environment(name) => f.write_str(name),
            Origin::Flag(flag) => f.write_str(flag),
        }
    }
}

/// What one layer says about one setting.
#[derive(Clone, Debug)]
pub struct Given {
    pub setting: &'static Setting,
    pub written: Written,
    pub origin: Origin,
}

#[derive(Clone, Debug)]
pub enum Written {
    Value(Value),
    /// The path of a file that holds the secret.
    SecretFile(PathBuf),
}

/// The value that won, and where it was written.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub setting: &'static Setting,
    /// Absent: not set.
    pub value: Option<Value>,
    pub origin: Origin,
    /// The file that the secret was read from.
    pub from_file: Option<PathBuf>,
}

/// One value for every setting, and the tables that the file lists.
#[derive(Clone, Debug)]
pub struct Configuration {
    pub chosen: BTreeMap<&'static str, Chosen>,
    pub sources: Vec<OpenCodeSource>,
    pub retention_rules: Vec<RetentionRule>,
    /// The file that was read.
    pub file: Option<PathBuf>,
    pub warnings: Vec<String>,
}

impl Configuration {
    /// The values that somebody wrote.
    pub fn written(&self) -> impl Iterator<Item = &Chosen> {
        self.chosen.values().filter(|chosen| chosen.origin != Origin::Default)
    }
}

/// Later layers win over earlier ones and over the defaults. Fails with everything that was
/// found wrong so far.
pub fn choose(
    layers: Vec<Vec<Given>>,
    sources: Vec<OpenCodeSource>,
    mut problems: Vec<Problem>,
) -> Result<Configuration, Problems> {
    let mut chosen: BTreeMap<&str, Given> = BTreeMap::new();
    for layer in layers {
        problems.extend(written_twice(&layer));
        chosen.extend(layer.into_iter().map(|given| (given.setting.key, given)));
    }
    let mut values = BTreeMap::new();
    for setting in SETTINGS {
        let result = match chosen.remove(setting.key) {
            None => from_default(setting),
            Some(given) => resolve(given),
        };
        match result {
            Ok(value) => drop(values.insert(setting.key, value)),
            Err(problem) => problems.push(problem),
        }
    }
    Problems::none_in(problems)?;
    Ok(Configuration { chosen: values, sources, retention_rules: vec![], file: None, warnings: vec![] })
}

fn from_default(setting: &'static Setting) -> Result<Chosen, Problem> {
    let value = setting.default.map(|text| setting.kind.read_text(text)).transpose();
    match value {
        Ok(value) => Ok(Chosen { setting, value, origin: Origin::Default, from_file: None }),
        Err(mismatch) => {
            Err(Problem::new(setting.key, format!("must be {}", mismatch.0), Some(Origin::Default)))
        }
    }
}

/// Reads the file of a secret, when it was given as one.
fn resolve(given: Given) -> Result<Chosen, Problem> {
    let Given { setting, written, origin } = given;
    let path = match written {
        Written::Value(value) => return Ok(Chosen { setting, value: Some(value), origin, from_file: None }),
        Written::SecretFile(path) => path,
    };
    let text = file::text(&path).map_err(|error| {
        let reason = format!("its file `{}` cannot be read: {error}", path.display());
        Problem::new(setting.key, reason, Some(origin.clone()))
    })?;
    match setting.kind.read_text(&text) {
        Ok(value) => Ok(Chosen { setting, value: Some(value), origin, from_file: Some(path) }),
        Err(mismatch) => {
            let reason = format!("the content of `{}` must be {}", path.display(), mismatch.0);
            Err(Problem::new(setting.key, reason, Some(origin)))
        }
    }
}

/// A secret that one layer gives both as text and as a file: which is meant?
fn written_twice(layer: &[Given]) -> Vec<Problem> {
    let is_file = |given: &&Given| matches!(given.written, Written::SecretFile(_));
    let files = layer.iter().filter(is_file);
    let doubled = files
        .filter(|file| layer.iter().any(|other| other.setting.key == file.setting.key && !is_file(&other)));
    doubled
        .map(|given| {
            let reason = "is given both as a value and as a file; keep one of them";
            Problem::new(given.setting.key, reason, Some(given.origin.clone()))
        })
        .collect()
}
