//! Everything started together, as the program does it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Agent, AgentId, Fact, HealthSummary, METRIC_NAME, Matcher, SourceStatus, TimeRange, Verdict};
use runtime::{Clock, Shutdown, Supervisor};
use state::State;
use storage::{QueryLimits, SampleReader};
use testkit::{FakeClock, MemoryStore};
use tokio::sync::watch;
use url::Url;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::{AgentFault, AgentFleet, Health, HealthEvent, HealthParts, HealthSettings};

struct Nobody;

#[async_trait]
impl AgentFleet for Nobody {
    fn agents(&self) -> Vec<Arc<Agent>> {
        vec![]
    }
    fn sources(&self) -> Vec<SourceStatus> {
        vec![]
    }
    async fn refresh(&self, _: &AgentId) -> Result<Agent, AgentFault> {
        Err(AgentFault::Gone)
    }
    async fn abort(&self, _: &AgentId) -> Result<(), AgentFault> {
        Err(AgentFault::Gone)
    }
    async fn prompt(&self, _: &AgentId, _: &str) -> Result<(), AgentFault> {
        Err(AgentFault::Gone)
    }
    async fn mark(&self, _: &AgentId, _: &str) -> Result<(), AgentFault> {
        Err(AgentFault::Gone)
    }
}

/// A machine that is well, whatever the one is like on which the test runs.
fn calm_host(clock: &FakeClock) -> host::HostSnapshot {
    let mut snapshot = host::read(None, clock.now(), clock.monotonic());
    snapshot.cpu_usage = Some(host::CpuUsage { busy_percent: 7.0, ..Default::default() });
    snapshot.load = Some(host::Load { one: 0.1, five: 0.1, fifteen: 0.1 });
    snapshot.memory =
        Some(host::Memory { total_bytes: 8 << 30, available_bytes: 6 << 30, ..Default::default() });
    snapshot.filesystems = vec![host::Filesystem {
        mountpoint: "/".into(),
        size_bytes: 100 << 30,
        free_bytes: 60 << 30,
        available_bytes: 60 << 30,
        ..Default::default()
    }];
    snapshot
}

struct Started {
    health: Health,
    store: Arc<MemoryStore>,
    clock: FakeClock,
    supervisor: Supervisor,
    _directory: tempfile::TempDir,
    _api: MockServer,
}

async fn start(change: impl FnOnce(&mut HealthSettings)) -> Started {
    let directory = tempfile::tempdir().unwrap();
    let clock = FakeClock::new();
    let api = MockServer::start().await;
    Mock::given(path("/livez")).respond_with(ResponseTemplate::new(200)).mount(&api).await;
    let state = State::open(&directory.path().join("state.db"), Arc::new(clock.clone())).await.unwrap();
    let store = Arc::new(MemoryStore::new());
    let supervisor = Supervisor::new(Arc::new(clock.clone()), Shutdown::new());
    let own_api = Url::parse(&api.uri()).unwrap();
    let mut settings = HealthSettings::new(directory.path(), &std::env::temp_dir(), &own_api);
    change(&mut settings);
    let (_, host) = watch::channel(Some(Arc::new(calm_host(&clock))));
    let parts = HealthParts {
        clock: Arc::new(clock.clone()),
        state,
        store: store.clone(),
        fleet: Arc::new(Nobody),
        host,
        supervisor: supervisor.clone(),
    };
    let health = Health::start(settings, parts).unwrap();
    Started { health, store, clock, supervisor, _directory: directory, _api: api }
}

async fn first_round(started: &Started) -> HealthSummary {
    let mut events = started.health.subscribe();
    started.clock.advance(Duration::from_secs(1)).await;
    let HealthEvent::Checked(summary) = events.recv().await.unwrap() else { panic!("not a round") };
    summary
}

const NAMES: [&str; 10] = [
    "system_resources",
    "database_connectivity",
    "file_system",
    "agent_manager",
    "task_tracker",
    "session_manager",
    "monitoring_system",
    "network_connectivity",
    "process_health",
    "memory_leaks",
];

#[tokio::test]
async fn a_fresh_installation_with_nothing_configured_is_well() {
    let started = start(|_| ()).await;
    let before = started.health.summary();
    assert_eq!((before.verdict, before.last_check), (Verdict::Unknown, None));

    let summary = first_round(&started).await;
    let complaints: Vec<_> =
        summary.checks.iter().filter(|check| check.verdict != Verdict::Healthy).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    assert_eq!((summary.verdict, summary.message.as_str()), (Verdict::Healthy, "System healthy"));
    let names: Vec<_> = summary.checks.iter().map(|check| check.component.as_str()).collect();
    assert_eq!(names, NAMES);
    assert!(summary.checks.iter().all(|check| !check.message.is_empty()));

    let dependencies: Vec<_> = summary
        .dependencies
        .iter()
        .map(|dependency| (dependency.name.as_str(), dependency.kind.as_str(), dependency.verdict))
        .collect();
    assert_eq!(
        dependencies,
        [
            ("database", "database", Verdict::Healthy),
            ("sessions_directory", "file_system", Verdict::Healthy),
            ("monitoring_database", "database", Verdict::Healthy),
            ("temp_directory", "file_system", Verdict::Healthy),
            ("log_directory", "file_system", Verdict::Healthy),
            ("localhost_api", "api", Verdict::Healthy),
        ]
    );
    let counts = started.health.check_history_counts(testkit::clock::START);
    assert_eq!((counts[&Verdict::Healthy], counts[&Verdict::Critical]), (10, 0));
    assert!(started.supervisor.stop(Duration::from_secs(5)).await.is_empty());
}

#[tokio::test]
async fn the_details_have_the_keys_of_the_contract() {
    let started = start(|_| ()).await;
    let summary = first_round(&started).await;
    let expected: [(&str, &[&str]); 10] = [
        (
            "system_resources",
            &[
                "cpu_percent",
                "memory_percent",
                "disk_percent",
                "load_percent",
                "memory_available_gb",
                "disk_free_gb",
            ],
        ),
        ("database_connectivity", &["integrity_check", "database_size_mb", "query_time_ms"]),
        ("file_system", &["data_exists", "data_writable", "data_size_mb", "temp_exists", "temp_writable"]),
        ("agent_manager", &["total_agents", "working_agents", "idle_agents", "stuck_agents", "stuck_ratio"]),
        ("task_tracker", &["active_tasks", "stale_tasks", "total_employees"]),
        ("session_manager", &["active_sessions", "zombie_sessions", "sessions"]),
        (
            "monitoring_system",
            &[
                "health_monitor_running",
                "recovery_manager_available",
                "monitoring_db_exists",
                "monitoring_db_size_mb",
            ],
        ),
        ("network_connectivity", &["localhost_reachable", "localhost_response_time_ms"]),
        ("process_health", &["memory_mb", "thread_count", "process_id"]),
        ("memory_leaks", &["current_memory_mb", "memory_history", "history_length"]),
    ];
    for (check, keys) in expected {
        let result = summary.checks.iter().find(|result| result.component == check).unwrap();
        for key in keys {
            assert!(result.details.contains_key(*key), "{check} has no {key}: {:?}", result.details);
        }
    }
    let monitoring = &summary.checks[6].details;
    assert_eq!(monitoring["health_monitor_running"], Fact::Flag(true));
    assert_eq!(monitoring["recovery_manager_available"], Fact::Flag(true));
}

#[tokio::test]
async fn verdicts_are_written_into_the_store_as_numbers() {
    let started = start(|settings| {
        settings.directories[0].path = "/no/such/place".into();
        settings.dependencies.log_directory = "/no/such/place".into();
    })
    .await;
    let summary = first_round(&started).await;
    assert_eq!(summary.verdict, Verdict::Critical);
    let log_directory = summary.dependencies.iter().find(|dep| dep.name == "log_directory").unwrap();
    assert_eq!((log_directory.error_count, log_directory.consecutive_failures), (1, 1));
    let matchers =
        [Matcher::equal(METRIC_NAME, "health_check_verdict"), Matcher::equal("check", "file_system")];
    let series = started.store.select(&matchers, TimeRange::ALL, QueryLimits::default()).await.unwrap();
    assert_eq!(series[0].samples[0].value, 4.0);
}

fn page(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn every_check_action_and_metric_is_documented() {
    let health = page("health.md");
    for name in NAMES {
        assert!(health.contains(&format!("`{name}`")), "docs/health.md does not describe {name}");
    }
    let recovery = page("recovery.md");
    for name in crate::ACTIONS {
        assert!(recovery.contains(&format!("`{name}`")), "docs/recovery.md does not describe {name}");
    }
    let metrics = page("metrics.md");
    for name in [
        "health_check_verdict",
        "health_check_duration_seconds",
        "watchkeeper_health_append_errors_total",
        "watchkeeper_health_check_timeouts_total",
        "watchkeeper_recovery_runs_total",
        "watchkeeper_recovery_record_errors_total",
    ] {
        assert!(metrics.contains(&format!("| `{name}` |")), "docs/metrics.md does not describe {name}");
    }
}
