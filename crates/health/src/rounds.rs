//! Runs looks side by side, each with its own time.
//!
//! A look that takes too long is reported as overdue and left to end by itself: it is neither
//! cut off (what hangs is often a thread that cannot be) nor begun a second time.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use runtime::SharedClock;

use crate::checks::{Check, Finding};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Looked {
    Found(Finding),
    /// Has not ended; how long it has been under way.
    Overdue(Duration),
    /// The look itself broke.
    Broke(String),
}

pub(crate) struct Rounds {
    clock: SharedClock,
    timeout: Duration,
    checks: Vec<Arc<dyn Check>>,
    /// When the look that is under way began, by check.
    under_way: Vec<Option<Duration>>,
    looks: FuturesUnordered<BoxFuture<'static, (usize, Looked)>>,
}

impl Rounds {
    pub(crate) fn new(checks: Vec<Arc<dyn Check>>, timeout: Duration, clock: SharedClock) -> Self {
        let under_way = vec![None; checks.len()];
        Self { clock, timeout, checks, under_way, looks: FuturesUnordered::new() }
    }

    /// Begins every look that is not still under way, and tells the outcome of each as it
    /// comes: index of the check, how long it took, what came of it. Ends when all have
    /// ended or their time is up.
    pub(crate) async fn round(&mut self, mut tell: impl FnMut(usize, Duration, Looked)) {
        while let Some(Some((index, _))) = self.looks.next().now_or_never() {
            // It ended between the rounds: too late to be told, early enough to look again.
            self.under_way[index] = None;
        }
        let now = self.clock.monotonic();
        let mut awaited: Vec<bool> = vec![false; self.checks.len()];
        for (index, check) in self.checks.iter().enumerate() {
            match self.under_way[index] {
                Some(began) => {
                    let so_far = now.saturating_sub(began);
                    tell(index, so_far, Looked::Overdue(so_far));
                }
                None => {
                    self.under_way[index] = Some(now);
                    awaited[index] = true;
                    self.looks.push(look(index, check.clone()).boxed());
                }
            }
        }
        let clock = self.clock.clone();
        let mut time_is_up = clock.sleep(self.timeout);
        while awaited.contains(&true) {
            let ended = tokio::select! {
                biased;
                ended = self.looks.next() => ended,
                () = &mut time_is_up => None,
            };
            let Some((index, looked)) = ended else { break };
            let began = self.under_way[index].take().unwrap_or(now);
            awaited[index] = false;
            tell(index, self.clock.monotonic().saturating_sub(began), looked);
        }
        for index in (0..self.checks.len()).filter(|index| awaited[*index]) {
            tell(index, self.timeout, Looked::Overdue(self.timeout));
        }
    }
}

async fn look(index: usize, check: Arc<dyn Check>) -> (usize, Looked) {
    match AssertUnwindSafe(check.look()).catch_unwind().await {
        Ok(finding) => (index, Looked::Found(finding)),
        Err(panic) => {
            let reason = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no message".to_owned());
            (index, Looked::Broke(reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;
    use model::{Facts, Verdict};
    use testkit::FakeClock;
    use tokio::sync::Notify;

    use super::*;

    struct Scripted {
        begun: AtomicU32,
        /// The first look hangs until this.
        hangs: Option<Arc<Notify>>,
        panics: bool,
    }

    impl Scripted {
        fn new(hangs: Option<Arc<Notify>>, panics: bool) -> Arc<Self> {
            Arc::new(Self { begun: AtomicU32::new(0), hangs, panics })
        }
    }

    #[async_trait]
    impl Check for Scripted {
        fn name(&self) -> &'static str {
            "scripted"
        }

        async fn look(&self) -> Finding {
            let is_first = self.begun.fetch_add(1, Ordering::SeqCst) == 0;
            assert!(!self.panics, "broken on purpose");
            if let (Some(release), true) = (&self.hangs, is_first) {
                release.notified().await;
            }
            Finding {
                verdict: Verdict::Healthy,
                message: "well".into(),
                details: Facts::new(),
                recovery_actions: vec![],
            }
        }
    }

    async fn told(rounds: &mut Rounds, clock: &FakeClock) -> Vec<(usize, Looked)> {
        let mut told = Vec::new();
        let round = rounds.round(|index, _, looked| told.push((index, looked)));
        tokio::join!(round, clock.advance(Duration::from_secs(10)));
        told
    }

    fn is_well(looked: &Looked) -> bool {
        matches!(looked, Looked::Found(finding) if finding.verdict == Verdict::Healthy)
    }

    #[tokio::test]
    async fn a_hung_look_delays_no_other_and_is_not_begun_twice() {
        let clock = FakeClock::new();
        let release = Arc::new(Notify::new());
        let hung = Scripted::new(Some(release.clone()), false);
        let well = Scripted::new(None, false);
        let checks: Vec<Arc<dyn Check>> = vec![hung.clone(), well.clone()];
        let mut rounds = Rounds::new(checks, Duration::from_secs(10), Arc::new(clock.clone()));

        let first = told(&mut rounds, &clock).await;
        assert!(first[0].0 == 1 && is_well(&first[0].1), "the other is told first: {first:?}");
        assert_eq!(first[1], (0, Looked::Overdue(Duration::from_secs(10))));

        clock.advance(Duration::from_secs(20)).await;
        let second = told(&mut rounds, &clock).await;
        assert_eq!(second[0], (0, Looked::Overdue(Duration::from_secs(30))));
        assert_eq!((hung.begun.load(Ordering::SeqCst), well.begun.load(Ordering::SeqCst)), (1, 2));

        release.notify_one();
        let third = told(&mut rounds, &clock).await;
        assert!(third.len() == 2 && third.iter().all(|(_, looked)| is_well(looked)), "{third:?}");
        assert_eq!(hung.begun.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_look_that_panics_is_told_with_its_reason() {
        let clock = FakeClock::new();
        let checks: Vec<Arc<dyn Check>> = vec![Scripted::new(None, true)];
        let mut rounds = Rounds::new(checks, Duration::from_secs(10), Arc::new(clock.clone()));
        assert_eq!(told(&mut rounds, &clock).await, [(0, Looked::Broke("broken on purpose".into()))]);
    }
}
