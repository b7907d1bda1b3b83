//! JSON as senders write it, and as nobody should.

#![allow(clippy::unwrap_used)]

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;

use super::*;

const LOGS: &str = ".opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest";

fn read(json: &str) -> Result<ExportLogsServiceRequest, String> {
    let bytes = to_protobuf(SCHEMA.number(LOGS).unwrap(), json.as_bytes(), 100);
    let bytes = bytes.map_err(|error| error.to_string())?;
    ExportLogsServiceRequest::decode(bytes.as_slice()).map_err(|error| error.to_string())
}

/// The one record of a request whose record is `json`.
fn record(json: &str) -> Result<LogRecord, String> {
    let request = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{json}]}}]}}]}}"#);
    read(&request)
        .map(|mut request| request.resource_logs.remove(0).scope_logs.remove(0).log_records.remove(0))
}

fn value(json: &str) -> Option<Value> {
    record(&format!(r#"{{"body":{json}}}"#)).unwrap().body.unwrap().value
}

#[test]
fn numbers_are_numbers_or_texts() {
    for json in ["200", "\"200\"", "2e2", "200.0"] {
        assert_eq!(value(&format!(r#"{{"intValue":{json}}}"#)), Some(Value::IntValue(200)), "{json}");
        assert_eq!(record(&format!(r#"{{"timeUnixNano":{json}}}"#)).unwrap().time_unix_nano, 200, "{json}");
    }
    assert_eq!(value(r#"{"intValue":"-9223372036854775808"}"#), Some(Value::IntValue(i64::MIN)));
    assert_eq!(value(r#"{"doubleValue":"-Infinity"}"#), Some(Value::DoubleValue(f64::NEG_INFINITY)));
    assert_eq!(value(r#"{"doubleValue":1}"#), Some(Value::DoubleValue(1.0)));
    let most = record(r#"{"timeUnixNano":"18446744073709551615"}"#).unwrap();
    assert_eq!(most.time_unix_nano, u64::MAX);
}

#[test]
fn ids_are_hexadecimal_whatever_their_case_or_base64_where_that_is_plain() {
    for json in ["00112233445566778899AABBCCDDEEFF", "ABEiM0RVZneImaq7zN3u/w==", "ABEiM0RVZneImaq7zN3u_w"] {
        let record = record(&format!(r#"{{"traceId":"{json}"}}"#)).unwrap();
        let expected: Vec<u8> = (0..16).map(|index| index * 17).collect();
        assert_eq!(record.trace_id, expected, "{json}");
    }
    assert_eq!(record(r#"{"traceId":""}"#).unwrap().trace_id, [0_u8; 0]);
    assert!(record(r#"{"traceId":"not an id"}"#).unwrap_err().contains("hexadecimal"));
}

#[test]
fn either_spelling_counts_and_unknown_fields_do_not() {
    let record = record(
        r#"{"time_unix_nano":1,"news":{"a":[{}]},"severityNumber":"SEVERITY_NUMBER_WARN2",
        "traceId":null,"attributes":[{"key":"a","value":{"bytesValue":"aGk="}},{"key":"b"}]}"#,
    );
    let record = record.unwrap();
    assert_eq!((record.time_unix_nano, record.severity_number), (1, 14));
    let values: Vec<_> =
        record.attributes.iter().map(|one| one.value.clone().and_then(|v| v.value)).collect();
    assert_eq!(values, [Some(Value::BytesValue(b"hi".to_vec())), None]);
}

#[test]
fn what_is_of_another_kind_is_told_with_its_place() {
    for (json, word) in [
        (r#"{"resourceLogs":1}"#, "an array of an object at line 1"),
        (r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"soon"}]}]}]}"#, "an integer"),
        (r#"{"resourceLogs":[{"resource":[]}]}"#, "an object"),
        (r#"[]"#, "an object"),
        (r#"{"resourceLogs":["#, "EOF"),
        (r#"{} {}"#, "trailing"),
    ] {
        let error = read(json).unwrap_err();
        assert!(error.contains(word), "{json}: {error}");
    }
}

#[test]
fn depth_and_number_are_bounded() {
    let deep = format!("{}1{}", r#"{"arrayValue":{"values":["#.repeat(60), "]}}".repeat(60));
    assert!(record(&format!(r#"{{"body":{deep}}}"#)).unwrap_err().contains("recursion"));
    let many = format!(r#"{{"resourceLogs":[{}{{}}]}}"#, "{},".repeat(100));
    assert!(read(&many).unwrap_err().contains("too many"));
    let long = record(&format!(r#"{{"timeUnixNano":"{}"}}"#, "x".repeat(100_000))).unwrap_err();
    assert!(long.len() < 200, "{}", long.len());
}

#[test]
fn lengths_of_several_bytes_are_put_before_what_they_count() {
    let long = "x".repeat(70_000);
    let body = value(&format!(r#"{{"stringValue":"{long}"}}"#));
    assert_eq!(body, Some(Value::StringValue(long)));
}
