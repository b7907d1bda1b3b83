//! Values as Prometheus writes them: `[1767225600.123,"42"]`.

use model::{LabelSet, Sample, Series, Timestamp};
use promql::{Value, format_value};
use serde::ser::{SerializeMap, SerializeSeq, SerializeTuple};
use serde::{Serialize, Serializer};

/// `{"resultType":…,"result":…}`.
pub(super) struct Data<'a> {
    pub value: &'a Value,
    pub at: Timestamp,
    /// Series at most; 0 means all.
    pub limit: usize,
}

impl Data<'_> {
    /// Whether the limit leaves something out.
    pub fn is_truncated(&self) -> bool {
        let series = match self.value {
            Value::Vector(vector) => vector.len(),
            Value::Matrix(matrix) => matrix.len(),
            Value::Scalar(_) | Value::String(_) => 0,
        };
        self.limit > 0 && series > self.limit
    }

    /// Values that are written, the limit left aside.
    pub fn point_count(&self) -> usize {
        match self.value {
            Value::Vector(vector) => vector.len(),
            Value::Matrix(matrix) => matrix.iter().map(|series| series.samples.len()).sum(),
            Value::Scalar(_) | Value::String(_) => 1,
        }
    }

    fn take(&self, all: usize) -> usize {
        if self.limit == 0 { all } else { all.min(self.limit) }
    }
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("resultType", self.value.kind())?;
        match self.value {
            Value::Scalar(sample) => map.serialize_entry("result", &Point(*sample))?,
            Value::String(text) => map.serialize_entry("result", &(Seconds(self.at), text))?,
            Value::Vector(vector) => {
                map.serialize_entry("result", &Vector(&vector[..self.take(vector.len())]))?;
            }
            Value::Matrix(matrix) => {
                map.serialize_entry("result", &Matrix(&matrix[..self.take(matrix.len())]))?;
            }
        }
        map.end()
    }
}

struct Vector<'a>(&'a [(LabelSet, Sample)]);

impl Serialize for Vector<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Element<'a> {
            metric: Labels<'a>,
            value: Point,
        }
        serializer.collect_seq(
            self.0.iter().map(|(labels, sample)| Element { metric: Labels(labels), value: Point(*sample) }),
        )
    }
}

struct Matrix<'a>(&'a [Series]);

impl Serialize for Matrix<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Element<'a> {
            metric: Labels<'a>,
            values: Points<'a>,
        }
        serializer.collect_seq(
            self.0
                .iter()
                .map(|series| Element { metric: Labels(&series.labels), values: Points(&series.samples) }),
        )
    }
}

struct Points<'a>(&'a [Sample]);

impl Serialize for Points<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.0.len()))?;
        for sample in self.0 {
            sequence.serialize_element(&Point(*sample))?;
        }
        sequence.end()
    }
}

pub(super) struct Labels<'a>(pub &'a LabelSet);

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter())
    }
}

struct Point(Sample);

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(2)?;
        tuple.serialize_element(&Seconds(self.0.at))?;
        tuple.serialize_element(&format_value(self.0.value))?;
        tuple.end()
    }
}

/// Whole seconds have no fraction, as in Prometheus.
pub(super) struct Seconds(pub Timestamp);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.0.as_millis();
        if millis % 1000 == 0 {
            serializer.serialize_i64(millis / 1000)
        } else {
            serializer.serialize_f64(self.0.as_secs_f64())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn check(value: &Value, limit: usize, expected: &str) {
        let data = Data { value, at: Timestamp::from_secs(9), limit };
        assert_eq!(serde_json::to_string(&data).unwrap(), expected);
    }

    fn sample(millis: i64, value: f64) -> Sample {
        Sample { at: Timestamp::from_millis(millis), value }
    }

    #[test]
    fn values_read_as_prometheus_writes_them() {
        check(&Value::Scalar(sample(1500, 0.1)), 0, r#"{"resultType":"scalar","result":[1.5,"0.1"]}"#);
        check(&Value::String("x".to_owned()), 0, r#"{"resultType":"string","result":[9,"x"]}"#);
        let labels = LabelSet::metric("up", [("job", "a")]);
        check(
            &Value::Vector(vec![
                (labels.clone(), sample(2000, f64::INFINITY)),
                (labels.clone(), sample(2000, 1.0)),
            ]),
            1,
            r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},"value":[2,"+Inf"]}]}"#,
        );
        let series = Series { labels, samples: vec![sample(0, f64::NAN), sample(1000, -1.0)] };
        check(
            &Value::Matrix(vec![series]),
            0,
            r#"{"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a"},"values":[[0,"NaN"],[1,"-1"]]}]}"#,
        );
    }
}
