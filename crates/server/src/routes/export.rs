//! Everything as a file, streamed piece by piece.

mod csv_text;
mod json_text;
mod rows;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream;

use super::parameters::{Query, hours};
use crate::app::Shared;
use crate::auth::Identity;
use crate::problem::Problem;
use crate::wire::parameter;
use rows::Exporter;

pub(super) async fn export(
    State(app): State<Shared>,
    Extension(identity): Extension<Identity>,
    query: Query,
) -> Result<Response, Problem> {
    let hours = hours(&query)?;
    let exporter = Exporter::new(app, identity, hours);
    match parameter(&query, "format").unwrap_or("json") {
        "json" => {
            let opening = json_text::opening(&exporter).await?;
            Ok(file("application/json", "json", hours, opening, json_text::pieces(exporter)))
        }
        "csv" => {
            let pieces = csv_text::pieces(exporter);
            Ok(file("text/csv; charset=utf-8", "csv", hours, csv_text::heading(), pieces))
        }
        other => Err(Problem::bad_field("format", format!("must be `json` or `csv`, not `{other}`"))),
    }
}

/// A failure in the middle of a file ends the connection: a cut file must not look whole.
type Piece = Result<String, std::io::Error>;

fn file(
    kind: &'static str,
    extension: &str,
    hours: u32,
    opening: String,
    pieces: impl stream::Stream<Item = Piece> + Send + 'static,
) -> Response {
    let name = format!("attachment; filename=\"watchkeeper-{hours}h.{extension}\"");
    let whole = stream::StreamExt::chain(stream::iter([Ok(opening)]), pieces);
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)];
    (headers, Body::from_stream(whole)).into_response()
}
