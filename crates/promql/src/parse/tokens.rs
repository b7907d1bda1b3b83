//! A first look at the text: where words, numbers and strings stand, and how deep it goes.
//!
//! What stands in braces, brackets and label lists is skipped: the tree's leaves and calls
//! then follow in the same order as the tokens, which is how `lower` finds their places.

use super::durations::{self, DURATION_SECS_MAX};
use crate::ParseError;

/// Evaluation recurses once per operator and bracket. This bound keeps the deepest
/// expression within a quarter of the 2 MiB stack of a worker thread in a debug build.
const DEPTH_MAX: usize = 200;

/// Dashboards send a few kilobytes at most.
const TEXT_BYTES_MAX: usize = 256 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    Word,
    Number,
    Text,
    Open,
    Close,
    /// The brace that opens a selector's matchers.
    Brace,
    Other,
}

#[derive(Clone, Debug)]
pub struct Token<'a> {
    pub kind: TokenKind,
    pub text: &'a str,
    pub at: usize,
}

pub fn scan(text: &str) -> Result<Vec<Token<'_>>, ParseError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ParseError::new(format!("a query has at most {TEXT_BYTES_MAX} bytes")));
    }
    let all = split(text);
    let depth = depth(&all);
    if depth > DEPTH_MAX {
        return Err(ParseError::new(format!("the query nests more than {DEPTH_MAX} operators and brackets")));
    }
    check_durations(&all)?;
    Ok(skeleton(&all))
}

/// The grammar's crate panics on a number that no duration can hold, as in `a[NaN]`.
fn check_durations(tokens: &[Token<'_>]) -> Result<(), ParseError> {
    let mut in_brackets = false;
    for (index, token) in tokens.iter().enumerate() {
        match token.text {
            "[" => in_brackets = true,
            "]" => in_brackets = false,
            _ => {}
        }
        let follows_offset = tokens[..index]
            .iter()
            .rev()
            .find(|before| !matches!(before.text, "+" | "-"))
            .is_some_and(|before| before.text.eq_ignore_ascii_case("offset"));
        let is_duration = token.kind == TokenKind::Number && (in_brackets || follows_offset);
        let seconds = if is_duration { token.text.parse::<f64>().ok() } else { None };
        if seconds.is_some_and(|seconds| !(0.0..=DURATION_SECS_MAX).contains(&seconds)) {
            return Err(ParseError::new(format!("duration out of range: {}", token.text)));
        }
    }
    Ok(())
}

/// An upper bound of the tree's height: every operator and the deepest bracket.
fn depth(tokens: &[Token<'_>]) -> usize {
    let (mut open, mut deepest, mut operators) = (0_usize, 0, 0);
    for token in tokens {
        match token.kind {
            TokenKind::Open => open += 1,
            TokenKind::Close => open = open.saturating_sub(1),
            TokenKind::Other if is_operator(token.text) => operators += 1,
            TokenKind::Word if is_word_operator(token.text) => operators += 1,
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest + operators
}

fn is_operator(text: &str) -> bool {
    text.starts_with(['+', '-', '*', '/', '%', '^', '<', '>', '!', '[']) || text == "=="
}

fn is_word_operator(text: &str) -> bool {
    ["and", "or", "unless", "atan2"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

pub fn split(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut in_brackets) = (0, false);
    while at < bytes.len() {
        let rest = &bytes[at..];
        in_brackets = (in_brackets || rest[0] == b'[') && rest[0] != b']';
        let (kind, length) = match rest[0] {
            // Elsewhere it may begin a name.
            b':' if in_brackets => (TokenKind::Other, 1),
            b'#' => {
                at += length_while(rest, |byte| byte != b'\n');
                continue;
            }
            space if space.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            quote @ (b'"' | b'\'' | b'`') => (TokenKind::Text, quoted_length(rest, quote)),
            b'0'..=b'9' => (TokenKind::Number, number_length(rest)),
            b'.' if rest.get(1).is_some_and(u8::is_ascii_digit) => (TokenKind::Number, number_length(rest)),
            b'(' => (TokenKind::Open, 1),
            b')' => (TokenKind::Close, 1),
            b'{' => (TokenKind::Brace, 1),
            byte if is_word_byte(byte) => {
                let length = length_while(rest, is_word_byte);
                let word = &text[at..at + length];
                let is_number = ["inf", "nan"].iter().any(|name| word.eq_ignore_ascii_case(name));
                (if is_number { TokenKind::Number } else { TokenKind::Word }, length)
            }
            b'=' if rest.get(1) == Some(&b'=') => (TokenKind::Other, 2),
            b'<' | b'>' if matches!(rest.get(1), Some(b'=' | b'/')) => (TokenKind::Other, 2),
            _ => (TokenKind::Other, text[at..].chars().next().map_or(1, char::len_utf8)),
        };
        tokens.push(Token { kind, text: &text[at..at + length], at });
        at += length;
    }
    tokens
}

/// The text with `<=` for `</` and `>=` for `>/`, which the grammar does not know: they bind
/// alike and are as long, and `lower` looks at the tokens to tell them apart again.
pub fn in_terms_of_grammar<'a>(text: &'a str, tokens: &[Token<'a>]) -> std::borrow::Cow<'a, str> {
    let mut known = std::borrow::Cow::Borrowed(text);
    for token in tokens.iter().filter(|token| is_trim(token.text)) {
        known.to_mut().replace_range(token.at + 1..token.at + 2, "=");
    }
    known
}

pub fn is_trim(text: &str) -> bool {
    text == "</" || text == ">/"
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':'
}

fn length_while(bytes: &[u8], holds: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !holds(*byte)).unwrap_or(bytes.len())
}

/// `1e-3`, `0x1F`, `5m30s`: the sign of an exponent belongs to it.
fn number_length(bytes: &[u8]) -> usize {
    let is_hex = bytes.starts_with(b"0x") || bytes.starts_with(b"0X");
    let mut length = 0;
    while let Some(byte) = bytes.get(length) {
        let after_exponent = length > 0 && !is_hex && matches!(bytes[length - 1], b'e' | b'E');
        let belongs = byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'_')
            || (after_exponent && matches!(byte, b'+' | b'-'));
        if !belongs {
            break;
        }
        length += 1;
    }
    length
}

fn quoted_length(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        if bytes[at] == b'\\' && quote != b'`' {
            at += 2;
        } else if bytes[at] == quote {
            return at + 1;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// Leaves out what is inside braces and brackets, modifiers and their arguments.
fn skeleton<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let word = token.text.to_ascii_lowercase();
        match token.kind {
            TokenKind::Brace => {
                kept.push(token.clone());
                at = skip_to(tokens, at, "}");
            }
            TokenKind::Other if token.text == "[" => at = skip_to(tokens, at, "]"),
            TokenKind::Other if token.text == "@" => at = skip_moment(tokens, at + 1),
            TokenKind::Word if word == "offset" => at = skip_offset(tokens, at + 1),
            TokenKind::Word if takes_labels(&word) => at = skip_labels(tokens, at + 1),
            TokenKind::Word if word == "bool" => at += 1,
            _ => {
                kept.push(token.clone());
                at += 1;
            }
        }
    }
    kept
}

fn takes_labels(word: &str) -> bool {
    ["by", "without", "on", "ignoring", "group_left", "group_right"].contains(&word)
}

fn skip_to(tokens: &[Token<'_>], from: usize, end: &str) -> usize {
    let found = tokens[from..].iter().position(|token| token.text == end);
    found.map_or(tokens.len(), |distance| from + distance + 1)
}

fn skip_offset(tokens: &[Token<'_>], at: usize) -> usize {
    match durations::group(tokens.get(at..).unwrap_or(&[])) {
        [] => skip_signed(tokens, at),
        group => at + group.len(),
    }
}

fn skip_signed(tokens: &[Token<'_>], at: usize) -> usize {
    let signed = tokens.get(at).is_some_and(|token| matches!(token.text, "+" | "-"));
    at + usize::from(signed) + 1
}

/// A number, or `start()` or `end()`.
fn skip_moment(tokens: &[Token<'_>], at: usize) -> usize {
    match tokens.get(at) {
        Some(token) if token.kind == TokenKind::Word => at + 3,
        _ => skip_signed(tokens, at),
    }
}

fn skip_labels(tokens: &[Token<'_>], at: usize) -> usize {
    match tokens.get(at) {
        Some(token) if token.kind == TokenKind::Open => skip_to(tokens, at, ")"),
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::scan;

    fn check(text: &str, expected: &[&str]) {
        let tokens = scan(text).unwrap();
        assert_eq!(tokens.iter().map(|token| token.text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn only_what_becomes_a_node_is_left() {
        check(
            "sum by (a, b) (rate(up{job='x'}[5m] offset -1h @ end()))",
            &["sum", "(", "rate", "(", "up", "{", ")", ")"],
        );
        check("a + on (x) group_left b", &["a", "+", "b"]);
        check("a[2 * (1m)] offset -(1m + (2)) + 1", &["a", "+", "1"]);
    }

    #[test]
    fn a_number_keeps_its_exponent_and_a_string_its_escapes() {
        check(r#"1e-3 + "a\"b" - 5m"#, &["1e-3", "+", r#""a\"b""#, "-", "5m"]);
    }
}
