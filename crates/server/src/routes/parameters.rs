//! Parameters that several endpoints take.

use std::collections::HashMap;

use crate::problem::Problem;
use crate::wire::parameter;

pub(super) type Query = axum::extract::Query<HashMap<String, String>>;

/// A month: as far back as the default retention reaches.
const HOURS_MAX: u32 = 720;

/// Whole hours within 1 and 720; a day when absent.
pub(super) fn hours(query: &Query) -> Result<u32, Problem> {
    let Some(text) = parameter(query, "hours") else { return Ok(24) };
    text.parse().ok().filter(|hours| (1..=HOURS_MAX).contains(hours)).ok_or_else(|| {
        Problem::bad_field("hours", format!("must be a whole number from 1 to {HOURS_MAX}, not `{text}`"))
    })
}

/// How many of the newest to return.
pub(super) fn limit(query: &Query, usual: u32, most: u32) -> Result<u32, Problem> {
    count(query, "limit", usual, most)
}

pub(super) fn count(query: &Query, name: &str, usual: u32, most: u32) -> Result<u32, Problem> {
    let Some(text) = parameter(query, name) else { return Ok(usual) };
    text.parse().ok().filter(|count| (1..=most).contains(count)).ok_or_else(|| {
        Problem::bad_field(name, format!("must be a whole number from 1 to {most}, not `{text}`"))
    })
}
