//! What the server is given: the engines behind it, as traits where they judge or act.
//!
//! The traits speak the words of `model` and name each refusal that a caller can be told
//! of; `adapters` implements them for the real crates, tests for small fakes.

mod adapters;

use std::collections::BTreeMap;
use std::sync::Arc;

use alerting::{AlertStatistics, Backtest, BacktestError, GroupStatus, Look, ReceiverView, RuleGroup};
use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use ingest::metadata::MetadataRegistry;
use ingest::scrape::TargetsSnapshot;
use model::{Agent, AgentId, Alert, HealthSummary, RecoveryRun, SourceStatus, Timestamp, Verdict};
use runtime::{SharedClock, Supervisor};
use state::State;
use storage::Store;
use tokio::sync::watch;

/// The newest reading of this machine; none before the first.
pub type HostReading = Option<Arc<host::HostSnapshot>>;

/// Renders the program's own counters in Prometheus' text format.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What is scraped now; empty when nothing is.
pub type Targets = Arc<dyn Fn() -> TargetsSnapshot + Send + Sync>;

/// Reads again what can be read again while the program runs. The error is for an administrator.
pub type Reload = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

pub struct Engines {
    pub clock: SharedClock,
    pub supervisor: Supervisor,
    pub store: Arc<dyn Store>,
    /// For the server's own questions.
    pub promql: promql::Engine,
    /// For questions from outside, of which so many are answered at the same time.
    pub queries: promql::Engine,
    pub state: State,
    pub fleet: Arc<dyn FleetDesk>,
    pub alerts: Arc<dyn AlertDesk>,
    pub health: Arc<dyn HealthDesk>,
    pub host: watch::Receiver<HostReading>,
    pub render_metrics: RenderMetrics,
    pub targets: Targets,
    pub metadata: Arc<MetadataRegistry>,
    pub reload: Reload,
}

impl std::fmt::Debug for Engines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engines").finish_non_exhaustive()
    }
}

/// Something changed that a page wants to know at once.
#[derive(Clone, Debug)]
pub enum Change {
    Agent(Arc<Agent>),
    AgentRemoved(AgentId),
    Source(SourceStatus),
    Alert(Box<Alert>),
    Run(Box<RecoveryRun>),
    Health(Box<HealthSummary>),
    /// Changes came faster than they were read: everything must be looked at again.
    Missed(u64),
}

pub type Changes = BoxStream<'static, Change>;

/// The agents, and what can be done to them.
#[async_trait]
pub trait FleetDesk: Send + Sync {
    fn agents(&self) -> Vec<Arc<Agent>>;
    /// By id, session id, or unique name.
    fn find(&self, name: &str) -> Option<Arc<Agent>>;
    fn sources(&self) -> Vec<SourceStatus>;
    fn changes(&self) -> Changes;
    async fn abort(&self, agent: &AgentId) -> Result<(), ControlFault>;
    async fn prompt(&self, agent: &AgentId, text: &str) -> Result<(), ControlFault>;
    async fn reply_permission(
        &self,
        agent: &AgentId,
        request: &str,
        reply: PermissionAnswer,
    ) -> Result<(), ControlFault>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionAnswer {
    Once,
    Reject,
}

/// Why an agent could not be told something. The texts are shown to the caller.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ControlFault {
    /// There is no such agent or request.
    #[error("{0}")]
    Unknown(String),
    /// The text cannot be sent.
    #[error("{0}")]
    Refused(String),
    /// The source cannot be reached at present.
    #[error("{0}")]
    NotNow(String),
    /// The source did not do it.
    #[error("{0}")]
    Failed(String),
}

#[async_trait]
pub trait AlertDesk: Send + Sync {
    /// Fired and not over.
    fn open(&self) -> Vec<Alert>;
    /// Newest first, open ones included.
    async fn history(&self, since: Timestamp) -> Result<Vec<Alert>, DeskError>;
    async fn statistics(&self) -> Result<AlertStatistics, DeskError>;
    /// The groups of rules in order of files and names, with the alerts of each rule.
    fn rules(&self) -> Vec<GroupStatus>;
    /// What these rules would have done.
    async fn backtest(&self, rules: &[RuleGroup], look: &Look) -> Result<Vec<Backtest>, BacktestError>;
    async fn receivers(&self) -> Result<Vec<ReceiverView>, DeskError>;
    async fn acknowledge(&self, alert: &str, who: &str) -> Result<Alert, AcknowledgeFault>;
    /// Sends a test notification and waits for what becomes of it.
    async fn send_test(&self, receiver: &str) -> Result<state::Receipt, TestFault>;
    fn changes(&self) -> Changes;
}

/// An engine could not answer; the source is for the log only.
#[derive(Debug, thiserror::Error)]
#[error("the engine could not answer")]
pub struct DeskError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl DeskError {
    pub fn new(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum AcknowledgeFault {
    #[error("no open alert has this id")]
    NotOpen,
    #[error("the acknowledgement could not be recorded")]
    Failed(#[source] DeskError),
}

#[derive(Debug, thiserror::Error)]
pub enum TestFault {
    #[error("no receiver has this id")]
    Unknown,
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    TooSlow(String),
    #[error("the test could not be sent")]
    Failed(#[source] DeskError),
}

#[async_trait]
pub trait HealthDesk: Send + Sync {
    fn summary(&self) -> HealthSummary;
    /// How often each verdict was given since then.
    fn check_counts(&self, since: Timestamp) -> BTreeMap<Verdict, u64>;
    async fn trigger(
        &self,
        action: &str,
        agent: Option<AgentId>,
        actor: &str,
    ) -> Result<Vec<RecoveryRun>, TriggerFault>;
    fn changes(&self) -> Changes;
}

#[derive(Debug, thiserror::Error)]
pub enum TriggerFault {
    #[error("there is no recovery action of this name")]
    UnknownAction,
    #[error("there is no such agent")]
    UnknownAgent,
    #[error("this recovery action is known and not built yet")]
    NotYet,
    #[error("recovery is stopping, or too many requests wait")]
    Unavailable,
    #[error("the recovery action could not be run")]
    Failed(#[source] DeskError),
}
