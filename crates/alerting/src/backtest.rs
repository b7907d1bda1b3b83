//! What a rule would have done: its query over stored samples, and the steps of its alerts.
//!
//! ```text
//! range queries, a window at a time ─▶ at which evaluations each alert's condition held
//!                                  ─▶ lifecycle, alert by alert ─▶ when it fired, for how long
//! ```
//!
//! The steps are those of the running engine, at the same interval and with the same `for`
//! and `keep_firing_for`. Evaluations at which the rule would have failed are left out, as
//! the engine leaves its alerts alone then. Series of recording rules are read as they were
//! stored: what was not recorded then is not found.

mod lives;
mod night;
mod window;

use std::time::Duration;

use model::{LabelSet, Severity, Timestamp};

use crate::finding::Finder;
use crate::lifecycle::{GAP_MAX, Timing};
use crate::rules::{Rule, RuleGroup};
use lives::Lives;
pub use night::Night;
use window::Window;

/// Evaluations that one range query answers.
const WINDOW_STEPS: u64 = 10_000;
/// The longest look back: a year at an evaluation a minute, a month at four a second.
const STEPS_MAX: u64 = 12_000_000;
/// Firings that are told one by one; more are only counted.
const FIRINGS_MAX: usize = 1000;

/// How far to look, and how often.
#[derive(Clone, Debug)]
pub struct Look {
    pub start: Timestamp,
    pub end: Timestamp,
    /// Between two evaluations: that of the rule's group.
    pub interval: Duration,
    pub night: Night,
}

/// What a rule would have done.
#[derive(Clone, Debug, PartialEq)]
pub struct Backtest {
    pub rule: String,
    pub severity: Severity,
    pub query: String,
    pub start: Timestamp,
    pub end: Timestamp,
    pub interval: Duration,
    pub evaluations: u64,
    /// Those at which the rule would have failed.
    pub failed: u64,
    /// Why, the first time.
    pub first_error: Option<String>,
    /// How often an alert began to fire.
    pub fired: u64,
    pub fired_per_week: f64,
    pub fired_at_night: u64,
    pub fired_at_night_per_week: f64,
    /// All firings together.
    pub firing: Duration,
    pub longest: Duration,
    /// In order of their beginning.
    pub firings: Vec<Firing>,
    /// How many are not among them.
    pub firings_left_out: u64,
}

/// One alert, from its firing to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    /// Of the alert, without `alertname`.
    pub labels: LabelSet,
    pub start: Timestamp,
    /// None when it fires still.
    pub end: Option<Timestamp>,
    pub at_night: bool,
}

/// Why it is not known what a rule would have done.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    #[error("the look back ends before it begins")]
    Reversed,
    #[error(
        "it takes {steps} evaluations, more than {STEPS_MAX}; look back less far, or at a longer interval"
    )]
    TooLong { steps: u64 },
    #[error("the query of `{rule}` has `start()` or `end()`, which mean another time in a look back")]
    Anchored { rule: String },
    #[error("`{rule}` would have failed too often to be looked at: {reason}")]
    Failing { rule: String, reason: String },
}

impl Look {
    /// The first and the last evaluation, at whole multiples of the interval.
    fn steps(&self) -> Result<(Timestamp, u64), BacktestError> {
        let interval = i64::try_from(self.interval.as_millis()).unwrap_or(i64::MAX).max(1);
        let first = self.start.as_millis().div_euclid(interval).saturating_add(1).saturating_mul(interval);
        let span = self.end.as_millis().saturating_sub(first);
        if span < 0 {
            return Err(BacktestError::Reversed);
        }
        let steps = span as u64 / interval as u64 + 1;
        if steps > STEPS_MAX {
            return Err(BacktestError::TooLong { steps });
        }
        Ok((Timestamp::from_millis(first), steps))
    }
}

/// Every alerting rule, at the interval of its group.
pub(crate) async fn groups(
    groups: &[RuleGroup],
    look: &Look,
    finder: Finder<'_>,
) -> Result<Vec<Backtest>, BacktestError> {
    let mut backtests = Vec::new();
    for group in groups {
        let look = Look { interval: group.interval.unwrap_or(look.interval), ..look.clone() };
        for rule in group.alerts() {
            backtests.push(backtest(rule, &look, finder).await?);
        }
    }
    Ok(backtests)
}

async fn backtest(rule: &Rule, look: &Look, finder: Finder<'_>) -> Result<Backtest, BacktestError> {
    let (first, steps) = look.steps()?;
    if ["start()", "end()"].iter().any(|anchor| rule.query.text().replace(' ', "").contains(anchor)) {
        return Err(BacktestError::Anchored { rule: rule.name.clone() });
    }
    let gap_max = GAP_MAX.max(look.interval * 2);
    let mut lives = Lives::new(Timing { hold: rule.hold, keep: rule.keep_firing, gap_max });
    let mut failures = window::Failures::default();
    let mut done = 0;
    while done < steps {
        let count = (steps - done).min(WINDOW_STEPS);
        let window = Window { start: first + look.interval * done as u32, interval: look.interval, count };
        let found = window::look(rule, &finder, window, &mut failures).await?;
        lives.live(&found, window);
        done += count;
    }
    Ok(summary(rule, look, steps, failures, lives.into_firings(&look.night)))
}

fn summary(
    rule: &Rule,
    look: &Look,
    evaluations: u64,
    failures: window::Failures,
    mut firings: Vec<Firing>,
) -> Backtest {
    firings.sort_by(|one, other| (one.start, &one.labels).cmp(&(other.start, &other.labels)));
    let lasted = |firing: &Firing| firing.end.unwrap_or(look.end).since(firing.start);
    let weeks = look.end.since(look.start).as_secs_f64() / (7.0 * 86_400.0);
    let per_week = |count: u64| if weeks > 0.0 { count as f64 / weeks } else { 0.0 };
    let fired = firings.len() as u64;
    let fired_at_night = firings.iter().filter(|firing| firing.at_night).count() as u64;
    Backtest {
        rule: rule.name.clone(),
        severity: rule.severity,
        query: rule.query.text().trim().to_owned(),
        start: look.start,
        end: look.end,
        interval: look.interval,
        evaluations,
        failed: failures.count,
        first_error: failures.first,
        fired,
        fired_per_week: per_week(fired),
        fired_at_night,
        fired_at_night_per_week: per_week(fired_at_night),
        firing: firings.iter().map(lasted).sum(),
        longest: firings.iter().map(lasted).max().unwrap_or_default(),
        firings_left_out: (firings.len().saturating_sub(FIRINGS_MAX)) as u64,
        firings: {
            firings.truncate(FIRINGS_MAX);
            firings
        },
    }
}

#[cfg(test)]
mod tests;
