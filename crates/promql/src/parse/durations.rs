//! Arithmetic in durations: `[5m * 2]`, `[1h:1m / 2]`, `offset (1h - 5m)`.
//!
//! The grammar knows plain durations only, so an expression is replaced by its value before
//! the grammar reads the text. Source: <https://prometheus.io/docs/prometheus/latest/querying/basics/>

use std::borrow::Cow;
use std::ops::Range;

use super::tokens::{Token, TokenKind, split};
use crate::ParseError;

/// The longest duration in seconds: as far as stored timestamps reach.
pub const DURATION_SECS_MAX: f64 = 9.2e9;

/// The text with a plain duration for each expression. Depth is bounded before.
pub fn folded(text: Cow<'_, str>) -> Result<Cow<'_, str>, ParseError> {
    let tokens = split(&text);
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if token.text == "[" {
            let length = tokens[index..].iter().position(|token| token.text == "]");
            let inner = length.and_then(|length| tokens.get(index + 1..index + length)).unwrap_or(&[]);
            for part in inner.split(|token| token.text == ":").filter(|part| part.len() > 1) {
                let seconds = value(part)?;
                if seconds.is_nan() || seconds < 0.001 {
                    return Err(ParseError::new("duration must be greater than 0"));
                }
                changes.push((span(part), milliseconds(seconds)?));
            }
        } else if token.kind == TokenKind::Word && token.text.eq_ignore_ascii_case("offset") {
            let part = group(&tokens[index + 1..]);
            if part.len() > 1 {
                changes.push((span(part), milliseconds(value(part)?)?));
            }
        }
    }
    let mut text = text;
    for (span, duration) in changes.into_iter().rev() {
        text.to_mut().replace_range(span, &duration);
    }
    Ok(text)
}

/// What is in brackets after an offset, with its sign; nothing when there are none.
pub fn group<'a, 'b>(tokens: &'a [Token<'b>]) -> &'a [Token<'b>] {
    let start = usize::from(tokens.first().is_some_and(|token| matches!(token.text, "+" | "-")));
    if tokens.get(start).is_none_or(|token| token.kind != TokenKind::Open) {
        return &[];
    }
    let mut open = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::Open => open += 1,
            TokenKind::Close => open = open.saturating_sub(1),
            _ => continue,
        }
        if open == 0 {
            return &tokens[..=index];
        }
    }
    &[]
}

fn span(part: &[Token<'_>]) -> Range<usize> {
    let start = part.first().map_or(0, |token| token.at);
    start..part.last().map_or(start, |token| token.at + token.text.len())
}

fn milliseconds(seconds: f64) -> Result<String, ParseError> {
    if !(-DURATION_SECS_MAX..=DURATION_SECS_MAX).contains(&seconds) {
        return Err(ParseError::new("duration out of range"));
    }
    Ok(format!("{}ms", (seconds * 1000.0).round() as i64))
}

fn value(tokens: &[Token<'_>]) -> Result<f64, ParseError> {
    let mut reader = Reader { tokens, next: 0 };
    let seconds = reader.sum()?;
    match reader.peek() {
        None => Ok(seconds),
        Some(other) => Err(unexpected(other)),
    }
}

fn unexpected(text: &str) -> ParseError {
    ParseError::new(format!("unexpected {text:?} in a duration"))
}

struct Reader<'a, 'b> {
    tokens: &'a [Token<'b>],
    next: usize,
}

impl<'b> Reader<'_, 'b> {
    fn peek(&self) -> Option<&'b str> {
        self.tokens.get(self.next).map(|token| token.text)
    }

    fn take(&mut self, wanted: &[&str]) -> Option<&'b str> {
        let found = self.peek().filter(|text| wanted.contains(text))?;
        self.next += 1;
        Some(found)
    }

    fn sum(&mut self) -> Result<f64, ParseError> {
        let mut left = self.product()?;
        while let Some(operator) = self.take(&["+", "-"]) {
            let right = self.product()?;
            left = if operator == "+" { left + right } else { left - right };
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<f64, ParseError> {
        let mut left = self.signed()?;
        while let Some(operator) = self.take(&["*", "/", "%"]) {
            let right = self.signed()?;
            left = match operator {
                "*" => left * right,
                _ if right == 0.0 => return Err(ParseError::new("division by zero in a duration")),
                "/" => left / right,
                _ => left % right,
            };
        }
        Ok(left)
    }

    /// A sign binds less than a power, as elsewhere.
    fn signed(&mut self) -> Result<f64, ParseError> {
        match self.take(&["+", "-"]) {
            Some("-") => Ok(-self.signed()?),
            Some(_) => self.signed(),
            None => self.power(),
        }
    }

    fn power(&mut self) -> Result<f64, ParseError> {
        let base = self.operand()?;
        match self.take(&["^"]) {
            Some(_) => Ok(base.powf(self.signed()?)),
            None => Ok(base),
        }
    }

    fn operand(&mut self) -> Result<f64, ParseError> {
        if self.take(&["("]).is_some() {
            let inner = self.sum()?;
            return match self.take(&[")"]) {
                Some(_) => Ok(inner),
                None => Err(ParseError::new("unclosed left parenthesis in a duration")),
            };
        }
        let token = self.tokens.get(self.next);
        let token = token.ok_or_else(|| ParseError::new("unexpected end of a duration"))?;
        self.next += 1;
        let number = || token.text.parse::<f64>().ok().filter(|number| number.is_finite());
        match token.kind {
            TokenKind::Number => model::parse_duration(token.text)
                .map(|duration| duration.as_secs_f64())
                .or_else(number)
                .ok_or_else(|| unexpected(token.text)),
            TokenKind::Word => {
                Err(ParseError::new(format!("`{}` in a duration is not supported", token.text)))
            }
            _ => Err(unexpected(token.text)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::borrow::Cow;

    use super::folded;

    #[test]
    fn expressions_become_their_values() {
        for (text, expected) in [
            ("a[5m]", "a[5m]"),
            ("a[5m*2]", "a[600000ms]"),
            ("a[2 * (1m + 30)] offset 1m", "a[180000ms] offset 1m"),
            ("a[1h:1m/2]", "a[1h:30000ms]"),
            ("a[1h - 10m : 1m]", "a[3000000ms : 1m]"),
            ("a[2 ^ 3 ^ 2 % 500]", "a[12000ms]"),
            ("a[-1m + 2m]", "a[60000ms]"),
            ("a offset (1h - 90m)", "a offset -1800000ms"),
            ("a offset -(1m * 2) + 1", "a offset -120000ms + 1"),
            ("a[1500ms * 3][1m + 1m:]", "a[4500ms][120000ms:]"),
        ] {
            assert_eq!(folded(Cow::Borrowed(text)).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "a[1m - 1m]",
            "a[1m - 2m]",
            "a[1m / 0]",
            "a[1m % 0]",
            "a[1m *]",
            "a[* 1m]",
            "a[(1m]",
            "a[1m 2m]",
            "a[1y ^ 9]",
            "a[step() * 2]",
            "a offset (1m",
            "a offset (b)",
        ] {
            let folded = folded(Cow::Borrowed(text));
            assert!(folded.is_err() || crate::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_query_with_expressions_is_the_query_with_their_values() {
        let read = |text| crate::syntax_tree(text).unwrap();
        assert_eq!(
            read("sum(rate(a[2m * 5] offset (1m + 1m)))[1h / 2:10 * 6] offset -(30)"),
            read("sum(rate(a[10m] offset 2m))[30m:1m] offset -30s")
        );
    }
}
