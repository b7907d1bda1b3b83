//! Alerts: what is open, what was, and taking one upon oneself.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::{Extension, Json};

use crate::app::Shared;
use crate::auth::{Identity, Via};
use crate::dto::alert::{AcknowledgedDto, AlertDto, AlertsDto};
use crate::dto::session::AcknowledgeDto;
use crate::engines::AcknowledgeFault;
use crate::problem::Problem;
use crate::summary;
use crate::wire::{OptionalBody, Peer};

const DAY: Duration = Duration::from_secs(24 * 3600);

const NAME_CHARS_MAX: usize = 128;

pub(super) async fn list(State(app): State<Shared>) -> Result<Json<AlertsDto>, Problem> {
    let open = app.engines.alerts.open();
    let since = app.engines.clock.now() - DAY;
    let history = app
        .engines
        .alerts
        .history(since)
        .await
        .map_err(|error| Problem::internal("read the alerts", &error))?;
    Ok(Json(AlertsDto {
        active_alerts: open.iter().map(AlertDto::from).collect(),
        alert_history: history.iter().map(AlertDto::from).collect(),
        statistics: app.measures.alert_statistics(&app.engines).await?,
    }))
}

pub(super) async fn acknowledge(
    State(app): State<Shared>,
    Extension(identity): Extension<Identity>,
    peer: Peer,
    Path(id): Path<String>,
    OptionalBody(body): OptionalBody<AcknowledgeDto>,
) -> Result<Json<AcknowledgedDto>, Problem> {
    let who = on_whose_behalf(&identity, body.acknowledged_by)?;
    let result = app.engines.alerts.acknowledge(&id, &who).await;
    let detail = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
    summary::audit(&app, &identity, peer, "alert.acknowledge", &id, &detail).await?;
    let alert = match result {
        Ok(alert) => alert,
        Err(AcknowledgeFault::NotOpen) => return Err(not_open(&app, &id).await),
        Err(AcknowledgeFault::Failed(error)) => {
            return Err(Problem::internal("record the acknowledgement", &error));
        }
    };
    Ok(Json(AcknowledgedDto {
        message: format!("Alert {id} acknowledged by {who}"),
        alert: AlertDto::from(&alert),
    }))
}

/// Whether there never was such an alert, or it is over.
async fn not_open(app: &Shared, id: &str) -> Problem {
    match app.engines.state.alert(id).await {
        Ok(Some(alert)) => {
            Problem::conflict(format!("The alert `{id}` is {}, not open.", alert.status.as_str()))
        }
        Ok(None) => Problem::not_found(format!("No alert has the id `{id}`.")),
        Err(error) => Problem::internal("read the alert", &error),
    }
}

/// A person acts in their own name. A program may act for somebody whom it knows, as a chat
/// bot does; then both names are kept.
fn on_whose_behalf(identity: &Identity, named: Option<String>) -> Result<String, Problem> {
    let named = named.filter(|name| !name.trim().is_empty());
    match (&identity.via, named) {
        (Via::Token(_), Some(name)) if name.chars().count() > NAME_CHARS_MAX => {
            Err(Problem::bad_field("/acknowledged_by", format!("has more than {NAME_CHARS_MAX} characters")))
        }
        (Via::Token(_), Some(name)) => Ok(name),
        _ => Ok(identity.name.to_string()),
    }
}
