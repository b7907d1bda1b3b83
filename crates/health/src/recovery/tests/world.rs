//! Agents that do what the script says, and a book in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{
    Agent, AgentId, AgentState, AgentStatus, AgentTotals, Confidence, Outcome, Phase, RecoveryRun,
    SourceState, SourceStatus, Timestamp, Todo,
};
use parking_lot::Mutex;
use runtime::{Clock, Shutdown};
use state::StateError;
use testkit::FakeClock;
use tokio::sync::broadcast;

use crate::recovery::book::RunBook;
use crate::recovery::{Reconciler, Recovery, RecoveryParts};
use crate::{AgentFault, AgentFleet, HealthEvent, RecoverySettings};

type Change = Box<dyn FnOnce(&mut BTreeMap<AgentId, Agent>) + Send>;

/// What the agents' server answers.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub abort: Result<(), AgentFault>,
    /// How long after an abort the agent comes to rest; never when none.
    pub rests_after: Option<Duration>,
    pub prompt: Result<(), AgentFault>,
    /// How long after a prompt the model answers; never when none.
    pub answers_after: Option<Duration>,
    /// After having answered, it gets stuck again.
    pub sticks_again_after: Option<Duration>,
    /// Its server knows of progress that was not heard of.
    pub moved_when_asked: bool,
    /// For how long a call waits before it is answered.
    pub call_takes: Duration,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            abort: Ok(()),
            rests_after: Some(Duration::from_secs(1)),
            prompt: Ok(()),
            answers_after: Some(Duration::from_secs(3)),
            sticks_again_after: None,
            moved_when_asked: false,
            call_takes: Duration::ZERO,
        }
    }
}

pub(super) struct World {
    pub clock: FakeClock,
    pub script: Mutex<Script>,
    pub sources: Mutex<Vec<SourceStatus>>,
    agents: Mutex<BTreeMap<AgentId, Agent>>,
    /// What will happen, by time.
    coming: Mutex<Vec<(Duration, Change)>>,
    /// `abort a`, `prompt a: text`.
    pub calls: Mutex<Vec<String>>,
    pub book: Mutex<BTreeMap<String, RecoveryRun>>,
    /// Nothing can be written into the book.
    pub book_is_closed: Mutex<bool>,
}

impl World {
    pub(super) fn new(agents: impl IntoIterator<Item = Agent>) -> Arc<Self> {
        Arc::new(Self {
            clock: FakeClock::new(),
            script: Mutex::default(),
            sources: Mutex::new(vec![source(SourceState::Live)]),
            agents: Mutex::new(agents.into_iter().map(|agent| (agent.id.clone(), agent)).collect()),
            coming: Mutex::default(),
            calls: Mutex::default(),
            book: Mutex::default(),
            book_is_closed: Mutex::default(),
        })
    }

    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut Agent)) {
        change(self.present().get_mut(&AgentId::new(name)).unwrap());
    }

    pub(super) fn later(
        &self,
        after: Duration,
        name: &str,
        change: impl FnOnce(&mut Agent) + Send + 'static,
    ) {
        let id = AgentId::new(name);
        let at = self.clock.monotonic() + after;
        let change = move |agents: &mut BTreeMap<AgentId, Agent>| change(agents.get_mut(&id).unwrap());
        self.coming.lock().push((at, Box::new(change)));
    }

    /// The agents, after everything that has come due.
    fn present(&self) -> parking_lot::MutexGuard<'_, BTreeMap<AgentId, Agent>> {
        let now = self.clock.monotonic();
        let mut coming = self.coming.lock();
        coming.sort_by_key(|(at, _)| *at);
        let later = coming.iter().position(|(at, _)| *at > now).unwrap_or(coming.len());
        let mut agents = self.agents.lock();
        for (_, change) in coming.drain(..later) {
            change(&mut agents);
        }
        agents
    }

    async fn call(&self, call: String) {
        let takes = self.script.lock().call_takes;
        self.calls.lock().push(call);
        if !takes.is_zero() {
            self.clock.sleep(takes).await;
        }
    }

    /// Recorded runs, oldest first.
    pub(super) fn runs(&self) -> Vec<RecoveryRun> {
        let mut runs: Vec<_> = self.book.lock().values().cloned().collect();
        runs.sort_by(|a, b| (a.started, &a.id).cmp(&(b.started, &b.id)));
        runs
    }

    pub(super) fn outcomes(&self) -> Vec<Outcome> {
        self.runs().iter().map(|run| run.outcome).collect()
    }

    pub(super) fn count_calls(&self, verb: &str) -> usize {
        self.calls.lock().iter().filter(|call| call.starts_with(verb)).count()
    }

    /// Runs the reconciler while the story is told.
    pub(super) async fn play(
        self: &Arc<Self>,
        limits: RecoverySettings,
        is_automatic: bool,
        story: impl AsyncFnOnce(Recovery),
    ) {
        let (events, _) = broadcast::channel::<HealthEvent>(64);
        let parts = RecoveryParts {
            clock: Arc::new(self.clock.clone()),
            fleet: self.clone(),
            book: self.clone(),
            events,
        };
        let (recovery, reconciler) = Reconciler::new(limits, is_automatic, parts);
        let shutdown = Shutdown::new();
        let story = async {
            story(recovery).await;
            shutdown.begin();
        };
        let (result, ()) = tokio::join!(reconciler.run(shutdown.clone()), story);
        result.unwrap();
    }

    /// Automatic, with the default limits, for so long.
    pub(super) async fn watch(self: &Arc<Self>, duration: Duration) {
        self.play(RecoverySettings::default(), true, async |_| self.clock.advance(duration).await).await;
    }
}

#[async_trait]
impl AgentFleet for World {
    fn agents(&self) -> Vec<Arc<Agent>> {
        self.present().values().cloned().map(Arc::new).collect()
    }

    fn sources(&self) -> Vec<SourceStatus> {
        self.sources.lock().clone()
    }

    async fn refresh(&self, agent: &AgentId) -> Result<Agent, AgentFault> {
        let mut agent = self.present().get(agent).cloned().ok_or(AgentFault::Gone)?;
        if self.script.lock().moved_when_asked {
            agent.last_progress = self.clock.now();
        }
        Ok(agent)
    }

    async fn abort(&self, agent: &AgentId) -> Result<(), AgentFault> {
        self.call(format!("abort {agent}")).await;
        let script = self.script.lock().clone();
        script.abort?;
        let clock = self.clock.clone();
        if let Some(rests_after) = script.rests_after {
            self.later(rests_after, agent.as_str(), move |agent| {
                set_state(agent, AgentState::Idle, None, clock.now());
            });
        }
        Ok(())
    }

    async fn prompt(&self, agent: &AgentId, text: &str) -> Result<(), AgentFault> {
        self.call(format!("prompt {agent}: {text}")).await;
        let script = self.script.lock().clone();
        script.prompt?;
        let clock = self.clock.clone();
        // The prompt itself is an event, and moves the time of the last progress.
        self.change(agent.as_str(), |agent| {
            set_state(agent, AgentState::Working, Some(Phase::WaitingModel), clock.now());
            agent.last_progress = clock.now() + Duration::from_millis(1);
        });
        if let Some(answers_after) = script.answers_after {
            let clock = self.clock.clone();
            self.later(answers_after, agent.as_str(), move |agent| {
                set_state(agent, AgentState::Working, Some(Phase::Streaming), clock.now());
                agent.last_progress = clock.now();
            });
            if let Some(sticks_after) = script.sticks_again_after {
                let clock = self.clock.clone();
                self.later(answers_after + sticks_after, agent.as_str(), move |agent| {
                    set_state(agent, AgentState::Stalled, Some(Phase::Streaming), clock.now());
                });
            }
        }
        Ok(())
    }

    async fn mark(&self, agent: &AgentId, _text: &str) -> Result<(), AgentFault> {
        self.call(format!("mark {agent}")).await;
        Ok(())
    }
}

#[async_trait]
impl RunBook for World {
    async fn record(&self, run: &RecoveryRun) -> Result<(), StateError> {
        if *self.book_is_closed.lock() {
            return Err(StateError::Exists { what: "closed book", name: run.id.clone() });
        }
        self.book.lock().insert(run.id.clone(), run.clone());
        Ok(())
    }

    async fn of_agent(&self, agent: &AgentId, since: Timestamp) -> Result<Vec<RecoveryRun>, StateError> {
        let mut runs = self.runs();
        runs.retain(|run| run.agent.as_ref() == Some(agent) && run.started >= since);
        runs.reverse();
        Ok(runs)
    }

    async fn unfinished(&self) -> Result<Vec<RecoveryRun>, StateError> {
        let mut runs = self.runs();
        runs.retain(|run| run.outcome == Outcome::Running);
        Ok(runs)
    }
}

pub(in crate::recovery) fn set_state(
    agent: &mut Agent,
    state: AgentState,
    phase: Option<Phase>,
    at: Timestamp,
) {
    agent.status =
        AgentStatus { state, phase, since: at, evidence: vec![], confidence: Confidence::Inferred };
}

pub(super) fn source(state: SourceState) -> SourceStatus {
    SourceStatus {
        name: "local".into(),
        kind: "opencode".into(),
        url: "http://127.0.0.1:4096".into(),
        state,
        reason: "as the script says".into(),
        since: testkit::clock::START,
        last_seen: Some(testkit::clock::START),
        version: None,
    }
}

/// An agent in `state`, silent for 300 s at the start of the story.
pub(in crate::recovery) fn agent(name: &str, state: AgentState) -> Agent {
    let long_ago = testkit::clock::START - Duration::from_secs(300);
    let mut agent = Agent {
        id: AgentId::new(name),
        kind: "opencode".into(),
        source: "local".into(),
        session: format!("ses_{name}"),
        name: name.into(),
        directory: "/srv/demo".into(),
        project: None,
        parent: None,
        role: None,
        provider: None,
        model: None,
        version: None,
        task: None,
        created: long_ago,
        last_event: long_ago,
        last_progress: long_ago,
        status: AgentStatus {
            state,
            phase: None,
            since: long_ago,
            evidence: vec![],
            confidence: Confidence::Inferred,
        },
        tool: None,
        retry: None,
        pending: vec![],
        todo: Todo::default(),
        totals: AgentTotals::default(),
        last_error: None,
    };
    set_state(&mut agent, state, Some(Phase::WaitingModel), long_ago);
    agent
}

pub(super) fn stuck(name: &str) -> Agent {
    agent(name, AgentState::Stalled)
}

/// Healthy company, so that shares of the fleet mean something.
pub(super) fn with_idle(mut agents: Vec<Agent>, idle: usize) -> Vec<Agent> {
    agents.extend((0..idle).map(|number| agent(&format!("idle{number}"), AgentState::Idle)));
    agents
}
