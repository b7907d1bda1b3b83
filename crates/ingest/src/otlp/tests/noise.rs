//! Bodies that nobody meant: cut, turned, or made of anything.

use model::Timestamp;
use proptest::prelude::*;

use super::stand::{FOLDERS, recordings};
use crate::otlp::{Compression, Encoding, OtlpSettings, Signal, rehearse};

fn now() -> Timestamp {
    Timestamp::from_secs(1_795_500_000)
}

fn read(signal: Signal, encoding: Encoding, body: &[u8]) -> bool {
    let settings = OtlpSettings::default();
    rehearse(signal, encoding, Compression::Identity, body, &settings, now()).is_ok()
}

proptest! {
    #[test]
    fn noise_is_refused_or_read_and_nothing_else(
        body in prop::collection::vec(any::<u8>(), 0..400),
        text in "[\\[\\]{}\":,a-zA-Z0-9 .-]{0,200}",
    ) {
        for signal in Signal::ALL {
            read(signal, Encoding::Protobuf, &body);
            read(signal, Encoding::Json, &body);
            read(signal, Encoding::Json, text.as_bytes());
        }
        for compression in [Compression::Gzip, Compression::Zstd] {
            let settings = OtlpSettings::default();
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
                read(signal, one.encoding, &body);
                body.truncate(place);
                read(signal, one.encoding, &body);
                damaged += 1;
            }
        }
    }
    assert!(damaged > 500, "{damaged}");
}
