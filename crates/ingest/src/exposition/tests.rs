//! Pages as exporters write them, and as nobody should.

#![allow(clippy::unwrap_used)]

use model::{LabelSet, Timestamp};
use proptest::prelude::*;
use prost::Message;

use super::message::{self, MetricFamily};
use super::*;

/// Every entry of a page in one line each.
fn told(format: Format, page: &[u8]) -> Result<Vec<String>, String> {
    let mut lines = vec![];
    let flow = read(format, page, &PageLimits::default(), |entry| {
        lines.push(line_of(&entry)?);
        Ok(ControlFlow::<()>::Continue(()))
    });
    flow.map(|_| lines).map_err(|error| error.to_string())
}

fn line_of(entry: &Entry<'_>) -> Result<String, PageFault> {
    let time = |at: &Option<Timestamp>| at.map_or(String::new(), |at| format!(" @{}", at.as_millis()));
    let exemplar_line = |exemplar: &ExemplarText<'_>| {
        let labels = series::read_labels(&exemplar.labels)?;
        Ok(format!(" # {labels} {}{}", exemplar.value, time(&exemplar.at)))
    };
    Ok(match entry {
        Entry::Fact { family, fact } => format!("{family}: {fact:?}"),
        Entry::Sample { series, kind, value, at, exemplar } => {
            let exemplar = exemplar.as_ref().map_or(Ok(String::new()), exemplar_line)?;
            format!("{} {value}{}{exemplar}", series::read(series, *kind)?, time(at))
        }
        Entry::Histogram { series, histogram, at, exemplars } => {
            let exemplars: Result<String, PageFault> = exemplars.iter().map(exemplar_line).collect();
            let labels = series::read(series, FamilyKind::Histogram)?;
            let buckets = |buckets: &[model::Bucket]| {
                let each = buckets.iter().map(|bucket| format!("{}:{}", bucket.index, bucket.count));
                each.collect::<Vec<_>>().join(",")
            };
            format!(
                "{labels} n={} sum={} zero={} +[{}] -[{}]{}{}",
                histogram.count,
                histogram.sum,
                histogram.zero_count,
                buckets(&histogram.positive),
                buckets(&histogram.negative),
                time(at),
                exemplars?
            )
        }
    })
}

#[track_caller]
fn check(format: Format, page: &str, expected: &[&str]) {
    assert_eq!(told(format, page.as_bytes()).unwrap(), expected);
}

#[track_caller]
fn refused(format: Format, page: &[u8], expected: &str) {
    let error = told(format, page).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_page_of_text() {
    let page = "# HELP http_requests_total The \\\\ total\\nof requests.\n\
        # TYPE http_requests_total counter\n\
        http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n\
        http_requests_total{ method = \"a\\\"b\\\\c\\nd\", code=\"400\", }    3\n\
        \n  # a comment\n\
        metric_without_timestamp_and_labels 12.47\n\
        spaced {a=\"}\"}\t+Inf -3982045\r\n\
        nothing NaN";
    check(
        Format::Text,
        page,
        &[
            "http_requests_total: Help(\"The \\\\ total\\nof requests.\")",
            "http_requests_total: Kind(Counter)",
            "http_requests_total{code=\"200\", method=\"post\"} 1027 @1395066363000",
            "http_requests_total{code=\"400\", method=\"a\\\"b\\\\c\\nd\"} 3",
            "metric_without_timestamp_and_labels 12.47",
            "spaced{a=\"}\"} inf @-3982045",
            "nothing NaN",
        ],
    );
}

#[test]
fn names_in_quotes() {
    let page = "# TYPE \"my.metric\" gauge\n\
        {\"my.metric\",\"label.a\"=\"1\",b=\"2\"} 1\n\
        {\"a name with } and \\\"\"} 2\n";
    let expected =
        ["my.metric: Kind(Gauge)", "my.metric{b=\"2\", label.a=\"1\"} 1", "a name with } and \" 2"];
    check(Format::Text, page, &expected);
}

#[test]
fn a_page_of_openmetrics() {
    let page = "# TYPE foo histogram\n# UNIT foo seconds\n# HELP foo Said \\\"so\\\".\n\
        foo_bucket{le=\"1\"} 8 123.5 # {trace_id=\"KOO5S4vxi0o\"} 0.67\n\
        foo_bucket{le=\"+Inf\"} 17 # {trace_id=\"oHg5SJYRHA0\"} 9.8 1520879607.789\n\
        foo_sum 324789.3\nfoo_count 17\nfoo_created 1520430000.123\n# EOF\n";
    check(
        Format::OpenMetrics,
        page,
        &[
            "foo: Kind(Histogram)",
            "foo: Unit(\"seconds\")",
            "foo: Help(\"Said \\\"so\\\".\")",
            "foo_bucket{le=\"1.0\"} 8 @123500 # {trace_id=\"KOO5S4vxi0o\"} 0.67",
            "foo_bucket{le=\"+Inf\"} 17 # {trace_id=\"oHg5SJYRHA0\"} 9.8 @1520879607789",
            "foo_sum 324789.3",
            "foo_count 17",
            "foo_created 1520430000.123",
        ],
    );
}

#[test]
fn an_error_names_its_line_and_what_is_wrong() {
    for (page, expected) in [
        ("up 1\nup x\n", "line 2: `x` is not a number"),
        ("up\n", "line 1: expected a value"),
        ("up{a=\"1\" 1\n", "line 1: expected a closing `}`"),
        ("up{a=\"1} 1\n", "line 1: expected a closing `\"`"),
        ("up{a=1} 1\n", "expected `\"`"),
        ("up{a=\"1\",a=\"2\"} 1\n", "the label `a` is there twice"),
        ("up{1a=\"1\"} 1\n", "is not the name of a label"),
        ("up{a=\"1\"b=\"2\"} 1\n", "expected `,` or `}`"),
        ("1up 1\n", "is not the name of a metric"),
        ("{a=\"1\"} 1\n", "expected the name of a metric"),
        ("up 1 soon\n", "is not a time in milliseconds"),
        ("up 1 2 3\n", "is not the end of a line"),
        ("# TYPE up sideways\n", "is not the type of a metric"),
        ("<html>\n", "line 1"),
        ("up{a=\"\\", "expected a closing"),
    ] {
        refused(Format::Text, page.as_bytes(), expected);
    }
    refused(Format::Text, b"up 1\nup{a=\"\xff\"} 1\n", "line 2: is not UTF-8");
    for (page, expected) in [
        ("up 1\n", "does not end with"),
        ("up 1\n# EOF\nup 2\n", "line 3: there is more behind"),
        ("\n# EOF\n", "line 1: an empty line"),
        ("up 1 # x 1\n# EOF\n", "expected `{` of an exemplar"),
        ("up 1 inf\n# EOF\n", "is not a time in seconds"),
    ] {
        refused(Format::OpenMetrics, page.as_bytes(), expected);
    }
}

#[test]
fn a_page_has_limits() {
    let limits = PageLimits { samples_max: 2, line_bytes_max: 10, ..PageLimits::default() };
    let fault = |page: &[u8]| {
        let flow = read(Format::Text, page, &limits, |_| Ok(ControlFlow::<()>::Continue(())));
        flow.map_err(|error| error.to_string())
    };
    assert_eq!(fault(b"a 1\nb 2\n"), Ok(ControlFlow::Continue(())));
    assert_eq!(fault(b"a 1\nb 2\nc 3\n"), Err("line 3: the page has more than 2 samples".to_owned()));
    assert_eq!(fault(b"abcdefghij 1\n"), Err("line 1: has more than 10 bytes".to_owned()));
    let many: String = (0..1001).map(|label| format!("l{label}=\"x\",")).collect();
    refused(Format::Text, format!("a{{{many}}} 1").as_bytes(), "more than 1000 labels");
}

#[test]
fn a_caller_can_break_off() {
    let flow = read(Format::Text, b"a 1\nb x", &PageLimits::default(), |_| Ok(ControlFlow::Break("enough")));
    assert_eq!(flow, Ok(ControlFlow::Break("enough")));
}

#[test]
fn a_format_is_told_by_its_content_type() {
    for (text, format) in [
        ("text/plain; version=0.0.4; charset=utf-8", Some(Format::Text)),
        ("text/plain;version=1.0.0;escaping=allow-utf-8", Some(Format::Text)),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", Some(Format::OpenMetrics)),
        (
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            Some(Format::Protobuf),
        ),
        ("application/vnd.google.protobuf; proto=other; encoding=delimited", None),
        ("text/html", None),
        ("", None),
    ] {
        assert_eq!(Format::of_content_type(text), format, "{text}");
    }
}

fn label(name: &str, value: &str) -> message::LabelPair {
    message::LabelPair { name: name.to_owned(), value: value.to_owned() }
}

fn family(name: &str, kind: message::Kind, metric: message::Metric) -> MetricFamily {
    MetricFamily {
        name: name.to_owned(),
        kind: kind.into(),
        metrics: vec![metric],
        ..MetricFamily::default()
    }
}

fn page_of(families: &[MetricFamily]) -> Vec<u8> {
    families.iter().flat_map(Message::encode_length_delimited_to_vec).collect()
}

#[test]
fn a_page_of_protobuf() {
    let exemplar = message::Exemplar {
        labels: vec![label("trace_id", "ab")],
        value: 0.5,
        at: Some(message::Instant { seconds: 2, nanos: 500_000_000 }),
    };
    let counter = message::Metric {
        labels: vec![label("dotted.name", "a\"b\n")],
        counter: Some(message::Counter { value: 3.0, exemplar: Some(exemplar.clone()) }),
        timestamp_ms: 7,
        ..Default::default()
    };
    let bucket = message::Bucket { cumulative_count: 2, upper_bound: 1.0, ..Default::default() };
    let classic = message::Histogram { count: 3, sum: 4.5, buckets: vec![bucket], ..Default::default() };
    let quantile = message::Quantile { quantile: 0.99, value: 7.0 };
    let summary = message::Summary { count: 9, sum: 1.0, quantiles: vec![quantile] };
    let span = |offset, length| message::Span { offset, length };
    let native = message::Histogram {
        count: 6,
        sum: 2.0,
        schema: 3,
        zero_threshold: 1e-9,
        zero_count: 1,
        positive_spans: vec![span(-2, 2), span(3, 1)],
        positive_deltas: vec![1, 2, -2],
        negative_spans: vec![span(0, 1)],
        negative_counts: vec![0.5],
        exemplars: vec![exemplar],
        ..Default::default()
    };
    let page = page_of(&[
        MetricFamily { help: "Why".to_owned(), ..family("requests.total", message::Kind::Counter, counter) },
        family(
            "size",
            message::Kind::Histogram,
            message::Metric { histogram: Some(classic), ..Default::default() },
        ),
        family(
            "quick",
            message::Kind::Summary,
            message::Metric { summary: Some(summary), ..Default::default() },
        ),
        family(
            "took",
            message::Kind::Histogram,
            message::Metric { histogram: Some(native), ..Default::default() },
        ),
    ]);
    let expected = [
        "requests.total: Kind(Counter)",
        "requests.total: Help(\"Why\")",
        "requests.total{dotted.name=\"a\\\"b\\n\"} 3 @7 # {trace_id=\"ab\"} 0.5 @2500",
        "size: Kind(Histogram)",
        "size_bucket{le=\"1.0\"} 2",
        "size_bucket{le=\"+Inf\"} 3",
        "size_sum 4.5",
        "size_count 3",
        "quick: Kind(Summary)",
        "quick{quantile=\"0.99\"} 7",
        "quick_sum 1",
        "quick_count 9",
        "took: Kind(Histogram)",
        "took n=6 sum=2 zero=1 +[-2:1,-1:3,3:1] -[0:0.5] # {trace_id=\"ab\"} 0.5 @2500",
    ];
    assert_eq!(told(Format::Protobuf, &page).unwrap(), expected);
    refused(Format::Protobuf, &page[..page.len() - 1], "line 4: is no protobuf message");
}

#[test]
fn a_histogram_that_cannot_be_is_refused() {
    let histogram = |change: fn(&mut message::Histogram)| {
        let mut histogram = message::Histogram {
            positive_spans: vec![message::Span { offset: 0, length: 1 }],
            positive_deltas: vec![1],
            ..Default::default()
        };
        change(&mut histogram);
        let metric = message::Metric { histogram: Some(histogram), ..Default::default() };
        page_of(&[family("h", message::Kind::Histogram, metric)])
    };
    for (change, expected) in [
        ((|h| h.schema = 9) as fn(&mut message::Histogram), "schema"),
        (|h| h.positive_deltas = vec![1, 1], "do not fit"),
        (|h| h.positive_deltas = vec![-1], "negative count"),
        (|h| h.positive_spans[0].length = u32::MAX, "too many buckets"),
        (|h| h.positive_spans[0].offset = i32::MAX, "too far out"),
        (|h| h.positive_spans.push(message::Span { offset: -1, length: 0 }), "overlap"),
        (
            |h| {
                h.positive_spans[0].length = 2;
                h.positive_deltas = vec![i64::MAX, 1];
            },
            "too large",
        ),
    ] {
        refused(Format::Protobuf, &histogram(change), expected);
    }
}

#[test]
fn bounds_are_written_in_one_way() {
    for (written, shown) in [
        ("1", "1.0"),
        ("0.5", "0.5"),
        ("1e6", "1e+06"),
        ("100000", "100000.0"),
        ("0.00001", "1e-05"),
        ("Inf", "+Inf"),
    ] {
        let text = format!("x_bucket{{le=\"{written}\"}}");
        let labels = series::read(&text, FamilyKind::Histogram).unwrap();
        assert_eq!(labels.get("le"), Some(shown));
        assert_eq!(series::read(&text, FamilyKind::Gauge).unwrap().get("le"), Some(written));
    }
}

proptest! {
    #[test]
    fn a_series_comes_back_as_it_was_written(
        name in "[^\\\\]{1,20}",
        labels in prop::collection::btree_map("[a-z.\u{e4}]{1,8}", ".{1,12}", 0..5),
    ) {
        let pairs: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let text = series::write(&name, &pairs);
        let expected = LabelSet::metric(&name, pairs.iter().copied());
        prop_assert_eq!(series::read(&text, FamilyKind::Unknown).unwrap(), expected.clone());
        // And the reader of lines finds its end.
        if !text.contains('\r') {
            let line = format!("{text} 4 5");
            let mut seen = vec![];
            let flow = read(Format::Text, line.as_bytes(), &PageLimits::default(), |entry| {
                if let Entry::Sample { series: text, .. } = entry {
                    seen.push(series::read(&text, FamilyKind::Unknown).unwrap());
                }
                Ok(ControlFlow::<()>::Continue(()))
            });
            prop_assert_eq!(flow, Ok(ControlFlow::Continue(())));
            prop_assert_eq!(seen, vec![expected]);
        }
    }

    #[test]
    fn hostile_bytes_are_refused_or_read_and_nothing_else(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for format in [Format::Text, Format::OpenMetrics, Format::Protobuf] {
            let _ = told(format, &bytes);
        }
    }

    #[test]
    fn hostile_text_is_refused_or_read_and_nothing_else(text in "[a{}\",=\\\\ #\n\t1.eé]{0,60}") {
        for format in [Format::Text, Format::OpenMetrics] {
            let _ = told(format, text.as_bytes());
        }
    }
}
