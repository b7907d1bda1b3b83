//! Who is refused when room runs out, before it really does.
//!
//! When writing out cannot keep up, the memtable grows beyond its size. The less a signal
//! matters to those who watch, the earlier its batches are refused, each with an error
//! that says "later": spans and exemplars first, then logs, then samples and histograms.

use model::Batch;

use crate::shared::Shared;

/// Parts of the most that memory may hold, in percent.
const SPANS_PERCENT: usize = 60;
const LOGS_PERCENT: usize = 80;
const SAMPLES_PERCENT: usize = 100;

pub struct Pressure {
    held_bytes: usize,
    bytes_max: usize,
    /// Why nothing at all is accepted.
    full: Option<String>,
}

pub fn measure(shared: &Shared) -> Pressure {
    let settings = &shared.settings;
    let tables = shared.snapshot();
    let frozen_bytes = tables.view.frozen.as_ref().map_or(0, |frozen| frozen.memtable.bytes());
    let reserve = settings.disk_reserve_bytes;
    let full = match shared.disk.free_bytes(&settings.dir) {
        Ok(free) if free < reserve => {
            Some(format!("{free} bytes are free on the disk, `storage.disk_reserve` keeps {reserve}"))
        }
        Ok(_) => None,
        Err(error) => {
            // The write itself will tell what is wrong.
            tracing::warn!(%error, "free space is not known");
            None
        }
    };
    let bytes_max = settings.memtable_bytes_max();
    Pressure { held_bytes: tables.active.bytes() + frozen_bytes, bytes_max, full }
}

impl Pressure {
    pub fn reason_to_refuse(&self, batch: &Batch) -> Option<String> {
        if self.full.is_some() {
            return self.full.clone();
        }
        // A batch is as important as the most important that is in it.
        let has_metrics = !batch.series.is_empty() || !batch.histograms.is_empty();
        let percent = if has_metrics {
            SAMPLES_PERCENT
        } else if !batch.logs.is_empty() {
            LOGS_PERCENT
        } else {
            SPANS_PERCENT
        };
        let most = self.bytes_max / 100 * percent;
        let held = self.held_bytes;
        (held > most)
            .then(|| format!("{held} bytes wait to be written out, {most} may (`storage.flush_bytes`)"))
    }
}

#[cfg(test)]
mod tests {
    use model::{LabelSet, LogRecord, LogSeverity, Timestamp};

    use super::*;

    #[test]
    fn what_matters_less_is_refused_earlier() {
        let mut samples = Batch::default();
        samples.push_sample(LabelSet::empty(), Timestamp::default(), 1.0);
        let record = LogRecord::new(Timestamp::default(), LabelSet::empty(), LogSeverity::Info, "x");
        let logs = Batch { logs: vec![record], ..Batch::default() };
        let both = Batch { logs: logs.logs.clone(), ..samples.clone() };
        let check = |held_bytes, expected: [bool; 3]| {
            let pressure = Pressure { held_bytes, bytes_max: 1000, full: None };
            let is_refused = |batch: &Batch| pressure.reason_to_refuse(batch).is_some();
            assert_eq!([&logs, &samples, &both].map(is_refused), expected, "{held_bytes}");
        };
        check(700, [false; 3]);
        check(900, [true, false, false]);
        check(1100, [true; 3]);
    }
}
