//! Traces: searched by their spans, shown as a skeleton, and span by span in full.

use std::collections::HashSet;
use std::ops::ControlFlow;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use model::{Span, SpanId, TraceId};
use search::{Place, Reached, Scan};
use storage::{Order, SpanQuery};
use traces::Trace;

use super::parameters::{Query, count, limit};
use super::searches::{BARS_MAX, BARS_USUAL, Fields, Histogram, scan, searched};
use crate::app::Shared;
use crate::dto::search::SummaryDto;
use crate::dto::trace::{SpanDto, TraceDto, TraceSummaryDto, TracesDto};
use crate::problem::Problem;

const TRACES_USUAL: u32 = 20;
const TRACES_MAX: u32 = 100;

/// Of one trace so many spans are read; an answer with more says so.
const SPANS_MAX: usize = 200_000;
/// For a line in a list.
const SPANS_SUMMARISED: usize = 10_000;

/// Traces with a span that the search matches, in order of those spans.
pub(super) async fn list(State(app): State<Shared>, query: Query) -> Result<Json<TracesDto>, Problem> {
    let scan = scan(&query, app.engines.clock.now())?;
    let most = limit(&query, TRACES_USUAL, TRACES_MAX)? as usize;
    let mut asked = scan.clone();
    let mut whole = Reached { looked_at: 0, matched: 0, next: scan.from };
    let mut listed = Vec::new();
    let mut known = HashSet::new();
    let started = app.engines.clock.monotonic();
    // Spans of traces that are on an earlier page match too, so that it may take several goes.
    while listed.len() < most {
        let (found, reached) = next_traces(&app, &asked, most - listed.len(), &mut known).await?;
        whole.looked_at += reached.looked_at;
        whole.matched += reached.matched;
        whole.next = reached.next;
        for first in found {
            let spans = spans_of(&app, first.trace, SPANS_SUMMARISED).await?;
            // Of a trace that is not read to its end nobody can tell; better twice than never.
            if spans.len() > SPANS_SUMMARISED || is_first_match(&scan, &spans, &first) {
                listed.extend(TraceSummaryDto::new(spans, SPANS_SUMMARISED, &first));
            }
        }
        asked.from = reached.next;
        let spent = app.engines.clock.monotonic().saturating_sub(started);
        asked.patience = scan.patience.saturating_sub(spent);
        if reached.next.is_none() || reached.looked_at == 0 || asked.patience.is_zero() {
            break;
        }
    }
    let next_cursor = whole.next.map(Place::to_cursor);
    Ok(Json(TracesDto { status: "success", traces: listed, next_cursor, searched: searched(&scan, whole) }))
}

/// The first matching span of each trace that was not met yet.
async fn next_traces(
    app: &Shared,
    scan: &Scan,
    most: usize,
    known: &mut HashSet<TraceId>,
) -> Result<(Vec<Span>, Reached), Problem> {
    let mut found = Vec::new();
    let take = |span: Span| {
        if known.insert(span.trace) {
            found.push(span);
        }
        if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let reached = search::scan(&*app.engines.store, &app.engines.clock, scan, take)
        .await
        .map_err(|error| Problem::internal("search the traces", &error))?;
    Ok((found, reached))
}

/// Whether no earlier page has met the trace: of its matching spans this one comes first.
fn is_first_match(scan: &Scan, spans: &[Span], first: &Span) -> bool {
    let key = |span: &Span| (span.start, span.stream.clone(), span.trace, span.id);
    let matching = spans.iter().filter(|span| scan.range.contains(span.start) && scan.query.matches(*span));
    let best = match scan.order {
        Order::NewestFirst => matching.max_by_key(|span| key(span)),
        Order::OldestFirst => matching.min_by_key(|span| key(span)),
    };
    best.is_none_or(|best| best.id == first.id)
}

async fn spans_of(app: &Shared, trace: TraceId, most: usize) -> Result<Vec<Span>, Problem> {
    // One more shows that there are more.
    let query = SpanQuery { limit: most + 1, ..SpanQuery::of_trace(trace) };
    let spans = app.engines.store.search_spans(&query).await;
    spans.map_err(|error| Problem::internal("read a trace", &error))
}

const FIELDS_USUAL: &str = "service,name,status,agent,model,tool";

pub(super) async fn summary(State(app): State<Shared>, query: Query) -> Result<Json<SummaryDto>, Problem> {
    let scan = scan(&query, app.engines.clock.now())?;
    let bars = count(&query, "bars", BARS_USUAL, BARS_MAX)?;
    let mut fields = Fields::of(&query, FIELDS_USUAL)?;
    let mut histogram = Histogram::new(scan.range, bars);
    let take = |span: Span| {
        histogram.add(span.start);
        fields.add(&span);
        ControlFlow::Continue(())
    };
    let reached = search::scan(&*app.engines.store, &app.engines.clock, &scan, take)
        .await
        .map_err(|error| Problem::internal("count the spans", &error))?;
    Ok(Json(SummaryDto {
        status: "success",
        histogram: histogram.into_dto(),
        fields: fields.into_dto(),
        searched: searched(&scan, reached),
    }))
}

/// Everything of a trace but attributes, events and links.
pub(super) async fn one(
    State(app): State<Shared>,
    Path(trace): Path<String>,
) -> Result<Json<TraceDto>, Problem> {
    let id = trace_id(&trace)?;
    let mut spans = spans_of(&app, id, SPANS_MAX).await?;
    let is_cut = spans.len() > SPANS_MAX;
    spans.truncate(SPANS_MAX);
    let told =
        tokio::task::spawn_blocking(move || Trace::of(spans).map(|trace| TraceDto::new(&trace, is_cut)));
    let told = told.await.map_err(|error| Problem::internal("lay out a trace", &error))?;
    told.map(Json).ok_or_else(|| not_found(&format!("there are no spans of the trace {id}")))
}

pub(super) async fn span(
    State(app): State<Shared>,
    Path((trace, span)): Path<(String, String)>,
) -> Result<Json<SpanDto>, Problem> {
    let trace = trace_id(&trace)?;
    let id =
        SpanId::parse(&span).ok_or_else(|| Problem::bad_field("span", "must be 16 hexadecimal digits"))?;
    let spans = spans_of(&app, trace, SPANS_MAX).await?;
    let found = spans.iter().rev().find(|span| span.id == id);
    found.map(|span| Json(SpanDto::from(span))).ok_or_else(|| not_found(&format!("there is no span {id}")))
}

fn trace_id(text: &str) -> Result<TraceId, Problem> {
    TraceId::parse(text).ok_or_else(|| Problem::bad_field("trace", "must be 32 hexadecimal digits"))
}

fn not_found(detail: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
}
