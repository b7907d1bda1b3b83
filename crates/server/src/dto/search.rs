//! What every search says beside what it found.

use serde::Serialize;
use utoipa::ToSchema;

/// How much of a range of time was searched.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SearchedDto {
    pub start: String,
    pub end: String,
    /// How far the search came; null when it is complete.
    pub until: Option<String>,
    /// Log records or spans that had to be looked at.
    pub looked_at: u64,
    /// Of those, what the search matches.
    pub matched: u64,
    pub complete: bool,
}

/// How many there were in each part of the range.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HistogramDto {
    pub start: String,
    /// Seconds.
    pub step: f64,
    pub counts: Vec<u64>,
}

/// The values of a field among what was found, the most frequent first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldDto {
    pub field: String,
    pub values: Vec<ValueDto>,
    /// With other values.
    pub others: u64,
    /// Without the field.
    pub absent: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ValueDto {
    pub value: String,
    pub count: u64,
}

/// Counts over everything that a search finds.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SummaryDto {
    pub status: &'static str,
    pub histogram: HistogramDto,
    pub fields: Vec<FieldDto>,
    pub searched: SearchedDto,
}
