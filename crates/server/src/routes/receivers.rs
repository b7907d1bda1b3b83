//! Who is told of alerts, and what became of it.

use axum::extract::{Path, State};
use axum::{Extension, Json};

use super::parameters::{Query, limit};
use crate::app::Shared;
use crate::auth::Identity;
use crate::dto::alert::{ReceiptDto, ReceiptsDto, ReceiverDto, ReceiversDto};
use crate::engines::TestFault;
use crate::problem::Problem;
use crate::summary;
use crate::wire::Peer;

pub(super) async fn list(State(app): State<Shared>) -> Result<Json<ReceiversDto>, Problem> {
    let receivers = app
        .engines
        .alerts
        .receivers()
        .await
        .map_err(|error| Problem::internal("read the receivers", &error))?;
    Ok(Json(ReceiversDto { receivers: receivers.iter().map(ReceiverDto::from).collect() }))
}

pub(super) async fn test(
    State(app): State<Shared>,
    Extension(identity): Extension<Identity>,
    peer: Peer,
    Path(id): Path<String>,
) -> Result<Json<ReceiptDto>, Problem> {
    let result = app.engines.alerts.send_test(&id).await;
    let detail = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
    summary::audit(&app, &identity, peer, "receiver.test", &id, &detail).await?;
    match result {
        Ok(receipt) => Ok(Json(ReceiptDto::from(&receipt))),
        Err(TestFault::Unknown) => Err(Problem::not_found(format!("No receiver has the id `{id}`."))),
        Err(TestFault::Refused(reason)) => Err(Problem::conflict(reason)),
        Err(TestFault::TooSlow(reason)) => {
            Err(Problem::new(axum::http::StatusCode::GATEWAY_TIMEOUT, "timeout", reason))
        }
        Err(TestFault::Failed(error)) => Err(Problem::internal("send the test", &error)),
    }
}

pub(super) async fn receipts(State(app): State<Shared>, query: Query) -> Result<Json<ReceiptsDto>, Problem> {
    let limit = limit(&query, 100, 1000)?;
    let receipts = app
        .engines
        .state
        .receipts(limit)
        .await
        .map_err(|error| Problem::internal("read the receipts", &error))?;
    Ok(Json(ReceiptsDto { receipts: receipts.iter().map(ReceiptDto::from).collect() }))
}
