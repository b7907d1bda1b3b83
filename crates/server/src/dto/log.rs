//! Log records as they are shown beside an agent.

use std::collections::BTreeMap;

use model::LogRecord;
use serde::Serialize;
use utoipa::ToSchema;

use super::time;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LogDto {
    pub timestamp: String,
    /// Upper case, as the contract writes levels: `INFO`, `ERROR`.
    pub level: String,
    pub message: String,
    pub correlation_id: Option<String>,
    pub trace_id: Option<String>,
    pub span_id: Option<String>,
    pub service: Option<String>,
    pub component: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub metadata: BTreeMap<String, String>,
}

impl From<&LogRecord> for LogDto {
    fn from(record: &LogRecord) -> Self {
        let metadata: BTreeMap<String, String> = record.attributes.iter().cloned().collect();
        let attribute = |name: &str| metadata.get(name).cloned();
        Self {
            timestamp: time(record.at),
            level: record.severity.as_str().to_ascii_uppercase(),
            message: record.body.clone(),
            correlation_id: attribute("correlation_id"),
            trace_id: attribute("trace_id"),
            span_id: attribute("span_id"),
            service: record.stream.get("service").map(str::to_owned),
            component: record.stream.get("component").map(str::to_owned),
            tags: super::alert::pairs(&record.stream),
            metadata,
        }
    }
}

/// What was written down about one agent in the last 24 hours.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ObservabilityDto {
    pub correlation_id: Option<String>,
    pub trace_id: Option<String>,
    pub period_hours: u32,
    /// Newest first; null without the permission `logs`.
    pub logs: Option<Vec<LogDto>>,
    pub summary: ObservabilitySummaryDto,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ObservabilitySummaryDto {
    /// How many records there are; null without the permission `logs`.
    pub logs_count: Option<u64>,
    /// There are more records than were counted.
    pub logs_truncated: bool,
}
