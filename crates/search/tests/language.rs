//! The language from outside: what finds what, what is refused and where.

#![allow(clippy::unwrap_used)]

use model::{
    LabelSet, LogRecord, LogSeverity, Span, SpanId, SpanKind, SpanStatus, TimeRange, Timestamp, TraceId,
    Value,
};
use proptest::prelude::*;
use search::parse;

const TRACE: &str = "00112233445566778899aabbccddeeff";

fn record() -> LogRecord {
    LogRecord {
        trace: TraceId::parse(TRACE),
        attributes: vec![
            ("tool".to_owned(), Value::from("bash")),
            ("gen_ai.request.model".to_owned(), Value::from("qwen3-coder")),
            ("status_code".to_owned(), Value::Int(429)),
            ("duration_ms".to_owned(), Value::Float(2500.0)),
            ("attempt".to_owned(), Value::from("3")),
            ("cached".to_owned(), Value::Bool(true)),
        ],
        ..LogRecord::new(
            Timestamp::from_secs(1),
            LabelSet::new([("service.name", "planner"), ("agent", "builder"), ("tool", "hidden")]),
            LogSeverity::Warn,
            "Rate limit reached: tool_call 42 of /srv/app.py was retried",
        )
    }
}

fn span() -> Span {
    Span {
        trace: TraceId::parse(TRACE).unwrap(),
        id: SpanId::parse("0011223344556677").unwrap(),
        parent: None,
        stream: LabelSet::new([("service.name", "planner")]),
        name: "chat qwen3".to_owned(),
        kind: SpanKind::Client,
        status: SpanStatus::Error,
        status_message: "rate limit".to_owned(),
        start: Timestamp::from_secs(1),
        duration_nanos: 2_500_000_000,
        attributes: vec![("gen_ai.tool.name".to_owned(), Value::from("bash"))],
        events: Vec::new(),
        links: Vec::new(),
    }
}

#[test]
fn searches_find_log_records() {
    for (text, found) in [
        ("", true),
        ("  ", true),
        ("limit", true),
        ("LIMIT", true),
        ("lim", false),
        ("lim*", true),
        ("*mit", true),
        ("l*t", true),
        ("*imi*", true),
        ("\"rate limit\"", true),
        ("\"limit rate\"", false),
        ("\"ate lim\"", true),
        ("/srv/app.py", true),
        ("\"/srv/app.py\"", true),
        ("app.py", true),
        ("app*", true),
        (r"/tool_call \d+/", true),
        (r"/^tool/", false),
        ("rate limit", true),
        ("rate and limit", true),
        ("rate AND nothing", false),
        ("nothing or limit", true),
        ("nothing OR (rate -nowhere)", true),
        ("-nothing", true),
        ("not limit", false),
        ("not not limit", true),
        ("--limit", true),
        ("-(rate limit)", false),
        ("agent:builder", true),
        ("agent=builder", true),
        ("agent:build", false),
        ("agent:build*", true),
        ("agent:\"build*\"", false),
        ("agent!=builder", false),
        ("agent:(tester or builder)", true),
        ("agent:(tester, reviewer)", false),
        ("agent:*", true),
        ("nowhere:*", false),
        ("nowhere!=x", true),
        ("-nowhere:*", true),
        ("service:planner", true),
        ("service.name:planner", true),
        ("model:qwen*", true),
        ("gen_ai.request.model=qwen*", true),
        ("\"gen_ai.request.model\":qwen3-coder", true),
        ("tool:bash", true),
        ("tool:hidden", false),
        ("level:warn", true),
        ("level:WARNING", true),
        ("level>=warn", true),
        ("level>warn", false),
        ("level<error", true),
        ("severity!=warn", false),
        ("status_code:429", true),
        ("status_code>=400", true),
        ("status_code<400", false),
        ("status_code=~4..", true),
        ("status_code!~/^4/", false),
        ("attempt>2", true),
        ("attempt:3", true),
        ("cached:true", true),
        ("duration_ms>2s", true),
        ("duration_ms>2500", false),
        ("duration_ms>=2500ms", true),
        ("trace:00112233445566778899AABBCCDDEEFF", true),
        ("trace:ffffffffffffffffffffffffffffffff", false),
        ("span:*", false),
        ("message:\"rate limit\"", true),
        ("body:/limit.*retried/", true),
        ("agent=~\"build|test\"", false),
        ("agent=~\"build.*|test\"", true),
        ("agent=~/build|test/", true),
        ("ors", false),
        ("level>=warn agent:builder \"rate limit\" -tool:python", true),
    ] {
        assert_eq!(parse(text).unwrap().matches(&record()), found, "{text}");
    }
}

#[test]
fn searches_find_spans() {
    for (text, found) in [
        ("duration>2s", true),
        ("duration>=2500ms", true),
        ("duration<1m", true),
        ("duration>2500ms", false),
        ("status:error", true),
        ("status:ok", false),
        ("kind:client", true),
        ("name:\"chat qwen3\"", true),
        ("name:chat*", true),
        ("tool:bash", true),
        ("\"rate limit\"", true),
        ("bash", true),
        ("parent:*", false),
        ("span:0011223344556677", true),
        ("service:planner duration>1s -status:ok", true),
    ] {
        assert_eq!(parse(text).unwrap().matches(&span()), found, "{text}");
    }
}

#[test]
fn errors_point_at_their_column() {
    for (text, column, word) in [
        ("agent:", 7, "value"),
        ("agent: builder", 7, "value"),
        ("rate (limit", 12, "`)`"),
        ("rate limit)", 11, "`(`"),
        ("rate and", 9, "expected"),
        ("or limit", 1, "expected"),
        ("rate or", 8, "expected"),
        ("()", 2, "expected"),
        ("\"rate", 1, "second"),
        ("a \"\"", 3, "quotes"),
        ("ä /(/", 3, "regular expression"),
        ("agent=~\"(\"", 8, "regular expression"),
        ("agent=~\")(\"", 8, "regular expression"),
        ("level:loud", 7, "trace, debug"),
        ("level>=5", 8, "trace, debug"),
        ("duration>2", 10, "unit"),
        ("trace:xyz", 7, "32"),
        ("agent>builder", 7, "no number"),
        ("trace>00112233445566778899aabbccddeeff", 7, "no number"),
        ("agent!builder", 7, "`!=`"),
        ("agent:(a b)", 10, "`or`"),
        ("*", 1, "star"),
        (":x", 1, "name"),
    ] {
        let error = parse(text).expect_err(text);
        assert_eq!(error.column, column, "{text}: {error}");
        assert!(error.message.contains(word), "{text}: {error}");
    }
}

#[test]
fn what_would_cost_too_much_is_refused() {
    for text in [
        "(".repeat(1_000),
        "a ".repeat(1_000),
        format!("a:({})", "b,".repeat(1_000)),
        "a".repeat(20_000),
        "/(a{1000}){1000}/".to_owned(),
    ] {
        assert!(parse(&text).is_err(), "{}", &text[..20.min(text.len())]);
    }
    assert!(parse(&format!("{}a", "-".repeat(10_000))).is_ok(), "a minus costs no stack");
}

#[test]
fn the_store_is_told_what_narrows_the_search_down() {
    let query =
        parse("level>=error trace:00112233445566778899aabbccddeeff retry \"the rate limit is\"").unwrap();
    let told = query.log_query(TimeRange::ALL);
    assert_eq!(told.severity_min, Some(LogSeverity::Error));
    assert_eq!(told.trace, TraceId::parse(TRACE));
    assert_eq!(told.words, ["retry", "rate", "limit"], "the ends of a phrase may be parts of words");
    assert_eq!(told.contains.as_deref(), Some("the rate limit is"));
    let told = parse("a or b").unwrap().log_query(TimeRange::ALL);
    assert!(told.words.is_empty());
    let told = parse("-level:error").unwrap().log_query(TimeRange::ALL);
    assert_eq!(told.severity_min, None);
    let told = parse("duration>2s status:error name:chat").unwrap().span_query(TimeRange::ALL);
    assert_eq!((told.duration_min.as_secs(), told.status), (2, Some(SpanStatus::Error)));
    assert_eq!(told.name.as_deref(), Some("chat"));
}

fn atom() -> impl Strategy<Value = String> {
    let text = "[abAB]{1,3}( [ab]{1,2}){0,2}";
    prop_oneof![
        "[abAB]{1,3}",
        text.prop_map(|text| format!("\"{text}\"")),
        "[ab]{1,2}".prop_map(|text| format!("{text}*")),
        prop::sample::select(vec!["level>=warn", "level:error", "level<warn", "x:a", "x!=b", "message:ab"])
            .prop_map(str::to_owned),
        Just(format!("trace:{TRACE}")),
        prop::sample::select(vec!["duration>1s", "duration<=2s", "status:error", "name:a", "name!=b"])
            .prop_map(str::to_owned),
    ]
}

fn search() -> impl Strategy<Value = String> {
    atom().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| parts.join(" ")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" or "))),
            inner.prop_map(|inner| format!("-({inner})")),
        ]
    })
}

proptest! {
    /// A store that looks only for what it was told finds everything that matches.
    #[test]
    fn nothing_that_matches_is_left_out(
        text in search(),
        body in "[abAB ,]{0,12}",
        level in prop::sample::select(&LogSeverity::ALL[..]),
        has_trace in any::<bool>(),
        x in prop::option::of("[ab]"),
        duration_nanos in 0..3_000_000_000_u64,
        is_error in any::<bool>(),
    ) {
        let query = parse(&text).unwrap();
        let stream = LabelSet::new(x.iter().map(|x| ("x", x.as_str())));
        let mut record = LogRecord::new(Timestamp::from_secs(1), stream.clone(), level, body.clone());
        record.trace = TraceId::parse(TRACE).filter(|_| has_trace);
        if query.matches(&record) {
            prop_assert!(query.log_query(TimeRange::ALL).selects(&record), "{text} on {body:?}");
        }
        let status = if is_error { SpanStatus::Error } else { SpanStatus::Ok };
        let span = Span { name: body.clone(), stream, status, duration_nanos, ..span() };
        if query.matches(&span) {
            prop_assert!(query.span_query(TimeRange::ALL).selects(&span), "{text} on {span:?}");
        }
    }

    #[test]
    fn no_text_is_too_strange(text in "[ab:=~!<>()\"/*\\\\ .é-]{0,40}") {
        if let Err(error) = parse(&text) {
            prop_assert!(error.column <= text.chars().count() + 1);
            prop_assert!(!error.message.is_empty());
        }
    }
}
