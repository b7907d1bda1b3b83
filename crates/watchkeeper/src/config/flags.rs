//! Settings from the command line: those with a flag of their own, and `--set key=value`.

use super::catalogue::{SETTINGS, by_key};
use super::nearest::suggestion;
use super::problem::Problem;
use super::{Given, Origin, Written};

/// Reads `(flag as shown, key, text)`. A flag that is given twice counts as it was last.
pub fn read(flags: &[(String, String, String)]) -> (Vec<Given>, Vec<Problem>) {
    let mut given = vec![];
    let mut problems = vec![];
    for (flag, key, text) in flags {
        let origin = Origin::Flag(flag.clone());
        let Some(setting) = by_key(key) else {
            let near = suggestion(key, SETTINGS.iter().map(|setting| setting.key));
            problems.push(Problem::new(key, format!("there is no such setting{near}"), Some(origin)));
            continue;
        };
        if setting.secret {
            let reason = format!(
                "a secret on the command line can be read by every user of this machine; use {} or {}",
                setting.variable,
                setting.file_variable()
            );
            problems.push(Problem::new(key, reason, Some(origin)));
            continue;
        }
        match setting.kind.read_text(text) {
            Ok(value) => given.push(Given { setting, written: Written::Value(value), origin }),
            Err(mismatch) => {
                problems.push(Problem::new(key, format!("`{text}` is not {}", mismatch.0), Some(origin)));
            }
        }
    }
    (given, problems)
}
