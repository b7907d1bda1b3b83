//! What a query evaluates to.

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
        format!("{value}")
    }
}

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
