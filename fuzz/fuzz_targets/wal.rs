//! Replay of a WAL file.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| embedded::fuzzing::wal(bytes));
