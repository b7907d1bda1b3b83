//! A template's text, cut into plain text and the tokens of its actions.

/// Part of a template.
#[derive(Debug, PartialEq)]
pub(super) enum Part {
    Text(String),
    Action(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Pipe,
    Open,
    Close,
    Comma,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    Dot,
    /// `.name`; whether it stands right behind something, as in `$labels.job`.
    Field(String, bool),
    /// With its `$`.
    Variable(String),
    Word(String),
    Text(String),
    Int(i64),
    Float(f64),
}

pub(super) fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut trims_next = false;
    while let Some(open) = rest.find("{{") {
        let (mut before, mut inside) = (&rest[..open], &rest[open + 2..]);
        if trims_next {
            before = trim_start(before);
        }
        if inside.starts_with('-') && inside[1..].starts_with(is_space) {
            before = trim_end(before);
            inside = &inside[1..];
        }
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let (tokens, behind, trims) = match comment(inside)? {
            Some((behind, trims)) => (None, behind, trims),
            None => action(inside).map(|(tokens, behind, trims)| (Some(tokens), behind, trims))?,
        };
        parts.extend(tokens.map(Part::Action));
        (rest, trims_next) = (behind, trims);
    }
    let last = if trims_next { trim_start(rest) } else { rest };
    if !last.is_empty() {
        parts.push(Part::Text(last.to_owned()));
    }
    Ok(parts)
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn trim_start(text: &str) -> &str {
    text.trim_start_matches(is_space)
}

fn trim_end(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

/// What is behind a comment, and whether the space there is trimmed.
fn comment(inside: &str) -> Result<Option<(&str, bool)>, String> {
    let Some(rest) = trim_start(inside).strip_prefix("/*") else { return Ok(None) };
    let end = rest.find("*/").ok_or("unclosed comment")?;
    close(&rest[end + 2..]).map(Some).ok_or_else(|| "comment ends before closing delimiter".to_owned())
}

/// What is behind `}}` or ` -}}` at the start.
fn close(text: &str) -> Option<(&str, bool)> {
    if let Some(behind) = text.strip_prefix("}}") {
        return Some((behind, false));
    }
    let trimmed = trim_start(text);
    let behind = trimmed.strip_prefix("-}}").filter(|_| trimmed.len() < text.len());
    behind.map(|behind| (behind, true)).or_else(|| trimmed.strip_prefix("}}").map(|behind| (behind, false)))
}

fn action(inside: &str) -> Result<(Vec<Token>, &str, bool), String> {
    let mut tokens = Vec::new();
    let mut rest = inside;
    loop {
        if let Some((behind, trims)) = close(rest) {
            return Ok((tokens, behind, trims));
        }
        let trimmed = trim_start(rest);
        let is_behind_space = trimmed.len() < rest.len() || tokens.is_empty();
        let (token, behind) = token(trimmed, !is_behind_space)?;
        tokens.push(token);
        rest = behind;
    }
}

fn token(text: &str, is_joined: bool) -> Result<(Token, &str), String> {
    let first = text.chars().next().ok_or("unclosed action")?;
    let behind = &text[first.len_utf8()..];
    let single = |token: Token| Ok((token, behind));
    match first {
        '|' => single(Token::Pipe),
        '(' => single(Token::Open),
        ')' => single(Token::Close),
        ',' => single(Token::Comma),
        '=' => single(Token::Assign),
        ':' => behind
            .strip_prefix('=')
            .map(|behind| (Token::Declare, behind))
            .ok_or_else(|| "expected :=".to_owned()),
        '"' => quoted(behind),
        '`' => {
            let end = behind.find('`').ok_or("unterminated raw quoted string")?;
            Ok((Token::Text(behind[..end].to_owned()), &behind[end + 1..]))
        }
        '\'' => character(behind),
        '$' => {
            let (name, behind) = word(behind);
            Ok((Token::Variable(format!("${name}")), behind))
        }
        '.' if behind.starts_with(|c: char| c.is_ascii_digit()) => number(text),
        '.' => match word(behind) {
            ("", _) => single(Token::Dot),
            (name, behind) => Ok((Token::Field(name.to_owned(), is_joined), behind)),
        },
        '+' | '-' | '0'..='9' => number(text),
        c if c.is_alphabetic() || c == '_' => {
            let (name, behind) = word(text);
            Ok((Token::Word(name.to_owned()), behind))
        }
        c => Err(format!("unexpected {c:?} in an action")),
    }
}

fn word(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len()))
}

/// Behind the opening quote.
fn quoted(text: &str) -> Result<(Token, &str), String> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((Token::Text(value), &text[at + 1..])),
            '\n' => break,
            '\\' => value.push(escaped(&mut letters).ok_or("invalid escape in a string")?),
            other => value.push(other),
        }
    }
    Err("unterminated quoted string".to_owned())
}

/// Behind a backslash.
fn escaped(letters: &mut std::str::CharIndices<'_>) -> Option<char> {
    let (_, letter) = letters.next()?;
    let digits = match letter {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => 0,
    };
    Some(match letter {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '\\' | '"' | '\'' => letter,
        'x' | 'u' | 'U' => {
            let text: String = letters.by_ref().take(digits).map(|(_, letter)| letter).collect();
            char::from_u32(u32::from_str_radix(&text, 16).ok()?).filter(|_| text.len() == digits)?
        }
        _ => return None,
    })
}

/// Behind the opening quote of a character, which stands for its number.
fn character(text: &str) -> Result<(Token, &str), String> {
    let mut letters = text.char_indices();
    let value = match letters.next() {
        Some((_, '\\')) => escaped(&mut letters),
        Some((_, letter)) if letter != '\'' => Some(letter),
        _ => None,
    };
    match (value, letters.next()) {
        (Some(value), Some((end, '\''))) => Ok((Token::Int(i64::from(u32::from(value))), &text[end + 1..])),
        _ => Err("malformed character constant".to_owned()),
    }
}

fn number(text: &str) -> Result<(Token, &str), String> {
    let mut end = 0;
    let mut last = ' ';
    for c in text.chars() {
        let is_sign = matches!(c, '+' | '-') && (end == 0 || matches!(last, 'e' | 'E' | 'p' | 'P'));
        if !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || is_sign) {
            break;
        }
        end += c.len_utf8();
        last = c;
    }
    let (digits, behind) = text.split_at(end);
    let plain = digits.replace('_', "");
    let token = integer(&plain)
        .map(Token::Int)
        .or_else(|| plain.parse().ok().filter(|_| is_float(&plain)).map(Token::Float));
    token.map(|token| (token, behind)).ok_or_else(|| format!("bad number syntax: {digits:?}"))
}

/// Not the words that stand for numbers that JSON cannot say.
fn is_float(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'))
}

fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let radix = |digits: &str, radix| i64::from_str_radix(digits, radix).ok();
    let value = match lower.get(..2) {
        Some("0x") => radix(&lower[2..], 16),
        Some("0o") => radix(&lower[2..], 8),
        Some("0b") => radix(&lower[2..], 2),
        _ if lower.len() > 1 && lower.starts_with('0') => radix(&lower, 8),
        _ => lower.parse().ok(),
    };
    value.map(|value| sign * value)
}
