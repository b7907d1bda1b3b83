//! Times in parameters.

use model::Timestamp;

/// RFC 3339, or seconds since the epoch with a fraction.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds.is_finite().then(|| Timestamp::from_secs_f64(seconds));
    }
    let instant: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(instant.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_or_seconds() {
        for (text, millis) in [
            ("1767225600", Some(1_767_225_600_000)),
            ("1767225600.5", Some(1_767_225_600_500)),
            ("2026-01-01T00:00:00Z", Some(1_767_225_600_000)),
            ("2026-01-01T01:00:00.25+01:00", Some(1_767_225_600_250)),
            ("yesterday", None),
            ("NaN", None),
        ] {
            assert_eq!(parse_time(text).map(Timestamp::as_millis), millis, "{text}");
        }
    }
}
