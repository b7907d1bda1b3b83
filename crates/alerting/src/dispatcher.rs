//! Carries the outbox to the receivers: one supervised worker each, so that one which is
//! dead or slow delays nobody else.
//!
//! A worker takes the worst thing that is due, keeps to the receiver's pace, tries once, and
//! records what came of it. Everything it knows is in `state`; it may be started again at
//! any point.

use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use runtime::{SharedClock, Shutdown, Supervisor};
use state::{Attempt, Notification, State, StateError, Transition};
use tokio::sync::{Notify, broadcast};

use crate::message::Message;
use crate::receivers::{Delivery, Envelope, Failure, Pace, ReadyReceiver, Receiver};

/// What could not be said for so long is old news.
const AGE_MAX: Duration = Duration::from_secs(24 * 3600);
/// The first pause after a failure; doubled each time.
const PAUSE_FIRST: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(600);
/// A whole attempt, whatever its steps take.
const ATTEMPT_MAX: Duration = Duration::from_secs(30);
/// How many due notifications are looked at to find the worst.
const CHOICE: u32 = 200;
/// A worker looks again after this, even if nobody woke it.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// Ids of ended attempts that a waiting test may fall behind.
const ENDED_KEPT: usize = 256;

#[derive(Clone)]
pub(crate) struct Dispatcher {
    state: State,
    clock: SharedClock,
    wakers: Arc<Vec<(String, Arc<Notify>)>>,
    /// The id of each notification after an attempt was recorded.
    ended: broadcast::Sender<i64>,
}

impl Dispatcher {
    /// Drops what nobody can send any more, and starts a worker for each receiver.
    pub(crate) async fn start(
        state: State,
        clock: SharedClock,
        supervisor: &Supervisor,
        receivers: Vec<ReadyReceiver>,
    ) -> Result<Self, StateError> {
        let known: Vec<String> = receivers.iter().map(|ready| ready.id.clone()).collect();
        let cancelled = state.cancel_for_unknown_receivers(&known).await?;
        if cancelled > 0 {
            tracing::warn!(cancelled, "dropped notifications for receivers that are gone or switched off");
        }
        let wakers = receivers.iter().map(|ready| (ready.id.clone(), Arc::new(Notify::new()))).collect();
        let (ended, _) = broadcast::channel(ENDED_KEPT);
        let dispatcher = Self { state, clock, wakers: Arc::new(wakers), ended };
        for (ReadyReceiver { id, receiver }, (_, waker)) in
            receivers.into_iter().zip(dispatcher.wakers.iter())
        {
            let worker = Arc::new(Worker {
                pace: parking_lot::Mutex::new(receiver.pace()),
                id: id.clone(),
                receiver,
                dispatcher: dispatcher.clone(),
                waker: waker.clone(),
            });
            // Once for each configured receiver: a task's name lives as long as the process.
            let name: &'static str = format!("receiver {id}").leak();
            supervisor.spawn(name, move |shutdown| {
                let worker = worker.clone();
                async move { Ok(worker.run(shutdown).await?) }
            });
        }
        Ok(dispatcher)
    }

    /// Without workers, so that a test sees what is queued.
    #[cfg(test)]
    pub(crate) fn idle(state: State, clock: SharedClock) -> Self {
        let (ended, _) = broadcast::channel(1);
        Self { state, clock, wakers: Arc::default(), ended }
    }

    /// Something was queued.
    pub(crate) fn wake(&self) {
        for (_, waker) in self.wakers.iter() {
            waker.notify_one();
        }
    }

    pub(crate) fn ended(&self) -> broadcast::Receiver<i64> {
        self.ended.subscribe()
    }
}

struct Worker {
    id: String,
    receiver: Box<dyn Receiver>,
    /// Locked for the moment of taking a token, never across an await.
    pace: parking_lot::Mutex<Pace>,
    dispatcher: Dispatcher,
    waker: Arc<Notify>,
}

impl Worker {
    async fn run(&self, shutdown: Shutdown) -> Result<(), StateError> {
        // What a worker before this one was sending when it ended, in this run or the last.
        self.dispatcher.state.requeue_unfinished(&self.id).await?;
        loop {
            let (state, clock) = (&self.dispatcher.state, &self.dispatcher.clock);
            let due = state.due(&self.id, clock.now(), CHOICE).await?;
            let pause = match worst(due) {
                Some((notification, message)) => {
                    let wait = self.pace.lock().take(clock.monotonic());
                    if !wait.is_zero() && shutdown.or(clock.sleep(wait)).await.is_none() {
                        return Ok(());
                    }
                    self.attempt(&notification, message).await?;
                    Duration::ZERO
                }
                None => match state.next_due(&self.id).await? {
                    Some(at) => at.since(clock.now()).clamp(Duration::from_millis(10), IDLE_MAX),
                    None => IDLE_MAX,
                },
            };
            if shutdown.has_begun() {
                return Ok(());
            }
            if !pause.is_zero() {
                tokio::select! {
                    () = shutdown.begun() => return Ok(()),
                    () = self.waker.notified() => {}
                    () = clock.sleep(pause) => {}
                }
            }
        }
    }

    async fn attempt(&self, notification: &Notification, message: Option<Message>) -> Result<(), StateError> {
        let (state, clock) = (&self.dispatcher.state, &self.dispatcher.clock);
        if !state.claim(notification.id).await? {
            return Ok(());
        }
        let delivery = match message {
            Some(message) => self.deliver(notification, &message).await,
            None => Delivery::Failed(Failure {
                reason: "the queued message is not what this version writes".to_owned(),
                is_final: true,
                ..Failure::default()
            }),
        };
        let now = clock.now();
        let receiver = self.id.as_str();
        match decide(notification, &delivery, now, runtime::random::fraction()) {
            Decision::Delivered => state.delivered(notification.id, &receipt(&delivery, now)).await?,
            Decision::GiveUp => {
                let receipt = receipt(&delivery, now);
                tracing::error!(
                    receiver,
                    alert = notification.alert_id,
                    status = receipt.status,
                    reason = receipt.reply,
                    "a notification was given up"
                );
                state.gave_up(notification.id, &receipt).await?;
            }
            Decision::Retry { at } => {
                let receipt = receipt(&delivery, now);
                tracing::warn!(
                    receiver,
                    alert = notification.alert_id,
                    status = receipt.status,
                    reason = receipt.reply,
                    "a notification failed and is tried again"
                );
                state.retry_at(notification.id, at, &receipt).await?;
            }
        }
        let outcome = if matches!(delivery, Delivery::Accepted { .. }) { "accepted" } else { "failed" };
        metrics::counter!("watchkeeper_notification_attempts_total", "receiver" => self.id.clone(), "outcome" => outcome)
            .increment(1);
        // Nobody waits for most of them.
        let _ = self.dispatcher.ended.send(notification.id);
        Ok(())
    }

    async fn deliver(&self, notification: &Notification, message: &Message) -> Delivery {
        let envelope = Envelope {
            message,
            transition: notification.transition,
            receiver: &self.id,
            key: &notification.key,
            now: self.dispatcher.clock.now(),
        };
        // Real time: it bounds real sockets.
        match tokio::time::timeout(ATTEMPT_MAX, self.receiver.deliver(&envelope)).await {
            Ok(delivery) => delivery,
            Err(_) => Delivery::Failed(Failure {
                reason: format!("it took longer than {} seconds", ATTEMPT_MAX.as_secs()),
                is_doubtful: true,
                ..Failure::default()
            }),
        }
    }
}

/// The one of the worst severity, of those the oldest. A message that cannot be read comes first, to be
/// got rid of.
fn worst(due: Vec<Notification>) -> Option<(Notification, Option<Message>)> {
    due.into_iter()
        .map(|notification| {
            let message: Option<Message> = serde_json::from_str(&notification.payload).ok();
            (notification, message)
        })
        .min_by_key(|(notification, message)| {
            let severity = message.as_ref().map(|message| message.alert.severity);
            (severity.map(std::cmp::Reverse), notification.id)
        })
}

#[derive(Debug, PartialEq)]
enum Decision {
    Delivered,
    Retry { at: Timestamp },
    GiveUp,
}

/// What to do after an attempt. `chance` is in `0.0..1.0`. Pure.
fn decide(notification: &Notification, delivery: &Delivery, now: Timestamp, chance: f64) -> Decision {
    let failure = match delivery {
        Delivery::Accepted { .. } => return Decision::Delivered,
        Delivery::Failed(failure) => failure,
    };
    // Somebody waits in front of a test.
    if failure.is_final || notification.transition == Transition::Test {
        return Decision::GiveUp;
    }
    let doubled = PAUSE_FIRST.saturating_mul(1 << notification.attempts.min(20)).min(PAUSE_MAX);
    let pause = doubled.mul_f64(0.5 + 0.5 * chance).max(failure.retry_after.unwrap_or_default());
    let at = now + pause;
    if at.since(notification.created) > AGE_MAX {
        return Decision::GiveUp;
    }
    Decision::Retry { at }
}

fn receipt(delivery: &Delivery, at: Timestamp) -> Attempt {
    match delivery {
        Delivery::Accepted { status, reply } => {
            Attempt { at, status: *status, reply: reply.clone(), doubtful: false }
        }
        Delivery::Failed(failure) => Attempt {
            at,
            status: failure.status,
            reply: failure.reason.clone(),
            doubtful: failure.is_doubtful,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn notification(attempts: u32, age: Duration, transition: Transition) -> Notification {
        Notification {
            id: 1,
            key: String::new(),
            receiver: String::new(),
            alert_id: String::new(),
            transition,
            payload: String::new(),
            attempts,
            created: NOW - age,
            due: NOW,
        }
    }

    fn failed(retry_after_secs: Option<u64>, is_final: bool) -> Delivery {
        let retry_after = retry_after_secs.map(Duration::from_secs);
        Delivery::Failed(Failure { retry_after, is_final, ..Failure::default() })
    }

    fn pause_secs(attempts: u32, delivery: &Delivery) -> Option<u64> {
        match decide(&notification(attempts, Duration::ZERO, Transition::Firing), delivery, NOW, 1.0) {
            Decision::Retry { at } => Some(at.since(NOW).as_secs()),
            _ => None,
        }
    }

    #[test]
    fn pauses_double_to_ten_minutes_and_heed_the_peer() {
        let pauses: Vec<_> =
            [0, 1, 2, 8, 9, 4_000_000].map(|attempts| pause_secs(attempts, &failed(None, false))).into();
        assert_eq!(pauses, [2, 4, 8, 512, 600, 600].map(Some));
        assert_eq!(pause_secs(0, &failed(Some(90), false)), Some(90));
        assert_eq!(pause_secs(9, &failed(Some(1), false)), Some(600));
    }

    #[test]
    fn it_gives_up_when_it_is_told_no_after_a_day_and_at_tests() {
        assert_eq!(pause_secs(0, &failed(None, true)), None);
        let day_old = notification(3, AGE_MAX, Transition::Firing);
        assert_eq!(decide(&day_old, &failed(None, false), NOW, 0.0), Decision::GiveUp);
        let test = notification(0, Duration::ZERO, Transition::Test);
        assert_eq!(decide(&test, &failed(None, false), NOW, 0.0), Decision::GiveUp);
    }
}
