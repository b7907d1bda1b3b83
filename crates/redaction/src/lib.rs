//! Takes secrets out of text before it is kept, shown or logged.
//!
//! [`redact`] replaces what looks like a secret by `[redacted:<rule>:<hash>]`; [`redact_value`]
//! replaces a whole value whose name says that it is one. The [`rules`] are data. The hash is
//! keyed, so that equal secrets are seen to be equal and nothing else is told of them.
//!
//! This crate does not know what the texts are or where they go.

mod rules;

use std::borrow::Cow;
use std::sync::LazyLock;

use hmac::{Hmac, KeyInit, Mac};
use regex::{Captures, Regex, RegexSet};
use sha2::Sha256;

use rules::{RULES, is_harmless_value, names_a_secret};

/// Drawn at each start: equal secrets are told by their hash until the next one, and a hash
/// that leaks cannot be tried against guesses.
static KEY: LazyLock<[u8; 32]> = LazyLock::new(runtime::random::bytes);

/// All patterns at once, in one pass over a text, to know which ones to run.
static ANY: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new(RULES.iter().map(|rule| rule.pattern)).expect("the rules compile: a test runs them")
});

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let compiled = RULES.iter().map(|rule| Regex::new(rule.pattern));
    compiled.collect::<Result<_, _>>().expect("the rules compile: a test runs them")
});

/// What every mask begins with.
const MASK: &str = "[redacted:";

/// Shorter texts hold no secret that a rule knows.
const TEXT_BYTES_MIN: usize = 6;

/// Text without secrets. Borrowed when there was nothing to take out.
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    if text.len() < TEXT_BYTES_MIN {
        return text;
    }
    for place in &ANY.matches(&text) {
        let (Some(rule), Some(pattern)) = (RULES.get(place), PATTERNS.get(place)) else { continue };
        if let Cow::Owned(replaced) = pattern.replace_all(&text, |found: &Captures<'_>| replaced(rule, found))
        {
            text = Cow::Owned(replaced);
        }
    }
    text
}

/// The value of something that is called `name`: nothing of it stays when the name says that
/// it is a secret.
pub fn redact_value<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if value.is_empty() || value.starts_with(MASK) || !is_secret_name(name) {
        return redact(value);
    }
    Cow::Owned(mask("name", value))
}

/// Whether what is called like this is a secret, whatever it looks like.
pub fn is_secret_name(name: &str) -> bool {
    names_a_secret(name)
}

/// The match with a mask in place of the part that is secret.
fn replaced(rule: &rules::Rule, found: &Captures<'_>) -> String {
    let whole = found.get_match();
    let secret = ["secret", "quoted", "single"].into_iter().find_map(|group| found.name(group));
    let Some(secret) = secret else { return whole.as_str().to_owned() };
    let is_left = secret.as_str().contains(MASK) || (rule.is_by_name && is_harmless_value(secret.as_str()));
    if is_left {
        return whole.as_str().to_owned();
    }
    let (before, after) = (secret.start() - whole.start(), secret.end() - whole.start());
    let text = whole.as_str();
    let (before, after) = (text.get(..before).unwrap_or(""), text.get(after..).unwrap_or(""));
    format!("{before}{}{after}", mask(rule.name, secret.as_str()))
}

fn mask(rule: &'static str, secret: &str) -> String {
    metrics::counter!("watchkeeper_redactions_total", "rule" => rule).increment(1);
    let mut hash = Hmac::<Sha256>::new_from_slice(KEY.as_slice()).expect("HMAC takes keys of any length");
    hash.update(secret.as_bytes());
    let digest = hash.finalize().into_bytes();
    let hash: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{MASK}{rule}:{hash}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With `…` for the hash of each mask.
    fn check(text: &str, expected: &str) {
        let hash = Regex::new(r"(\[redacted:[a-z]+:)[0-9a-f]{8}\]").expect("it compiles");
        assert_eq!(hash.replace_all(&redact(text), "$1…]"), expected);
    }

    #[test]
    fn keys_of_providers_are_masked() {
        check("use sk-ant-api03-abcdefghijkl now", "use [redacted:provider:…] now");
        check("ghp_0123456789abcdef0123", "[redacted:forge:…]");
        check("AKIAIOSFODNN7EXAMPLE", "[redacted:aws:…]");
        check("AIzaSyA-0123456789abcdefghijklmnopqrstu", "[redacted:google:…]");
        check("Schlüssel: glpat-abcdefghijklmnop…", "Schlüssel: [redacted:forge:…]…");
        check(
            "https://hooks.slack.com/services/T0/B0/xyz",
            "https://hooks.slack.com/services/[redacted:slack:…]",
        );
    }

    #[test]
    fn headers_keep_their_name() {
        check("-H 'Authorization: Bearer abc.def' x", "-H 'Authorization: Bearer [redacted:header:…]' x");
        check("Authorization: Basic b3BlbjpzZXNhbWU=", "Authorization: Basic [redacted:header:…]");
        check(r#"{"authorization":"Bearer abcdefgh"}"#, r#"{"authorization":"Bearer [redacted:header:…]"}"#);
        check("cookie: a=b; c=d\nhost: x", "cookie: [redacted:header:…]\nhost: x");
    }

    #[test]
    fn values_of_secret_names_are_masked() {
        check("export DB_PASSWORD=hunter2; ls", "export DB_PASSWORD=[redacted:name:…]; ls");
        check(r#"{"apiKey":"dummy","x":1}"#, r#"{"apiKey":"[redacted:name:…]","x":1}"#);
        check(r#"{\"apiKey\":\"dummy\",\"x\":1}"#, r#"{\"apiKey\":\"[redacted:name:…]\",\"x\":1}"#);
        check("mysql --password hunter2 -h db", "mysql --password [redacted:option:…] -h db");
        check("GET /x?token=abc123&y=1", "GET /x?token=[redacted:name:…]&y=1");
    }

    #[test]
    fn passwords_in_urls_are_masked() {
        check("git clone https://bob:s3cret@host/x.git", "git clone https://[redacted:url:…]@host/x.git");
        check(
            "https://b.s3/x?X-Amz-Signature=0a1b2c&y=1",
            "https://b.s3/x?X-Amz-Signature=[redacted:link:…]&y=1",
        );
    }

    #[test]
    fn ordinary_words_stay() {
        for text in [
            "no token, tool or file change since",
            "8192 tokens. However, 99999 tokens: ls && cat calc.py",
            r#"max_tokens=4096, monkey=1, "token_count": 12, token_type=17"#,
            "the task-runner asks for a password",
            "def f(signature: str) -> None",
            "https://host:8080/a@b",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn a_private_key_is_masked_even_when_it_is_cut() {
        check("-----BEGIN RSA PRIVATE KEY-----\nMIIEow", "[redacted:pem:…]");
    }

    #[test]
    fn what_is_redacted_is_redacted_once_and_equal_secrets_look_equal() {
        let text = "Authorization: Bearer sk-abcdefghijklmn and password=sk-abcdefghijklmn";
        let once = redact(text).into_owned();
        assert_eq!(redact(&once), once);
        let masks: Vec<&str> =
            once.split(MASK).skip(1).map(|rest| &rest[..rest.find(']').unwrap_or(0)]).collect();
        assert_eq!(masks.len(), 2);
        assert_eq!(masks[0], masks[1]);
        assert!(!redact("other sk-abcdefghijklmo").contains(masks[0]));
    }

    #[test]
    fn names_tell_secrets_that_look_like_nothing() {
        for name in
            ["password", "http.request.header.authorization", "x-api-key", "userToken", "db.secret", "Cookie"]
        {
            assert!(redact_value(name, "plain").starts_with("[redacted:name:"), "{name}");
        }
        for name in ["gen_ai.token.type", "type", "input_tokens", "tokenizer", "key", "session.id"] {
            assert_eq!(redact_value(name, "plain"), "plain", "{name}");
        }
    }
}
