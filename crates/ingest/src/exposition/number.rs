//! Numbers and times of the text formats.

use model::Timestamp;

use super::PageFault;

/// Up to 15 digits fit into a double exactly, whatever its exponent.
const EXACT_DIGITS_MAX: usize = 15;

/// Also `+Inf`, `-Inf` and `NaN`, in any case. A NaN is never the stale marker.
pub(super) fn value(text: &str) -> Result<f64, PageFault> {
    if let Some(number) = small_integer(text) {
        return Ok(number);
    }
    text.parse().map_err(|_| PageFault::not_a(text, "a number"))
}

/// Most values of most pages: digits and nothing else.
fn small_integer(text: &str) -> Option<f64> {
    if text.is_empty() || text.len() > EXACT_DIGITS_MAX {
        return None;
    }
    text.bytes()
        .try_fold(0u64, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0')))
        .map(|number| number as f64)
}

/// Milliseconds since 1970.
pub(super) fn milliseconds(text: &str) -> Result<Timestamp, PageFault> {
    text.parse().map(Timestamp::from_millis).map_err(|_| PageFault::not_a(text, "a time in milliseconds"))
}

/// Seconds since 1970, with a fraction.
pub(super) fn seconds(text: &str) -> Result<Timestamp, PageFault> {
    let seconds: f64 = text.parse().map_err(|_| PageFault::not_a(text, "a time in seconds"))?;
    if !seconds.is_finite() {
        return Err(PageFault::not_a(text, "a time in seconds"));
    }
    Ok(Timestamp::from_secs_f64(seconds))
}

/// As Prometheus shows the bounds of histograms and summaries, whatever the page wrote:
/// `1` and `1.0` are one bound.
pub(super) fn shown(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !EXPONENTS_OF_PLAIN.contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => format!("{number:?}"),
    }
}

/// Beyond these, Go's shortest form has an exponent.
const EXPONENTS_OF_PLAIN: std::ops::Range<i32> = -4..6;
