//! A body as it is sent: unpacked, and read as a message.

use std::borrow::Cow;
use std::io::Read;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use super::Signal;
use super::json::to_protobuf;
use super::schema::SCHEMA;
use crate::remote_write::wire::Malformed;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    pub const fn content_type(self) -> &'static str {
        match self {
            Encoding::Protobuf => "application/x-protobuf",
            Encoding::Json => "application/json",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Identity,
    Gzip,
    Zstd,
}

impl Compression {
    /// By the word of `Content-Encoding`.
    pub fn parse(word: &str) -> Option<Self> {
        match word.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Compression::Identity),
            "gzip" | "x-gzip" => Some(Compression::Gzip),
            "zstd" => Some(Compression::Zstd),
            _ => None,
        }
    }
}

/// Why a whole body is refused. Sending it again cannot succeed.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the body is not {0}")]
    Compression(&'static str),
    #[error("the message has more than {0} bytes (`otlp.message_max`)")]
    TooLarge(usize),
    #[error("the message holds more than {MESSAGES_MAX} messages, or as many numbers as take their place")]
    TooMany,
    #[error("the body is not the JSON of OTLP: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the body is not the protobuf of OTLP: {0}")]
    Protobuf(String),
}

impl BodyError {
    /// Less of it could be taken.
    pub fn is_too_large(&self) -> bool {
        matches!(self, BodyError::TooLarge(_) | BodyError::TooMany)
    }
}

impl From<Malformed> for BodyError {
    fn from(error: Malformed) -> Self {
        BodyError::Protobuf(error.0.to_owned())
    }
}

/// Messages within one message: two bytes of an empty one become a hundred in memory, so that
/// the size alone bounds nothing. A million are 25,000 spans with 20 attributes.
const MESSAGES_MAX: usize = 1_000_000;

/// Stops as soon as it is too large, so that nothing is reserved for a bomb.
pub fn unpack(compression: Compression, body: &Bytes, most: usize) -> Result<Bytes, BodyError> {
    match compression {
        Compression::Identity if body.len() > most => Err(BodyError::TooLarge(most)),
        Compression::Identity => Ok(body.clone()),
        Compression::Gzip => read_at_most(flate2::read::MultiGzDecoder::new(&**body), "gzip", most),
        Compression::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(&**body);
            read_at_most(decoder.map_err(|_| BodyError::Compression("zstd"))?, "zstd", most)
        }
    }
}

fn read_at_most(reader: impl Read, name: &'static str, most: usize) -> Result<Bytes, BodyError> {
    let mut bytes = Vec::new();
    let read = reader.take(most as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|_| BodyError::Compression(name))?;
    if bytes.len() > most { Err(BodyError::TooLarge(most)) } else { Ok(Bytes::from(bytes)) }
}

/// A request of one of the three services.
#[derive(Debug)]
pub enum Request {
    Metrics(ExportMetricsServiceRequest),
    Logs(ExportLogsServiceRequest),
    Traces(ExportTraceServiceRequest),
}

impl Request {
    pub fn read(signal: Signal, encoding: Encoding, message: &[u8]) -> Result<Self, BodyError> {
        let name = match signal {
            Signal::Metrics => ".opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest",
            Signal::Logs => ".opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest",
            Signal::Traces => ".opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest",
        };
        match signal {
            Signal::Metrics => read(name, encoding, message).map(Request::Metrics),
            Signal::Logs => read(name, encoding, message).map(Request::Logs),
            Signal::Traces => read(name, encoding, message).map(Request::Traces),
        }
    }
}

fn read<M: Message + Default>(name: &str, encoding: Encoding, message: &[u8]) -> Result<M, BodyError> {
    let number = SCHEMA.number(name).unwrap_or(usize::MAX);
    let protobuf = match encoding {
        Encoding::Protobuf => {
            if SCHEMA.count(number, message, MESSAGES_MAX)? > MESSAGES_MAX {
                return Err(BodyError::TooMany);
            }
            Cow::Borrowed(message)
        }
        Encoding::Json => Cow::Owned(to_protobuf(number, message, MESSAGES_MAX)?),
    };
    M::decode(protobuf.as_ref()).map_err(|error| BodyError::Protobuf(error.to_string()))
}
