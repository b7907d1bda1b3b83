//! The contract's `Metrics`, from the newest reading of the host and the present fleet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use host::HostSnapshot;
use model::{Agent, AgentState, Timestamp};

use super::measures::Requests;
use crate::app::Shared;
use crate::dto;
use crate::dto::metrics::{BusinessDto, CollectionDto, MetricsDto, PerformanceDto, SystemDto};

const MIB: f64 = 1024.0 * 1024.0;
const GIB: f64 = 1024.0 * MIB;

pub(crate) async fn metrics(app: &Shared) -> MetricsDto {
    let engines = &app.engines;
    let now = engines.clock.now();
    let snapshot = engines.host.borrow().clone();
    let agents = engines.fleet.agents();
    let requests = app.measures.requests(engines).await;
    let interval = app.settings.configuration.metrics_interval;
    MetricsDto {
        collection_status: CollectionDto {
            is_collecting: snapshot.as_ref().is_some_and(|snapshot| is_fresh(snapshot.at, now, interval)),
            buffer_sizes: BTreeMap::from([("system", 0), ("business", 0), ("performance", 0)]),
        },
        system: snapshot.as_deref().map(system),
        // Without a source there is no business to tell of.
        business: (!engines.fleet.sources().is_empty() || !agents.is_empty())
            .then(|| business(&agents, &requests, now)),
        performance: snapshot.as_deref().map(|snapshot| performance(snapshot, &requests)),
    }
}

/// A reading older than three intervals means that nobody reads any more.
fn is_fresh(at: Timestamp, now: Timestamp, interval: Duration) -> bool {
    now.since(at) <= interval * 3
}

fn system(snapshot: &HostSnapshot) -> SystemDto {
    let memory = snapshot.memory.as_ref();
    let root = snapshot.filesystems.iter().find(|disk| disk.mountpoint == "/");
    let has_networks = !snapshot.networks.is_empty();
    let networks = || snapshot.networks.iter();
    SystemDto {
        timestamp: dto::time(snapshot.at),
        cpu_percent: snapshot.cpu_usage.map(|usage| usage.busy_percent),
        memory_percent: memory.map(host::Memory::used_percent),
        memory_used_mb: memory
            .map(|memory| memory.total_bytes.saturating_sub(memory.available_bytes) as f64 / MIB),
        memory_available_mb: memory.map(|memory| memory.available_bytes as f64 / MIB),
        disk_usage_percent: root.map(host::Filesystem::used_percent),
        disk_free_gb: root.map(|disk| disk.available_bytes as f64 / GIB),
        network_bytes_sent: has_networks.then(|| networks().map(|network| network.transmit_bytes).sum()),
        network_bytes_recv: has_networks.then(|| networks().map(|network| network.receive_bytes).sum()),
        process_count: snapshot.processes,
        thread_count: snapshot.own.as_ref().map(|own| own.threads),
        load_average: snapshot.load.iter().flat_map(|load| [load.one, load.five, load.fifteen]).collect(),
    }
}

fn business(agents: &[Arc<Agent>], requests: &Requests, now: Timestamp) -> BusinessDto {
    let in_state = |wanted: &dyn Fn(AgentState) -> bool| {
        agents.iter().filter(|agent| wanted(agent.status.state)).count() as u64
    };
    let busy = in_state(&AgentState::is_busy);
    let turns: u64 = agents.iter().map(|agent| agent.totals.turns).sum();
    let active = in_state(&|state| state.worker_status() == "working");
    let alive = in_state(&|state| state != AgentState::Dead);
    let working = in_state(&|state| state == AgentState::Working);
    BusinessDto {
        timestamp: dto::time(now),
        total_tasks_assigned: turns + busy,
        tasks_completed: turns,
        tasks_in_progress: busy,
        tasks_failed: in_state(&|state| state == AgentState::Failed),
        average_task_completion_time: None,
        agent_utilization_percent: (alive > 0).then(|| working as f64 * 100.0 / alive as f64),
        active_agents: active,
        idle_agents: in_state(&|state| state.worker_status() == "idle"),
        stuck_agents: in_state(&|state| state.worker_status() == "stuck"),
        total_agents: agents.len() as u64,
        chat_messages_sent: None,
        chat_messages_received: None,
        api_requests_count: requests.count,
        error_rate_percent: requests.error_percent,
    }
}

fn performance(snapshot: &HostSnapshot, requests: &Requests) -> PerformanceDto {
    let own = snapshot.own.as_ref();
    PerformanceDto {
        timestamp: dto::time(snapshot.at),
        api_response_times: requests.by_endpoint.iter().cloned().collect(),
        agent_response_times: None,
        task_processing_times: None,
        database_query_times: None,
        file_operation_times: None,
        memory_usage_by_component: BTreeMap::from([
            ("total_rss_mb", own.map(|own| own.resident_bytes as f64 / MIB)),
            ("total_vms_mb", own.map(|own| own.virtual_bytes as f64 / MIB)),
        ]),
        cpu_usage_by_component: BTreeMap::from([("total_cpu_percent", own.and_then(|own| own.cpu_percent))]),
    }
}
