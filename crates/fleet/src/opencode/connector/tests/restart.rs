//! Killed and started again within the lookback of a query: what the last run wrote must not
//! be taken for the present.

use model::{LabelSet, MatchOp, Matcher, TimeRange, is_stale};
use storage::{QueryLimits, SampleReader};

use super::*;

struct Runs {
    store: Arc<MemoryStore>,
    folder: tempfile::TempDir,
}

impl Runs {
    fn new() -> Self {
        Self { store: Arc::new(MemoryStore::new()), folder: tempfile::tempdir().unwrap() }
    }

    /// One run of the program over what the runs before left.
    async fn start(&self, port: u16) -> (Fleet, Supervisor) {
        let clock: SharedClock = SystemClock::shared();
        let state = state::State::open(&self.folder.path().join("state.db"), clock.clone()).await.unwrap();
        let supervisor = Supervisor::new(clock.clone(), Shutdown::new());
        let url = format!("http://127.0.0.1:{port}").parse().unwrap();
        let source = OpenCodeSource { name: "here".to_owned(), url, ..OpenCodeSource::default_place() };
        let settings = FleetSettings { sources: vec![source], pace: pace(), ..FleetSettings::default() };
        let store = self.store.clone();
        let parts = FleetParts { clock, store, state, supervisor: supervisor.clone() };
        (Fleet::start(settings, parts), supervisor)
    }

    /// Session and state of each series of `agent_state` whose newest sample is a value.
    async fn present(&self) -> Vec<(String, String)> {
        let name = Matcher::new("__name__", MatchOp::Equal, "agent_state").unwrap();
        let series = self.store.select(&[name], TimeRange::ALL, QueryLimits::default()).await.unwrap();
        let of = |labels: &LabelSet| {
            let agent = labels.value("agent").rsplit(':').next().unwrap_or_default().to_owned();
            (agent, labels.value("state").to_owned())
        };
        let last_is_value =
            |series: &&model::Series| series.samples.last().is_some_and(|sample| !is_stale(sample.value));
        series.iter().filter(last_is_value).map(|series| of(&series.labels)).collect()
    }

    async fn until(&self, expected: &[(&str, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|(agent, state)| ((*agent).to_owned(), (*state).to_owned())).collect();
        let waiting = async {
            while self.present().await != expected {
                SystemClock::shared().sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("waited in vain for {expected:?}: {:?}", self.present().await);
        }
    }
}

#[tokio::test]
async fn after_a_restart_no_query_sees_the_states_of_the_last_run() {
    let mut stand = Stand::open().await;
    stand.set(|content| {
        content.sessions = vec![session("ses_gone"), session("ses_stays")];
        content.statuses = json!({"ses_gone": {"type": "busy"}, "ses_stays": {"type": "busy"}});
    });
    let runs = Runs::new();
    let (_fleet, supervisor) = runs.start(stand.port).await;
    runs.until(&[("ses_gone", "working"), ("ses_stays", "working")]).await;
    supervisor.stop(Duration::from_secs(10)).await;
    assert_eq!(runs.present().await.len(), 2, "a stop ends nothing: it may be a short one");

    stand.set(|content| {
        content.sessions = vec![session("ses_stays")];
        content.statuses = json!({});
    });
    let (_fleet, supervisor) = runs.start(stand.port).await;
    runs.until(&[("ses_stays", "idle")]).await;
    stand.set(|content| content.statuses = json!({"ses_stays": {"type": "busy"}}));
    runs.until(&[("ses_stays", "working")]).await;
    supervisor.stop(Duration::from_secs(10)).await;

    stand.die().await;
    let (_fleet, supervisor) = runs.start(stand.port).await;
    runs.until(&[]).await;
    supervisor.stop(Duration::from_secs(10)).await;
}
