//! The contract's `Metrics`: the host, the work, and how fast things answer.
//!
//! A whole group is null before its first sample; a single value is null when nothing
//! measures it.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MetricsDto {
    pub system: Option<SystemDto>,
    pub business: Option<BusinessDto>,
    pub performance: Option<PerformanceDto>,
    pub collection_status: CollectionDto,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CollectionDto {
    pub is_collecting: bool,
    /// Samples are not buffered: an acknowledged one is on disk.
    pub buffer_sizes: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SystemDto {
    pub timestamp: String,
    pub cpu_percent: Option<f64>,
    pub memory_percent: Option<f64>,
    pub memory_used_mb: Option<f64>,
    pub memory_available_mb: Option<f64>,
    /// Of the file system mounted at `/`.
    pub disk_usage_percent: Option<f64>,
    pub disk_free_gb: Option<f64>,
    /// Since boot, over all real interfaces.
    pub network_bytes_sent: Option<u64>,
    pub network_bytes_recv: Option<u64>,
    pub process_count: Option<u64>,
    pub thread_count: Option<u64>,
    pub load_average: Vec<f64>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BusinessDto {
    pub timestamp: String,
    /// Turns that ended, and turns under way.
    pub total_tasks_assigned: u64,
    /// Turns that ended.
    pub tasks_completed: u64,
    pub tasks_in_progress: u64,
    /// Agents whose last turn ended with an error.
    pub tasks_failed: u64,
    pub average_task_completion_time: Option<f64>,
    /// Null without agents: nothing is not idle.
    pub agent_utilization_percent: Option<f64>,
    pub active_agents: u64,
    pub idle_agents: u64,
    pub stuck_agents: u64,
    pub total_agents: u64,
    pub chat_messages_sent: Option<u64>,
    pub chat_messages_received: Option<u64>,
    /// Requests to the sources in the last five minutes.
    pub api_requests_count: Option<f64>,
    pub error_rate_percent: Option<f64>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PerformanceDto {
    pub timestamp: String,
    /// By endpoint of the sources, over the last five minutes.
    pub api_response_times: BTreeMap<String, ResponseTimeDto>,
    pub agent_response_times: Option<BTreeMap<String, ResponseTimeDto>>,
    pub task_processing_times: Option<BTreeMap<String, f64>>,
    pub database_query_times: Option<Vec<f64>>,
    pub file_operation_times: Option<Vec<f64>>,
    pub memory_usage_by_component: BTreeMap<&'static str, Option<f64>>,
    pub cpu_usage_by_component: BTreeMap<&'static str, Option<f64>>,
}

/// Milliseconds. Extremes and quantiles are null: only sums and counts are measured.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ResponseTimeDto {
    pub avg: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub p95: Option<f64>,
    pub count: Option<f64>,
}

/// How healthy our own telemetry of the last hour looks.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ObservabilityHealthDto {
    /// `excellent`, `good`, `fair`, `poor`, `critical`, or `unknown` without data.
    pub status: &'static str,
    pub health_score: Option<u32>,
    pub issues: Vec<String>,
    pub metrics: ObservabilityMetricsDto,
    pub recommendations: Vec<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ObservabilityMetricsDto {
    pub error_rate_percent: Option<f64>,
    pub trace_error_rate_percent: Option<f64>,
    pub avg_response_time_ms: Option<f64>,
    pub total_bottlenecks: Option<u64>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PerformanceReportDto {
    pub metrics_summary: MetricsSummaryDto,
    /// Profiles are not taken.
    pub performance_profiles: BTreeMap<String, f64>,
    /// Check results by verdict, as far back as they are kept.
    pub health_trends: BTreeMap<&'static str, u64>,
    pub alert_trends: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MetricsSummaryDto {
    pub period_hours: u32,
    pub system_summary: SystemSummaryDto,
    pub business_summary: BusinessSummaryDto,
    pub performance_summary: BTreeMap<String, f64>,
}

#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct SystemSummaryDto {
    pub avg_cpu_percent: Option<f64>,
    pub max_cpu_percent: Option<f64>,
    pub avg_memory_percent: Option<f64>,
    pub max_memory_percent: Option<f64>,
    pub data_points: u64,
}

#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct BusinessSummaryDto {
    pub avg_agent_utilization: Option<f64>,
    pub max_agent_utilization: Option<f64>,
    pub total_tasks_assigned: Option<f64>,
    pub total_tasks_completed: Option<f64>,
    pub data_points: u64,
}
