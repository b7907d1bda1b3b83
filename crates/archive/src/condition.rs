//! Whether archiving works, told once for each change.

use parking_lot::Mutex;

use crate::ArchiveError;

/// What went wrong last, as it was told.
#[derive(Debug, Default)]
pub struct Condition(Mutex<Option<String>>);

impl Condition {
    pub fn failed(&self, signal: &'static str, day: &str, error: &ArchiveError) {
        metrics::counter!("watchkeeper_archive_failed_total", "signal" => signal).increment(1);
        let told = line_of(error);
        if self.0.lock().replace(told.clone()).as_ref() != Some(&told) {
            tracing::error!(
                signal,
                day,
                error = told,
                "a day could not be archived; it is kept, and tried again"
            );
        }
    }

    pub fn works(&self) {
        if self.0.lock().take().is_some() {
            tracing::info!("days are archived again");
        }
    }
}

/// An error with its causes.
fn line_of(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line = format!("{line}: {cause}");
        source = cause.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_failure_is_told_once() {
        let condition = Condition::default();
        let told = || condition.0.lock().clone();
        condition.failed("logs", "2026-11-23", &ArchiveError::Unfinished);
        assert_eq!(told().as_deref(), Some("the rows ended before the day did"));
        condition.failed("logs", "2026-11-23", &ArchiveError::Panicked);
        assert_eq!(told().as_deref(), Some("a thread of the archive has panicked"));
        condition.works();
        assert_eq!(told(), None);
    }
}
