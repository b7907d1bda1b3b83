//! The same call, told by each sender in its own words.

use std::collections::BTreeSet;

use super::*;

/// What is added for these attributes, without `watchkeeper.`.
fn added(scope: &str, name: &str, attributes: &[(&str, Value)]) -> Vec<(String, String)> {
    let mut all: Attributes =
        attributes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    VOCABULARY.add_meanings(&LabelSet::new([("otel.scope.name", scope)]), name, &mut all);
    let new = all.split_off(attributes.len());
    new.into_iter().map(|(key, value)| (key.replace("watchkeeper.", ""), value.to_string())).collect()
}

fn check(scope: &str, attributes: &[(&str, Value)], expected: &[(&str, &str)]) {
    let found: BTreeSet<_> = added(scope, "", attributes).into_iter().collect();
    let expected: BTreeSet<_> =
        expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    assert_eq!(found, expected);
}

fn int(number: i64) -> Value {
    Value::Int(number)
}

/// A prompt of 1200 tokens, 200 of them cached, and 25 in return, 5 of them reasoning.
const COUNTED: [(&str, &str); 4] = [
    ("tokens.input", "1000"),
    ("tokens.cache_read", "200"),
    ("tokens.output", "20"),
    ("tokens.reasoning", "5"),
];

#[test]
fn each_dialect_counts_the_same_call_alike() {
    let dialects: [[(&str, Value); 4]; 5] = [
        [
            ("input_token_count", "1200".into()),
            ("cached_token_count", "200".into()),
            ("output_token_count", "25".into()),
            ("reasoning_token_count", int(5)),
        ],
        [
            ("ai.usage.inputTokens", int(1200)),
            ("ai.usage.cachedInputTokens", int(200)),
            ("ai.usage.outputTokens", int(25)),
            ("ai.usage.reasoningTokens", int(5)),
        ],
        [
            ("gen_ai.usage.input_tokens", int(1200)),
            ("gen_ai.usage.cache_read.input_tokens", int(200)),
            ("gen_ai.usage.output_tokens", int(25)),
            ("gen_ai.usage.reasoning.output_tokens", int(5)),
        ],
        [
            ("gen_ai.usage.prompt_tokens", int(1200)),
            ("gen_ai.usage.cache_read_input_tokens", int(200)),
            ("gen_ai.usage.completion_tokens", int(25)),
            ("gen_ai.usage.reasoning_tokens", int(5)),
        ],
        [
            ("llm.token_count.prompt", int(1200)),
            ("llm.token_count.prompt_details.cache_read", int(200)),
            ("llm.token_count.completion", int(25)),
            ("llm.token_count.completion_details.reasoning", int(5)),
        ],
    ];
    for dialect in dialects {
        let expected = [&COUNTED[..], &[("kind", "otel-genai")]].concat();
        check("", &dialect, &expected);
    }
}

#[test]
fn claude_code_has_what_was_cached_beside_the_input() {
    check(
        "com.anthropic.claude_code.events",
        &[
            ("session.id", "s".into()),
            ("prompt.id", "p".into()),
            ("model", "claude-opus-4-8".into()),
            ("input_tokens", int(1200)),
            ("output_tokens", int(25)),
            ("cache_read_tokens", int(200)),
            ("cache_creation_tokens", int(300)),
            ("cost_usd", Value::Float(0.0086)),
        ],
        &[
            ("kind", "claude-code"),
            ("conversation", "s"),
            ("turn", "p"),
            ("model", "claude-opus-4-8"),
            ("tokens.input", "1200"),
            ("tokens.output", "25"),
            ("tokens.cache_read", "200"),
            ("tokens.cache_write", "300"),
            ("cost_usd", "0.0086"),
        ],
    );
}

#[test]
fn a_dialect_with_more_to_say_wins_over_what_it_says_besides() {
    let both = [
        ("gen_ai.usage.input_tokens", int(1200)),
        ("gen_ai.usage.output_tokens", int(25)),
        ("ai.usage.inputTokens", int(1200)),
        ("ai.usage.inputTokenDetails.cacheReadTokens", int(200)),
        ("ai.usage.outputTokens", int(25)),
        ("ai.usage.outputTokenDetails.reasoningTokens", int(5)),
    ];
    check("", &both, &[&COUNTED[..], &[("kind", "otel-genai")]].concat());
    assert_eq!(added("", "ai.streamText", &both), [], "its inner span says it already");
    assert_eq!(added("", "invoke_agent coder", &both), []);
}

#[test]
fn input_that_is_less_than_what_was_cached_does_not_hold_it() {
    let found = added(
        "",
        "",
        &[
            ("gen_ai.usage.input_tokens", int(10)),
            ("gen_ai.usage.cache_read.input_tokens", int(200)),
            ("gen_ai.usage.output_tokens", int(-1)),
        ],
    );
    assert_eq!(found[0], ("tokens.input".to_owned(), "10".to_owned()));
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn errors_have_a_class() {
    for (key, value, class) in [
        ("error.type", Value::from("429"), "rate_limit"),
        ("error", "Repeated 529 Overloaded errors".into(), "overloaded"),
        ("http.response.status_code", int(401), "authentication"),
        ("error_type", "ShellError".into(), "other"),
        ("exception.message", "Request timed out".into(), "timeout"),
    ] {
        let found = added("", "", &[(key, value)]);
        assert!(found.contains(&("error_class".to_owned(), class.to_owned())), "{key}: {found:?}");
    }
    assert_eq!(added("", "", &[("http.response.status_code", int(200)), ("plain", "x".into())]), []);
}

#[test]
fn each_name_has_one_meaning() {
    assert_eq!(VOCABULARY.table.version, 1);
    let names = VOCABULARY.table.meanings.values().map(Vec::len).sum::<usize>();
    assert_eq!(VOCABULARY.meanings.len(), names);
    let counts =
        VOCABULARY.table.tokens.iter().flat_map(|one| COUNTS.map(|count| names_of(one, count).len()));
    assert_eq!(VOCABULARY.counts.len(), counts.sum::<usize>());
}
