//! The same as rows of a spreadsheet: one line for each value, alert and run.

use std::io;

use csv::{Terminator, WriterBuilder};
use futures::stream::{Stream, unfold};

use super::Piece;
use super::rows::{Exporter, Group, PIECE_HOURS};
use crate::dto;
use crate::problem::Problem;
use crate::summary;

const COLUMNS: [&str; 7] = ["timestamp", "kind", "name", "value", "status", "id", "detail"];

enum Step {
    Metrics { group: usize, ago: u32 },
    Alerts,
    Runs,
}

pub(super) fn heading() -> String {
    lines(&[COLUMNS.map(str::to_owned)]).unwrap_or_default()
}

pub(super) fn pieces(exporter: Exporter) -> impl Stream<Item = Piece> + Send {
    let first = Step::Metrics { group: 0, ago: 0 };
    unfold((exporter, Some(first)), |(exporter, step)| async move {
        let (piece, next) = match step? {
            Step::Metrics { group, ago } => {
                (metrics(&exporter, Group::ALL[group], ago).await, after(&exporter, group, ago))
            }
            Step::Alerts => (alerts(&exporter).await, Some(Step::Runs)),
            Step::Runs => (runs(&exporter).await, None),
        };
        Some((piece, (exporter, next)))
    })
}

fn after(exporter: &Exporter, group: usize, ago: u32) -> Option<Step> {
    Some(if ago + PIECE_HOURS < exporter.hours {
        Step::Metrics { group, ago: ago + PIECE_HOURS }
    } else if group + 1 < Group::ALL.len() {
        Step::Metrics { group: group + 1, ago: 0 }
    } else {
        Step::Alerts
    })
}

async fn metrics(exporter: &Exporter, group: Group, ago: u32) -> Piece {
    let mut cells = Vec::new();
    for row in exporter.rows(group, ago).await {
        for (name, value) in row.values {
            let value = promql::format_value(value);
            let [status, id, detail] = [const { String::new() }; 3];
            let kind = group.as_str().to_owned();
            cells.push([row.timestamp.clone(), kind, name.to_owned(), value, status, id, detail]);
        }
    }
    lines(&cells)
}

async fn alerts(exporter: &Exporter) -> Piece {
    let alerts = exporter.alerts().await.map_err(failed)?;
    let cells: Vec<_> = alerts
        .iter()
        .map(|alert| {
            [
                dto::time(alert.fired_at.unwrap_or(alert.pending_since)),
                "alert".to_owned(),
                alert.title.clone(),
                promql::format_value(alert.value),
                alert.status.as_str().to_owned(),
                alert.id.clone(),
                alert.description.clone(),
            ]
        })
        .collect();
    lines(&cells)
}

async fn runs(exporter: &Exporter) -> Piece {
    let runs = exporter.runs().await.map_err(failed)?;
    let cells: Vec<_> = summary::runs_for(&runs, &exporter.identity)
        .into_iter()
        .map(|run| {
            let kind = "recovery".to_owned();
            let value = run.agent_name.unwrap_or_default();
            [run.timestamp, kind, run.action, value, run.outcome.to_owned(), run.id, run.reason]
        })
        .collect();
    lines(&cells)
}

fn failed(problem: Problem) -> io::Error {
    io::Error::other(format!("{problem:?}"))
}

/// RFC 4180, with cells that a spreadsheet cannot take for formulas.
fn lines(rows: &[[String; 7]]) -> Piece {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.iter().map(|cell| harmless(cell).into_owned())).map_err(io::Error::other)?;
    }
    let bytes = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// A cell that begins like a formula gets an apostrophe, which spreadsheets do not show.
/// Negative numbers are numbers.
fn harmless(cell: &str) -> std::borrow::Cow<'_, str> {
    let begins_like_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if begins_like_formula && cell.parse::<f64>().is_err() { format!("'{cell}").into() } else { cell.into() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn cells_cannot_become_formulas() {
        for (cell, expected) in [
            ("=1+1", "'=1+1"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("-2+3", "'-2+3"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("-1.5", "-1.5"),
            ("plain", "plain"),
        ] {
            assert_eq!(harmless(cell), expected);
        }
    }

    #[test]
    fn cells_with_commas_and_quotes_are_quoted() {
        let row = ["a,b", "say \"x\"", "two\nlines", "", "", "", "end"].map(str::to_owned);
        assert_eq!(lines(&[row]).unwrap(), "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",,,,end\r\n");
    }
}
