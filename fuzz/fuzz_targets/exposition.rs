//! Pages of exporters: the first byte chooses the format.

#![no_main]

use std::ops::ControlFlow;

use ingest::exposition::{Entry, FamilyKind, Format, PageLimits, read, series};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((choice, page)) = bytes.split_first() else { return };
    let format = [Format::Text, Format::OpenMetrics, Format::Protobuf][usize::from(choice % 3)];
    // What is refused is refused; nothing else may happen.
    let _ = read(format, page, &PageLimits::default(), |entry| {
        match entry {
            Entry::Sample { series: text, exemplar, .. } => {
                let _ = series::read(&text, FamilyKind::Histogram);
                let _ = exemplar.map(|exemplar| series::read_labels(&exemplar.labels));
            }
            Entry::Histogram { series: text, .. } => drop(series::read(&text, FamilyKind::Unknown)),
            Entry::Fact { .. } => {}
        }
        Ok(ControlFlow::<()>::Continue(()))
    });
});
