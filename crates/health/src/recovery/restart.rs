//! One restart of one agent: verify, abort, verify idle, prompt again, verify progress.
//!
//! The run is recorded before anything is done, and again after every step, so that a crash
//! in the middle leaves a record of how far it came.

use std::sync::Arc;
use std::time::Duration;

use model::{Agent, AgentId, AgentState, Outcome, RecoveryRun, RunStep, Timestamp, Trigger};
use runtime::SharedClock;
use state::StateError;
use tokio::sync::broadcast;

use super::RESTART_STUCK_AGENTS;
use super::book::RunBook;
use super::progress::{Sign, sign_of_life};
use super::words::{continuation, evidence, mark, seconds};
use crate::{AgentFault, AgentFleet, HealthEvent, RecoverySettings};

/// The check on whose behalf it is done.
const COMPONENT: &str = "agent_manager";

/// While progress is awaited, the agent's server is asked itself every so many polls; in
/// between, what its events told is enough.
const POLLS_PER_REFRESH: u32 = 8;

/// Who wants it.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub trigger: Trigger,
    pub actor: Option<String>,
}

#[derive(Clone)]
pub(super) struct Restart {
    pub limits: Arc<RecoverySettings>,
    pub clock: SharedClock,
    pub fleet: Arc<dyn AgentFleet>,
    pub book: Arc<dyn RunBook>,
    pub events: broadcast::Sender<HealthEvent>,
}

/// How a run ends.
struct Ending {
    outcome: Outcome,
    reason: String,
}

fn ending(outcome: Outcome, reason: impl Into<String>) -> Ending {
    Ending { outcome, reason: reason.into() }
}

impl Restart {
    /// A fresh run on `agent`, with what is seen of it now.
    pub(super) fn new_run(&self, agent: &Agent, wanted: &Wanted) -> RecoveryRun {
        let now = self.clock.now();
        RecoveryRun {
            id: new_id(now),
            action: RESTART_STUCK_AGENTS.to_owned(),
            trigger: wanted.trigger,
            actor: wanted.actor.clone(),
            component: COMPONENT.to_owned(),
            agent: Some(agent.id.clone()),
            agent_name: Some(agent.name.clone()),
            started: now,
            finished: None,
            outcome: Outcome::Running,
            reason: "Under way.".to_owned(),
            before: evidence(agent, now),
            after: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// Records a run that is not done, with its reason.
    pub(super) async fn skip(
        &self,
        agent: &Agent,
        wanted: &Wanted,
        reason: String,
    ) -> Result<RecoveryRun, StateError> {
        let mut run = self.new_run(agent, wanted);
        self.close(&mut run, ending(Outcome::Skipped, reason));
        self.book.record(&run).await?;
        self.publish(&run);
        Ok(run)
    }

    /// Carries the run out. An error means that its intent could not be recorded, and that
    /// nothing was done.
    pub(super) async fn carry_out(
        &self,
        agent: Arc<Agent>,
        wanted: Wanted,
    ) -> Result<RecoveryRun, StateError> {
        let mut run = self.new_run(&agent, &wanted);
        self.book.record(&run).await?;
        self.publish(&run);
        let ending = match self.steps(&mut run, &agent).await {
            Ok(ending) | Err(ending) => ending,
        };
        if let Some(agent) = self.last_heard(&agent.id) {
            run.after = evidence(&agent, self.clock.now());
        }
        self.close(&mut run, ending);
        self.keep(&run).await;
        Ok(run)
    }

    /// Ends early by an error, which is an ending like any other.
    async fn steps(&self, run: &mut RecoveryRun, agent: &Agent) -> Result<Ending, Ending> {
        let stuck = self.verify(run, agent).await?;
        let silent = stuck.silent_for(self.clock.now());
        self.leave_mark(run, &stuck, silent).await;
        let parent = self.busy_parent(&stuck);
        let aborted_at = self.clock.now();
        self.abort(run, &stuck).await?;
        let idle = self.verify_idle(run, &stuck.id).await?;
        match (&stuck.parent, parent) {
            (None, _) => {
                let prompted_at = self.prompt(run, &stuck, silent).await?;
                self.verify_progress(run, &idle, prompted_at).await
            }
            // The parent gets the news that its subagent was stopped, and goes on by itself.
            (Some(_), Some(parent)) => self.verify_progress(run, &parent, aborted_at).await,
            (Some(_), None) => Ok(ending(
                Outcome::Verified,
                "The stuck subagent was stopped; no agent waits for it, so nothing is to be continued.",
            )),
        }
    }

    async fn verify(&self, run: &mut RecoveryRun, agent: &Agent) -> Result<Agent, Ending> {
        let fresh = match self.within(self.fleet.refresh(&agent.id)).await {
            Ok(fresh) => fresh,
            Err(fault) => {
                let what = format!("Its present state could not be read: {fault}.");
                return Err(self.failed(run, "verify", what).await);
            }
        };
        let state = fresh.status.state;
        let has_moved = if !state.is_stuck() {
            Some(format!("Nothing was done: looked at again, it is {}.", state.as_str()))
        } else if fresh.last_progress > agent.last_progress {
            Some("Nothing was done: looked at again, it has made progress.".to_owned())
        } else {
            None
        };
        if let Some(reason) = has_moved {
            self.step(run, "verify", true, reason.clone()).await;
            return Err(ending(Outcome::Skipped, reason));
        }
        let silent = seconds(fresh.silent_for(self.clock.now()));
        let what = format!("Looked at again, it is still {}, silent for {silent}.", state.as_str());
        self.step(run, "verify", true, what).await;
        Ok(fresh)
    }

    /// For whoever reads the log of the agent's server later. Not worth giving up for.
    async fn leave_mark(&self, run: &mut RecoveryRun, stuck: &Agent, silent: Duration) {
        let text = mark(&run.id, stuck, silent);
        if let Err(fault) = self.within(self.fleet.mark(&stuck.id, &text)).await {
            self.step(run, "mark", false, format!("No line was left in its server's log: {fault}.")).await;
        }
    }

    async fn abort(&self, run: &mut RecoveryRun, stuck: &Agent) -> Result<(), Ending> {
        match self.within(self.fleet.abort(&stuck.id)).await {
            Ok(()) => {
                self.step(run, "abort", true, "Its present turn was aborted.".to_owned()).await;
                Ok(())
            }
            Err(fault) => {
                let what = format!("Its turn could not be aborted: {fault}.");
                Err(self.failed(run, "abort", what).await)
            }
        }
    }

    async fn verify_idle(&self, run: &mut RecoveryRun, id: &AgentId) -> Result<Agent, Ending> {
        let deadline = self.clock.monotonic() + self.limits.idle_within;
        loop {
            let seen = match self.within(self.fleet.refresh(id)).await {
                Ok(agent) if matches!(agent.status.state, AgentState::Idle | AgentState::Failed) => {
                    self.step(run, "verify_idle", true, "It came to rest.".to_owned()).await;
                    return Ok(agent);
                }
                Ok(agent) => format!("it is {}", agent.status.state.as_str()),
                Err(fault) => fault.to_string(),
            };
            if self.clock.monotonic() >= deadline {
                let within = seconds(self.limits.idle_within);
                let what = format!("It did not come to rest within {within} after the abort: {seen}.");
                return Err(self.failed(run, "verify_idle", what).await);
            }
            self.clock.sleep(self.limits.poll).await;
        }
    }

    async fn prompt(
        &self,
        run: &mut RecoveryRun,
        stuck: &Agent,
        silent: Duration,
    ) -> Result<Timestamp, Ending> {
        let text = continuation(stuck, silent);
        let prompted_at = self.clock.now();
        match self.within(self.fleet.prompt(&stuck.id, &text)).await {
            Ok(()) => {
                self.step(run, "prompt", true, format!("It was told: {text}")).await;
                Ok(prompted_at)
            }
            Err(fault) => {
                let what = format!("It could not be told to continue: {fault}.");
                Err(self.failed(run, "prompt", what).await)
            }
        }
    }

    async fn verify_progress(
        &self,
        run: &mut RecoveryRun,
        before: &Agent,
        since: Timestamp,
    ) -> Result<Ending, Ending> {
        let started = self.clock.monotonic();
        let mut polls = 0;
        loop {
            let spent = self.clock.monotonic().saturating_sub(started);
            let sign = match self.present(&before.id, polls).await {
                Some(now) => sign_of_life(before, &now, since, self.clock.now()),
                None => Sign::None,
            };
            let (is_going, what) = match sign {
                Sign::Progress => (true, format!("{} goes on, seen {} later.", before.name, seconds(spent))),
                Sign::GaveUp => (false, format!("{} ended with an error again.", before.name)),
                Sign::None if spent >= self.limits.progress_within => {
                    let within = seconds(self.limits.progress_within);
                    (false, format!("{} showed no progress within {within}.", before.name))
                }
                Sign::None => {
                    polls += 1;
                    self.clock.sleep(self.limits.poll).await;
                    continue;
                }
            };
            self.step(run, "verify_progress", is_going, what.clone()).await;
            return Ok(match is_going {
                true => ending(Outcome::Verified, format!("Stopped and set going again: {what}")),
                false => {
                    ending(Outcome::Ineffective, format!("Stopped and set going again, in vain: {what}"))
                }
            });
        }
    }

    /// As its events tell, and every few polls as its server says.
    async fn present(&self, id: &AgentId, polls: u32) -> Option<Arc<Agent>> {
        if polls % POLLS_PER_REFRESH == POLLS_PER_REFRESH - 1
            && let Ok(agent) = self.within(self.fleet.refresh(id)).await
        {
            return Some(Arc::new(agent));
        }
        self.last_heard(id)
    }

    fn last_heard(&self, id: &AgentId) -> Option<Arc<Agent>> {
        self.fleet.agents().into_iter().find(|agent| &agent.id == id)
    }

    fn busy_parent(&self, agent: &Agent) -> Option<Arc<Agent>> {
        self.last_heard(agent.parent.as_ref()?).filter(|parent| parent.status.state.is_busy())
    }

    /// The answer of an agent's server, or that it took too long.
    async fn within<T>(&self, call: impl Future<Output = Result<T, AgentFault>>) -> Result<T, AgentFault> {
        let time = self.limits.control_timeout;
        tokio::select! {
            biased;
            answer = call => answer,
            () = self.clock.sleep(time) => {
                Err(AgentFault::Unreachable(format!("no answer within {}", seconds(time))))
            }
        }
    }

    async fn failed(&self, run: &mut RecoveryRun, step: &str, what: String) -> Ending {
        self.step(run, step, false, what.clone()).await;
        ending(Outcome::Failed, what)
    }

    async fn step(&self, run: &mut RecoveryRun, name: &str, ok: bool, what: String) {
        run.steps.push(RunStep { at: self.clock.now(), name: name.to_owned(), ok, what });
        self.keep(run).await;
    }

    fn close(&self, run: &mut RecoveryRun, ending: Ending) {
        run.finished = Some(self.clock.now());
        run.outcome = ending.outcome;
        run.reason = ending.reason;
        metrics::counter!(
            "watchkeeper_recovery_runs_total",
            "action" => RESTART_STUCK_AGENTS,
            "outcome" => run.outcome.as_str()
        )
        .increment(1);
    }

    /// What has been done cannot be undone because its record fails: it is told and counted.
    async fn keep(&self, run: &RecoveryRun) {
        if let Err(error) = self.book.record(run).await {
            tracing::error!(run = run.id, %error, "a recovery run was not recorded");
            metrics::counter!("watchkeeper_recovery_record_errors_total").increment(1);
        }
        self.publish(run);
    }

    pub(super) fn publish(&self, run: &RecoveryRun) {
        // Nobody listens now: that is no fault.
        let _ = self.events.send(HealthEvent::Run(run.clone()));
    }
}

/// Sorts by time.
fn new_id(now: Timestamp) -> String {
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &runtime::random::bytes()).into_uuid().to_string()
}
