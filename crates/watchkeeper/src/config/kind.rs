//! The kinds of values: how each is read from text and from TOML, and how it is shown.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use toml::de::DeValue;
use url::Url;

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Text,
    Choice(&'static [&'static str]),
    Toggle,
    Integer {
        min: u64,
        max: u64,
    },
    /// `90s`, `5m`, `1h30m`, `30d`; a bare number is seconds.
    Duration {
        min: Duration,
        max: Duration,
    },
    /// `64MiB`, `1GB`; a bare number is bytes.
    Bytes {
        min: u64,
        max: u64,
    },
    /// An IP address, or `localhost`.
    Address,
    /// `http` or `https`.
    Url,
    Path,
    /// A TOML array, or text with commas between.
    List,
    /// A TOML table, or a JSON object: names to texts.
    Headers,
}

/// A value of its kind. Addresses, URLs, paths and choices stay checked text until
/// `settings` types them.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Toggle(bool),
    Integer(u64),
    Duration(Duration),
    Bytes(u64),
    List(Vec<String>),
    Headers(BTreeMap<String, String>),
}

/// What a value should have been: completes "is not …" and "must be …".
#[derive(Debug, PartialEq, Eq)]
pub struct Mismatch(pub String);

impl Kind {
    /// From an environment variable, a flag or a default.
    pub fn read_text(self, text: &str) -> Result<Value, Mismatch> {
        let text = text.trim();
        let value = match self {
            Kind::Text | Kind::Path => (!text.is_empty()).then(|| Value::Text(text.to_owned())),
            Kind::Choice(choices) => choices.contains(&text).then(|| Value::Text(text.to_owned())),
            Kind::Toggle => toggle(text).map(Value::Toggle),
            Kind::Integer { min, max } => {
                text.parse().ok().filter(|number| (min..=max).contains(number)).map(Value::Integer)
            }
            Kind::Duration { min, max } => {
                duration(text).filter(|length| (min..=max).contains(length)).map(Value::Duration)
            }
            Kind::Bytes { min, max } => {
                bytes(text).filter(|size| (min..=max).contains(size)).map(Value::Bytes)
            }
            Kind::Address => {
                let known = text == "localhost" || text.parse::<std::net::IpAddr>().is_ok();
                known.then(|| Value::Text(text.to_owned()))
            }
            Kind::Url => {
                let url = Url::parse(text).ok();
                let usable =
                    url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
                usable.then(|| Value::Text(text.to_owned()))
            }
            Kind::List => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Some(Value::List(parts.map(str::to_owned).collect()))
            }
            Kind::Headers => serde_json::from_str(text).ok().map(Value::Headers),
        };
        value.ok_or_else(|| Mismatch(self.to_string()))
    }

    pub fn read_toml(self, value: &DeValue<'_>) -> Result<Value, Mismatch> {
        let mismatch = || Mismatch(self.to_string());
        match (self, value) {
            (Kind::Toggle, DeValue::Boolean(on)) => Ok(Value::Toggle(*on)),
            (Kind::Integer { .. } | Kind::Duration { .. } | Kind::Bytes { .. }, DeValue::Integer(number)) => {
                self.read_text(number.as_str())
            }
            (Kind::Toggle | Kind::Integer { .. } | Kind::Headers, _) if value.is_str() => Err(mismatch()),
            (Kind::List, DeValue::Array(parts)) => {
                let texts = parts.iter().map(|part| part.get_ref().as_str().map(str::to_owned));
                texts.collect::<Option<Vec<_>>>().map(Value::List).ok_or_else(mismatch)
            }
            (Kind::Headers, DeValue::Table(table)) => {
                let headers = table.iter().map(|(name, value)| {
                    Some((name.get_ref().to_string(), value.get_ref().as_str()?.to_owned()))
                });
                headers.collect::<Option<BTreeMap<_, _>>>().map(Value::Headers).ok_or_else(mismatch)
            }
            (Kind::List, _) => Err(mismatch()),
            (_, DeValue::String(text)) => self.read_text(text),
            _ => Err(mismatch()),
        }
    }
}

/// What is expected, as in "must be …".
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Text => f.write_str("a text that is not empty"),
            Kind::Choice(choices) => write!(f, "one of {}", choices.join(", ")),
            Kind::Toggle => f.write_str("true or false"),
            Kind::Integer { min, max: u64::MAX } => write!(f, "a whole number, at least {min}"),
            Kind::Integer { min, max } => write!(f, "a whole number from {min} to {max}"),
            Kind::Duration { min, max } => write!(
                f,
                "a duration from {} to {} (such as 30s, 5m, 1h; a bare number is seconds)",
                Value::Duration(*min),
                Value::Duration(*max)
            ),
            Kind::Bytes { min, max } => write!(
                f,
                "a size from {} to {} (such as 64MiB; a bare number is bytes)",
                Value::Bytes(*min),
                Value::Bytes(*max)
            ),
            Kind::Address => f.write_str("an IP address or localhost"),
            Kind::Url => f.write_str("an http or https URL"),
            Kind::Path => f.write_str("a path"),
            Kind::List => f.write_str("a list of texts"),
            Kind::Headers => f.write_str("a table of texts (in the environment: a JSON object of texts)"),
        }
    }
}

/// As it would be written in the environment.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Toggle(on) => write!(f, "{on}"),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Duration(length) => write_scaled(f, length.as_millis(), &DURATION_UNITS),
            Value::Bytes(size) => write_scaled(f, u128::from(*size), &BYTE_UNITS),
            Value::List(parts) => f.write_str(&parts.join(", ")),
            Value::Headers(headers) => write!(f, "{}", serde_json::json!(headers)),
        }
    }
}

/// In milliseconds, small to large.
const DURATION_UNITS: [(&str, u128); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
/// Small to large; the last that divides is used to show a size.
const BYTE_UNITS: [(&str, u128); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
const DECIMAL_BYTE_UNITS: [(&str, u128); 3] = [("kB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000)];

/// In the largest unit that leaves no remainder.
fn write_scaled(f: &mut fmt::Formatter<'_>, number: u128, units: &[(&str, u128)]) -> fmt::Result {
    let fitting = units.iter().rev().find(|(_, size)| number != 0 && number.is_multiple_of(*size));
    let (unit, size) = fitting.unwrap_or(&units[usize::from(number == 0 && units.len() > 4)]);
    write!(f, "{}{unit}", number / size)
}

fn toggle(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

pub fn duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let mut rest = text;
    let mut total_ms: u128 = 0;
    while !rest.is_empty() {
        let (number, unit, after) = number_and_unit(rest)?;
        let (_, size) = DURATION_UNITS.iter().find(|(name, _)| *name == unit)?;
        total_ms = total_ms.checked_add(u128::from(number).checked_mul(*size)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(Duration::from_millis(u64::try_from(total_ms).ok()?))
}

fn bytes(text: &str) -> Option<u64> {
    if let Ok(size) = text.parse::<u64>() {
        return Some(size);
    }
    let (number, unit, rest) = number_and_unit(text)?;
    let mut units = BYTE_UNITS.iter().chain(&DECIMAL_BYTE_UNITS);
    let (_, size) = units.find(|(name, _)| rest.is_empty() && *name == unit)?;
    u64::try_from(u128::from(number).checked_mul(*size)?).ok()
}

/// `12abc3` is `(12, "abc", "3")`.
fn number_and_unit(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, after) = rest.split_at(letters);
    Some((number.parse().ok()?, unit.trim(), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_with_units_and_shown_in_the_largest_that_fits() {
        for (text, shown) in
            [("30", "30s"), ("90s", "90s"), ("1h30m", "90m"), ("250ms", "250ms"), ("30d", "30d"), ("0", "0s")]
        {
            let read = duration(text).map(|length| Value::Duration(length).to_string());
            assert_eq!(read.as_deref(), Some(shown), "{text}");
        }
        for text in ["", "s", "5 minutes", "-1", "1.5h", "99999999999999999999d"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_know_binary_and_decimal_units() {
        for (text, size) in [("64MiB", 64 << 20), ("1GB", 1_000_000_000), ("512", 512), ("2 KiB", 2048)] {
            assert_eq!(bytes(text), Some(size), "{text}");
        }
        assert_eq!((bytes("1 hour"), bytes("MiB"), bytes("1MiB2")), (None, None, None));
    }

    #[test]
    fn a_toggle_understands_the_usual_words_and_no_others() {
        assert_eq!(["TRUE", "on", "1", "no", "0"].map(toggle), [true, true, true, false, false].map(Some));
        assert_eq!(toggle("maybe"), None);
    }
}
