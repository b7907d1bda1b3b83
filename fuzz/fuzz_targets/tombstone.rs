//! Reading a tombstone.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| embedded::fuzzing::tombstone(bytes));
