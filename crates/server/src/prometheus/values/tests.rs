//! Values hold the texts that a Prometheus gave for them.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use model::{Bucket, Histogram};

use super::*;

fn check(value: &Value, limit: usize, expected: &str) {
    check_with(value, &[], limit, expected);
}

fn check_with(value: &Value, histograms: &[HistogramSeries], limit: usize, expected: &str) {
    let data = Data { value, histograms, at: Timestamp::from_secs(9), limit, stats: None };
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

fn histogram_series(job: &str, seconds: &[i64]) -> HistogramSeries {
    let bucket = |index, count| Bucket { index, count };
    let histogram = Arc::new(Histogram {
        schema: 0,
        zero_threshold: 0.001,
        zero_count: 2.0,
        count: 12.0,
        sum: 18.4,
        positive: vec![bucket(1, 4.0), bucket(2, 0.0), bucket(3, 1.5)],
        negative: vec![bucket(0, 3.0), bucket(1, 1.0)],
        ..Histogram::default()
    });
    let sample =
        |at: &i64| HistogramSample { at: Timestamp::from_secs(*at), histogram: Arc::clone(&histogram) };
    HistogramSeries {
        labels: LabelSet::metric("h", [("job", job)]),
        samples: seconds.iter().map(sample).collect(),
    }
}

const SHOWN: &str = r#"{"count":"12","sum":"18.4","buckets":[[1,"-2","-1","1"],[1,"-1","-0.5","3"],[3,"-0.001","0.001","2"],[0,"1","2","4"],[0,"4","8","1.5"]]}"#;

#[test]
fn histograms_read_as_prometheus_writes_them() {
    let float = (LabelSet::metric("h", [("job", "f")]), sample(2000, 1.0));
    let vector = Value::Vector(vec![float]);
    let expected = format!(
        r#"{{"resultType":"vector","result":[{{"metric":{{"__name__":"h","job":"f"}},"value":[2,"1"]}},{{"metric":{{"__name__":"h","job":"a"}},"histogram":[2,{SHOWN}]}}]}}"#
    );
    check_with(&vector, &[histogram_series("a", &[2])], 0, &expected);
    let only_float =
        r#"{"resultType":"vector","result":[{"metric":{"__name__":"h","job":"f"},"value":[2,"1"]}]}"#;
    check_with(&vector, &[histogram_series("a", &[2])], 1, only_float);
}

#[test]
fn a_series_shows_its_floats_and_its_histograms_together() {
    let floats = |job: &str| Series {
        labels: LabelSet::metric("h", [("job", job)]),
        samples: vec![sample(1000, 1.0)],
    };
    let matrix = Value::Matrix(vec![floats("a"), floats("b")]);
    let histograms = [histogram_series("b", &[2, 3]), histogram_series("c", &[2])];
    let expected = format!(
        r#"{{"resultType":"matrix","result":[{{"metric":{{"__name__":"h","job":"a"}},"values":[[1,"1"]]}},{{"metric":{{"__name__":"h","job":"b"}},"values":[[1,"1"]],"histograms":[[2,{SHOWN}],[3,{SHOWN}]]}},{{"metric":{{"__name__":"h","job":"c"}},"histograms":[[2,{SHOWN}]]}}]}}"#
    );
    check_with(&matrix, &histograms, 0, &expected);
    let data =
        Data { value: &matrix, histograms: &histograms, at: Timestamp::from_secs(9), limit: 3, stats: None };
    assert!(!data.is_truncated());
    assert!(Data { limit: 2, ..data }.is_truncated());
}

/// Bounds as a Prometheus answered them.
#[test]
fn bounds_between_whole_powers_have_the_digits_of_prometheus() {
    let bucket = |index, count| Bucket { index, count };
    let histogram = Histogram {
        schema: 3,
        zero_threshold: 0.001,
        zero_count: 2.0,
        count: 16.5,
        sum: 18.4,
        positive: vec![bucket(1, 4.0), bucket(5, 3.5)],
        ..Histogram::default()
    };
    let sample = HistogramSample { at: Timestamp::from_secs(1_795_602_515), histogram: Arc::new(histogram) };
    assert_eq!(
        serde_json::to_string(&HistogramPoint(&sample)).unwrap(),
        r#"[1795602515,{"count":"16.5","sum":"18.4","buckets":[[3,"-0.001","0.001","2"],[0,"1","1.0905077326652577","4"],[0,"1.4142135623730951","1.5422108254079407","3.5"]]}]"#
    );
}

#[test]
fn custom_buckets_reach_to_both_ends() {
    let histogram = Histogram {
        schema: model::CUSTOM_BUCKETS_SCHEMA,
        count: 3.0,
        sum: 1.0,
        positive: (0..3).map(|index| Bucket { index, count: 1.0 }).collect(),
        custom_bounds: vec![0.5, 1.0],
        ..Histogram::default()
    };
    let series = HistogramSeries {
        labels: LabelSet::empty(),
        samples: vec![HistogramSample { at: Timestamp::from_secs(1), histogram: Arc::new(histogram) }],
    };
    check_with(
        &Value::Vector(Vec::new()),
        &[series],
        0,
        r#"{"resultType":"vector","result":[{"metric":{},"histogram":[1,{"count":"3","sum":"1","buckets":[[3,"-Inf","0.5","1"],[0,"0.5","1","1"],[0,"1","+Inf","1"]]}]}]}"#,
    );
}

#[test]
fn numbers_have_the_digits_of_prometheus() {
    for (value, text) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (-3.0, "-3"),
        (0.1, "0.1"),
        (1e15, "1000000000000000"),
        (123_456_789_012_345_680.0, "123456789012345680"),
        (1e21, "1e+21"),
        (1.5e-7, "1.5e-07"),
        (0.000_001, "0.000001"),
        (-2.5e300, "-2.5e+300"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "+Inf"),
        (f64::NEG_INFINITY, "-Inf"),
    ] {
        assert_eq!(Number(value).to_string(), text);
    }
}

#[test]
fn digits_are_the_shortest_at_any_size() {
    let mut bits = 1_u64;
    for _ in 0..100_000 {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let scale = 10_f64.powi((bits >> 58) as i32 % 27 - 6);
        let value = (bits >> 11) as f64 / (1_u64 << 53) as f64 * scale;
        if (1e-6..1e21).contains(&value) {
            let text = Number(value).to_string();
            assert_eq!((text.parse(), text.len()), (Ok(value), value.to_string().len()), "{text}");
            assert_eq!(Number(-value).to_string(), format!("-{text}"));
        }
    }
}
