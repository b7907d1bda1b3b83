//! Opening, querying and scanning a segment.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| embedded::fuzzing::segment(bytes));
