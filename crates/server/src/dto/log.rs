//! Log records as they are found, and as they are shown beside an agent.

use std::collections::BTreeMap;

use model::{LogRecord, Value};
use search::Event;
use serde::Serialize;
use utoipa::ToSchema;

use super::search::SearchedDto;
use super::time;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LogsDto {
    pub status: &'static str,
    pub logs: Vec<LogDto>,
    /// Where the next page begins; null when everything was searched.
    pub next_cursor: Option<String>,
    pub searched: SearchedDto,
}

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
        let as_text = |(name, value): &(String, Value)| (name.clone(), value.to_string());
        // Of several of one name the first counts, as it does in a search.
        let metadata: BTreeMap<String, String> = record.attributes.iter().rev().map(as_text).collect();
        let attribute = |name: &str| metadata.get(name).cloned();
        Self {
            timestamp: time(record.at),
            level: record.severity.as_str().to_ascii_uppercase(),
            message: record.body.clone(),
            correlation_id: attribute("correlation_id"),
            trace_id: record.trace.map(|trace| trace.to_string()).or_else(|| attribute("trace_id")),
            span_id: record.span.map(|span| span.to_string()).or_else(|| attribute("span_id")),
            service: record.field("service").map(|service| service.text().into_owned()),
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

#[cfg(test)]
mod tests {
    use model::{LabelSet, LogSeverity, SpanId, Timestamp, TraceId};

    use super::*;

    fn shown(change: impl FnOnce(&mut LogRecord)) -> LogDto {
        let mut record =
            LogRecord::new(Timestamp::from_secs(1), LabelSet::empty(), LogSeverity::Info, "line");
        record.attributes.push(("trace_id".to_owned(), "by hand".into()));
        change(&mut record);
        LogDto::from(&record)
    }

    #[test]
    fn the_trace_of_a_record_goes_before_an_attribute_of_that_name() {
        assert_eq!(shown(|_| {}).trace_id.as_deref(), Some("by hand"));
        let shown = shown(|record| {
            (record.trace, record.span) = (Some(TraceId([0xab; 16])), Some(SpanId([1; 8])));
        });
        assert_eq!(shown.trace_id, Some("ab".repeat(16)));
        assert_eq!(shown.span_id, Some("01".repeat(8)));
    }

    #[test]
    fn values_of_every_type_are_shown_as_text() {
        let values = [Value::Bool(true), Value::Int(-7), Value::Float(0.5), Value::from("bash")];
        let named = ["bool", "int", "float", "text"].map(str::to_owned).into_iter().zip(values);
        let shown = shown(|record| record.attributes.extend(named));
        let text = |name: &str| shown.metadata[name].as_str();
        assert_eq!(["bool", "int", "float", "text"].map(text), ["true", "-7", "0.5", "bash"]);
    }
}
