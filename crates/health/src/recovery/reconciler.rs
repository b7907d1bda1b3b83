//! Looks for stuck agents every few seconds and on a nudge, asks the guards, starts what is
//! allowed, and answers the requests of people.
//!
//! All runs live inside this one task, so that a person who stops waiting does not cut a run
//! in two, and so that the limit on runs at once holds for both kinds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use model::{Agent, AgentId, Outcome, RecoveryRun, Timestamp, Trigger};
use runtime::{SharedClock, Shutdown, TaskError};
use state::StateError;
use tokio::sync::{Mutex, Notify, broadcast, mpsc, oneshot};

use super::book::RunBook;
use super::guards::{Refusal, Scene, may_restart};
use super::handle::{Recovery, Request, TriggerError};
use super::restart::{Restart, Wanted};
use crate::{AgentFleet, HealthEvent, RecoverySettings};

/// Requests of people that may wait; each waits for milliseconds.
const REQUESTS_MAX: usize = 16;

/// Civil and steady time may drift apart by so much between two looks. More is a jump: what
/// is known of silences is then worth nothing until things have been seen anew.
const CLOCK_JUMP: Duration = Duration::from_secs(5);

pub(crate) struct RecoveryParts {
    pub clock: SharedClock,
    pub fleet: Arc<dyn AgentFleet>,
    pub book: Arc<dyn RunBook>,
    pub events: broadcast::Sender<HealthEvent>,
}

/// What survives a restart of the task.
#[derive(Clone)]
pub(crate) struct Reconciler {
    is_automatic: bool,
    restart: Restart,
    nudged: Arc<Notify>,
    /// Locked by the one running task for as long as it runs.
    requests: Arc<Mutex<mpsc::Receiver<Request>>>,
}

/// After a look at its server showed that an agent is well, it is left alone for so many looks:
/// what was last heard of it may need a moment to catch up.
const LOOKS_AT_REST: u32 = 5;

type Ended = (AgentId, Result<RecoveryRun, StateError>, Option<usize>);

/// What one life of the task keeps in mind.
struct Round {
    running: BTreeSet<AgentId>,
    runs: FuturesUnordered<BoxFuture<'static, Ended>>,
    /// The kind of the last skip that was recorded, by agent that is stuck.
    skips: BTreeMap<AgentId, &'static str>,
    /// Agents that were found to be well, and until when they are left alone.
    at_rest: BTreeMap<AgentId, Duration>,
    calm_since: Duration,
    last_look: (Timestamp, Duration),
    waiting: BTreeMap<usize, Waiting>,
    requests_seen: usize,
}

/// A person's request whose runs are under way.
struct Waiting {
    left: usize,
    runs: Vec<RecoveryRun>,
    reply: oneshot::Sender<Result<Vec<RecoveryRun>, TriggerError>>,
}

impl Reconciler {
    pub(crate) fn new(
        limits: RecoverySettings,
        is_automatic: bool,
        parts: RecoveryParts,
    ) -> (Recovery, Reconciler) {
        let (sender, receiver) = mpsc::channel(REQUESTS_MAX);
        let nudged = Arc::new(Notify::new());
        let restart = Restart {
            limits: Arc::new(limits),
            clock: parts.clock,
            fleet: parts.fleet,
            book: parts.book,
            events: parts.events,
        };
        let recovery = Recovery { requests: sender, nudged: nudged.clone() };
        (recovery, Reconciler { is_automatic, restart, nudged, requests: Arc::new(Mutex::new(receiver)) })
    }

    pub(crate) async fn run(self, shutdown: Shutdown) -> Result<(), TaskError> {
        shutdown.or(self.keep_watch()).await.unwrap_or(Ok(()))
    }

    async fn keep_watch(&self) -> Result<(), TaskError> {
        self.close_interrupted().await?;
        let clock = &self.restart.clock;
        let mut requests = self.requests.lock().await;
        let mut round = Round::new(clock.now(), clock.monotonic());
        let mut tick = clock.sleep(Duration::ZERO);
        loop {
            tokio::select! {
                Some(ended) = round.runs.next() => self.end(&mut round, ended),
                Some(request) = requests.recv() => self.answer(&mut round, request).await,
                () = self.nudged.notified() => self.look(&mut round).await,
                () = &mut tick => {
                    self.look(&mut round).await;
                    tick = clock.sleep(self.restart.limits.every);
                }
            }
        }
    }

    /// Runs that an end of the process, or of this task, cut in two.
    async fn close_interrupted(&self) -> Result<(), TaskError> {
        for mut run in self.restart.book.unfinished().await? {
            let reached = run
                .steps
                .last()
                .map_or("before its first step".to_owned(), |step| format!("after the step {}", step.name));
            run.outcome = Outcome::Failed;
            run.finished = Some(self.restart.clock.now());
            run.reason = format!("Interrupted {reached}: Watchkeeper stopped in the middle of it.");
            self.restart.book.record(&run).await?;
            self.restart.publish(&run);
        }
        Ok(())
    }

    /// Looks for stuck agents and starts what may be started.
    async fn look(&self, round: &mut Round) {
        let clock = &self.restart.clock;
        round.notice_jump(clock.now(), clock.monotonic());
        if !self.is_automatic {
            return;
        }
        let agents = self.restart.fleet.agents();
        let mut stuck: Vec<_> = agents.iter().filter(|agent| agent.status.state.is_stuck()).collect();
        round.skips.retain(|id, _| stuck.iter().any(|agent| &agent.id == id));
        let monotonic = clock.monotonic();
        round.at_rest.retain(|_, until| monotonic < *until);
        stuck.retain(|agent| !round.at_rest.contains_key(&agent.id));
        stuck.sort_by_key(|agent| agent.last_progress);
        for agent in stuck {
            let wanted = Wanted { trigger: Trigger::AutoRecovery, actor: None };
            match self.decide(round, &agents, agent, &wanted).await {
                Ok(Ok(())) => self.start(round, agent.clone(), wanted, None),
                Ok(Err(refusal)) => self.note_skip(round, agent, &wanted, refusal).await,
                Err(error) => {
                    tracing::error!(agent = %agent.id, %error, "past runs cannot be read; nothing is done");
                }
            }
        }
    }

    async fn decide(
        &self,
        round: &mut Round,
        agents: &[Arc<Agent>],
        agent: &Agent,
        wanted: &Wanted,
    ) -> Result<Result<(), Refusal>, StateError> {
        let (clock, limits) = (&self.restart.clock, &self.restart.limits);
        let now = clock.now();
        let past = self.restart.book.of_agent(&agent.id, now - limits.attempts_window).await?;
        let scene = Scene {
            now,
            calm_for: clock.monotonic().saturating_sub(round.calm_since),
            agents,
            sources: &self.restart.fleet.sources(),
            running: &round.running,
        };
        Ok(may_restart(agent, wanted.trigger, scene, &past, limits))
    }

    fn start(&self, round: &mut Round, agent: Arc<Agent>, wanted: Wanted, request: Option<usize>) {
        round.running.insert(agent.id.clone());
        round.skips.remove(&agent.id);
        let restart = self.restart.clone();
        round.runs.push(Box::pin(async move {
            let id = agent.id.clone();
            (id, restart.carry_out(agent, wanted).await, request)
        }));
    }

    /// Once per change of the reason, not at every look.
    async fn note_skip(&self, round: &mut Round, agent: &Agent, wanted: &Wanted, refusal: Refusal) {
        if refusal.is_momentary() || round.skips.get(&agent.id) == Some(&refusal.kind()) {
            return;
        }
        match self.restart.skip(agent, wanted, refusal.to_string()).await {
            Ok(_) => {
                round.skips.insert(agent.id.clone(), refusal.kind());
            }
            Err(error) => tracing::error!(agent = %agent.id, %error, "a skipped recovery was not recorded"),
        }
    }

    fn end(&self, round: &mut Round, ended: Ended) {
        if let (agent, Ok(run), _) = &ended
            && run.outcome == Outcome::Skipped
        {
            let until = self.restart.clock.monotonic() + LOOKS_AT_REST * self.restart.limits.every;
            round.at_rest.insert(agent.clone(), until);
        }
        round.end(ended);
    }

    async fn answer(&self, round: &mut Round, request: Request) {
        let agents = self.restart.fleet.agents();
        let chosen: Vec<_> = match &request.agent {
            Some(id) => agents.iter().filter(|agent| &agent.id == id).collect(),
            None => agents.iter().filter(|agent| agent.status.state.is_stuck()).collect(),
        };
        if let (Some(id), true) = (&request.agent, chosen.is_empty()) {
            return tell(request.reply, Err(TriggerError::UnknownAgent(id.clone())));
        }
        let wanted = Wanted { trigger: Trigger::Manual, actor: Some(request.actor) };
        let number = round.requests_seen;
        round.requests_seen += 1;
        let mut waiting = Waiting { left: 0, runs: Vec::new(), reply: request.reply };
        let mut unrecorded = None;
        for agent in chosen {
            let skipped = match self.decide(round, &agents, agent, &wanted).await {
                Ok(Ok(())) => {
                    self.start(round, agent.clone(), wanted.clone(), Some(number));
                    waiting.left += 1;
                    continue;
                }
                Ok(Err(refusal)) => self.restart.skip(agent, &wanted, refusal.to_string()).await,
                Err(error) => Err(error),
            };
            match skipped {
                Ok(run) => waiting.runs.push(run),
                Err(error) => {
                    tracing::error!(agent = %agent.id, %error, "a requested recovery was not recorded");
                    unrecorded = Some(error);
                }
            }
        }
        if waiting.left == 0 {
            let answer = match unrecorded {
                Some(error) if waiting.runs.is_empty() => Err(TriggerError::NotRecorded(error.to_string())),
                _ => Ok(waiting.runs),
            };
            return tell(waiting.reply, answer);
        }
        round.waiting.insert(number, waiting);
    }
}

impl Round {
    fn new(now: Timestamp, monotonic: Duration) -> Self {
        Self {
            running: BTreeSet::new(),
            runs: FuturesUnordered::new(),
            skips: BTreeMap::new(),
            at_rest: BTreeMap::new(),
            calm_since: monotonic,
            last_look: (now, monotonic),
            waiting: BTreeMap::new(),
            requests_seen: 0,
        }
    }

    fn end(&mut self, (agent, result, request): Ended) {
        self.running.remove(&agent);
        if let Err(error) = &result {
            tracing::error!(%agent, %error, "the intent was not recorded, so nothing was done");
            metrics::counter!("watchkeeper_recovery_record_errors_total").increment(1);
        }
        let Some(number) = request else { return };
        let Some(mut waiting) = self.waiting.remove(&number) else { return };
        waiting.left -= 1;
        match result {
            Ok(run) => waiting.runs.push(run),
            Err(error) if waiting.left == 0 && waiting.runs.is_empty() => {
                return tell(waiting.reply, Err(TriggerError::NotRecorded(error.to_string())));
            }
            Err(_) => {}
        }
        if waiting.left == 0 {
            return tell(waiting.reply, Ok(waiting.runs));
        }
        self.waiting.insert(number, waiting);
    }

    /// After a jump of civil time, everything is as on the first day.
    fn notice_jump(&mut self, now: Timestamp, monotonic: Duration) {
        let (then, monotonic_then) = self.last_look;
        let expected = then + monotonic.saturating_sub(monotonic_then);
        if now.since(expected).max(expected.since(now)) > CLOCK_JUMP {
            tracing::warn!(%expected, %now, "the clock jumped; recovery waits as after a start");
            self.calm_since = monotonic;
        }
        self.last_look = (now, monotonic);
    }
}

fn tell<T>(reply: oneshot::Sender<T>, answer: T) {
    // The person has gone; the run is recorded all the same.
    let _ = reply.send(answer);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds of civil and of steady time at each look; whether the last counts as a jump.
    fn check(looks: &[(i64, u64)], jumped: bool) {
        let mut round = Round::new(Timestamp::from_secs(1000), Duration::ZERO);
        for (civil, steady) in looks {
            round.notice_jump(Timestamp::from_secs(1000 + civil), Duration::from_secs(*steady));
        }
        let last = looks.last().map_or(Duration::ZERO, |(_, steady)| Duration::from_secs(*steady));
        assert_eq!(round.calm_since == last, jumped, "{looks:?}");
    }

    #[test]
    fn after_a_jump_of_the_clock_calm_begins_anew() {
        check(&[(2, 2), (4, 4)], false);
        check(&[(2, 2), (60, 60)], false);
        check(&[(2, 2), (3604, 4)], true);
        check(&[(2, 2), (-3600, 4)], true);
        check(&[(3602, 2), (3604, 4)], false);
    }
}
