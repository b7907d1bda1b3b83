//! Remote write: the first byte chooses the version. Compression would stop nearly all of it,
//! so what comes is the message, and compressed here.

#![no_main]

use ingest::remote_write::{Receiver, RemoteWriteLimits, Version};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((choice, message)) = bytes.split_first() else { return };
    let version = [Version::One, Version::Two][usize::from(choice % 2)];
    let receiver = Receiver::new(RemoteWriteLimits::default());
    let _ = receiver.receive(version, message);
    if let Ok(body) = snap::raw::Encoder::new().compress_vec(message) {
        // What is refused is refused; nothing else may happen.
        let _ = receiver.receive(version, &body);
    }
});
