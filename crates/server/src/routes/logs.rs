//! Log records: searched page by page, and counted.

use std::ops::ControlFlow;

use axum::Json;
use axum::extract::State;
use model::LogRecord;

use super::parameters::{Query, count, limit};
use super::searches::{BARS_MAX, BARS_USUAL, Fields, Histogram, scan, searched};
use crate::app::Shared;
use crate::dto::log::{LogDto, LogsDto};
use crate::dto::search::SummaryDto;
use crate::problem::Problem;

const RECORDS_USUAL: u32 = 100;
const RECORDS_MAX: u32 = 1_000;

pub(super) async fn list(State(app): State<Shared>, query: Query) -> Result<Json<LogsDto>, Problem> {
    let scan = scan(&query, app.engines.clock.now())?;
    let most = limit(&query, RECORDS_USUAL, RECORDS_MAX)? as usize;
    let mut logs = Vec::new();
    let take = |record: LogRecord| {
        logs.push(LogDto::from(&record));
        if logs.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let reached = search::scan(&*app.engines.store, &app.engines.clock, &scan, take)
        .await
        .map_err(|error| Problem::internal("search the logs", &error))?;
    let next_cursor = reached.next.map(search::Place::to_cursor);
    Ok(Json(LogsDto { status: "success", logs, next_cursor, searched: searched(&scan, reached) }))
}

/// What people ask first.
const FIELDS_USUAL: &str = "level,service,agent,tool";

pub(super) async fn summary(State(app): State<Shared>, query: Query) -> Result<Json<SummaryDto>, Problem> {
    let scan = scan(&query, app.engines.clock.now())?;
    let bars = count(&query, "bars", BARS_USUAL, BARS_MAX)?;
    let mut fields = Fields::of(&query, FIELDS_USUAL)?;
    let mut histogram = Histogram::new(scan.range, bars);
    let take = |record: LogRecord| {
        histogram.add(record.at);
        fields.add(&record);
        ControlFlow::Continue(())
    };
    let reached = search::scan(&*app.engines.store, &app.engines.clock, &scan, take)
        .await
        .map_err(|error| Problem::internal("count the logs", &error))?;
    Ok(Json(SummaryDto {
        status: "success",
        histogram: histogram.into_dto(),
        fields: fields.into_dto(),
        searched: searched(&scan, reached),
    }))
}
