//! From YAML to rules, naming group and rule in every complaint.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::parse_duration;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml_ng::Value;

use super::{ALERT_NAME, GroupRule, Recording, Rule, RuleError, RuleGroup, identity, severity};
use crate::template::Template;

/// A rule file larger than this is a mistake, not a rule file.
const FILE_BYTES_MAX: usize = 4 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    groups: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    interval: Option<String>,
    query_offset: Option<String>,
    /// Nothing and zero stand for no limit.
    limit: Option<usize>,
    labels: Option<BTreeMap<String, Text>>,
    rules: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordEntry {
    record: String,
    expr: Text,
    labels: Option<BTreeMap<String, Text>>,
}

/// What the rules of a group have in common.
struct Shared {
    labels: Texts,
    offset: Duration,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    alert: Text,
    expr: Text,
    #[serde(rename = "for")]
    hold: Option<Text>,
    keep_firing_for: Option<Text>,
    labels: Option<BTreeMap<String, Text>>,
    annotations: Option<BTreeMap<String, Text>>,
}

/// Text, also where YAML takes it for a number or a truth: `expr: 1`, `priority: 5`.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
struct Text(String);

impl TryFrom<Value> for Text {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        Ok(Text(match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null => String::new(),
            _ => return Err("a text is wanted"),
        }))
    }
}

type Texts = BTreeMap<String, String>;

fn texts(read: Option<BTreeMap<String, Text>>) -> Texts {
    read.unwrap_or_default().into_iter().map(|(name, Text(text))| (name, text)).collect()
}

/// Reads a rule file. `file` is its name in errors.
pub fn parse(file: &str, yaml: &str) -> Result<Vec<RuleGroup>, RuleError> {
    let place = Place { file, group: None, rule: None };
    if yaml.len() > FILE_BYTES_MAX {
        return Err(place.error(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    // An empty file is one without groups, as for Prometheus.
    let read: Option<File> = serde_yaml_ng::from_str(yaml).map_err(|error| place.error(error.to_string()))?;
    let mut groups: Vec<RuleGroup> = Vec::new();
    for (index, value) in read.and_then(|file| file.groups).unwrap_or_default().into_iter().enumerate() {
        let group = group(&place, index, value)?;
        if groups.iter().any(|earlier| earlier.name == group.name) {
            return Err(place.in_group(&group.name).error("there is an earlier group of this name"));
        }
        groups.push(group);
    }
    identity::tell_apart(&mut groups);
    Ok(groups)
}

/// Reads several files, each with its name in errors.
pub fn parse_all(files: &[(String, String)]) -> Result<Vec<RuleGroup>, RuleError> {
    let mut groups = Vec::new();
    for (file, yaml) in files {
        groups.extend(parse(file, yaml)?);
    }
    identity::tell_apart(&mut groups);
    Ok(groups)
}

fn group(place: &Place<'_>, index: usize, value: Value) -> Result<RuleGroup, RuleError> {
    let name = name_or_number(&value, "name", index);
    let place = place.in_group(&name);
    let read: Group = place.read(value)?;
    let interval = place.duration("interval", read.interval.as_deref())?;
    let limit = read.limit.filter(|limit| *limit > 0);
    let shared = Shared {
        labels: place.label_names(texts(read.labels))?,
        offset: place.duration("query_offset", read.query_offset.as_deref())?.unwrap_or_default(),
        limit,
    };
    let read_rules = read.rules.unwrap_or_default().into_iter().enumerate();
    let rules = read_rules.map(|(index, value)| {
        if value.get("record").is_some() {
            recording(&place, index, value, &shared).map(|rule| GroupRule::Record(Arc::new(rule)))
        } else {
            rule(&place, index, value, &shared).map(|rule| GroupRule::Alert(Arc::new(rule)))
        }
    });
    Ok(RuleGroup {
        file: place.file.to_owned(),
        name: read.name,
        // Zero stands for no interval of its own, as for Prometheus.
        interval: interval.filter(|interval| !interval.is_zero()),
        limit,
        rules: rules.collect::<Result<_, _>>()?,
    })
}

fn recording(place: &Place<'_>, index: usize, value: Value, shared: &Shared) -> Result<Recording, RuleError> {
    let name = name_or_number(&value, "record", index);
    let place = place.in_rule(&name);
    let read: RecordEntry = place.read(value)?;
    if !is_metric_name(&read.record) {
        return Err(
            place.error("`record`: a metric has only letters, digits, `_` and `:`, and no digit first")
        );
    }
    let labels = shared.over(place.label_names(texts(read.labels))?);
    Ok(Recording {
        query: place.query(&read.expr.0)?,
        name: read.record,
        labels: labels.into_iter().collect(),
        offset: shared.offset,
        limit: shared.limit,
    })
}

impl Shared {
    /// The group's labels, under those of a rule.
    fn over(&self, own: Texts) -> Texts {
        self.labels.clone().into_iter().chain(own).collect()
    }
}

fn rule(place: &Place<'_>, index: usize, value: Value, shared: &Shared) -> Result<Rule, RuleError> {
    let name = name_or_number(&value, "alert", index);
    let place = place.in_rule(&name);
    let read: Entry = place.read(value)?;
    let Text(name) = read.alert;
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(place.error(format!("`alert`: a name has between 1 and {NAME_BYTES_MAX} bytes")));
    }
    let mut labels = shared.over(place.label_names(texts(read.labels))?);
    // Nobody but the rule itself says its name.
    labels.remove(ALERT_NAME);
    let annotations = place.annotation_names(texts(read.annotations))?;
    let says = |key: &str| annotations.get(key).map(String::as_str);
    let tags = tags(says("tags").unwrap_or_default());
    let hold = |key: &str, text: Option<Text>| {
        Ok(place.duration(key, text.as_ref().map(|Text(text)| text.as_str()))?.unwrap_or_default())
    };
    Ok(Rule {
        id: String::new(),
        query: place.query(&read.expr.0)?,
        offset: shared.offset,
        limit: shared.limit,
        hold: hold("for", read.hold)?,
        keep_firing: hold("keep_firing_for", read.keep_firing_for)?,
        severity: severity::severity_of(labels.get("severity").map_or("", String::as_str)),
        component: tags.first().cloned().unwrap_or_else(|| "unknown".to_owned()),
        tags,
        threshold: says("threshold")
            .and_then(|text| text.trim().parse().ok())
            .filter(|number: &f64| number.is_finite()),
        labels: place.templates(labels)?,
        annotations: place.templates(annotations)?,
        name,
    })
}

fn tags(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

/// A longer name of an alert is a mistake.
const NAME_BYTES_MAX: usize = 200;

fn is_metric_name(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    text.starts_with(|c: char| !c.is_ascii_digit()) && text.chars().all(is_allowed)
}

fn is_label_name(text: &str) -> bool {
    is_metric_name(text) && !text.contains(':')
}

fn name_or_number(value: &Value, key: &str, index: usize) -> String {
    value.get(key).and_then(Value::as_str).map_or_else(|| format!("#{}", index + 1), str::to_owned)
}

/// Where in the file a complaint belongs.
#[derive(Clone)]
struct Place<'a> {
    file: &'a str,
    group: Option<&'a str>,
    rule: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn in_group(&self, group: &'a str) -> Place<'a> {
        Place { group: Some(group), ..self.clone() }
    }

    fn in_rule(&self, rule: &'a str) -> Place<'a> {
        Place { rule: Some(rule), ..self.clone() }
    }

    fn error(&self, reason: impl Into<String>) -> RuleError {
        RuleError {
            file: self.file.to_owned(),
            group: self.group.map(str::to_owned),
            rule: self.rule.map(str::to_owned),
            reason: reason.into(),
        }
    }

    fn read<T: DeserializeOwned>(&self, value: Value) -> Result<T, RuleError> {
        serde_yaml_ng::from_value(value).map_err(|error| self.error(error.to_string()))
    }

    fn duration(&self, key: &str, text: Option<&str>) -> Result<Option<Duration>, RuleError> {
        let Some(text) = text else { return Ok(None) };
        let wrong = || self.error(format!("`{key}`: `{text}` is not a duration such as 30s, 5m or 1h30m"));
        parse_duration(text).map(Some).ok_or_else(wrong)
    }

    fn query(&self, text: &str) -> Result<promql::Query, RuleError> {
        promql::parse(text).map_err(|error| self.error(format!("`expr`: {error}")))
    }

    fn label_names(&self, labels: Texts) -> Result<Texts, RuleError> {
        match labels.keys().find(|name| !is_label_name(name) || *name == model::METRIC_NAME) {
            Some(name) => Err(self.error(format!("`labels`: `{name}` is not the name of a label"))),
            None => Ok(labels),
        }
    }

    fn annotation_names(&self, annotations: Texts) -> Result<Texts, RuleError> {
        match annotations.keys().find(|name| !is_label_name(name)) {
            Some(name) => {
                Err(self.error(format!("`annotations`: `{name}` is not the name of an annotation")))
            }
            None => Ok(annotations),
        }
    }

    fn template(&self, key: &str, text: &str) -> Result<Template, RuleError> {
        Template::parse(text).map_err(|reason| self.error(format!("template of `{key}`: {reason}")))
    }

    fn templates(&self, texts: Texts) -> Result<Vec<(String, Template)>, RuleError> {
        texts.into_iter().map(|(key, text)| Ok((key.clone(), self.template(&key, &text)?))).collect()
    }
}
