//! Takes secrets and tricks out of text that comes from agents and models.
//!
//! Every text that is taken over passes [`clean`] (or [`name`]) before it is kept, shown or
//! logged: known shapes of keys and `key=value` secrets are replaced, control and
//! direction-changing characters become visible escapes, and the length is bounded.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Stored input and output of tools, prompts and error texts.
pub const TEXT_BYTES_MAX: usize = 4 * 1024;
/// Names and titles.
pub const NAME_CHARS_MAX: usize = 120;

/// Looked at before cutting, so that a secret across the cut is still recognised.
const LOOKED_AT_BYTES_MAX: usize = 16 * 1024;

const MASK: &str = "[redacted]";

/// Each pattern keeps its group `keep`, when it has one, and masks the rest.
static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // Private keys in PEM.
        r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
        // JSON web tokens.
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?",
        // Keys of providers and forges, by their published prefixes.
        r"\bsk-[A-Za-z0-9_-]{8,}",
        r"\b(?:gh[opsur]|github_pat)_[A-Za-z0-9_]{16,}",
        r"\bglpat-[A-Za-z0-9_-]{12,}",
        r"\bxox[abeoprs]-[A-Za-z0-9-]{8,}",
        r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
        r"\bAIza[0-9A-Za-z_-]{30,}",
        r"\b(?:hf|npm|gsk|xai|pplx|r8)[_-][A-Za-z0-9_-]{16,}",
        r"\bpypi-[A-Za-z0-9_-]{16,}",
        r"hooks\.slack\.com/services/(?:[A-Za-z0-9/]+)",
        // Headers.
        r#"(?i)(?P<keep>\b(?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:(?:bearer|basic|token)\s+)?)[^\s"',;]+"#,
        r"(?i)(?P<keep>\b(?:set-)?cookie\s*:\s*)[^\r\n]+",
        r"(?i)(?P<keep>\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}",
        // user:password@ in URLs.
        r"(?P<keep>\b[A-Za-z][A-Za-z0-9+.-]*://)[^\s/@:]*:[^\s/@]+@",
        // key=value and "key": "value", and options of command lines.
        // The plural of token is left alone: it is what models count.
        r#"(?P<keep>[\w.-]*(?i:passwords?|passwd|passphrase|pwd|secrets?|token|api[_-]?keys?|access[_-]?key|private[_-]?key|credentials?)(?:[_.A-Z0-9-][\w.-]*)?["']?\s*[=:]\s*)(?:"[^"]*"?|'[^']*'?|[^\s,;&"'{}\[\]]+)"#,
        r"(?i)(?P<keep>(?:^|\s)--?[\w-]*(?:password|passphrase|secret|token|api-?key)[\w-]*\s+)[^\s-]\S*",
    ]
    .iter()
    .map(|pattern| Regex::new(pattern).expect("the patterns above compile: a test runs them"))
    .collect()
});

/// Text without secrets. Borrowed when there was nothing to take out.
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for pattern in PATTERNS.iter() {
        let replaced = pattern.replace_all(&text, |found: &Captures<'_>| {
            let keep = found.name("keep").map_or("", |kept| kept.as_str());
            format!("{keep}{MASK}")
        });
        if let Cow::Owned(replaced) = replaced {
            text = Cow::Owned(replaced);
        }
    }
    text
}

/// Text that is safe to keep and show: redacted, without invisible characters, bounded.
pub fn clean(text: &str) -> String {
    let visible = visible(&redact(head(text, LOOKED_AT_BYTES_MAX)));
    match head(&visible, TEXT_BYTES_MAX) {
        whole if whole.len() == visible.len() => visible,
        cut => format!("{cut}…"),
    }
}

/// The same as [`clean`], in one line of at most [`NAME_CHARS_MAX`] characters.
pub fn name(text: &str) -> String {
    shorten(&clean(text.trim()), NAME_CHARS_MAX)
}

/// At most `chars_max` characters; a cut is marked.
pub fn shorten(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let head: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{head}…")
}

/// The first `bytes_max` bytes, cut between characters.
fn head(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// Control characters, and characters that reorder or hide others, as escapes. Tabs and line
/// ends read as spaces.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => out.push(' '),
            '\r' => {}
            _ if is_deceptive(character) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out
}

fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(clean(text), expected);
    }

    #[test]
    fn keys_of_providers_are_masked() {
        check("use sk-ant-api03-abcdefghijkl now", "use [redacted] now");
        check("ghp_0123456789abcdef0123", "[redacted]");
        check("AKIAIOSFODNN7EXAMPLE", "[redacted]");
        check("AIzaSyA-0123456789abcdefghijklmnopqrstu", "[redacted]");
    }

    #[test]
    fn headers_keep_their_name() {
        check("curl -H 'Authorization: Bearer abc.def' x", "curl -H 'Authorization: Bearer [redacted]' x");
        check("Authorization: Basic b3BlbjpzZXNhbWU=", "Authorization: Basic [redacted]");
    }

    #[test]
    fn values_of_secret_keys_are_masked() {
        check("export DB_PASSWORD=hunter2; ls", "export DB_PASSWORD=[redacted]; ls");
        check(r#"{"apiKey":"dummy","x":1}"#, r#"{"apiKey":[redacted],"x":1}"#);
        check("mysql --password hunter2 -h db", "mysql --password [redacted] -h db");
    }

    #[test]
    fn passwords_in_urls_are_masked() {
        check("git clone https://bob:s3cret@host/x.git", "git clone https://[redacted]host/x.git");
    }

    #[test]
    fn ordinary_words_stay() {
        for text in [
            "no token, tool or file change since",
            "8192 tokens. However, 99999 tokens: ls && cat calc.py",
            "max_tokens=4096, monkey=1",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn a_private_key_is_masked_even_when_it_is_cut() {
        check("-----BEGIN RSA PRIVATE KEY-----\nMIIEow", "[redacted]");
    }

    #[test]
    fn invisible_and_reordering_characters_are_shown() {
        check("a\u{202e}b\u{7}c", "a\\u{202e}b\\u{7}c");
        check("two\nlines", "two lines");
    }

    #[test]
    fn length_is_bounded() {
        assert!(clean(&"é".repeat(10_000)).len() <= TEXT_BYTES_MAX + "…".len());
        assert_eq!(name(&"x".repeat(500)).chars().count(), NAME_CHARS_MAX);
    }
}
