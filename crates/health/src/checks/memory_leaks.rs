//! Whether our own memory grows and grows: the slope over hours, not over a cycle.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Fact, Timestamp, Verdict};
use parking_lot::Mutex;

use super::{Check, Finding, Judgement, Judging, MB, Surroundings, facts, number};
use crate::settings::Thresholds;

/// Four hours at one reading a minute.
const READINGS_MAX: usize = 240;
/// Closer readings say nothing new about hours.
const READING_EVERY: Duration = Duration::from_secs(60);
/// How many of the newest are shown.
const READINGS_SHOWN: usize = 10;

pub(super) struct MemoryLeaks {
    around: Arc<Surroundings>,
    /// Oldest first. Held only to add and copy.
    readings: Mutex<VecDeque<Reading>>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    monotonic: Duration,
    at: Timestamp,
    mb: f64,
}

impl MemoryLeaks {
    pub(super) fn new(around: Arc<Surroundings>) -> Self {
        Self { around, readings: Mutex::default() }
    }

    /// Adds a reading, when the last is old enough, and returns all.
    fn remember(&self, reading: Reading) -> Vec<Reading> {
        let mut readings = self.readings.lock();
        let is_due = readings
            .back()
            .is_none_or(|last| reading.monotonic.saturating_sub(last.monotonic) >= READING_EVERY);
        if is_due {
            if readings.len() == READINGS_MAX {
                readings.pop_front();
            }
            readings.push_back(reading);
        }
        readings.iter().copied().collect()
    }
}

#[async_trait]
impl Check for MemoryLeaks {
    fn name(&self) -> &'static str {
        "memory_leaks"
    }

    async fn look(&self) -> Finding {
        let snapshot = self.around.fresh_snapshot();
        let own = snapshot.and_then(|snapshot| {
            let own = snapshot.own.as_ref().ok_or("our own process could not be read")?;
            let mb = own.resident_bytes as f64 / MB;
            Ok(Reading { monotonic: snapshot.monotonic, at: snapshot.at, mb })
        });
        let reading = match own {
            Ok(reading) => reading,
            Err(reason) => return Judgement::unknown(reason).with(facts([]), vec![]),
        };
        let readings = self.remember(reading);
        let shown = readings
            .iter()
            .rev()
            .take(READINGS_SHOWN)
            .rev()
            .map(|reading| Fact::List(vec![Fact::Text(reading.at.to_rfc3339()), number(reading.mb)]));
        let details = facts([
            ("current_memory_mb", number(reading.mb)),
            ("memory_history", Fact::List(shown.collect())),
            ("history_length", Fact::Count(readings.len() as i64)),
        ]);
        let judgement = judge(&readings, &self.around.settings.thresholds);
        let actions = match judgement.verdict {
            Verdict::Unhealthy | Verdict::Critical => vec!["clear_memory_cache"],
            _ => vec![],
        };
        judgement.with(details, actions)
    }
}

fn judge(readings: &[Reading], thresholds: &Thresholds) -> Judgement {
    let (Some(first), Some(last)) = (readings.first(), readings.last()) else {
        return Judgement::unknown("our own memory has not been read yet");
    };
    let watched = last.monotonic.saturating_sub(first.monotonic);
    if watched < thresholds.growth_watch_min {
        let minutes = |duration: Duration| duration.as_secs() / 60;
        let reason = format!(
            "memory {:.0} MB; growth is judged after {} min, watched for {}",
            last.mb,
            minutes(thresholds.growth_watch_min),
            minutes(watched)
        );
        return Judgement { verdict: Verdict::Healthy, reason };
    }
    let slope = slope_per_hour(readings);
    let growth = slope * watched.as_secs_f64() / 3600.0;
    let mut judging = Judging::default();
    if growth >= thresholds.growth_mb_min {
        judging.compare("memory grows by", slope, "MB an hour", thresholds.growth_mb_per_hour);
    }
    judging.conclude(format!("memory {:.0} MB, {slope:+.1} MB an hour", last.mb))
}

/// The median of the slopes between all pairs: a burst or a drop does not move it.
fn slope_per_hour(readings: &[Reading]) -> f64 {
    let mut slopes: Vec<f64> = Vec::with_capacity(readings.len() * readings.len() / 2);
    for (index, a) in readings.iter().enumerate() {
        for b in &readings[index + 1..] {
            let hours = b.monotonic.saturating_sub(a.monotonic).as_secs_f64() / 3600.0;
            if hours > 0.0 {
                slopes.push((b.mb - a.mb) / hours);
            }
        }
    }
    if slopes.is_empty() {
        return 0.0;
    }
    let middle = slopes.len() / 2;
    *slopes.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(minutes: u64, mb: impl Fn(u64) -> f64) -> Vec<Reading> {
        (0..minutes)
            .map(|minute| Reading {
                monotonic: Duration::from_secs(60 * minute),
                at: Timestamp::from_secs(60 * minute as i64),
                mb: mb(minute),
            })
            .collect()
    }

    #[test]
    fn every_verdict_is_reachable() {
        for (readings, verdict) in [
            (readings(0, |_| 50.0), Verdict::Unknown),
            (readings(5, |minute| 50.0 + 20.0 * minute as f64), Verdict::Healthy),
            (readings(120, |_| 50.0), Verdict::Healthy),
            (readings(120, |minute| 50.0 + minute as f64 / 2.0), Verdict::Degraded),
            (readings(120, |minute| 50.0 + minute as f64 * 2.5), Verdict::Unhealthy),
            (readings(120, |minute| 50.0 + minute as f64 * 10.0), Verdict::Critical),
        ] {
            let judgement = judge(&readings, &Thresholds::default());
            assert_eq!(judgement.verdict, verdict, "{}", judgement.reason);
        }
    }

    #[test]
    fn one_jump_is_no_leak() {
        let jump = readings(120, |minute| if minute < 60 { 50.0 } else { 400.0 });
        let spike = readings(120, |minute| if minute == 70 { 900.0 } else { 50.0 });
        assert_eq!(judge(&spike, &Thresholds::default()).verdict, Verdict::Healthy);
        assert!(slope_per_hour(&spike).abs() < 0.01);
        // A lasting step is growth; its slope is that of the whole time, not of the step.
        assert!(slope_per_hour(&jump) < 500.0);
    }

    #[test]
    fn a_small_process_that_warms_up_is_no_leak() {
        let warm = readings(40, |minute| 20.0 + (minute as f64).min(20.0));
        assert_eq!(judge(&warm, &Thresholds::default()).verdict, Verdict::Healthy);
    }
}
