//! Our own state database and, when configured, the watched platform's SQLite database.
//!
//! Each round asks a cheap question; a look at every page, which reads the whole file, is
//! repeated only now and then.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Fact, Verdict};
use parking_lot::Mutex;

use super::{Check, Finding, Judgement, Judging, MB, Surroundings, facts, number};
use crate::probes::sqlite;
use crate::settings::Thresholds;

/// A whole read of both databases, in exchange for knowing of damage within the hour.
const INTEGRITY_EVERY: Duration = Duration::from_secs(3600);

pub(super) struct DatabaseConnectivity {
    around: Arc<Surroundings>,
    /// When the pages were read and what was wrong with them. Held only to copy.
    integrity: Mutex<Option<(Duration, Pages)>>,
}

/// What reading every page found: nothing, when all is well.
#[derive(Clone, Debug, Default, PartialEq)]
struct Pages {
    ours: Vec<String>,
    platform: Vec<String>,
    ours_bytes: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Measured {
    /// How long the cheap question took, or why it was not answered.
    ours: Result<Duration, String>,
    platform: Option<Result<Duration, String>>,
    /// Complaints about pages, of either.
    damage: Vec<String>,
}

impl DatabaseConnectivity {
    pub(super) fn new(around: Arc<Surroundings>) -> Self {
        Self { around, integrity: Mutex::new(None) }
    }

    async fn pages(&self) -> Result<Pages, String> {
        let now = self.around.clock.monotonic();
        let known = self.integrity.lock().clone();
        if let Some((at, pages)) = known
            && now.saturating_sub(at) < INTEGRITY_EVERY
        {
            return Ok(pages);
        }
        let ours = self.around.state.check().await.map_err(|error| error.to_string())?;
        let platform = match &self.around.settings.database {
            // That it cannot be opened is reported by the cheap question.
            Some(path) => sqlite::faults(path).await.unwrap_or_default(),
            None => Vec::new(),
        };
        let pages = Pages { ours: ours.faults, platform, ours_bytes: ours.size_bytes };
        *self.integrity.lock() = Some((now, pages.clone()));
        Ok(pages)
    }
}

#[async_trait]
impl Check for DatabaseConnectivity {
    fn name(&self) -> &'static str {
        "database_connectivity"
    }

    fn depends_on(&self) -> &'static [&'static str] {
        &["file_system"]
    }

    async fn look(&self) -> Finding {
        let clock = &self.around.clock;
        let started = clock.monotonic();
        let answer = self.around.state.count_runs().await;
        let took = clock.monotonic().saturating_sub(started);
        let mut ours = answer.map(|_| took).map_err(|error| error.to_string());
        let pages = match self.pages().await {
            Ok(pages) => pages,
            Err(reason) => {
                ours = ours.and(Err(reason));
                Pages::default()
            }
        };
        let platform = match &self.around.settings.database {
            Some(path) => Some(sqlite::ask(path, clock.as_ref()).await),
            None => None,
        };
        let damage: Vec<String> = pages.ours.iter().chain(&pages.platform).cloned().collect();
        let mut details = facts([(
            "integrity_check",
            Fact::Text(if damage.is_empty() { "ok".into() } else { damage.join("; ") }),
        )]);
        let size_bytes = match &platform {
            Some(Ok(answer)) => {
                details.extend(
                    answer.employees.map(|employees| ("employee_count".to_owned(), Fact::Count(employees))),
                );
                Some(answer.size_bytes)
            }
            Some(Err(_)) => None,
            None => Some(pages.ours_bytes),
        };
        details.extend(size_bytes.map(|bytes| ("database_size_mb".to_owned(), number(bytes as f64 / MB))));
        let platform = platform.map(|answer| answer.map(|answer| answer.took));
        let slowest = [ours.as_ref().ok(), platform.as_ref().and_then(|platform| platform.as_ref().ok())];
        details.extend(
            slowest
                .into_iter()
                .flatten()
                .max()
                .map(|took| ("query_time_ms".to_owned(), number(took.as_secs_f64() * 1000.0))),
        );
        let judgement = judge(&Measured { ours, platform, damage }, &self.around.settings.thresholds);
        let actions = if judgement.verdict == Verdict::Healthy { vec![] } else { vec!["optimize_database"] };
        judgement.with(details, actions)
    }
}

fn judge(measured: &Measured, thresholds: &Thresholds) -> Judgement {
    let mut judging = Judging::default();
    if !measured.damage.is_empty() {
        judging.note(Verdict::Critical, format!("damaged: {}", measured.damage.join("; ")));
    }
    let ours = ("our own database", Verdict::Critical, Some(&measured.ours));
    let platform = ("the platform's database", Verdict::Unhealthy, measured.platform.as_ref());
    let mut answered = Vec::new();
    for (name, without_it, answer) in [ours, platform] {
        match answer {
            None => {}
            Some(Err(reason)) => judging.note(without_it, format!("{name} does not answer: {reason}")),
            Some(Ok(took)) => {
                let ms = took.as_secs_f64() * 1000.0;
                judging.compare(&format!("{name} answers in"), ms, "ms", thresholds.query_ms);
                answered.push(format!("{name} answers in {ms:.0} ms"));
            }
        }
    }
    judging.conclude(answered.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_follow_which_database_fails_and_how() {
        let quick = || Ok(Duration::from_millis(2));
        let measured = |ours, platform, damage: &[&str]| Measured {
            ours,
            platform,
            damage: damage.iter().map(|text| (*text).to_owned()).collect(),
        };
        for (measured, verdict) in [
            (measured(quick(), None, &[]), Verdict::Healthy),
            (measured(quick(), Some(quick()), &[]), Verdict::Healthy),
            (measured(Ok(Duration::from_millis(1500)), None, &[]), Verdict::Degraded),
            (measured(Ok(Duration::from_millis(3500)), None, &[]), Verdict::Unhealthy),
            (measured(quick(), Some(Err("gone".into())), &[]), Verdict::Unhealthy),
            (measured(Err("locked".into()), None, &[]), Verdict::Critical),
            (measured(quick(), None, &["row 3 missing"]), Verdict::Critical),
        ] {
            assert_eq!(judge(&measured, &Thresholds::default()).verdict, verdict, "{measured:?}");
        }
    }
}
