//! The text formats, line by line, without copying what is not escaped.

use std::borrow::Cow;
use std::ops::ControlFlow;

use memchr::{memchr, memchr2, memchr3};
use model::Timestamp;

use super::series::{is_metric_name, unescaped};
use super::{Entry, ExemplarText, Fact, FamilyKind, PageError, PageFault, PageLimits, Take, number};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Prometheus,
    OpenMetrics,
}

pub(super) fn read<B>(
    page: &[u8],
    dialect: Dialect,
    limits: &PageLimits,
    take: &mut Take<'_, B>,
) -> Result<ControlFlow<B>, PageError> {
    let mut rest = page;
    let mut number = 0;
    let mut has_ended = false;
    let mut described = Described::default();
    while !rest.is_empty() {
        number += 1;
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        let fault = |fault: PageFault| fault.at(number);
        if has_ended {
            return Err(fault(PageFault::AfterEnd));
        }
        if line.len() > limits.line_bytes_max {
            return Err(fault(PageFault::TooLong(limits.line_bytes_max)));
        }
        let line = std::str::from_utf8(line).map_err(|_| fault(PageFault::NotUtf8))?;
        let entry = match of_line(line, dialect).map_err(fault)? {
            Line::Nothing => continue,
            Line::End => {
                has_ended = true;
                continue;
            }
            Line::Entry(entry) => entry,
        };
        let entry = described.noted(entry);
        if let ControlFlow::Break(reason) = take(entry).map_err(fault)? {
            return Ok(ControlFlow::Break(reason));
        }
    }
    if dialect == Dialect::OpenMetrics && !has_ended {
        return Err(PageFault::NoEnd.at(number));
    }
    Ok(ControlFlow::Continue(()))
}

/// The family whose type was told last: its samples follow.
#[derive(Default)]
struct Described {
    family: String,
    kind: FamilyKind,
}

impl Described {
    fn noted<'a>(&mut self, mut entry: Entry<'a>) -> Entry<'a> {
        match &mut entry {
            Entry::Fact { family, fact: Fact::Kind(kind) } => {
                self.family.clear();
                self.family.push_str(family);
                self.kind = *kind;
            }
            Entry::Sample { series, kind, .. } => {
                let name = series.trim_start_matches(['{', '"', ' ', '\t']);
                if !self.family.is_empty() && name.starts_with(&self.family) {
                    *kind = self.kind;
                }
            }
            Entry::Fact { .. } | Entry::Histogram { .. } => {}
        }
        entry
    }
}

enum Line<'a> {
    Nothing,
    End,
    Entry(Entry<'a>),
}

fn of_line(line: &str, dialect: Dialect) -> Result<Line<'_>, PageFault> {
    let line = match dialect {
        Dialect::Prometheus => line.trim_matches([' ', '\t', '\r']),
        Dialect::OpenMetrics if line.is_empty() => return Err(PageFault::EmptyLine),
        Dialect::OpenMetrics => line,
    };
    match line.strip_prefix('#') {
        Some(comment) => of_comment(comment, dialect),
        None if line.is_empty() => Ok(Line::Nothing),
        None => sample(line, dialect).map(Line::Entry),
    }
}

/// `HELP`, `TYPE` and `UNIT` say something; any other comment is for people.
fn of_comment(comment: &str, dialect: Dialect) -> Result<Line<'_>, PageFault> {
    if dialect == Dialect::OpenMetrics && comment == " EOF" {
        return Ok(Line::End);
    }
    let (word, rest) = split_word(comment);
    if !matches!(word, "HELP" | "TYPE" | "UNIT") {
        return Ok(Line::Nothing);
    }
    let (family, rest) = family(rest)?;
    let rest = rest.trim_start_matches([' ', '\t']);
    let fact = match word {
        "HELP" => Fact::Help(unescaped(rest)),
        "UNIT" => Fact::Unit(Cow::Borrowed(rest)),
        _ => {
            Fact::Kind(FamilyKind::parse(rest).ok_or_else(|| PageFault::not_a(rest, "the type of a metric"))?)
        }
    };
    Ok(Line::Entry(Entry::Fact { family, fact }))
}

fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches([' ', '\t']);
    let end = memchr2(b' ', b'\t', text.as_bytes()).unwrap_or(text.len());
    text.split_at(end)
}

/// A name, perhaps in quotes, and what is behind it.
fn family(text: &str) -> Result<(Cow<'_, str>, &str), PageFault> {
    let text = text.trim_start_matches([' ', '\t']);
    if text.starts_with('"') {
        let end = end_of_quoted(text.as_bytes(), 0).ok_or(PageFault::Expected("a closing `\"`"))?;
        return Ok((unescaped(&text[1..end]), &text[end + 1..]));
    }
    let (name, rest) = split_word(text);
    if !is_metric_name(name) {
        return Err(PageFault::not_a(name, "the name of a metric"));
    }
    Ok((Cow::Borrowed(name), rest))
}

fn sample(line: &str, dialect: Dialect) -> Result<Entry<'_>, PageFault> {
    let (series, rest) = line.split_at(end_of_series(line)?);
    if series.is_empty() {
        return Err(PageFault::not_a(line, "the name of a metric"));
    }
    let (rest, exemplar) = match (dialect, memchr(b'#', rest.as_bytes())) {
        (Dialect::OpenMetrics, Some(at)) => (&rest[..at], Some(exemplar(&rest[at + 1..])?)),
        _ => (rest, None),
    };
    let (value, at) = value_and_time(rest, dialect)?;
    Ok(Entry::Sample { series: Cow::Borrowed(series), kind: FamilyKind::Unknown, value, at, exemplar })
}

/// Where name and labels end: at the blank behind the name, or behind the closing brace.
fn end_of_series(line: &str) -> Result<usize, PageFault> {
    let bytes = line.as_bytes();
    let Some(end) = memchr3(b'{', b' ', b'\t', bytes) else { return Err(PageFault::Expected("a value")) };
    if bytes[end] == b'{' {
        return end_of_braces(bytes, end);
    }
    // Blanks between a name and its labels are allowed.
    match bytes[end..].iter().position(|byte| !matches!(byte, b' ' | b'\t')) {
        Some(blanks) if bytes[end + blanks] == b'{' => end_of_braces(bytes, end + blanks),
        _ => Ok(end),
    }
}

fn end_of_braces(bytes: &[u8], open: usize) -> Result<usize, PageFault> {
    let mut from = open + 1;
    while let Some(at) = memchr2(b'"', b'}', &bytes[from..]).map(|at| from + at) {
        if bytes[at] == b'}' {
            return Ok(at + 1);
        }
        from = end_of_quoted(bytes, at).ok_or(PageFault::Expected("a closing `\"`"))? + 1;
    }
    Err(PageFault::Expected("a closing `}`"))
}

/// Where the quote that opens at `open` is closed.
fn end_of_quoted(bytes: &[u8], open: usize) -> Option<usize> {
    let mut from = open + 1;
    while let Some(at) = memchr2(b'"', b'\\', bytes.get(from..)?).map(|at| from + at) {
        if bytes[at] == b'"' {
            return Some(at);
        }
        from = at + 2;
    }
    None
}

/// ` {labels} value [time]`, behind the `#`.
fn exemplar(text: &str) -> Result<ExemplarText<'_>, PageFault> {
    let text = text.trim_start_matches(' ');
    if !text.starts_with('{') {
        return Err(PageFault::Expected("`{` of an exemplar"));
    }
    let (labels, rest) = text.split_at(end_of_braces(text.as_bytes(), 0)?);
    let (value, at) = value_and_time(rest, Dialect::OpenMetrics)?;
    Ok(ExemplarText { labels: Cow::Borrowed(labels), value, at })
}

fn value_and_time(text: &str, dialect: Dialect) -> Result<(f64, Option<Timestamp>), PageFault> {
    let (value, rest) = split_word(text);
    if value.is_empty() {
        return Err(PageFault::Expected("a value"));
    }
    let value = number::value(value)?;
    let (time, rest) = split_word(rest);
    if !rest.trim_matches([' ', '\t']).is_empty() {
        return Err(PageFault::not_a(rest, "the end of a line"));
    }
    let at = match (time, dialect) {
        ("", _) => None,
        (time, Dialect::Prometheus) => Some(number::milliseconds(time)?),
        (time, Dialect::OpenMetrics) => Some(number::seconds(time)?),
    };
    Ok((value, at))
}
