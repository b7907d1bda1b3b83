//! Durations as Prometheus writes them: `5m`, `1h30m`, `0`.

use std::time::Duration;

/// Milliseconds of each unit, from large to small.
pub const DURATION_UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Whole numbers with their units, each unit at most once and the larger ones first; `0`
/// needs none.
pub fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut units, mut sum_ms) = (text, DURATION_UNITS.iter(), 0_u64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, behind) = rest.split_at(digits);
        let letters = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(letters);
        let (_, size_ms) = units.by_ref().find(|(name, _)| *name == unit)?;
        sum_ms = sum_ms.checked_add(number.parse::<u64>().ok()?.checked_mul(*size_ms)?)?;
        rest = behind;
    }
    (!text.is_empty()).then_some(Duration::from_millis(sum_ms))
}

#[cfg(test)]
mod tests {
    use super::parse_duration;

    #[test]
    fn durations_read_as_prometheus_reads_them() {
        for (text, ms) in [
            ("0", 0),
            ("0s", 0),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1d", 86_400_000),
            ("250ms", 250),
            ("1d2h3m4s5ms", 93_784_005),
        ] {
            assert_eq!(parse_duration(text).map(|duration| duration.as_millis()), Some(ms), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in ["", "5", "m", "5 m", "30m1h", "1m1m", "-5m", "1.5h", "99999999999y", "5min", "ü", "1x"]
        {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
