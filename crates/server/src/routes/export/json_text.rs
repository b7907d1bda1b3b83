//! The contract's document, written from front to back.

use std::io;

use futures::stream::{Stream, unfold};
use serde::Serialize;

use super::Piece;
use super::rows::{Exporter, Group, PIECE_HOURS};
use crate::access::Permission;
use crate::dto;
use crate::dto::alert::AlertDto;
use crate::problem::Problem;
use crate::routes::production;
use crate::summary;

/// What is written next.
enum Step {
    Metrics { group: usize, ago: u32, is_first: bool },
    Histories,
}

/// Up to where the rows begin. What fails here is still a problem document.
pub(super) async fn opening(exporter: &Exporter) -> Result<String, Problem> {
    let app = &exporter.app;
    let status = production::status_for(app, exporter.identity.may(Permission::Alerts)).await?;
    let performance = app.measures.performance(&app.engines, exporter.hours).await?;
    Ok(format!(
        "{{\"export_timestamp\":{},\"export_format\":\"json\",\"time_range_hours\":{},\
         \"system_status\":{},\"performance_summary\":{},\"metrics_history\":{{\"{}\":[",
        text(&dto::time(exporter.now)),
        exporter.hours,
        text(&status),
        text(performance.as_ref()),
        Group::ALL[0].as_str(),
    ))
}

pub(super) fn pieces(exporter: Exporter) -> impl Stream<Item = Piece> + Send {
    let first = Step::Metrics { group: 0, ago: 0, is_first: true };
    unfold((exporter, Some(first)), |(exporter, step)| async move {
        match step? {
            Step::Metrics { group, ago, is_first } => {
                let (piece, next) = metrics(&exporter, group, ago, is_first).await;
                Some((Ok(piece), (exporter, Some(next))))
            }
            Step::Histories => Some((histories(&exporter).await, (exporter, None))),
        }
    })
}

async fn metrics(exporter: &Exporter, group: usize, ago: u32, is_first: bool) -> (String, Step) {
    let rows = exporter.rows(Group::ALL[group], ago).await;
    let mut piece = String::new();
    let mut comma = if is_first { "" } else { "," };
    for row in &rows {
        piece.push_str(comma);
        piece.push_str(&text(row));
        comma = ",";
    }
    if ago + PIECE_HOURS < exporter.hours {
        let is_first = is_first && rows.is_empty();
        return (piece, Step::Metrics { group, ago: ago + PIECE_HOURS, is_first });
    }
    match Group::ALL.get(group + 1) {
        Some(next) => {
            piece.push_str(&format!("],\"{}\":[", next.as_str()));
            (piece, Step::Metrics { group: group + 1, ago: 0, is_first: true })
        }
        None => {
            piece.push_str("]}");
            (piece, Step::Histories)
        }
    }
}

async fn histories(exporter: &Exporter) -> Piece {
    let failed = |problem: Problem| io::Error::other(format!("{problem:?}"));
    let alerts = exporter.alerts().await.map_err(failed)?;
    let runs = exporter.runs().await.map_err(failed)?;
    let alerts: Vec<AlertDto> = alerts.iter().map(AlertDto::from).collect();
    let runs = summary::runs_for(&runs, &exporter.identity);
    Ok(format!(",\"alert_history\":{},\"recovery_history\":{}}}\n", text(&alerts), text(&runs)))
}

fn text<T: Serialize>(value: &T) -> String {
    // Our DTOs have string keys and finite numbers: there is nothing that cannot be JSON.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
