//! Attributes: from OTLP's values to those that are kept.

use std::hash::Hasher;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Attributes, Value};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;
use xxhash_rust::xxh3::Xxh3;

/// Lists and maps are kept as JSON, bytes in base64. No value is an empty text.
pub fn value_of(value: Option<&AnyValue>) -> Value {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => Value::Text(text.clone()),
        Some(Any::BoolValue(value)) => Value::Bool(*value),
        Some(Any::IntValue(value)) => Value::Int(*value),
        Some(Any::DoubleValue(value)) => Value::Float(*value),
        Some(Any::BytesValue(bytes)) => Value::Text(STANDARD.encode(bytes)),
        Some(list @ (Any::ArrayValue(_) | Any::KvlistValue(_))) => Value::Text(json_of(list).to_string()),
        Some(Any::StringValueStrindex(_)) | None => Value::Text(String::new()),
    }
}

pub fn text_of(value: Option<&AnyValue>) -> String {
    match value_of(value) {
        Value::Text(text) => text,
        other => other.to_string(),
    }
}

/// Nested only as deeply as messages are.
fn json_of(value: &Any) -> serde_json::Value {
    let of = |value: Option<&AnyValue>| {
        value.and_then(|value| value.value.as_ref()).map_or(serde_json::Value::Null, json_of)
    };
    match value {
        Any::StringValue(text) => text.as_str().into(),
        Any::BoolValue(value) => (*value).into(),
        Any::IntValue(value) => (*value).into(),
        Any::DoubleValue(value) => (*value).into(),
        Any::BytesValue(bytes) => STANDARD.encode(bytes).into(),
        Any::ArrayValue(list) => list.values.iter().map(|value| of(Some(value))).collect(),
        Any::KvlistValue(list) => {
            let pairs = list.values.iter().map(|pair| (pair.key.clone(), of(pair.value.as_ref())));
            serde_json::Value::Object(pairs.collect())
        }
        Any::StringValueStrindex(_) => serde_json::Value::Null,
    }
}

pub fn attributes_of(attributes: &[KeyValue]) -> Attributes {
    let named = attributes.iter().filter(|pair| !pair.key.is_empty());
    named.map(|pair| (pair.key.clone(), value_of(pair.value.as_ref()))).collect()
}

pub fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a AnyValue> {
    attributes.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.as_ref())
}

/// The text of an attribute; none when it is empty or absent.
pub fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    find(attributes, key).map(|value| text_of(Some(value))).filter(|text| !text.is_empty())
}

/// The same for the same attributes in any order.
pub fn hash(attributes: &[KeyValue]) -> u128 {
    let mut encoded: Vec<Vec<u8>> = attributes.iter().map(Message::encode_to_vec).collect();
    encoded.sort_unstable();
    let mut hasher = Xxh3::new();
    for attribute in encoded {
        hasher.write_usize(attribute.len());
        hasher.update(&attribute);
    }
    hasher.digest128()
}
