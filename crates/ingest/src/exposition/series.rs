//! A series as pages write it, `name{label="value"}` or `{"name","label"="value"}`, and back.

use std::borrow::Cow;

use memchr::memchr2;
use model::{LabelSet, METRIC_NAME};

use super::{FamilyKind, PageFault, number};

/// What one series may have. Beyond is refused.
const LABELS_MAX: usize = 1000;

/// The labels of a series, its name among them as [`METRIC_NAME`]. Bounds of histograms and
/// summaries are written in one way, so that all exporters' fit together.
pub fn read(text: &str, kind: FamilyKind) -> Result<LabelSet, PageFault> {
    let mut pairs = Vec::with_capacity(8);
    let braces = memchr2(b'{', b'"', text.as_bytes()).unwrap_or(text.len());
    let (name, rest) = text.split_at(braces);
    let name = name.trim_end_matches([' ', '\t']);
    if !name.is_empty() {
        if !is_metric_name(name) {
            return Err(PageFault::not_a(name, "the name of a metric"));
        }
        pairs.push((METRIC_NAME, Cow::Borrowed(name)));
    }
    if !rest.is_empty() {
        let left = braced(rest, &mut pairs, Braces::OfSeries)?;
        if !left.trim_start_matches([' ', '\t']).is_empty() {
            return Err(PageFault::Expected("nothing behind `}`"));
        }
    }
    if !pairs.iter().any(|(name, value)| *name == METRIC_NAME && !value.is_empty()) {
        return Err(PageFault::Expected("the name of a metric"));
    }
    let bound = match kind {
        FamilyKind::Histogram | FamilyKind::GaugeHistogram => "le",
        FamilyKind::Summary => "quantile",
        _ => return made_of(&pairs),
    };
    for (_, value) in pairs.iter_mut().filter(|(name, _)| *name == bound) {
        if let Ok(number) = value.parse() {
            *value = Cow::Owned(number::shown(number));
        }
    }
    made_of(&pairs)
}

/// Labels in braces that belong to no metric: those of an exemplar.
pub fn read_labels(text: &str) -> Result<LabelSet, PageFault> {
    let mut pairs = Vec::with_capacity(2);
    let left = braced(text, &mut pairs, Braces::OfExemplar)?;
    if !left.is_empty() {
        return Err(PageFault::Expected("nothing behind `}`"));
    }
    made_of(&pairs)
}

fn made_of(pairs: &[(&str, Cow<'_, str>)]) -> Result<LabelSet, PageFault> {
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(PageFault::LabelTwice(twice[0].to_owned()));
    }
    Ok(LabelSet::new(pairs.iter().map(|(name, value)| (*name, value.as_ref()))))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Braces {
    /// May hold the name of the metric, in quotes and without a value.
    OfSeries,
    OfExemplar,
}

/// Reads `{…}` and returns what is behind it.
fn braced<'a>(
    text: &'a str,
    pairs: &mut Vec<(&'a str, Cow<'a, str>)>,
    braces: Braces,
) -> Result<&'a str, PageFault> {
    let mut rest = blanks(text).strip_prefix('{').ok_or(PageFault::Expected("`{`"))?;
    loop {
        rest = blanks(rest);
        if let Some(behind) = rest.strip_prefix('}') {
            return Ok(behind);
        }
        if pairs.len() >= LABELS_MAX {
            return Err(PageFault::TooManyLabels(LABELS_MAX));
        }
        let (name, is_quoted, behind) = label_name(rest)?;
        rest = blanks(behind);
        match rest.strip_prefix('=') {
            Some(behind) => {
                let (value, behind) = quoted(blanks(behind))?;
                pairs.push((name, unescaped(value)));
                rest = blanks(behind);
            }
            None if is_quoted && braces == Braces::OfSeries => {
                pairs.push((METRIC_NAME, unescaped(name)));
            }
            None => return Err(PageFault::Expected("`=` behind the name of a label")),
        }
        match rest.strip_prefix(',') {
            Some(behind) => rest = behind,
            None if rest.starts_with('}') => {}
            None => return Err(PageFault::Expected("`,` or `}` behind a label")),
        }
    }
}

/// The name, whether it is in quotes, and what is behind it. A quoted name of a label is
/// taken as it is written: an escape in it is refused, as nothing good has one.
fn label_name(text: &str) -> Result<(&str, bool, &str), PageFault> {
    if text.starts_with('"') {
        let (name, behind) = quoted(text)?;
        if name.is_empty() {
            return Err(PageFault::Expected("a name between the quotes"));
        }
        if name.contains('\\') && blanks(behind).starts_with('=') {
            return Err(PageFault::not_a(name, "the name of a label"));
        }
        return Ok((name, true, behind));
    }
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, behind) = text.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(PageFault::not_a(text, "the name of a label"));
    }
    Ok((name, false, behind))
}

/// The inside of `"…"`, escapes untouched, and what is behind it.
fn quoted(text: &str) -> Result<(&str, &str), PageFault> {
    let inside = text.strip_prefix('"').ok_or(PageFault::Expected("`\"`"))?;
    let mut from = 0;
    while let Some(at) = memchr2(b'"', b'\\', &inside.as_bytes()[from..]).map(|at| from + at) {
        if inside.as_bytes()[at] == b'"' {
            return Ok((&inside[..at], &inside[at + 1..]));
        }
        // A backslash and what it escapes: a character may have more than one byte.
        let escaped = inside[at + 1..].chars().next().map_or(0, char::len_utf8);
        from = at + 1 + escaped;
    }
    Err(PageFault::Expected("a closing `\"`"))
}

/// `\\`, `\"` and `\n`; anything else stays as it is, as in Prometheus.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some(escaped @ ('\\' | '"')) => plain.push(escaped),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    Cow::Owned(plain)
}

fn blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

pub(super) fn is_metric_name(text: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    text.starts_with(is_first) && text.chars().all(|c| is_first(c) || c.is_ascii_digit())
}

/// Writes the labels of a series that is not text, so that [`read`] gives them back.
pub(super) fn write(name: &str, labels: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(64);
    text.push('{');
    push_quoted(&mut text, name);
    for (name, value) in labels {
        text.push(',');
        push_quoted(&mut text, name);
        text.push('=');
        push_quoted(&mut text, value);
    }
    text.push('}');
    text
}

/// As [`write`], without a metric.
pub(super) fn write_labels(labels: &[(&str, &str)]) -> String {
    let mut text = String::from("{");
    for (index, (name, value)) in labels.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        push_quoted(&mut text, name);
        text.push('=');
        push_quoted(&mut text, value);
    }
    text.push('}');
    text
}

fn push_quoted(text: &mut String, part: &str) {
    text.push('"');
    for c in part.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
    text.push('"');
}
