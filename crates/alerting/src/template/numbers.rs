//! Numbers for people, as Prometheus' template functions write them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::functions::Item;
use super::printf::general;

pub(super) fn number(item: &Item) -> Result<f64, String> {
    match item {
        Item::Float(number) => Ok(*number),
        Item::Int(number) => Ok(*number as f64),
        Item::Text(text) => {
            let plain = text.strip_prefix('+').unwrap_or(text);
            plain.parse().map_err(|_| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax"))
        }
        other => Err(format!("can't convert {} to float", other.kind())),
    }
}

/// Four significant digits.
fn short(number: f64) -> String {
    general(number, Some(4))
}

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const BINARY: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// The number and the prefix with which it is at least 1, as far as there are prefixes.
fn small(mut number: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for next in SMALL {
        if number.abs() >= 1.0 {
            break;
        }
        (number, prefix) = (number * 1000.0, next);
    }
    (number, prefix)
}

fn large(mut number: f64, step: f64, prefixes: [&'static str; 8]) -> (f64, &'static str) {
    let mut prefix = "";
    for next in prefixes {
        if number.abs() < step {
            break;
        }
        (number, prefix) = (number / step, next);
    }
    (number, prefix)
}

pub(super) fn humanize(number: f64) -> Result<String, String> {
    if number == 0.0 || !number.is_finite() {
        return Ok(short(number));
    }
    let (scaled, prefix) = if number.abs() >= 1.0 { large(number, 1000.0, LARGE) } else { small(number) };
    Ok(short(scaled) + prefix)
}

pub(super) fn humanize_1024(number: f64) -> Result<String, String> {
    if number.abs() <= 1.0 || !number.is_finite() {
        return Ok(short(number));
    }
    let (scaled, prefix) = large(number, 1024.0, BINARY);
    Ok(short(scaled) + prefix)
}

pub(super) fn humanize_duration(seconds: f64) -> Result<String, String> {
    if !seconds.is_finite() {
        return Ok(short(seconds));
    }
    if seconds == 0.0 {
        return Ok("0s".to_owned());
    }
    if seconds.abs() < 1.0 {
        let (scaled, prefix) = small(seconds);
        return Ok(format!("{}{prefix}s", short(scaled)));
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let size = seconds.abs();
    // A cast saturates: longer than the age of the universe.
    let whole = size as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
    Ok(if days > 0 {
        format!("{sign}{days}d {hours}h {minutes}m {}s", whole % 60)
    } else if hours > 0 {
        format!("{sign}{hours}h {minutes}m {}s", whole % 60)
    } else if minutes > 0 {
        format!("{sign}{minutes}m {}s", whole % 60)
    } else {
        format!("{sign}{}s", short(size))
    })
}

pub(super) fn humanize_percentage(ratio: f64) -> Result<String, String> {
    Ok(short(ratio * 100.0) + "%")
}

/// As Go writes a time.
pub(super) fn humanize_timestamp(seconds: f64) -> Result<String, String> {
    if !seconds.is_finite() {
        return Ok(short(seconds));
    }
    let nanos = seconds * 1e9;
    let beyond = || {
        format!(
            "{} cannot be represented as a nanoseconds timestamp since it overflows int64",
            general(seconds, None)
        )
    };
    if nanos >= i64::MAX as f64 || nanos <= i64::MIN as f64 {
        return Err(beyond());
    }
    // Prometheus' times count milliseconds.
    let at = Timestamp::from_millisecond((nanos as i64).div_euclid(1_000_000)).map_err(|_| beyond())?;
    let civil = at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let fraction = format!("{:03}", at.as_millisecond().rem_euclid(1000));
    let fraction = match fraction.trim_end_matches('0') {
        "" => String::new(),
        digits => format!(".{digits}"),
    };
    Ok(format!("{civil}{fraction} +0000 UTC"))
}
