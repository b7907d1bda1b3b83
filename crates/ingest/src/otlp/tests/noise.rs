//! Bodies that nobody meant: cut, turned, or made of anything.

use bytes::Bytes;
use model::Timestamp;
use proptest::prelude::*;

use super::stand::{FOLDERS, recordings};
use crate::otlp::{Compression, Encoding, OtlpSettings, Signal, rehearse};

fn now() -> Timestamp {
    Timestamp::from_secs(1_795_500_000)
}

fn read(signal: Signal, encoding: Encoding, body: &[u8]) -> Result<u64, String> {
    let settings = OtlpSettings::default();
    let body = Bytes::copy_from_slice(body);
    let read = rehearse(signal, encoding, Compression::Identity, &body, &settings, now());
    read.map(|(_, refused)| refused).map_err(|error| error.to_string())
}

proptest! {
    #[test]
    fn noise_is_refused_or_read_and_nothing_else(
        body in prop::collection::vec(any::<u8>(), 0..400),
        text in "[\\[\\]{}\":,a-zA-Z0-9 .-]{0,200}",
    ) {
        for signal in Signal::ALL {
            let _ = read(signal, Encoding::Protobuf, &body);
            let _ = read(signal, Encoding::Json, &body);
            let _ = read(signal, Encoding::Json, text.as_bytes());
        }
        for compression in [Compression::Gzip, Compression::Zstd] {
            let settings = OtlpSettings::default();
            let body = Bytes::copy_from_slice(&body);
            let read = rehearse(Signal::Logs, Encoding::Protobuf, compression, &body, &settings, now());
            prop_assert!(read.is_err() || body.is_empty());
        }
    }
}

/// Real bodies with a byte turned, and cut short: what is left is read or refused.
#[test]
fn damaged_recordings_are_refused_or_read() {
    let mut damaged = 0_u32;
    for folder in FOLDERS.iter().filter(|folder| folder.starts_with("otel-python/")) {
        let Some(bodies) = recordings(folder) else { return };
        for one in bodies.iter().filter(|one| one.compression == Compression::Identity) {
            let signal = Signal::ALL.into_iter().find(|signal| signal.as_str() == one.signal).unwrap();
            for place in (0..one.body.len()).step_by(97) {
                let mut body = one.body.to_vec();
                body[place] ^= 0x15;
                let _ = read(signal, one.encoding, &body);
                body.truncate(place);
                let _ = read(signal, one.encoding, &body);
                damaged += 1;
            }
        }
    }
    assert!(damaged > 500, "{damaged}");
}

/// Two bytes of an empty message are a hundred in memory, one byte of a packed number is eight.
#[test]
fn what_would_be_huge_in_memory_is_refused_before_it_is() {
    let field = |number: u8, bytes: &[u8]| {
        let length = bytes.len();
        let varint = [
            length as u8 | 0x80,
            (length >> 7) as u8 | 0x80,
            (length >> 14) as u8 | 0x80,
            (length >> 21) as u8,
        ];
        [&[number << 3 | 2][..], &varint, bytes].concat()
    };
    let empty_spans = field(1, &field(2, &[0x12, 0].repeat(1_100_000)));
    assert!(read(Signal::Traces, Encoding::Protobuf, &empty_spans).unwrap_err().contains("messages"));
    let buckets = field(8, &field(2, &vec![1; 17_000_000]));
    let histogram = field(1, &field(2, &field(2, &field(10, &field(1, &buckets)))));
    assert!(read(Signal::Metrics, Encoding::Protobuf, &histogram).unwrap_err().contains("messages"));
    let json = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[
        {{"bucketCounts":[{}1]}}]}}}}]}}]}}]}}"#,
        "1,".repeat(17_000_000)
    );
    assert!(read(Signal::Metrics, Encoding::Json, json.as_bytes()).unwrap_err().contains("messages"));
}
