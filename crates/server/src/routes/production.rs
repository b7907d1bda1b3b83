//! Everything at a glance, and how the last hours went.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use runtime::TaskState;

use super::parameters::{Query, hours};
use crate::access::Permission;
use crate::app::Shared;
use crate::auth::Identity;
use crate::dto;
use crate::dto::alert::AlertDto;
use crate::dto::health::HealthDto;
use crate::dto::metrics::PerformanceReportDto;
use crate::dto::status::{ConfigurationDto, MonitoringSystemDto, StatusAlertsDto, StatusDto};
use crate::problem::Problem;
use crate::summary;

pub(super) async fn status(
    State(app): State<Shared>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<StatusDto>, Problem> {
    Ok(Json(status_for(&app, identity.may(Permission::Alerts)).await?))
}

pub(super) async fn status_for(app: &Shared, with_alerts: bool) -> Result<StatusDto, Problem> {
    let engines = &app.engines;
    let open = engines.alerts.open();
    let active_alerts = with_alerts.then(|| open.iter().map(AlertDto::from).collect());
    Ok(StatusDto {
        status: "success",
        timestamp: dto::time(engines.clock.now()),
        monitoring_system: monitoring_system(app),
        metrics: summary::metrics(app).await,
        health: HealthDto::from(&engines.health.summary()),
        alerts: StatusAlertsDto { active_alerts, statistics: app.measures.alert_statistics(engines).await? },
        observability: app.measures.observability(engines).await,
        dashboard_url: dashboard_url(app),
    })
}

fn monitoring_system(app: &Shared) -> MonitoringSystemDto {
    let view = &app.settings.configuration;
    let dashboard = app.settings.dashboard_addr;
    let is_failing = app.engines.supervisor.reports().iter().any(|task| task.state == TaskState::Failing);
    MonitoringSystemDto {
        is_running: !is_failing && !app.shutdown.has_begun(),
        start_time: Some(dto::time(app.started)),
        uptime_seconds: app.engines.clock.now().since(app.started).as_secs_f64(),
        configuration: ConfigurationDto {
            metrics_collection_interval: view.metrics_interval.as_secs_f64(),
            health_check_interval: view.health_interval.as_secs_f64(),
            alert_processing_interval: view.alert_interval.as_secs_f64(),
            dashboard_port: dashboard.map_or(0, |address| address.port()),
            dashboard_host: dashboard.map(|address| address.ip().to_string()).unwrap_or_default(),
            auto_recovery_enabled: view.auto_recovery,
            data_retention_days: view.retention_days,
            enable_dashboard: dashboard.is_some(),
            enable_mobile_dashboard: view.enable_mobile,
            service_name: view.service_name.clone(),
        },
    }
}

/// As people reach it: the configured address, or the bound one when it is a usable name.
fn dashboard_url(app: &Shared) -> Option<String> {
    let bound = app.settings.dashboard_addr?;
    Some(match &app.settings.public_url {
        Some(url) => url.clone(),
        None if bound.ip().is_unspecified() => format!("http://localhost:{}", bound.port()),
        None => format!("http://{bound}"),
    })
}

pub(super) async fn performance(
    State(app): State<Shared>,
    query: Query,
) -> Result<Json<Arc<PerformanceReportDto>>, Problem> {
    let hours = hours(&query)?;
    Ok(Json(app.measures.performance(&app.engines, hours).await?))
}
