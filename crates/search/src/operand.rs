//! What a field is compared with: text that may also be a number, a duration or a severity.

use model::LogSeverity;

#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    pub text: String,
    pub number: Option<f64>,
    pub duration_nanos: Option<f64>,
    pub severity: Option<LogSeverity>,
}

impl Operand {
    pub fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            number: text.parse().ok().filter(|number: &f64| number.is_finite()),
            duration_nanos: duration_nanos(text),
            severity: severity(text),
        }
    }
}

fn severity(text: &str) -> Option<LogSeverity> {
    let is = |name: &str| text.eq_ignore_ascii_case(name);
    let known = LogSeverity::ALL.into_iter().find(|severity| is(severity.as_str()));
    match known {
        None if is("warning") => Some(LogSeverity::Warn),
        None if is("err") => Some(LogSeverity::Error),
        known => known,
    }
}

const UNITS: [(&str, f64); 7] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12)];

/// `1.5s`, `200ms`, `1m30s`: a number with its unit, or several.
fn duration_nanos(text: &str) -> Option<f64> {
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(unit_at);
        let next = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(next);
        let nanos = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        total += number.parse::<f64>().ok()? * nanos;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

/// How many nanoseconds one of an attribute is that holds a time: by the end of its name,
/// and a second when that says nothing.
pub fn unit_of(name: &str) -> f64 {
    let ends = |unit: &str| {
        name.ends_with(unit) && !name[..name.len() - unit.len()].ends_with(char::is_alphanumeric)
    };
    if ends("ms") || ends("millis") || ends("milliseconds") {
        1e6
    } else if ends("us") || ends("micros") || ends("microseconds") {
        1e3
    } else if ends("ns") || ends("nanos") || ends("nanoseconds") {
        1.0
    } else {
        1e9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, nanos) in [
            ("2s", Some(2e9)),
            ("1.5s", Some(1.5e9)),
            ("1m30s", Some(9e10)),
            ("200ms", Some(2e8)),
            ("10µs", Some(1e4)),
            ("2", None),
            ("s", None),
            ("2d", None),
            ("", None),
        ] {
            assert_eq!(duration_nanos(text), nanos, "{text}");
        }
    }

    #[test]
    fn the_end_of_a_name_says_its_unit() {
        for (name, nanos) in
            [("duration_ms", 1e6), ("ttft_ms", 1e6), ("latency", 1e9), ("systems", 1e9), ("wait.ns", 1.0)]
        {
            assert_eq!(unit_of(name), nanos, "{name}");
        }
    }
}
