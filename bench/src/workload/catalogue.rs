//! The hundred series of an agent, and how the values of each behave.

use super::agent::TOOLS;
use super::histogram::HistogramKind;

pub const SERIES_PER_AGENT: usize = 100;

const MODEL_SECONDS: [&str; 3] = [
    "agent_llm_request_duration_seconds_bucket",
    "agent_llm_request_duration_seconds_sum",
    "agent_llm_request_duration_seconds_count",
];
const TOOL_SECONDS: [&str; 3] = [
    "agent_tool_duration_seconds_bucket",
    "agent_tool_duration_seconds_sum",
    "agent_tool_duration_seconds_count",
];

#[derive(Clone, Debug)]
pub struct SeriesKind {
    pub name: &'static str,
    /// Beyond those that all series of the agent have.
    pub labels: Vec<(&'static str, &'static str)>,
    pub shape: Shape,
}

/// How values go on from scrape to scrape. `mean` is what a busy agent adds in one interval,
/// `typical` is what agents' own levels lie around.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// Whole numbers that only grow, while the agent is busy.
    Counter {
        mean: f64,
    },
    /// The same, and a twentieth of it while idle.
    Traffic {
        mean: f64,
    },
    /// A sum with four places, as of money.
    Cost {
        mean: f64,
    },
    /// A sum with two places, that grows a little while idle too.
    Seconds {
        mean: f64,
    },
    Bucket(HistogramKind, usize),
    HistogramSum(HistogramKind),
    HistogramCount(HistogramKind),
    /// Two places.
    Decimal {
        typical: f64,
    },
    /// Multiples of a page.
    Bytes {
        typical: f64,
    },
    Whole {
        typical: f64,
    },
    /// Seconds since the epoch of a moment ago.
    Heartbeat,
    /// The share of the context that is used.
    Context,
    /// Two places, and seldom another value.
    Score,
    /// Every bit of the value is new.
    Noise {
        typical: f64,
    },
    Constant(f64),
    StartTime,
    /// One of four is 1, the others are 0.
    State(usize),
}

pub fn catalogue() -> Vec<SeriesKind> {
    let mut series = Vec::with_capacity(SERIES_PER_AGENT);
    series.extend(counters());
    series.extend(histogram(HistogramKind::Model, MODEL_SECONDS));
    series.extend(histogram(HistogramKind::Tool, TOOL_SECONDS));
    series.extend(gauges());
    series.extend(constants());
    series
}

fn plain(name: &'static str, shape: Shape) -> SeriesKind {
    SeriesKind { name, labels: vec![], shape }
}

fn labelled(name: &'static str, label: &'static str, value: &'static str, shape: Shape) -> SeriesKind {
    SeriesKind { name, labels: vec![(label, value)], shape }
}

fn counters() -> Vec<SeriesKind> {
    let counter = |mean| Shape::Counter { mean };
    let mut series = vec![
        plain("agent_cost_usd_total", Shape::Cost { mean: 0.04 }),
        plain("agent_retries_total", counter(0.1)),
        plain("process_cpu_seconds_total", Shape::Seconds { mean: 6.0 }),
        plain("process_network_receive_bytes_total", Shape::Traffic { mean: 400_000.0 }),
        plain("process_network_transmit_bytes_total", Shape::Traffic { mean: 90_000.0 }),
    ];
    for (direction, mean) in
        [("input", 9_000.0), ("output", 700.0), ("cache_read", 20_000.0), ("cache_write", 1_500.0)]
    {
        series.push(labelled("agent_tokens_total", "direction", direction, counter(mean)));
    }
    for (status, mean) in [("ok", 2.5), ("error", 0.05), ("timeout", 0.02), ("rate_limited", 0.03)] {
        series.push(labelled("agent_requests_total", "status", status, counter(mean)));
    }
    for (rank, tool) in TOOLS.into_iter().enumerate() {
        // The first tool is called most, as in any harmonic series.
        for (status, mean) in [("ok", 3.0 / (1.0 + rank as f64)), ("error", 0.05)] {
            let labels = vec![("status", status), ("tool", tool)];
            series.push(SeriesKind { name: "agent_tool_calls_total", labels, shape: counter(mean) });
        }
    }
    for kind in ["rate_limit", "timeout", "tool", "refusal"] {
        series.push(labelled("agent_errors_total", "type", kind, counter(0.04)));
    }
    series
}

fn histogram(kind: HistogramKind, [bucket, sum, count]: [&'static str; 3]) -> Vec<SeriesKind> {
    let buckets = kind.bounds().iter().enumerate();
    let mut series: Vec<_> =
        buckets.map(|(index, (le, _))| labelled(bucket, "le", le, Shape::Bucket(kind, index))).collect();
    series.push(plain(sum, Shape::HistogramSum(kind)));
    series.push(plain(count, Shape::HistogramCount(kind)));
    series
}

fn gauges() -> Vec<SeriesKind> {
    let (decimal, bytes) = (|typical| Shape::Decimal { typical }, |typical| Shape::Bytes { typical });
    let whole = |typical| Shape::Whole { typical };
    vec![
        plain("agent_cpu_percent", decimal(35.0)),
        plain("process_resident_memory_bytes", bytes(6e8)),
        plain("process_virtual_memory_bytes", bytes(2e9)),
        plain("agent_heap_bytes", bytes(3e8)),
        labelled("agent_queue_length", "queue", "inbox", whole(4.0)),
        labelled("agent_queue_length", "queue", "outbox", whole(4.0)),
        labelled("agent_queue_length", "queue", "tools", whole(4.0)),
        plain("agent_context_utilization", Shape::Context),
        plain("agent_active_sessions", whole(3.0)),
        plain("agent_active_tasks", whole(5.0)),
        plain("agent_last_heartbeat_timestamp_seconds", Shape::Heartbeat),
        plain("agent_tokens_per_second", Shape::Noise { typical: 60.0 }),
        plain("process_threads", whole(20.0)),
        plain("process_open_fds", whole(40.0)),
        labelled("agent_disk_used_bytes", "mount", "/", bytes(4e10)),
        labelled("agent_disk_used_bytes", "mount", "/data", bytes(4e10)),
        labelled("agent_load", "window", "1m", decimal(1.5)),
        labelled("agent_load", "window", "5m", decimal(1.5)),
        labelled("agent_load", "window", "15m", decimal(1.5)),
        plain("agent_eval_score", Shape::Score),
    ]
}

fn constants() -> Vec<SeriesKind> {
    let mut series = vec![
        plain("up", Shape::Constant(1.0)),
        labelled("agent_info", "sha", "9f1c2ab", Shape::Constant(1.0)),
        labelled("agent_build_info", "runtime", "python3.12", Shape::Constant(1.0)),
        plain("agent_config_max_tokens", Shape::Constant(8_192.0)),
        plain("agent_config_temperature", Shape::Constant(0.7)),
        plain("agent_context_limit_tokens", Shape::Constant(200_000.0)),
        plain("process_start_time_seconds", Shape::StartTime),
        plain("agent_budget_limit_usd", Shape::Constant(250.0)),
        plain("agent_ready", Shape::Constant(1.0)),
        plain("process_max_fds", Shape::Constant(1_048_576.0)),
        plain("agent_cpu_cores", Shape::Constant(4.0)),
        plain("agent_leader", Shape::Constant(0.0)),
        plain("agent_quota_requests", Shape::Constant(1_000.0)),
    ];
    for (index, state) in ["idle", "running", "blocked", "failed"].into_iter().enumerate() {
        series.push(labelled("agent_state", "state", state, Shape::State(index)));
    }
    series
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::workload::Agent;

    fn count(is_of_kind: impl Fn(Shape) -> bool) -> usize {
        catalogue().iter().filter(|series| is_of_kind(series.shape)).count()
    }

    #[test]
    fn the_mix_is_the_one_that_other_stores_were_measured_with() {
        assert_eq!(catalogue().len(), SERIES_PER_AGENT);
        assert_eq!(count(|shape| matches!(shape, Shape::Counter { .. } | Shape::Traffic { .. })), 31);
        assert_eq!(count(|shape| matches!(shape, Shape::Cost { .. } | Shape::Seconds { .. })), 2);
        assert_eq!(count(|shape| matches!(shape, Shape::Bucket(..) | Shape::HistogramCount(_))), 28);
        assert_eq!(count(|shape| matches!(shape, Shape::HistogramSum(_))), 2);
        assert_eq!(count(|shape| matches!(shape, Shape::Decimal { .. })), 4);
        assert_eq!(count(|shape| matches!(shape, Shape::Bytes { .. })), 5);
        assert_eq!(count(|shape| matches!(shape, Shape::Whole { .. } | Shape::Heartbeat)), 8);
        assert_eq!(count(|shape| matches!(shape, Shape::Context | Shape::Score)), 2);
        assert_eq!(count(|shape| matches!(shape, Shape::Noise { .. })), 1);
        let never_changes = |shape| matches!(shape, Shape::Constant(_) | Shape::StartTime | Shape::State(_));
        assert_eq!(count(never_changes), 17);
    }

    #[test]
    fn each_series_has_labels_of_its_own() {
        let agent = Agent::number(7);
        let catalogue = catalogue();
        let all: BTreeSet<Vec<(&str, &str)>> = catalogue.iter().map(|series| agent.labels(series)).collect();
        assert_eq!(all.len(), SERIES_PER_AGENT);
    }
}
