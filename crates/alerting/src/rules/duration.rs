//! Durations as Prometheus writes them: `5m`, `1h30m`, `0`.

use std::time::Duration;

/// From large to small; each at most once and in this order.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration such as 30s, 5m or 1h30m");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut first_allowed = 0;
    let mut total_ms: u64 = 0;
    while !rest.is_empty() || first_allowed == 0 {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let unit_length = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_length);
        let index = UNITS.iter().position(|(name, _)| *name == unit).ok_or_else(wrong)?;
        if index < first_allowed {
            return Err(wrong());
        }
        let count: u64 = number.parse().map_err(|_| wrong())?;
        let part = count.checked_mul(UNITS[index].1).ok_or_else(wrong)?;
        total_ms = total_ms.checked_add(part).ok_or_else(wrong)?;
        first_allowed = index + 1;
        rest = tail;
    }
    Ok(Duration::from_millis(total_ms))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn durations_read_as_prometheus_reads_them() {
        for (text, ms) in
            [("0", 0), ("0s", 0), ("5m", 300_000), ("1h30m", 5_400_000), ("1d", 86_400_000), ("250ms", 250)]
        {
            assert_eq!(parse(text).map(|duration| duration.as_millis()), Ok(ms), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in ["", "5", "m", "5 m", "30m1h", "1m1m", "-5m", "1.5h", "99999999999y", "5min", "ü"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
