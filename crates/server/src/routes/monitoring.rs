//! The contract's health and recovery, and what the store takes up.

use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};

use crate::app::Shared;
use crate::auth::Identity;
use crate::dto;
use crate::dto::health::{HealthDto, HealthReplyDto};
use crate::dto::run::RecoveryDto;
use crate::dto::storage::StorageDto;
use crate::problem::Problem;
use crate::summary;

const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) async fn health(State(app): State<Shared>) -> Json<HealthReplyDto> {
    Json(HealthReplyDto {
        status: "success",
        health: HealthDto::from(&app.engines.health.summary()),
        timestamp: dto::time(app.engines.clock.now()),
    })
}

pub(super) async fn recovery(
    State(app): State<Shared>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<RecoveryDto>, Problem> {
    let now = app.engines.clock.now();
    let runs = app
        .engines
        .state
        .runs_since(now - DAY)
        .await
        .map_err(|error| Problem::internal("read the recovery runs", &error))?;
    Ok(Json(RecoveryDto {
        status: "success",
        recovery_history: summary::runs_for(&runs, &identity),
        recovery_summary: HealthDto::from(&app.engines.health.summary()),
        timestamp: dto::time(now),
    }))
}

pub(super) async fn storage(State(app): State<Shared>) -> Result<Json<StorageDto>, Problem> {
    let usage = app.engines.store.usage().await;
    let usage = usage.map_err(|error| Problem::internal("measure the store", &error))?;
    Ok(Json(StorageDto::new(usage, dto::time(app.engines.clock.now()))))
}
