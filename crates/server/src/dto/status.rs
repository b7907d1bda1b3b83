//! The whole monitoring system at one glance.

use serde::Serialize;
use utoipa::ToSchema;

use super::agent::AgentDto;
use super::alert::{AlertDto, AlertStatsDto};
use super::health::{CheckDto, HealthDto};
use super::log::ObservabilityDto;
use super::metrics::{MetricsDto, ObservabilityHealthDto};
use super::run::RunDto;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StatusDto {
    pub status: &'static str,
    pub timestamp: String,
    pub monitoring_system: MonitoringSystemDto,
    pub metrics: MetricsDto,
    pub health: HealthDto,
    pub alerts: StatusAlertsDto,
    pub observability: ObservabilityHealthDto,
    pub dashboard_url: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StatusAlertsDto {
    /// Null without the permission `alerts`.
    pub active_alerts: Option<Vec<AlertDto>>,
    pub statistics: AlertStatsDto,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MonitoringSystemDto {
    /// No subsystem is failing.
    pub is_running: bool,
    pub start_time: Option<String>,
    pub uptime_seconds: f64,
    pub configuration: ConfigurationDto,
}

/// The settings that the contract shows.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConfigurationDto {
    pub metrics_collection_interval: f64,
    pub health_check_interval: f64,
    pub alert_processing_interval: f64,
    pub dashboard_port: u16,
    pub dashboard_host: String,
    pub auto_recovery_enabled: bool,
    pub data_retention_days: u64,
    pub enable_dashboard: bool,
    pub enable_mobile_dashboard: bool,
    pub service_name: String,
}

/// Everything about one agent.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AgentReportDto {
    pub agent: AgentDto,
    pub health: CheckDto,
    pub observability: ObservabilityDto,
    pub metrics: super::agent::TotalsDto,
    /// The last 24 hours, newest first.
    pub recovery_history: Vec<RunDto>,
}
