//! The six dependencies of the contract, each mapped to a configured target.
//!
//! Looked at like checks, counted differently: failures are added up, and a dependency does
//! not change the verdict on the whole.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{DependencyKind, DependencyResult, Timestamp, Verdict};
use runtime::SharedClock;
use state::State;
use url::Url;

use crate::checks::{Check, Finding, Surroundings};
use crate::probes::{Web, directory, sqlite};
use crate::settings::{Access, ProbedDirectory};

/// What a dependency is, without its last result.
#[derive(Clone)]
pub(crate) struct Dependency {
    pub name: &'static str,
    pub kind: DependencyKind,
    target: Target,
    clock: SharedClock,
}

#[derive(Clone)]
enum Target {
    State(State),
    Sqlite(PathBuf),
    Directory(PathBuf),
    Address(Web, Url),
}

pub(crate) fn all(around: &Surroundings) -> Vec<Dependency> {
    use DependencyKind::{Api, Database, FileSystem};
    let targets = &around.settings.dependencies;
    let database = match &targets.database {
        Some(path) => Target::Sqlite(path.clone()),
        None => Target::State(around.state.clone()),
    };
    let api = Target::Address(around.web.clone(), targets.localhost_api.clone());
    [
        ("database", Database, database),
        ("sessions_directory", FileSystem, Target::Directory(targets.sessions_directory.clone())),
        ("monitoring_database", Database, Target::State(around.state.clone())),
        ("temp_directory", FileSystem, Target::Directory(targets.temp_directory.clone())),
        ("log_directory", FileSystem, Target::Directory(targets.log_directory.clone())),
        ("localhost_api", Api, api),
    ]
    .into_iter()
    .map(|(name, kind, target)| Dependency { name, kind, target, clock: around.clock.clone() })
    .collect()
}

impl Dependency {
    /// In words for a person; an address without user and password.
    pub(crate) fn target(&self) -> String {
        match &self.target {
            Target::State(state) => state.path().display().to_string(),
            Target::Sqlite(path) | Target::Directory(path) => path.display().to_string(),
            Target::Address(_, url) => {
                format!("{}{}", url.origin().ascii_serialization(), url.path())
            }
        }
    }

    async fn answer(&self) -> Result<(), String> {
        match &self.target {
            Target::State(state) => state.count_runs().await.map(|_| ()).map_err(|error| error.to_string()),
            Target::Sqlite(path) => sqlite::ask(path, self.clock.as_ref()).await.map(|_| ()),
            Target::Directory(path) => {
                let wanted = ProbedDirectory {
                    name: self.name.to_owned(),
                    path: path.clone(),
                    // Which of them are ours is the business of the check on the file system.
                    access: Access::Foreign,
                };
                directory::probe(&wanted).await.fault.map_or(Ok(()), Err)
            }
            Target::Address(web, url) => web.get(url, self.clock.as_ref()).await.map(|_| ()),
        }
    }
}

#[async_trait]
impl Check for Dependency {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn look(&self) -> Finding {
        let (verdict, message) = match self.answer().await {
            Ok(()) => (Verdict::Healthy, "answers".to_owned()),
            Err(reason) => (Verdict::Unhealthy, reason),
        };
        Finding { verdict, message, details: Default::default(), recovery_actions: vec![] }
    }
}

/// The next result of a dependency: failures add up, a success ends a row of them. Pure.
pub(crate) fn next_result(
    dependency: (&str, DependencyKind, String),
    previous: Option<&DependencyResult>,
    verdict: Verdict,
    message: String,
    (at, took): (Timestamp, Duration),
) -> DependencyResult {
    let (errors, in_a_row) =
        previous.map_or((0, 0), |result| (result.error_count, result.consecutive_failures));
    let has_failed = matches!(verdict, Verdict::Unhealthy | Verdict::Critical);
    let (name, kind, target) = dependency;
    DependencyResult {
        name: name.to_owned(),
        kind,
        target,
        verdict,
        message,
        at,
        took,
        error_count: errors + u64::from(has_failed),
        consecutive_failures: if has_failed { in_a_row + 1 } else { 0 },
    }
}

/// So that tests and the engine hold checks and dependencies in one list.
pub(crate) fn as_checks(dependencies: &[Dependency]) -> Vec<Arc<dyn Check>> {
    dependencies.iter().map(|dependency| Arc::new(dependency.clone()) as Arc<dyn Check>).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_add_up_and_a_success_ends_the_row() {
        let mut last = None;
        let mut counts = Vec::new();
        for verdict in [Verdict::Unhealthy, Verdict::Unhealthy, Verdict::Healthy, Verdict::Critical] {
            let dependency = ("database", DependencyKind::Database, "state.db".to_owned());
            let when = (Timestamp::from_secs(1), Duration::ZERO);
            let result = next_result(dependency, last.as_ref(), verdict, String::new(), when);
            counts.push((result.error_count, result.consecutive_failures));
            last = Some(result);
        }
        assert_eq!(counts, [(1, 1), (2, 2), (2, 0), (3, 1)]);
    }
}
