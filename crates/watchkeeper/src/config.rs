//! From what the operator wrote to what the program believes.
//!
//! [`catalogue`] lists every setting once: its key, its environment variable, its kind,
//! its default. Three readers ([`file`], [`environment`], [`flags`]) turn what was written
//! into layers of [`Given`] values; [`layers`] lets the strongest win and remembers where
//! each value came from; [`settings`] types the result and checks it as a whole.
//!
//! Every problem is collected, so that one start shows all of them. Nobody outside of this
//! folder reads an environment variable.

mod catalogue;
mod environment;
mod file;
mod flags;
mod kind;
mod layers;
mod nearest;
mod print;
mod problem;
mod retention;
mod secret;
mod settings;
mod sources;
mod tables;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use catalogue::{SETTINGS, Setting};
pub use file::{text, yaml_files};
pub use layers::{Chosen, Configuration, Given, Origin, Written};
pub use print::print;
pub use problem::{Problem, Problems};
pub use retention::RetentionRule;
pub use secret::Secret;
pub use settings::{Archive, Email, EmailSecurity, Listen, Log, Settings, Slack, Storage, Webhook};
pub use sources::OpenCodeSource;

/// Where the file is looked for when nobody names one.
const FILES: [&str; 2] = ["watchkeeper.toml", "/etc/watchkeeper/watchkeeper.toml"];

/// What the program was started with.
#[derive(Clone, Debug, Default)]
pub struct Startup {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// `--data`, `--set key=value`, …: the flag as it is shown, the key, the text.
    pub flags: Vec<(String, String, String)>,
    pub variables: Vec<(String, String)>,
}

impl Startup {
    /// With this process' environment.
    pub fn new(file: Option<PathBuf>, flags: Vec<(String, String, String)>) -> Self {
        Self { file, flags, variables: environment::of_this_process() }
    }
}

/// Reads all layers, checks them, and answers with the typed settings beside the
/// configuration that they come from.
pub fn load(startup: &Startup) -> Result<(Settings, Configuration), Problems> {
    let configuration = read(startup)?;
    let settings = Settings::check(&configuration)?;
    Ok((settings, configuration))
}

/// A length of time as settings are written: `90s`, `5m`, `30d`.
pub fn duration(text: &str) -> Option<Duration> {
    kind::duration(text)
}

fn read(startup: &Startup) -> Result<Configuration, Problems> {
    let mut problems = Vec::new();
    let mut layers = Vec::new();
    let mut sources = Vec::new();
    let mut retention_rules = Vec::new();
    let mut file = None;
    match file_to_read(startup) {
        Ok(None) => {}
        Ok(Some((path, text))) => {
            let read = file::read(&path, &text);
            layers.push(read.given);
            sources = read.sources;
            retention_rules = read.retention_rules;
            problems.extend(read.problems);
            file = Some(path);
        }
        Err(problem) => problems.push(problem),
    }
    for (given, found) in [environment::read(&startup.variables), flags::read(&startup.flags)] {
        layers.push(given);
        problems.extend(found);
    }
    let configuration = layers::choose(layers, sources, problems)?;
    let warnings = environment::warnings(&startup.variables);
    Ok(Configuration { file, retention_rules, warnings, ..configuration })
}

/// The file that was named must exist; one that was only looked for may be absent.
fn file_to_read(startup: &Startup) -> Result<Option<(PathBuf, String)>, Problem> {
    let named = startup.file.clone().or_else(|| environment::config_file(&startup.variables));
    let path = match named {
        Some(path) => path,
        None => match FILES.iter().map(Path::new).find(|path| path.exists()) {
            Some(path) => path.to_owned(),
            None => return Ok(None),
        },
    };
    match file::text(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) => Err(Problem::new(
            &path.display().to_string(),
            format!("the configuration file cannot be read: {error}"),
            None,
        )),
    }
}

#[cfg(test)]
mod tests;
