//! The loop that evaluates what is due.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use model::Timestamp;
use runtime::Shutdown;
use tokio::sync::Semaphore;

use super::schedule::{Due, Schedule};
use super::{Engine, Loaded};

/// Groups that are evaluated at once: more would take the processor from ingest.
const GROUPS_AT_ONCE: usize = 4;

/// An evaluation that came to its end.
#[derive(Clone, Copy)]
enum Done {
    Group {
        generation: u64,
        group: usize,
    },
    /// Of single rules.
    Hurried,
}

impl Engine {
    /// Rules that read one of these metrics are evaluated at once.
    pub(crate) fn nudge(&self, metrics: &[&str]) {
        self.nudged.lock().extend(metrics.iter().map(|name| (*name).to_owned()));
        self.nudge.notify_one();
    }

    pub(crate) async fn run(&self, shutdown: Shutdown) {
        // What the last run left in the outbox does not wait for a change.
        self.dispatcher.wake();
        let permits = Semaphore::new(GROUPS_AT_ONCE);
        let mut loaded = self.loaded();
        let mut schedule = self.schedule(&loaded);
        let mut running: FuturesUnordered<BoxFuture<'_, Done>> = FuturesUnordered::new();
        let mut is_hurrying = false;
        loop {
            let wait = schedule.wait(self.clock.now()).min(self.until_next_hold_ends(&loaded));
            tokio::select! {
                () = shutdown.begun() => return,
                () = self.nudge.notified() => {}
                () = self.reloaded.notified() => {
                    loaded = self.loaded();
                    schedule = self.schedule(&loaded);
                }
                Some(done) = running.next() => match done {
                    Done::Group { generation, group } if generation == loaded.generation => schedule.finished(group),
                    Done::Group { .. } => {}
                    Done::Hurried => is_hurrying = false,
                },
                () = self.clock.sleep(wait) => {}
            }
            for due in schedule.take_due(self.clock.now()) {
                running.push(self.beat(Arc::clone(&loaded), due, &permits).boxed());
            }
            if !is_hurrying {
                let wanted = self.hurried(&loaded, &schedule);
                is_hurrying = !wanted.is_empty();
                if is_hurrying {
                    running.push(self.hurry(Arc::clone(&loaded), wanted).boxed());
                }
            }
        }
    }

    fn schedule(&self, loaded: &Loaded) -> Schedule {
        Schedule::new(loaded.groups.iter().map(|group| group.rhythm), self.clock.now())
    }

    async fn beat(&self, loaded: Arc<Loaded>, due: Due, permits: &Semaphore) -> Done {
        let done = Done::Group { generation: loaded.generation, group: due.group };
        // It is never closed.
        let _permit = permits.acquire().await;
        let _turn = self.turn.read().await;
        let Some(group) = loaded.groups.get(due.group).filter(|_| self.is_current(&loaded)) else {
            return done;
        };
        if due.missed > 0 {
            let name = format!("{};{}", group.group.file, group.group.name);
            metrics::counter!("watchkeeper_rule_group_iterations_missed_total", "rule_group" => name)
                .increment(due.missed);
        }
        self.evaluate_group(group, due.at).await;
        done
    }

    async fn hurry(&self, loaded: Arc<Loaded>, wanted: BTreeSet<String>) -> Done {
        let _turn = self.turn.read().await;
        if self.is_current(&loaded) {
            self.evaluate_at_once(&loaded, &wanted).await;
        }
        Done::Hurried
    }

    /// Whether no reload came before.
    fn is_current(&self, loaded: &Loaded) -> bool {
        self.loaded.read().generation == loaded.generation
    }

    /// The ids of the rules that cannot wait for their groups: those that were nudged, and
    /// those with a hold that is over.
    fn hurried(&self, loaded: &Loaded, schedule: &Schedule) -> BTreeSet<String> {
        let nudged: Vec<String> = std::mem::take(&mut *self.nudged.lock()).into_iter().collect();
        let mut wanted = self.ripe_rules(loaded);
        for (index, group) in loaded.groups.iter().enumerate() {
            for rule in group.group.alerts() {
                if rule.reads_any(&nudged) {
                    wanted.insert(rule.id.clone());
                } else if schedule.is_running(index) {
                    wanted.remove(&rule.id);
                }
            }
        }
        wanted
    }

    /// Rules with a pending alert whose hold is over and that nobody has looked at since.
    pub(super) fn ripe_rules(&self, loaded: &Loaded) -> BTreeSet<String> {
        let now = self.clock.now();
        self.holds(loaded).into_iter().filter(|(_, end)| *end <= now).map(|(rule, _)| rule).collect()
    }

    /// An alert fires when its hold ends, not at the evaluation after it.
    pub(super) fn until_next_hold_ends(&self, loaded: &Loaded) -> Duration {
        let now = self.clock.now();
        let next = self.holds(loaded).into_iter().map(|(_, end)| end.since(now)).min();
        next.unwrap_or(Duration::MAX).max(Duration::from_secs(1))
    }

    /// The rule of each pending alert, and when its hold ends. One that was looked at since and
    /// is pending still is left out: its rule failed, or nothing is known of what it is about,
    /// and looking again before its time would not help.
    fn holds(&self, loaded: &Loaded) -> Vec<(String, Timestamp)> {
        let pending: Vec<(String, Timestamp)> =
            self.book.lock().pending_since().map(|(rule, since)| (rule.to_owned(), since)).collect();
        let end = |(id, since): (String, Timestamp)| {
            let (group, index, rule) = loaded.alert_rule(&id)?;
            let end = since + rule.hold;
            let evaluated = group.progress.lock().rules.get(index).and_then(|rule| rule.evaluated);
            evaluated.is_none_or(|at| at < end).then_some((id, end))
        };
        pending.into_iter().filter_map(end).collect()
    }
}
