//! The environment: the contract's names and ours. The one place that reads it.

use std::path::PathBuf;

use super::catalogue::{SETTINGS, Setting};
use super::nearest::suggestion;
use super::problem::Problem;
use super::{Given, Origin, Written};

/// Variables that begin like this are meant for us; one that we do not know is a mistake.
const PREFIXES: [&str; 3] = ["MONITORING_", "ALERT_", "WATCHKEEPER_"];

/// Names the file to read.
const CONFIG: &str = "WATCHKEEPER_CONFIG";

/// The only sight of this process' environment.
#[allow(clippy::disallowed_methods, reason = "this is the front door that others are pointed to")]
pub fn of_this_process() -> Vec<(String, String)> {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect()
}

pub fn config_file(variables: &[(String, String)]) -> Option<PathBuf> {
    let found = variables.iter().find(|(name, value)| name == CONFIG && !value.is_empty());
    found.map(|(_, value)| PathBuf::from(value))
}

/// A variable that is set but empty counts as not set: that is how containers leave it out.
pub fn read(variables: &[(String, String)]) -> (Vec<Given>, Vec<Problem>) {
    let mut given = vec![];
    let mut problems = vec![];
    let meant_for_us = variables.iter().filter(|(name, value)| {
        PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && name != CONFIG && !value.is_empty()
    });
    for (name, text) in meant_for_us {
        let origin = Origin::Environment(name.clone());
        if let Some(setting) = SETTINGS.iter().find(|setting| setting.variable == name) {
            match setting.kind.read_text(text) {
                Ok(value) => given.push(Given { setting, written: Written::Value(value), origin }),
                Err(mismatch) => {
                    let reason = if setting.secret {
                        format!("must be {}", mismatch.0)
                    } else {
                        format!("`{text}` is not {}", mismatch.0)
                    };
                    problems.push(Problem::new(name, reason, Some(origin)));
                }
            }
        } else if let Some(setting) = SETTINGS.iter().find(|s| s.secret && s.file_variable() == *name) {
            given.push(Given { setting, written: Written::SecretFile(PathBuf::from(text)), origin });
        } else if !is_service_link(name, text) {
            let known = known_names();
            let near = suggestion(name, known.iter().map(String::as_str));
            problems.push(Problem::new(name, format!("there is no such variable{near}"), Some(origin)));
        }
    }
    (given, problems)
}

/// Variables of the contract that are accepted and have nothing to do any more.
pub fn warnings(variables: &[(String, String)]) -> Vec<String> {
    let is_set = |name: &str| variables.iter().any(|(set, value)| set == name && !value.is_empty());
    let mut warnings = vec![];
    if is_set("DASHBOARD_SECRET_KEY") {
        warnings.push(
            "DASHBOARD_SECRET_KEY has no effect: sessions are opaque and kept on the server, no key signs them"
                .to_owned(),
        );
    }
    warnings
}

/// Kubernetes and Docker announce a service named `watchkeeper` or `monitoring` to every
/// container beside it: `MONITORING_SERVICE_HOST`, `WATCHKEEPER_PORT_8080_TCP`, …
fn is_service_link(name: &str, value: &str) -> bool {
    name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_TCP")
        || name.contains("_UDP")
        || (name.ends_with("_PORT") && value.contains("://"))
}

fn known_names() -> Vec<String> {
    let variables = SETTINGS.iter().map(|setting| setting.variable.to_owned());
    let files = SETTINGS.iter().filter(|setting| setting.secret).map(Setting::file_variable);
    variables.chain(files).chain([CONFIG.to_owned()]).collect()
}
