//! When which group is evaluated. Pure; time is monotonic.

use std::time::Duration;

#[derive(Debug)]
pub(super) struct Schedule {
    /// A group's interval and its next evaluation.
    groups: Vec<(Duration, Duration)>,
}

impl Schedule {
    /// Every group is due at once.
    pub(super) fn new(intervals: Vec<Duration>, now: Duration) -> Self {
        Self { groups: intervals.into_iter().map(|interval| (interval, now)).collect() }
    }

    /// Until the next group is due.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        let next = self.groups.iter().map(|(_, due)| due.saturating_sub(now)).min();
        next.unwrap_or(Duration::MAX)
    }

    /// The groups that are due. Each keeps its beat; beats that were missed are left out.
    pub(super) fn take_due(&mut self, now: Duration) -> Vec<usize> {
        let mut taken = Vec::new();
        for (index, (interval, due)) in self.groups.iter_mut().enumerate() {
            if *due <= now {
                taken.push(index);
                *due += *interval;
                if *due <= now {
                    *due = now + *interval;
                }
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn groups_keep_their_beat_and_missed_beats_are_left_out() {
        let mut schedule = Schedule::new(vec![secs(15), secs(60)], secs(100));
        assert_eq!(schedule.take_due(secs(100)), [0, 1]);
        assert_eq!(schedule.wait(secs(103)), secs(12));
        assert!(schedule.take_due(secs(114)).is_empty());
        assert_eq!(schedule.take_due(secs(117)), [0]);
        assert_eq!(schedule.wait(secs(117)), secs(13));
        assert_eq!(schedule.take_due(secs(300)), [0, 1]);
        assert_eq!(schedule.wait(secs(300)), secs(15));
    }
}
