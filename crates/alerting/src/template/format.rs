//! Numbers for people, as Prometheus' template functions write them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use model::parse_duration;

use super::{Function, Yield};

/// Wider or more exact than this is a mistake.
const WIDTH_MAX: usize = 64;

pub(super) fn call(function: Function, arguments: &[Yield]) -> Yield {
    let Some(first) = arguments.first() else { return Yield::Text(String::new()) };
    let text = |yielded: &Yield| yielded.clone().into_text();
    Yield::Text(match function {
        Function::Printf => printf(&text(first), &arguments[1..]),
        Function::ToUpper => text(first).to_uppercase(),
        Function::ToLower => text(first).to_lowercase(),
        Function::Title => titled(&text(first)),
        Function::StripPort => strip_port(&text(first)),
        Function::StripDomain => strip_domain(&text(first)),
        Function::SafeHtml => text(first),
        Function::ParseDuration => match parse_duration(&text(first)) {
            Some(duration) => promql::format_value(duration.as_secs_f64()),
            None => text(first),
        },
        // What is not a number is shown as it is.
        Function::Humanize => first.number().map_or_else(|| text(first), humanize),
        Function::Humanize1024 => first.number().map_or_else(|| text(first), humanize_1024),
        Function::HumanizeDuration => first.number().map_or_else(|| text(first), humanize_duration),
        Function::HumanizeTimestamp => {
            first.number().and_then(humanize_timestamp).unwrap_or_else(|| text(first))
        }
        Function::HumanizePercentage => {
            first.number().map_or_else(|| text(first), |number| format!("{}%", four_digits(number * 100.0)))
        }
    })
}

fn titled(text: &str) -> String {
    let mut is_within_word = false;
    let mut titled = String::with_capacity(text.len());
    for c in text.chars() {
        if is_within_word {
            titled.push(c);
        } else {
            titled.extend(c.to_uppercase());
        }
        is_within_word = c.is_alphanumeric() || matches!(c, '_' | '\'');
    }
    titled
}

/// Host and port of an address; an IPv6 host with a port stands in brackets.
fn host_and_port(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').map(|host| (host, port)),
        None => (!host.contains(':')).then_some((host, port)),
    }
}

fn strip_port(address: &str) -> String {
    host_and_port(address).map_or(address, |(host, _)| host).to_owned()
}

/// A host without its domain; the numbers of an IP address are no domain.
fn strip_domain(address: &str) -> String {
    let (host, port) = host_and_port(address).map_or((address, None), |(host, port)| (host, Some(port)));
    if host.parse::<std::net::IpAddr>().is_ok() {
        return address.to_owned();
    }
    let short = host.split('.').next().unwrap_or(host);
    port.map_or_else(|| short.to_owned(), |port| format!("{short}:{port}"))
}

/// As Go writes a time; nothing when it is beyond the years that there are.
fn humanize_timestamp(seconds: f64) -> Option<String> {
    let millis = (seconds * 1000.0).round();
    // A cast saturates, and what is out of range is refused by the next step; NaN is not.
    let at = millis.is_finite().then(|| Timestamp::from_millisecond(millis as i64).ok()).flatten()?;
    let civil = at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let fraction = format!("{:03}", at.as_millisecond().rem_euclid(1000));
    let fraction = match fraction.trim_end_matches('0') {
        "" => String::new(),
        digits => format!(".{digits}"),
    };
    Some(format!("{civil}{fraction} +0000 UTC"))
}

fn humanize(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return four_digits(number);
    }
    let (mut scaled, mut prefix) = (number, "");
    if number.abs() >= 1.0 {
        for next in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
            if scaled.abs() < 1000.0 {
                break;
            }
            (scaled, prefix) = (scaled / 1000.0, next);
        }
    } else {
        for next in ["m", "u", "n", "p", "f", "a", "z", "y"] {
            if scaled.abs() >= 1.0 {
                break;
            }
            (scaled, prefix) = (scaled * 1000.0, next);
        }
    }
    four_digits(scaled) + prefix
}

fn humanize_1024(number: f64) -> String {
    let (mut scaled, mut prefix) = (number, "");
    for next in ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"] {
        if !scaled.is_finite() || scaled.abs() < 1024.0 {
            break;
        }
        (scaled, prefix) = (scaled / 1024.0, next);
    }
    four_digits(scaled) + prefix
}

fn humanize_duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return promql::format_value(seconds);
    }
    if seconds == 0.0 {
        return "0s".to_owned();
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let size = seconds.abs();
    if size < 1.0 {
        return format!("{sign}{}s", humanize(size));
    }
    let whole = size as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    if days > 0 {
        format!("{sign}{days}d {hours}h {minutes}m {}s", whole % 60)
    } else if hours > 0 {
        format!("{sign}{hours}h {minutes}m {}s", whole % 60)
    } else if minutes > 0 {
        format!("{sign}{minutes}m {}s", whole % 60)
    } else {
        format!("{sign}{}s", four_digits(size))
    }
}

/// Four significant digits, as Go's `%.4g` writes numbers of this size.
fn four_digits(number: f64) -> String {
    if !number.is_finite() || number == 0.0 {
        return promql::format_value(number);
    }
    let whole_digits = number.abs().log10().floor() as i32 + 1;
    let decimals = (4 - whole_digits).clamp(0, 12) as usize;
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A part of a `printf` format.
#[derive(Debug, PartialEq)]
pub(super) enum Verb {
    Text(String),
    Argument { letter: char, width: usize, is_left: bool, precision: Option<usize> },
}

pub(super) fn argument_count(verbs: &[Verb]) -> usize {
    verbs.iter().filter(|verb| matches!(verb, Verb::Argument { .. })).count()
}

pub(super) fn verbs(format: &str) -> Result<Vec<Verb>, String> {
    let mut verbs = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        verbs.push(Verb::Text(rest[..at].to_owned()));
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('%') {
            verbs.push(Verb::Text("%".to_owned()));
            rest = tail;
            continue;
        }
        let is_left = rest.starts_with('-');
        let (width, tail) = digits(rest.trim_start_matches('-'))?;
        let (precision, tail) = match tail.strip_prefix('.') {
            Some(tail) => {
                let (precision, tail) = digits(tail)?;
                (Some(precision), tail)
            }
            None => (None, tail),
        };
        let letter = tail.chars().next().filter(|letter| "svdfgq".contains(*letter));
        let letter = letter.ok_or("`printf` knows the verbs %s %v %d %f %g %q and %%")?;
        verbs.push(Verb::Argument { letter, width, is_left, precision });
        rest = &tail[1..];
    }
    verbs.push(Verb::Text(rest.to_owned()));
    Ok(verbs)
}

fn digits(text: &str) -> Result<(usize, &str), String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = if end == 0 { 0 } else { text[..end].parse().unwrap_or(usize::MAX) };
    if number > WIDTH_MAX {
        return Err(format!("a width or precision in `printf` is larger than {WIDTH_MAX}"));
    }
    Ok((number, &text[end..]))
}

fn printf(format: &str, arguments: &[Yield]) -> String {
    // The format was read once already, when the rule was loaded.
    let Ok(verbs) = verbs(format) else { return format.to_owned() };
    let mut arguments = arguments.iter();
    let mut printed = String::new();
    for verb in verbs {
        match verb {
            Verb::Text(text) => printed.push_str(&text),
            Verb::Argument { letter, width, is_left, precision } => {
                let Some(argument) = arguments.next() else { continue };
                let text = one(letter, precision, argument);
                let padded = if is_left { format!("{text:<width$}") } else { format!("{text:>width$}") };
                printed.push_str(&padded);
            }
        }
    }
    printed
}

fn one(letter: char, precision: Option<usize>, argument: &Yield) -> String {
    match (letter, argument.number()) {
        ('f', Some(number)) => format!("{number:.*}", precision.unwrap_or(6)),
        ('d', Some(number)) => format!("{:.0}", number.trunc()),
        ('g', Some(number)) => four_digits(number),
        ('q', _) => format!("{:?}", argument.clone().into_text()),
        _ => argument.clone().into_text(),
    }
}
