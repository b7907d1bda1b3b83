//! The views of the page: one document, drawn by the browser.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::Shared;
use crate::page;
use crate::problem::Problem;

const DASHBOARDS: [&str; 3] = ["operations", "executive", "performance"];

pub(super) async fn index() -> Response {
    page::index()
}

pub(super) async fn mobile(State(app): State<Shared>) -> Result<Response, Problem> {
    if app.settings.configuration.enable_mobile {
        return Ok(page::index());
    }
    Err(Problem::not_found("The mobile view is turned off by `MONITORING_ENABLE_MOBILE`."))
}

/// An unknown dashboard leads home, as in the contract.
pub(super) async fn dashboard(Path(view): Path<String>) -> Response {
    if DASHBOARDS.contains(&view.as_str()) {
        return page::index();
    }
    (StatusCode::FOUND, [(header::LOCATION, "/")]).into_response()
}

pub(super) async fn asset(Path(path): Path<String>) -> Result<Response, Problem> {
    page::file(&format!("assets/{path}")).ok_or_else(missing)
}

pub(super) async fn file(Path(file): Path<String>) -> Result<Response, Problem> {
    // The document itself has its own addresses, which know who may see it.
    page::file(&file).filter(|_| file != "index.html").ok_or_else(missing)
}

fn missing() -> Problem {
    Problem::not_found("Nothing is at this path.")
}
