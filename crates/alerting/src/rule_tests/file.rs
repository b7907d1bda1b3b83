//! From YAML to tests.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{LabelSet, parse_duration};
use promql::notation::{self, Item};
use serde::{Deserialize, Deserializer};

/// A larger file is a mistake.
const FILE_BYTES_MAX: usize = 16 << 20;

/// What one file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestFile {
    /// Names and patterns, relative to the file.
    #[serde(default)]
    pub rule_files: Vec<String>,
    /// A minute when absent. All groups are evaluated at it, whatever their own.
    #[serde(default, deserialize_with = "span")]
    pub evaluation_interval: Option<Duration>,
    /// Names of groups; those that are not named come first.
    #[serde(default)]
    pub group_eval_order: Vec<String>,
    /// Numbers are the same when all but the last bits of their fractions are.
    #[serde(default)]
    pub fuzzy_compare: bool,
    #[serde(default)]
    pub(super) tests: Vec<Test>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    pub name: Option<String>,
    #[serde(default, deserialize_with = "span")]
    pub interval: Option<Duration>,
    #[serde(default)]
    pub input_series: Vec<Input>,
    #[serde(default)]
    pub alert_rule_test: Vec<AlertTest>,
    #[serde(default)]
    pub promql_expr_test: Vec<QueryTest>,
    #[serde(default)]
    pub external_labels: BTreeMap<String, String>,
    #[serde(default)]
    pub external_url: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    #[serde(rename = "series", deserialize_with = "labels")]
    pub labels: LabelSet,
    #[serde(deserialize_with = "items")]
    pub values: Vec<Item>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertTest {
    #[serde(default, deserialize_with = "span")]
    pub eval_time: Option<Duration>,
    #[serde(default)]
    pub alertname: String,
    #[serde(default)]
    pub exp_alerts: Option<Vec<ExpectedAlert>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedAlert {
    #[serde(default, deserialize_with = "texts")]
    pub exp_labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "texts")]
    pub exp_annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryTest {
    #[serde(deserialize_with = "text")]
    pub expr: String,
    #[serde(default, deserialize_with = "span")]
    pub eval_time: Option<Duration>,
    #[serde(default)]
    pub exp_samples: Option<Vec<ExpectedSample>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedSample {
    #[serde(default)]
    pub labels: String,
    #[serde(default, deserialize_with = "value")]
    pub value: f64,
    /// In the notation of input series.
    pub histogram: Option<String>,
}

/// Reads a file of tests. The error is a reason.
pub fn parse(yaml: &str) -> Result<TestFile, String> {
    if yaml.len() > FILE_BYTES_MAX {
        return Err(format!("it is larger than {FILE_BYTES_MAX} bytes"));
    }
    serde_yaml_ng::from_str(yaml).map_err(|error| error.to_string())
}

fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = text(deserializer)?;
    let wrong = || serde::de::Error::custom(format!("not a valid duration string: {text:?}"));
    parse_duration(&text).map(Some).ok_or_else(wrong)
}

/// Text, also where YAML takes it for a number.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    plain(serde_yaml_ng::Value::deserialize(deserializer)?)
        .ok_or_else(|| serde::de::Error::custom("a text is wanted"))
}

fn plain(value: serde_yaml_ng::Value) -> Option<String> {
    use serde_yaml_ng::Value;
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null => Some(String::new()),
        _ => None,
    }
}

fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let read: Option<BTreeMap<String, serde_yaml_ng::Value>> = Deserialize::deserialize(deserializer)?;
    let text = |(name, value)| plain(value).map(|text| (name, text));
    let texts: Option<_> = read.unwrap_or_default().into_iter().map(text).collect();
    texts.ok_or_else(|| serde::de::Error::custom("a text is wanted"))
}

/// A number as YAML and Go write them: `.inf`, `NaN`, `1e3`.
fn value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let text = text(deserializer)?;
    let plain = text.trim_start_matches('+').replace(".inf", "inf").replace(".nan", "nan");
    plain.parse().map_err(|_| serde::de::Error::custom(format!("not a number: {text:?}")))
}

fn labels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LabelSet, D::Error> {
    read_labels(&text(deserializer)?).map_err(serde::de::Error::custom)
}

/// One series with nothing behind it.
pub(super) fn read_labels(text: &str) -> Result<LabelSet, String> {
    let (labels, rest) = notation::labels(text)?;
    if rest.trim().is_empty() { Ok(labels) } else { Err(format!("not a series: {text:?}")) }
}

fn items<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Item>, D::Error> {
    notation::items(&text(deserializer)?).map_err(serde::de::Error::custom)
}
