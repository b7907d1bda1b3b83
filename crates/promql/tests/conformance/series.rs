//! Series as the cases write them: `metric{label="value"} 0+10x5 _ stale {{…}}`.

use model::{LabelSet, METRIC_NAME, STALE_NAN};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Item {
    Gap,
    Float(f64),
    /// A native histogram, whose content means nothing here.
    Histogram,
}

/// Labels, and what follows them.
pub fn labels(text: &str) -> Result<(LabelSet, &str), String> {
    let text = text.trim_start();
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let mut pairs: Vec<(String, String)> = Vec::new();
    if !name.is_empty() {
        pairs.push((METRIC_NAME.to_owned(), name.to_owned()));
    }
    let Some(mut rest) = rest.strip_prefix('{') else {
        return Ok((LabelSet::new(pairs), rest));
    };
    loop {
        rest = rest.trim_start_matches([' ', ',', '\t']);
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((LabelSet::new(pairs), after));
        }
        let (name, after) = if rest.starts_with('"') { quoted(rest)? } else { word(rest)? };
        let after = after.trim_start();
        let Some(value) = after.strip_prefix('=') else {
            pairs.push((METRIC_NAME.to_owned(), name));
            rest = after;
            continue;
        };
        let (value, after) = quoted(value.trim_start())?;
        pairs.push((name, value));
        rest = after;
    }
}

fn word(text: &str) -> Result<(String, &str), String> {
    let end = text.find(['=', ' ', ',', '}']).ok_or_else(|| format!("label without end: {text}"))?;
    if end == 0 {
        return Err(format!("no label in {text}"));
    }
    Ok((text[..end].to_owned(), &text[end..]))
}

pub fn quoted(text: &str) -> Result<(String, &str), String> {
    let quote = text.chars().next().filter(|c| ['"', '\'', '`'].contains(c));
    let quote = quote.ok_or_else(|| format!("not quoted: {text}"))?;
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            end if end == quote => return Ok((value, &text[at + 1..])),
            '\\' if quote != '`' => match letters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, other)) => value.push(other),
                None => break,
            },
            other => value.push(other),
        }
    }
    Err(format!("quote without end: {text}"))
}

/// The values of a series, spelled out.
pub fn items(text: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    for word in words(text) {
        expand(&word, &mut items)?;
    }
    Ok(items)
}

/// Splits at spaces outside of double braces.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut depth = 0_usize;
    for letter in text.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if letter.is_whitespace() && depth == 0 {
            words.push(String::new());
        } else if let Some(word) = words.last_mut() {
            word.push(letter);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn expand(word: &str, items: &mut Vec<Item>) -> Result<(), String> {
    if word.starts_with("{{") {
        let after = word.rsplit_once("}}").map_or("", |(_, after)| after);
        let times: usize = after.strip_prefix('x').map_or(Ok(0), str::parse).map_err(|_| bad(word))?;
        items.extend(std::iter::repeat_n(Item::Histogram, times + 1));
        return Ok(());
    }
    let (pattern, times) = match word.rsplit_once('x') {
        Some((pattern, times)) => (pattern, Some(times.parse::<usize>().map_err(|_| bad(word))?)),
        None => (word, None),
    };
    if pattern == "_" {
        items.extend(std::iter::repeat_n(Item::Gap, times.unwrap_or(1)));
        return Ok(());
    }
    let Some(times) = times else {
        items.push(Item::Float(number(pattern).ok_or_else(|| bad(word))?));
        return Ok(());
    };
    let (start, step) = start_and_step(pattern).ok_or_else(|| bad(word))?;
    let mut value = start;
    for _ in 0..=times {
        items.push(Item::Float(value));
        value += step;
    }
    Ok(())
}

fn bad(word: &str) -> String {
    format!("not a value: {word}")
}

/// `1e-3+2` has its sign after the exponent's.
fn start_and_step(pattern: &str) -> Option<(f64, f64)> {
    let bytes = pattern.as_bytes();
    let is_step = |at: usize| matches!(bytes[at], b'+' | b'-') && !matches!(bytes[at - 1], b'e' | b'E');
    match (1..bytes.len()).find(|at| is_step(*at)) {
        None => Some((number(pattern)?, 0.0)),
        Some(at) => Some((number(&pattern[..at])?, number(&pattern[at..])?)),
    }
}

pub fn number(text: &str) -> Option<f64> {
    if text == "stale" {
        return Some(STALE_NAN);
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok().map(|value| value as f64);
    }
    text.parse().ok()
}
