//! OTLP: the first byte chooses signal and encoding. Compression would stop nearly all of it, so
//! what comes is the message.

#![no_main]

use bytes::Bytes;
use ingest::otlp::{Compression, Encoding, OtlpSettings, Signal, rehearse};
use model::Timestamp;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((choice, message)) = bytes.split_first() else { return };
    let signal = Signal::ALL[usize::from(choice % 3)];
    let encoding = [Encoding::Protobuf, Encoding::Json][usize::from(choice / 3 % 2)];
    let message = Bytes::copy_from_slice(message);
    let now = Timestamp::from_secs(1_795_500_000);
    // What is refused is refused; nothing else may happen.
    let _ = rehearse(signal, encoding, Compression::Identity, &message, &OtlpSettings::default(), now);
});
