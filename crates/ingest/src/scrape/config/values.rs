//! Durations, sizes and secrets as Prometheus writes them.

use std::fmt;
use std::time::Duration;

use model::{DURATION_UNITS, parse_duration};
use serde::Deserialize;
use serde::de::Error;

/// `1h30m`, `15s`, `250ms`; `0` is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Span {
    pub fn parse(text: &str) -> Option<Self> {
        parse_duration(text).map(Span)
    }
}

/// As [`Span::parse`] reads it, in the units that divide it.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest_ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if rest_ms == 0 {
            return f.write_str("0s");
        }
        // Years and weeks are for those who write; a reader expects days.
        for (unit, size_ms) in DURATION_UNITS.iter().skip(2).filter(|(unit, _)| *unit != "w") {
            let count = rest_ms / size_ms;
            if count > 0 {
                write!(f, "{count}{unit}")?;
                rest_ms %= size_ms;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Span::parse(&text)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is not a duration such as `30s` or `1h30m`")))
    }
}

/// `10MB`, `512KiB`; all units are powers of 1024, as in Prometheus. 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size(pub u64);

impl Size {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let power = match unit.trim() {
            "" | "B" => 0,
            "KB" | "KiB" => 10,
            "MB" | "MiB" => 20,
            "GB" | "GiB" => 30,
            "TB" | "TiB" => 40,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(1 << power).map(Size)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Size::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not a size such as `10MB`")))
    }
}

/// Never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_prometheus_own() {
        let read = |text| Span::parse(text).map(|span| span.0.as_millis());
        for (text, ms) in [("15s", 15_000), ("1h30m", 5_400_000), ("250ms", 250), ("0", 0), ("1m5ms", 60_005)]
        {
            assert_eq!(read(text), Some(ms), "{text}");
        }
        for text in ["", "15", "1m1h", "1s1s", "s", "-1s", "1.5s", "99999999999y"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(Span(Duration::from_millis(90_061_001)).to_string(), "1d1h1m1s1ms");
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        let read = |text| Size::parse(text).map(|size| size.0);
        assert_eq!([read("10MB"), read("1KiB"), read("7")], [Some(10 << 20), Some(1024), Some(7)]);
        assert_eq!([read("MB"), read("1 parsec"), read("99999999999TB")], [None, None, None]);
    }
}
