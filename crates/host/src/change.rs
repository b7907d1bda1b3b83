//! What happened between two looks. Pure.

use std::time::Duration;

use crate::snapshot::{CpuSeconds, CpuUsage};

/// How much a counter grew. One that is smaller than before began again at zero, so all
/// of it is growth.
pub fn increase(before: u64, now: u64) -> u64 {
    if now >= before { now - before } else { now }
}

/// Growth a second; nothing when no time has passed.
pub fn per_second(before: u64, now: u64, elapsed: Duration) -> Option<f64> {
    let seconds = elapsed.as_secs_f64();
    (seconds > 0.0).then(|| increase(before, now) as f64 / seconds)
}

/// `part` of `whole` in percent; zero of nothing.
pub fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// Seconds of processor time spent, in percent of one processor.
pub fn cpu_percent(before_seconds: f64, now_seconds: f64, elapsed: Duration) -> Option<f64> {
    let seconds = elapsed.as_secs_f64();
    (seconds > 0.0).then(|| (now_seconds - before_seconds).max(0.0) * 100.0 / seconds)
}

/// How the processors spent the time between two readings; nothing when none has passed.
///
/// The kernel may take back a little of `idle` and `iowait`; such a mode counts as unchanged
/// and not as begun again, or one tick would look like all the time since the start.
pub fn cpu_usage(before: &CpuSeconds, now: &CpuSeconds) -> Option<CpuUsage> {
    let mut spent = [0.0; 8];
    for (slot, (now, before)) in spent.iter_mut().zip(now.0.iter().zip(before.0)) {
        *slot = (now - before).max(0.0);
    }
    let total: f64 = spent.iter().sum();
    if total <= 0.0 {
        return None;
    }
    let mode_percent = spent.map(|seconds| seconds * 100.0 / total);
    let usage = CpuUsage { busy_percent: 0.0, mode_percent };
    let busy_percent = usage.modes().filter(|(mode, _)| mode.is_busy()).map(|(_, percent)| percent).sum();
    Some(CpuUsage { busy_percent, mode_percent })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::snapshot::CpuMode;

    #[test]
    fn a_counter_that_went_back_began_again() {
        assert_eq!(increase(10, 25), 15);
        assert_eq!(increase(1_000_000, 40), 40);
        assert_eq!(per_second(1_000_000, 40, Duration::from_secs(4)), Some(10.0));
    }

    #[test]
    fn no_time_means_no_rate() {
        assert_eq!(per_second(0, 40, Duration::ZERO), None);
        assert_eq!(cpu_percent(1.0, 2.0, Duration::ZERO), None);
        let reading = CpuSeconds([1.0; 8]);
        assert_eq!(cpu_usage(&reading, &reading), None);
    }

    #[test]
    fn shares_of_modes_are_shares_of_the_time_between() {
        let before = CpuSeconds([10.0, 0.0, 5.0, 100.0, 1.0, 0.0, 0.0, 0.0]);
        let now = CpuSeconds([12.0, 0.0, 6.0, 106.0, 2.0, 0.0, 0.0, 0.0]);
        let usage = cpu_usage(&before, &now).unwrap();
        assert_eq!(usage.busy_percent, 30.0);
        assert_eq!(usage.mode_percent[CpuMode::Idle as usize], 60.0);
        assert_eq!(usage.mode_percent[CpuMode::IoWait as usize], 10.0);
    }

    #[test]
    fn a_mode_that_the_kernel_took_back_is_unchanged() {
        let before = CpuSeconds([10.0, 0.0, 0.0, 100.0, 7.0, 0.0, 0.0, 0.0]);
        let now = CpuSeconds([11.0, 0.0, 0.0, 101.0, 6.9, 0.0, 0.0, 0.0]);
        assert_eq!(cpu_usage(&before, &now).unwrap().busy_percent, 50.0);
    }

    #[test]
    fn percent_of_nothing_is_zero() {
        assert_eq!(percent(1, 0), 0.0);
        assert_eq!(percent(1, 4), 25.0);
    }
}
