//! Our own process: processor time, memory, threads and open files.

use std::sync::Arc;

use async_trait::async_trait;
use host::OwnProcess;
use model::{Fact, Verdict};

use super::{Check, Finding, Judgement, MB, Surroundings, facts, number};
use crate::settings::Thresholds;

pub(super) struct ProcessHealth(pub Arc<Surroundings>);

#[async_trait]
impl Check for ProcessHealth {
    fn name(&self) -> &'static str {
        "process_health"
    }

    async fn look(&self) -> Finding {
        let snapshot = self.0.fresh_snapshot();
        let own = snapshot.and_then(|snapshot| {
            snapshot.own.clone().ok_or_else(|| "our own process could not be read".to_owned())
        });
        let own = match own {
            Ok(own) => own,
            Err(reason) => return Judgement::unknown(reason).with(facts([]), vec![]),
        };
        let mut details = facts([
            ("memory_mb", number(own.resident_bytes as f64 / MB)),
            ("thread_count", Fact::Count(own.threads as i64)),
            ("process_id", Fact::Count(own.pid.into())),
        ]);
        details.extend(own.cpu_percent.map(|percent| ("cpu_percent".to_owned(), number(percent))));
        details.extend(own.open_files.map(|files| ("open_files".to_owned(), Fact::Count(files as i64))));
        let judgement = judge(&own, &self.0.settings.thresholds);
        let actions = match judgement.verdict {
            Verdict::Unhealthy | Verdict::Critical => vec!["clear_memory_cache"],
            _ => vec![],
        };
        judgement.with(details, actions)
    }
}

/// One issue is degraded, two are unhealthy, more are critical.
fn judge(own: &OwnProcess, thresholds: &Thresholds) -> Judgement {
    let files =
        own.open_files.zip(own.open_files_max).map(|(open, allowed)| host::change::percent(open, allowed));
    let memory_mb = own.resident_bytes as f64 / MB;
    let issues: Vec<String> = [
        ("CPU", own.cpu_percent, "%", thresholds.own_cpu_percent),
        ("memory", Some(memory_mb), "MB", thresholds.own_memory_mb),
        ("threads", Some(own.threads as f64), "", thresholds.own_threads),
        ("open files", files, "% of those allowed", thresholds.own_files_percent),
    ]
    .into_iter()
    .filter_map(|(what, value, unit, line)| {
        let value = value.filter(|value| *value > line)?;
        Some(format!("{what} {value:.0} {unit} (above {line})"))
    })
    .collect();
    let verdict = match issues.len() {
        0 => Verdict::Healthy,
        1 => Verdict::Degraded,
        2 => Verdict::Unhealthy,
        _ => Verdict::Critical,
    };
    let reason = match verdict {
        Verdict::Healthy => format!("memory {memory_mb:.0} MB, {} threads", own.threads),
        _ => issues.join("; "),
    };
    Judgement { verdict, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_issue_makes_it_worse() {
        let mut own = OwnProcess {
            cpu_percent: Some(3.0),
            resident_bytes: 50 << 20,
            threads: 12,
            open_files: Some(40),
            open_files_max: Some(1024),
            ..OwnProcess::default()
        };
        let verdict = |own: &OwnProcess| judge(own, &Thresholds::default()).verdict;
        assert_eq!(verdict(&own), Verdict::Healthy);
        own.cpu_percent = Some(95.0);
        assert_eq!(verdict(&own), Verdict::Degraded);
        own.resident_bytes = 2 << 30;
        assert_eq!(verdict(&own), Verdict::Unhealthy);
        own.open_files = Some(1000);
        assert_eq!(verdict(&own), Verdict::Critical);
    }
}
