//! Whether two servers answer alike.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::Value;

/// The least difference between sums that were added in another order.
const TOLERANCE: f64 = 1e-9;

/// What was answered: the points of each series; label values and label sets have none.
#[derive(Debug)]
pub struct Answer(BTreeMap<String, Vec<(f64, f64)>>);

impl Answer {
    pub fn read(body: &[u8]) -> anyhow::Result<Self> {
        let reply: Value = serde_json::from_slice(body).context("the answer is no JSON")?;
        ensure!(reply["status"] == "success", "the answer is an error: {}", reply["error"]);
        let data = &reply["data"];
        if let Some(listed) = data.as_array() {
            return Ok(Self(listed.iter().map(|item| (item.to_string(), vec![])).collect()));
        }
        if data["resultType"] == "scalar" {
            return Ok(Self([(String::new(), vec![point(&data["result"])?])].into()));
        }
        let result = data["result"].as_array().context("the answer has no result")?;
        let mut series = BTreeMap::new();
        for one in result {
            let points: Vec<&Value> = match one["values"].as_array() {
                Some(values) => values.iter().collect(),
                None => vec![&one["value"]],
            };
            let points = points.into_iter().map(point).collect::<anyhow::Result<_>>()?;
            // `serde_json` keeps the keys of objects in order.
            series.insert(one["metric"].to_string(), points);
        }
        Ok(Self(series))
    }

    pub fn only_value(&self) -> Option<f64> {
        let mut points = self.0.values().flatten();
        points.next().map(|(_, value)| *value).filter(|_| points.next().is_none())
    }

    /// What is different, or nothing.
    pub fn difference(&self, other: &Answer) -> Option<String> {
        let missing = self.0.keys().filter(|key| !other.0.contains_key(*key)).count();
        let extra = other.0.keys().filter(|key| !self.0.contains_key(*key)).count();
        if missing + extra > 0 {
            return Some(format!("{missing} series missing, {extra} more"));
        }
        let pairs = self.0.iter().map(|(key, points)| (points, &other.0[key]));
        let differing = pairs.filter(|(one, other)| !are_alike(one, other)).count();
        (differing > 0).then(|| format!("{differing} of {} series", self.0.len()))
    }
}

fn are_alike(one: &[(f64, f64)], other: &[(f64, f64)]) -> bool {
    let is_same = |a: f64, b: f64| {
        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
    };
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.0 == b.0 && is_same(a.1, b.1))
}

fn point(value: &Value) -> anyhow::Result<(f64, f64)> {
    let at = value[0].as_f64().context("a point has no time")?;
    let text = value[1].as_str().context("a point has no value")?;
    Ok((at, text.parse().with_context(|| format!("`{text}` is no number"))?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn vector(value: &str) -> Answer {
        let reply = format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{"a":"b"}},"value":[1,"{value}"]}}]}}}}"#
        );
        Answer::read(reply.as_bytes()).unwrap()
    }

    #[test]
    fn answers_that_differ_are_told_apart() {
        assert_eq!(vector("1").difference(&vector("1.0000000000001")), None);
        assert_eq!(vector("NaN").difference(&vector("NaN")), None);
        assert_eq!(vector("1").difference(&vector("1.001")), Some("1 of 1 series".to_owned()));
        let listed = Answer::read(br#"{"status":"success","data":["x"]}"#).unwrap();
        assert_eq!(vector("1").difference(&listed), Some("1 series missing, 1 more".to_owned()));
        assert_eq!(vector("2").only_value(), Some(2.0));
        assert!(Answer::read(br#"{"status":"error","error":"no"}"#).is_err());
    }
}
