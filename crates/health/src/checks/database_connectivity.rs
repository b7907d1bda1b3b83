//! Our own state database and, when configured, the watched platform's SQLite database.
//!
//! Each round asks a cheap question; a look at every page, which reads the whole file, is
//! repeated only now and then.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Fact, Facts, Verdict};
use parking_lot::Mutex;

use super::{Check, Finding, Judgement, Judging, MB, Surroundings, facts, number};
use crate::probes::sqlite;
use crate::settings::Thresholds;

/// A whole read of both databases, in exchange for knowing of damage within the hour.
const INTEGRITY_EVERY: Duration = Duration::from_secs(3600);

/// A platform's database larger than this is not read whole: it is not ours to slow down.
const INTEGRITY_BYTES_MAX: u64 = 256 << 20;

pub(super) struct DatabaseConnectivity {
    around: Arc<Surroundings>,
    /// When the pages were read last, and what was found. Held only to copy.
    pages: Mutex<Option<(Duration, Pages)>>,
}

/// What reading every page found.
#[derive(Clone, Debug, Default, PartialEq)]
struct Pages {
    /// Empty when all is well.
    damage: Vec<String>,
    our_bytes: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Measured {
    /// How long the cheap question took, or why it was not answered.
    ours: Result<Duration, String>,
    platform: Option<Result<sqlite::Answer, String>>,
    pages: Pages,
}

impl DatabaseConnectivity {
    pub(super) fn new(around: Arc<Surroundings>) -> Self {
        Self { around, pages: Mutex::new(None) }
    }

    async fn measure(&self) -> Measured {
        let clock = &self.around.clock;
        let started = clock.monotonic();
        let answer = self.around.state.count_runs().await;
        let took = clock.monotonic().saturating_sub(started);
        let mut ours = answer.map(|_| took).map_err(|error| error.to_string());
        let platform = match &self.around.settings.database {
            Some(path) => Some(sqlite::ask(path, clock.as_ref()).await),
            None => None,
        };
        let pages = self.pages(platform.as_ref().and_then(|platform| platform.as_ref().ok())).await;
        let pages = pages.unwrap_or_else(|reason| {
            ours = ours.clone().and(Err(reason));
            Pages::default()
        });
        Measured { ours, platform, pages }
    }

    /// Reads every page when that was long ago. `platform` is its answer to the cheap question.
    async fn pages(&self, platform: Option<&sqlite::Answer>) -> Result<Pages, String> {
        let now = self.around.clock.monotonic();
        let known = self.pages.lock().clone();
        if let Some((at, pages)) = known
            && now.saturating_sub(at) < INTEGRITY_EVERY
        {
            return Ok(pages);
        }
        let check = self.around.state.check().await.map_err(|error| error.to_string())?;
        let mut pages = Pages { damage: check.faults, our_bytes: check.size_bytes };
        if let (Some(path), Some(answer)) = (&self.around.settings.database, platform)
            && answer.size_bytes <= INTEGRITY_BYTES_MAX
        {
            match sqlite::faults(path).await {
                Ok(faults) => pages.damage.extend(faults),
                Err(error) => {
                    // Locked by its owner, for example: no damage, and looked at again next time.
                    tracing::warn!(%error, "the pages of the platform's database could not be read");
                    return Ok(pages);
                }
            }
        }
        *self.pages.lock() = Some((now, pages.clone()));
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
        let measured = self.measure().await;
        let judgement = judge(&measured, &self.around.settings.thresholds);
        let actions = if judgement.verdict == Verdict::Healthy { vec![] } else { vec!["optimize_database"] };
        judgement.with(details(&measured), actions)
    }
}

fn details(measured: &Measured) -> Facts {
    let damage = &measured.pages.damage;
    let integrity = if damage.is_empty() { "ok".to_owned() } else { damage.join("; ") };
    let mut details = facts([("integrity_check", Fact::Text(integrity))]);
    let platform = measured.platform.as_ref().and_then(|platform| platform.as_ref().ok());
    let size_bytes = match &measured.platform {
        Some(_) => platform.map(|answer| answer.size_bytes),
        None => Some(measured.pages.our_bytes),
    };
    let slowest = measured.ours.as_ref().ok().copied().max(platform.map(|answer| answer.took));
    for (name, fact) in [
        ("employee_count", platform.and_then(|answer| answer.employees).map(Fact::Count)),
        ("database_size_mb", size_bytes.map(|bytes| number(bytes as f64 / MB))),
        ("query_time_ms", slowest.map(|took| number(took.as_secs_f64() * 1000.0))),
    ] {
        details.extend(fact.map(|fact| (name.to_owned(), fact)));
    }
    details
}

fn judge(measured: &Measured, thresholds: &Thresholds) -> Judgement {
    let mut judging = Judging::default();
    if !measured.pages.damage.is_empty() {
        judging.note(Verdict::Critical, format!("damaged: {}", measured.pages.damage.join("; ")));
    }
    let platform = measured.platform.as_ref().map(|platform| platform.as_ref().map(|answer| &answer.took));
    let ours = ("our own database", Verdict::Critical, Some(measured.ours.as_ref()));
    let platform = ("the platform's database", Verdict::Unhealthy, platform);
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
        let platform =
            || Ok(sqlite::Answer { took: Duration::from_millis(2), size_bytes: 1, employees: None });
        let measured = |ours, platform, damage: &[&str]| Measured {
            ours,
            platform,
            pages: Pages { damage: damage.iter().map(|text| (*text).to_owned()).collect(), our_bytes: 1 },
        };
        for (measured, verdict) in [
            (measured(quick(), None, &[]), Verdict::Healthy),
            (measured(quick(), Some(platform()), &[]), Verdict::Healthy),
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
