//! Whether the clock can be believed when days are dropped for their age.
//!
//! A clock that is set years ahead by mistake would otherwise cost everything at once. So
//! the time of the last look is kept, in the process and in the file `clock`; a clock that
//! is much further than it should be since then is doubted, and ages are counted to where
//! it should be. When it stays there for a day of the store's own running it is believed:
//! a machine that was off for months forgets what is old a day later.

use std::path::{Path, PathBuf};
use std::time::Duration;

use disk::{Disk, DiskError, read_all, write_atomically};
use model::Timestamp;

/// How long a jump has to last.
const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// The file is written when it is behind by this.
const KEPT_EVERY: Duration = Duration::from_secs(60 * 60);

/// What ages are counted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    pub now: Timestamp,
    /// It is not what the clock shows.
    pub is_doubted: bool,
}

#[derive(Clone, Debug, Default)]
pub struct ClockJudge {
    /// The last time that was believed, and the monotonic clock then.
    believed: Option<(Timestamp, Duration)>,
    /// Since when, on the monotonic clock, the clock is too far ahead.
    doubted_since: Option<Duration>,
    /// What is in the file.
    kept: Option<Timestamp>,
}

impl ClockJudge {
    pub fn new(recalled: Option<Timestamp>, monotonic: Duration) -> Self {
        Self { believed: recalled.map(|time| (time, monotonic)), doubted_since: None, kept: None }
    }

    /// The clock shows `now`. One that went back is taken as it is: then less is old.
    pub fn judge(&mut self, now: Timestamp, monotonic: Duration, jump_max: Duration) -> Judged {
        let expected = self.believed.map(|(time, then)| time + monotonic.saturating_sub(then));
        let Some(expected) = expected.filter(|expected| now.since(*expected) > jump_max) else {
            return self.believe(now, monotonic);
        };
        let since = *self.doubted_since.get_or_insert(monotonic);
        if monotonic.saturating_sub(since) >= GRACE {
            tracing::warn!(%now, %expected, "the clock has stayed ahead for a day and is believed");
            return self.believe(now, monotonic);
        }
        tracing::warn!(%now, %expected, "the clock has jumped ahead: nothing is dropped because of it for a day");
        metrics::gauge!("watchkeeper_store_clock_doubted").set(1.0);
        Judged { now: expected, is_doubted: true }
    }

    fn believe(&mut self, now: Timestamp, monotonic: Duration) -> Judged {
        self.believed = Some((now, monotonic));
        self.doubted_since = None;
        metrics::gauge!("watchkeeper_store_clock_doubted").set(0.0);
        Judged { now, is_doubted: false }
    }

    /// What was kept; nothing when there is no such file or it makes no sense.
    pub fn recall(disk: &dyn Disk, dir: &Path) -> Result<Option<Timestamp>, DiskError> {
        match read_all(disk, &path(dir)) {
            Ok(bytes) => Ok(String::from_utf8(bytes)
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .map(Timestamp::from_nanos)),
            Err(error) if error.is_missing() || error.is_medium_fault() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes down what is believed, now and then.
    pub fn keep(&mut self, disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
        let Some((believed, _)) = self.believed else { return Ok(()) };
        let is_fresh =
            |kept: Timestamp| believed.since(kept) < KEPT_EVERY && kept.since(believed) < KEPT_EVERY;
        if self.kept.is_some_and(is_fresh) {
            return Ok(());
        }
        write_atomically(disk, &path(dir), format!("{}\n", believed.as_nanos()).as_bytes())?;
        self.kept = Some(believed);
        Ok(())
    }
}

fn path(dir: &Path) -> PathBuf {
    dir.join("clock")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn at(days: u64) -> Timestamp {
        Timestamp::from_secs(0) + DAY * days as u32
    }

    #[test]
    fn a_clock_that_jumps_is_believed_a_day_later() {
        let mut judge = ClockJudge::new(Some(at(100)), Duration::ZERO);
        let mut check = |now, monotonic, expected: Timestamp, is_doubted| {
            assert_eq!(judge.judge(now, monotonic, DAY * 2), Judged { now: expected, is_doubted });
        };
        check(at(101), DAY, at(101), false);
        check(at(103), DAY * 2, at(103), false);
        check(at(4_000), DAY * 3, at(104), true);
        check(at(4_000), DAY * 3 + DAY / 2, at(104) + DAY / 2, true);
        // It was set right: a later jump begins anew.
        check(at(105), DAY * 4, at(105), false);
        check(at(200), DAY * 5, at(106), true);
        check(at(201), DAY * 6, at(201), false);
        check(at(50), DAY * 7, at(50), false);
    }

    #[test]
    fn what_is_new_has_nothing_to_doubt() {
        let judged = ClockJudge::new(None, Duration::ZERO).judge(at(9), DAY, DAY * 2);
        assert_eq!(judged, Judged { now: at(9), is_doubted: false });
    }
}
