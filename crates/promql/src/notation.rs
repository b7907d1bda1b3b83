//! Series as tests of queries and rules write them: `metric{label="value"} 0+10x5 _ stale {{…}}`.
//!
//! `3` is a value, `_` none, `stale` the end of a series; `3x4` is five times 3, `_x4` four
//! gaps, `1+2x3` is 1 3 5 7. Histograms stand in double braces. The notation is that of
//! Prometheus' `promqltest` and of `promtool test rules`.

use model::{Bucket, CounterReset, Histogram, LabelSet, METRIC_NAME, STALE_NAN};

/// A longer series is a mistake.
const ITEMS_MAX: usize = 1_000_000;
/// Finer or coarser buckets do not exist.
const SCHEMAS: std::ops::RangeInclusive<i8> = -4..=8;
/// No histogram of floats has buckets beyond.
const BUCKETS: std::ops::RangeInclusive<i32> = -300_000..=300_000;

/// What a series has at one step.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Gap,
    Float(f64),
    /// A native histogram, and whether its hint about resets is written.
    Histogram(Box<Histogram>, bool),
}

/// Labels, and what follows them. The error is a reason.
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

/// A string in quotes of any kind, and what follows it.
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

/// The values of a series, spelled out. The error is a reason.
pub fn items(text: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    for word in words(text) {
        expand(&word, &mut items)?;
        if items.len() > ITEMS_MAX {
            return Err(format!("a series has more than {ITEMS_MAX} values"));
        }
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
        return expand_histogram(word, items).ok_or_else(|| bad(word));
    }
    let (pattern, times) = match word.rsplit_once('x') {
        Some((pattern, times)) => (pattern, Some(times.parse::<usize>().map_err(|_| bad(word))?)),
        None => (word, None),
    };
    if times.is_some_and(|times| times > ITEMS_MAX) {
        return Err(format!("a series has more than {ITEMS_MAX} values"));
    }
    if pattern == "_" {
        items.extend(vec![Item::Gap; times.unwrap_or(1)]);
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

/// A value, also in hexadecimal or as `stale`.
pub fn number(text: &str) -> Option<f64> {
    if text == "stale" {
        return Some(STALE_NAN);
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok().map(|value| value as f64);
    }
    text.parse().ok()
}

/// `{{…}}`, `{{…}}x3`, `{{…}}+{{…}}x3` or `{{…}}-{{…}}x3`.
fn expand_histogram(word: &str, items: &mut Vec<Item>) -> Option<()> {
    let (first, rest) = word.strip_prefix("{{")?.split_once("}}")?;
    let (mut value, is_hinted) = histogram(first)?;
    let (factor, step, rest) = match rest.split_once("{{") {
        Some((sign, after)) => {
            let (step, rest) = after.split_once("}}")?;
            (if sign == "-" { -1.0 } else { 1.0 }, Some(histogram(step)?.0), rest)
        }
        None => (1.0, None, rest),
    };
    let times = rest.strip_prefix('x').map_or(Some(0), |times| times.parse::<usize>().ok())?;
    if times > ITEMS_MAX {
        return None;
    }
    for index in 0..=times {
        if let Some(step) = step.as_ref().filter(|_| index > 0) {
            let has_levels = |one: &Histogram| SCHEMAS.contains(&one.schema);
            if value.schema != step.schema && !(has_levels(&value) && has_levels(step)) {
                return None;
            }
            value = sum(&value, step, factor);
        }
        items.push(Item::Histogram(Box::new(value.clone()), is_hinted));
    }
    Some(())
}

/// Only of histograms with one zero bucket; a finer schema is made coarser.
fn sum(one: &Histogram, other: &Histogram, factor: f64) -> Histogram {
    let levels = |from: &Histogram, to: i8| u32::from(from.schema.abs_diff(to));
    let schema = one.schema.min(other.schema);
    let buckets = |own: &[Bucket], own_levels: u32, more: &[Bucket], more_levels: u32| {
        let mut counts = std::collections::BTreeMap::new();
        let coarser = |index: i32, levels: u32| ((index - 1) >> levels) + 1;
        own.iter().for_each(|b| *counts.entry(coarser(b.index, own_levels)).or_insert(0.0) += b.count);
        more.iter()
            .for_each(|b| *counts.entry(coarser(b.index, more_levels)).or_insert(0.0) += factor * b.count);
        counts.into_iter().map(|(index, count)| Bucket { index, count }).collect()
    };
    let (own, more) = (levels(one, schema), levels(other, schema));
    Histogram {
        schema,
        zero_count: one.zero_count + factor * other.zero_count,
        count: one.count + factor * other.count,
        sum: one.sum + factor * other.sum,
        positive: buckets(&one.positive, own, &other.positive, more),
        negative: buckets(&one.negative, own, &other.negative, more),
        ..one.clone()
    }
}

/// `schema:0 count:4 sum:5 buckets:[1 2 1]`, and whether it has a hint.
fn histogram(text: &str) -> Option<(Histogram, bool)> {
    let mut histogram = Histogram::default();
    let (mut offset, mut negative_offset, mut is_hinted) = (0, 0, false);
    let (mut buckets, mut negative) = (Vec::new(), Vec::new());
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once(':')?;
        let (value, after) = match after.strip_prefix('[') {
            Some(list) => list.split_once(']')?,
            None => after.split_once(' ').unwrap_or((after, "")),
        };
        rest = after.trim_start();
        let numbers = || value.split_whitespace().map(number).collect::<Option<Vec<f64>>>();
        match key.trim() {
            "schema" => histogram.schema = value.parse().ok()?,
            "sum" => histogram.sum = number(value)?,
            "count" => histogram.count = number(value)?,
            "z_bucket" => histogram.zero_count = number(value)?,
            "z_bucket_w" => histogram.zero_threshold = number(value)?,
            "custom_values" => histogram.custom_bounds = numbers()?,
            "buckets" => buckets = numbers()?,
            "n_buckets" => negative = numbers()?,
            "offset" => offset = value.parse().ok()?,
            "n_offset" => negative_offset = value.parse().ok()?,
            "counter_reset_hint" => {
                is_hinted = true;
                histogram.reset = match value {
                    "gauge" => CounterReset::Gauge,
                    "reset" => CounterReset::Reset,
                    "not_reset" => CounterReset::NotReset,
                    "unknown" => CounterReset::Unknown,
                    _ => return None,
                };
            }
            _ => return None,
        }
    }
    let is_custom = histogram.schema == model::CUSTOM_BUCKETS_SCHEMA;
    if !(is_custom || SCHEMAS.contains(&histogram.schema))
        || !(BUCKETS.contains(&offset) && BUCKETS.contains(&negative_offset))
    {
        return None;
    }
    let placed = |counts: Vec<f64>, offset: i32| -> Vec<Bucket> {
        (offset..).zip(counts).map(|(index, count)| Bucket { index, count }).collect()
    };
    histogram.positive = placed(buckets, offset);
    histogram.negative = placed(negative, negative_offset);
    Some((histogram, is_hinted))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn floats(text: &str) -> Vec<Option<f64>> {
        let float = |item: &Item| match item {
            Item::Float(value) => Some(*value),
            _ => None,
        };
        items(text).unwrap().iter().map(float).collect()
    }

    #[test]
    fn values_are_spelled_out() {
        assert_eq!(floats("1 _ 2x2"), [Some(1.0), None, Some(2.0), Some(2.0), Some(2.0)]);
        assert_eq!(floats("_x2 1-2x2"), [None, None, Some(1.0), Some(-1.0), Some(-3.0)]);
        assert_eq!(floats("1e-1+0.5x1 -3"), [Some(0.1), Some(0.6), Some(-3.0)]);
        assert!(floats("stale")[0].is_some_and(model::is_stale));
    }

    #[test]
    fn labels_are_read_up_to_the_values() {
        let (labels, rest) = labels(r#"up{job="a b", x='y'} 1"#).unwrap();
        assert_eq!((labels.to_string().as_str(), rest), (r#"up{job="a b", x="y"}"#, " 1"));
    }

    #[test]
    fn what_is_no_series_is_refused() {
        for text in ["x", "1x", "1+x2", "9x99999999", "{{schema:90}}", "{{", "{{schema:1}}+{{schema:-53}}x2"]
        {
            assert!(items(text).is_err(), "{text}");
        }
        assert!(labels("up{job=").is_err() && labels("up{job='a'").is_err() && labels("{,").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\{\\{|\\}\\}|[ -~]|schema:|offset:|buckets:\\[|x9|_|stale|é){0,30}") {
            let _ = items(&text);
            let _ = labels(&text);
        }
    }
}
