//! What a sender is answered, in the encoding that it speaks.

use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::json;

use super::{Encoding, Outcome, Signal};

/// `Export…ServiceResponse`: empty when all of it was kept.
pub fn success(signal: Signal, encoding: Encoding, outcome: &Outcome) -> Vec<u8> {
    match encoding {
        Encoding::Protobuf => protobuf(signal, outcome),
        Encoding::Json => json(signal, outcome).to_string().into_bytes(),
    }
}

fn is_partial(outcome: &Outcome) -> bool {
    outcome.refused > 0 || !outcome.message.is_empty()
}

fn protobuf(signal: Signal, outcome: &Outcome) -> Vec<u8> {
    let rejected = i64::try_from(outcome.refused).unwrap_or(i64::MAX);
    let error_message = outcome.message.clone();
    match signal {
        Signal::Metrics => {
            let partial = || ExportMetricsPartialSuccess { rejected_data_points: rejected, error_message };
            ExportMetricsServiceResponse { partial_success: is_partial(outcome).then(partial) }
                .encode_to_vec()
        }
        Signal::Logs => {
            let partial = || ExportLogsPartialSuccess { rejected_log_records: rejected, error_message };
            ExportLogsServiceResponse { partial_success: is_partial(outcome).then(partial) }.encode_to_vec()
        }
        Signal::Traces => {
            let partial = || ExportTracePartialSuccess { rejected_spans: rejected, error_message };
            ExportTraceServiceResponse { partial_success: is_partial(outcome).then(partial) }.encode_to_vec()
        }
    }
}

/// 64 bits are a text in the JSON of protobuf.
fn json(signal: Signal, outcome: &Outcome) -> serde_json::Value {
    if !is_partial(outcome) {
        return json!({});
    }
    let rejected = match signal {
        Signal::Metrics => "rejectedDataPoints",
        Signal::Logs => "rejectedLogRecords",
        Signal::Traces => "rejectedSpans",
    };
    json!({ "partialSuccess": { rejected: outcome.refused.to_string(), "errorMessage": outcome.message } })
}

/// `google.rpc.Status` with the numbers of gRPC's codes.
/// Source: <https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto>
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<prost_types::Duration>,
}

pub fn failure(encoding: Encoding, code: i32, message: &str) -> Vec<u8> {
    match encoding {
        Encoding::Protobuf => status(code, message, None),
        Encoding::Json => json!({ "code": code, "message": message }).to_string().into_bytes(),
    }
}

/// `google.rpc.Status` in protobuf, with the pause after which to come back.
pub fn status(code: i32, message: &str, retry_seconds: Option<u64>) -> Vec<u8> {
    let retry = retry_seconds.map(|seconds| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        let info = RetryInfo { retry_delay: Some(prost_types::Duration { seconds, nanos: 0 }) };
        let type_url = "type.googleapis.com/google.rpc.RetryInfo".to_owned();
        prost_types::Any { type_url, value: info.encode_to_vec() }
    });
    Status { code, message: message.to_owned(), details: retry.into_iter().collect() }.encode_to_vec()
}
