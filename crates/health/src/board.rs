//! The last result of everything, and how verdicts were distributed over time.

use std::collections::{BTreeMap, VecDeque};

use model::{CheckResult, DependencyResult, HealthSummary, Timestamp, Verdict};

/// A week at one round each 30 s.
const ROUNDS_KEPT: usize = 20_160;

#[derive(Debug, Default)]
pub(crate) struct Board {
    /// In the order of the registry; none before its first look.
    checks: Vec<Option<CheckResult>>,
    dependencies: Vec<Option<DependencyResult>>,
    /// How many checks had each verdict, by round, oldest first.
    rounds: VecDeque<(Timestamp, BTreeMap<Verdict, u32>)>,
    recovery_runs: u64,
}

impl Board {
    pub(crate) fn new(checks: usize, dependencies: usize) -> Self {
        Self { checks: vec![None; checks], dependencies: vec![None; dependencies], ..Self::default() }
    }

    pub(crate) fn put_check(&mut self, index: usize, result: CheckResult) {
        self.checks[index] = Some(result);
    }

    pub(crate) fn put_dependency(&mut self, index: usize, result: DependencyResult) {
        self.dependencies[index] = Some(result);
    }

    pub(crate) fn dependency(&self, index: usize) -> Option<&DependencyResult> {
        self.dependencies[index].as_ref()
    }

    pub(crate) fn set_recovery_runs(&mut self, runs: u64) {
        self.recovery_runs = runs;
    }

    /// Closes a round: what its verdicts were goes into the history.
    pub(crate) fn end_round(&mut self, at: Timestamp) {
        if self.rounds.len() == ROUNDS_KEPT {
            self.rounds.pop_front();
        }
        let mut counts = BTreeMap::new();
        for check in self.checks.iter().flatten() {
            *counts.entry(check.verdict).or_default() += 1;
        }
        self.rounds.push_back((at, counts));
    }

    pub(crate) fn counts_since(&self, start: Timestamp) -> BTreeMap<Verdict, u64> {
        let mut total: BTreeMap<Verdict, u64> =
            Verdict::ALL.into_iter().map(|verdict| (verdict, 0)).collect();
        for (verdict, count) in
            self.rounds.iter().filter(|(at, _)| *at >= start).flat_map(|(_, counts)| counts)
        {
            *total.entry(*verdict).or_default() += u64::from(*count);
        }
        total
    }

    pub(crate) fn summary(&self, auto_recovery: bool) -> HealthSummary {
        let checks: Vec<CheckResult> = self.checks.iter().flatten().cloned().collect();
        let verdict = worst(&checks);
        HealthSummary {
            verdict: verdict.unwrap_or(Verdict::Unknown),
            message: match verdict {
                Some(verdict) => format!("System {}", verdict.as_str()),
                None => "No health checks performed yet".to_owned(),
            },
            last_check: checks.iter().map(|check| check.at).max(),
            checks,
            dependencies: self.dependencies.iter().flatten().cloned().collect(),
            auto_recovery,
            recovery_runs: self.recovery_runs,
        }
    }
}

/// The worst of the checks; dependencies do not count.
fn worst(checks: &[CheckResult]) -> Option<Verdict> {
    checks.iter().map(|check| check.verdict).max()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn result(verdict: Verdict, at: i64) -> CheckResult {
        CheckResult {
            component: "x".into(),
            verdict,
            message: String::new(),
            took: Duration::ZERO,
            at: Timestamp::from_secs(at),
            details: Default::default(),
            depends_on: vec![],
            recovery_actions: vec![],
        }
    }

    #[test]
    fn before_the_first_look_nothing_is_claimed() {
        let summary = Board::new(2, 0).summary(true);
        assert_eq!((summary.verdict, summary.last_check), (Verdict::Unknown, None));
        assert_eq!(summary.message, "No health checks performed yet");
    }

    #[test]
    fn the_whole_is_as_bad_as_its_worst_check() {
        let mut board = Board::new(3, 0);
        for (index, verdict) in
            [Verdict::Healthy, Verdict::Degraded, Verdict::Unknown].into_iter().enumerate()
        {
            board.put_check(index, result(verdict, index as i64));
        }
        let summary = board.summary(true);
        assert_eq!((summary.verdict, summary.message.as_str()), (Verdict::Degraded, "System degraded"));
        assert_eq!(summary.last_check, Some(Timestamp::from_secs(2)));
    }

    #[test]
    fn history_counts_each_round_and_is_bounded() {
        let mut board = Board::new(1, 0);
        for round in 0..ROUNDS_KEPT as i64 + 10 {
            let verdict = if round % 2 == 0 { Verdict::Healthy } else { Verdict::Critical };
            board.put_check(0, result(verdict, round));
            board.end_round(Timestamp::from_secs(round));
        }
        assert_eq!(board.rounds.len(), ROUNDS_KEPT);
        let last_ten = board.counts_since(Timestamp::from_secs(ROUNDS_KEPT as i64));
        assert_eq!((last_ten[&Verdict::Healthy], last_ten[&Verdict::Critical]), (5, 5));
        assert_eq!(last_ten[&Verdict::Degraded], 0);
    }
}
