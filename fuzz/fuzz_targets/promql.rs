//! Reading a query, laying it out and drawing it as a tree. What is laid out reads the same.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let read = promql::parse(text);
    assert!(read.is_err() || promql::syntax_tree(text).is_ok() || text.contains(['<', '>']));
    let Ok(laid_out) = promql::format(text) else { return };
    if read.is_ok() {
        assert!(promql::parse(&laid_out).is_ok(), "{laid_out}");
    }
});
