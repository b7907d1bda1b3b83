//! Opening, asking and merging a part of an index.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| embedded::fuzzing::labels(bytes));
