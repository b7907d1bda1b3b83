//! Batches that the store could not take yet: bounded, the newest win.

use std::collections::VecDeque;

use model::Batch;
use storage::Appender;

/// Waiting batches, oldest first.
#[derive(Debug)]
pub(crate) struct Backlog {
    /// Names the queue in counters.
    name: &'static str,
    batches_max: usize,
    batches: VecDeque<Batch>,
    /// The store could not take the first one, and the log says so.
    is_put_off: bool,
}

impl Backlog {
    pub(crate) fn new(name: &'static str, batches_max: usize) -> Self {
        Self { name, batches_max, batches: VecDeque::new(), is_put_off: false }
    }

    /// Puts a batch last; the oldest goes when there is no room.
    pub(crate) fn push(&mut self, batch: Batch) {
        if self.batches.len() == self.batches_max {
            self.batches.pop_front();
            self.count_dropped("backlog_full");
        }
        self.batches.push_back(batch);
    }

    /// Appends in order until one cannot be taken now. A batch that can never be taken is
    /// dropped, so that it does not hold up the others.
    pub(crate) async fn drain(&mut self, store: &dyn Appender) {
        while let Some(batch) = self.batches.front() {
            match store.append(batch.clone()).await {
                Ok(appended) if appended.refused == 0 => {}
                Ok(appended) => {
                    let (refused, reasons) = (appended.refused, appended.reasons);
                    tracing::warn!(queue = self.name, refused, ?reasons, "rows left out of a batch");
                }
                Err(error) if error.is_retryable() => {
                    if !std::mem::replace(&mut self.is_put_off, true) {
                        tracing::warn!(queue = self.name, %error, "append put off, until the store can");
                    }
                    metrics::counter!("watchkeeper_ingest_append_retries_total", "queue" => self.name)
                        .increment(1);
                    return;
                }
                Err(error) => {
                    tracing::error!(queue = self.name, %error, "batch refused and dropped");
                    self.count_dropped("refused");
                }
            }
            self.batches.pop_front();
        }
        if std::mem::take(&mut self.is_put_off) {
            tracing::info!(queue = self.name, "the store takes batches again");
        }
    }

    fn count_dropped(&self, reason: &'static str) {
        metrics::counter!("watchkeeper_ingest_dropped_batches_total", "queue" => self.name, "reason" => reason)
            .increment(1);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use async_trait::async_trait;
    use model::{LabelSet, Timestamp};
    use parking_lot::Mutex;
    use storage::{AppendError, Appended};

    use super::*;

    /// Answers as scripted, then always with success; remembers what it took.
    #[derive(Default)]
    struct Scripted {
        answers: Mutex<VecDeque<AppendError>>,
        taken: Mutex<Vec<f64>>,
    }

    #[async_trait]
    impl Appender for Scripted {
        async fn append(&self, batch: Batch) -> Result<Appended, AppendError> {
            if let Some(error) = self.answers.lock().pop_front() {
                return Err(error);
            }
            self.taken.lock().extend(batch.series.iter().map(|series| series.samples[0].value));
            Ok(Appended::default())
        }
    }

    async fn check(pushes: &[f64], answers: Vec<AppendError>, drains: usize, expected: &[f64]) {
        let store = Scripted { answers: Mutex::new(answers.into()), taken: Mutex::default() };
        let mut backlog = Backlog::new("test", 3);
        for value in pushes {
            let mut batch = Batch::default();
            batch.push_sample(LabelSet::new([("a", "b")]), Timestamp::from_secs(1), *value);
            backlog.push(batch);
        }
        for _ in 0..drains {
            backlog.drain(&store).await;
        }
        assert_eq!(*store.taken.lock(), expected);
    }

    #[tokio::test]
    async fn batches_go_in_order() {
        check(&[1.0, 2.0], vec![], 1, &[1.0, 2.0]).await;
    }

    #[tokio::test]
    async fn a_batch_put_off_is_sent_again_and_keeps_its_place() {
        let full = || vec![AppendError::Full("disk".into())];
        check(&[1.0, 2.0], full(), 1, &[]).await;
        check(&[1.0, 2.0], full(), 2, &[1.0, 2.0]).await;
    }

    #[tokio::test]
    async fn a_refused_batch_does_not_hold_up_the_others() {
        check(&[1.0, 2.0], vec![AppendError::Refused("no".into())], 1, &[2.0]).await;
    }

    #[tokio::test]
    async fn without_room_the_oldest_goes() {
        check(&[1.0, 2.0, 3.0, 4.0], vec![], 1, &[2.0, 3.0, 4.0]).await;
    }
}
