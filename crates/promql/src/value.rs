//! What a query evaluates to.

use std::fmt;

use crate::Statistics;
use model::{HistogramSeries, LabelSet, Sample, Series};

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Scalar(Sample),
    String(String),
    /// In Prometheus' order: as the outermost expression yields it, so that `sort` and
    /// `topk` are kept.
    Vector(Vec<(LabelSet, Sample)>),
    /// In order of labels.
    Matrix(Vec<Series>),
}

impl Value {
    /// Prometheus' word for it in `resultType`.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Scalar(_) => "scalar",
            Value::String(_) => "string",
            Value::Vector(_) => "vector",
            Value::Matrix(_) => "matrix",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub value: Value,
    /// The histograms beside the floats of a vector or matrix. In a matrix, a series that
    /// has both is in both.
    pub histograms: Vec<HistogramSeries>,
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
    /// Only when they were asked for.
    pub statistics: Option<Statistics>,
}

/// A number as Prometheus writes it: the shortest decimal digits that read back as the
/// same number, never with an exponent; `NaN`, `+Inf`, `-Inf`.
pub fn format_value(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = write_digits(value, &mut text);
        text
    }
}

/// The digits of a finite number, as [`format_value`].
pub fn write_digits(value: f64, to: &mut impl fmt::Write) -> fmt::Result {
    if value.abs() < WHOLE_MAX && value.trunc() == value && !(value == 0.0 && value.is_sign_negative()) {
        return write!(to, "{}", value as i64);
    }
    let mut buffer = zmij::Buffer::new();
    let digits = buffer.format_finite(value);
    // It has limits of its own for when to write an exponent.
    if digits.contains('e') {
        return write!(to, "{value}");
    }
    to.write_str(digits.strip_suffix(".0").unwrap_or(digits))
}

/// Below this, whole numbers have the same digits as integers, which are written faster.
const WHOLE_MAX: f64 = 1e15;

#[cfg(test)]
mod tests {
    use super::format_value;

    #[test]
    fn numbers_are_written_without_an_exponent() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1e21, "1000000000000000000000"),
            (1.5e-7, "0.00000015"),
            (-2.5, "-2.5"),
            // Halfway between two that are as short; Go takes the even one.
            (754_317_917_417_055.0 + 0.25, "754317917417055.2"),
            (754_317_917_417_055.0 + 0.75, "754317917417055.8"),
            (1e15, "1000000000000000"),
            (123_456_789_012_345_680.0, "123456789012345680"),
        ] {
            assert_eq!(format_value(value), text);
        }
    }

    #[test]
    fn what_is_not_a_number_has_a_name() {
        assert_eq!(format_value(f64::NAN), "NaN");
        assert_eq!(format_value(f64::INFINITY), "+Inf");
        assert_eq!(format_value(f64::NEG_INFINITY), "-Inf");
    }
}
