//! From YAML to rules, naming group and rule in every complaint.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{Severity, parse_duration};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml_ng::Value;

use super::{Recording, Rule, RuleError, RuleGroup};
use crate::template::Template;

/// A rule file larger than this is a mistake, not a rule file.
const FILE_BYTES_MAX: usize = 4 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    groups: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    interval: Option<String>,
    query_offset: Option<String>,
    /// Nothing and zero stand for no limit.
    limit: Option<usize>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    rules: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordEntry {
    record: String,
    expr: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// What the rules of a group have in common.
struct Shared {
    labels: BTreeMap<String, String>,
    offset: Duration,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    alert: String,
    expr: String,
    #[serde(rename = "for")]
    hold: Option<String>,
    keep_firing_for: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// Reads a rule file. `file` is its name in errors.
pub fn parse(file: &str, yaml: &str) -> Result<Vec<RuleGroup>, RuleError> {
    let place = Place { file, group: None, rule: None };
    if yaml.len() > FILE_BYTES_MAX {
        return Err(place.error(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    let read: File = serde_yaml_ng::from_str(yaml).map_err(|error| place.error(error.to_string()))?;
    let mut groups: Vec<RuleGroup> = Vec::new();
    let mut names = BTreeSet::new();
    for (index, value) in read.groups.into_iter().enumerate() {
        let group = group(&place, index, value)?;
        if groups.iter().any(|earlier| earlier.name == group.name) {
            return Err(place.in_group(&group.name).error("there is an earlier group of this name"));
        }
        for rule in &group.rules {
            if !names.insert(rule.name.clone()) {
                let place = place.in_group(&group.name);
                return Err(place.in_rule(&rule.name).error("there is an earlier rule of this name"));
            }
        }
        groups.push(group);
    }
    Ok(groups)
}

/// Reads several files, each with its name in errors. An alert's name is part of the ids of
/// its alerts: it is used once in all of them.
pub fn parse_all(files: &[(String, String)]) -> Result<Vec<RuleGroup>, RuleError> {
    let mut groups = Vec::new();
    let mut names = BTreeSet::new();
    for (file, yaml) in files {
        let read = parse(file, yaml)?;
        for (group, rule) in read.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule))) {
            if !names.insert(rule.name.clone()) {
                let place = Place { file, group: Some(&group.name), rule: Some(&rule.name) };
                return Err(place.error("another file has a rule of this name"));
            }
        }
        groups.extend(read);
    }
    Ok(groups)
}

fn group(place: &Place<'_>, index: usize, value: Value) -> Result<RuleGroup, RuleError> {
    let name = name_or_number(&value, "name", index);
    let place = place.in_group(&name);
    let read: Group = place.read(value)?;
    let interval = place.duration("interval", read.interval.as_deref())?;
    if interval.is_some_and(|interval| interval.is_zero()) {
        return Err(place.error("`interval`: must be longer than zero"));
    }
    let shared = Shared {
        labels: place.label_names(read.labels)?,
        offset: place.duration("query_offset", read.query_offset.as_deref())?.unwrap_or_default(),
        limit: read.limit.filter(|limit| *limit > 0),
    };
    let (mut recordings, mut rules) = (Vec::new(), Vec::new());
    for (index, value) in read.rules.into_iter().enumerate() {
        if value.get("record").is_some() {
            recordings.push(recording(&place, index, value, &shared)?);
        } else {
            rules.push(rule(&place, index, value, &shared)?);
        }
    }
    Ok(RuleGroup { name: read.name, interval, recordings, rules })
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
    let labels = shared.over(place.label_names(read.labels)?);
    Ok(Recording {
        query: place.query(&read.expr)?,
        name: read.record,
        labels: labels.into_iter().collect(),
        offset: shared.offset,
        limit: shared.limit,
    })
}

impl Shared {
    /// The group's labels, under those of a rule.
    fn over(&self, own: BTreeMap<String, String>) -> BTreeMap<String, String> {
        self.labels.clone().into_iter().chain(own).collect()
    }
}

fn rule(place: &Place<'_>, index: usize, value: Value, shared: &Shared) -> Result<Rule, RuleError> {
    let name = name_or_number(&value, "alert", index);
    let place = place.in_rule(&name);
    let mut read: Entry = place.read(value)?;
    if !is_name(&read.alert) {
        return Err(place.error("`alert`: a name has only letters, digits, `_`, `-`, `.` and `:`"));
    }
    read.labels = shared.over(place.label_names(read.labels)?);
    let query = place.query(&read.expr)?;
    let severity = severity(&place, read.labels.remove("severity"))?;
    let tags = tags(&read.annotations.remove("tags").unwrap_or_default());
    let threshold = threshold(&place, read.annotations.remove("threshold"))?;
    let first_tag = || tags.first().cloned().unwrap_or_else(|| "unknown".to_owned());
    let component = read.labels.remove("component").unwrap_or_else(first_tag);
    let title = read.annotations.remove("title").or_else(|| read.annotations.remove("summary"));
    let description = read.annotations.remove("description").unwrap_or_default();
    Ok(Rule {
        hold: place.duration("for", read.hold.as_deref())?.unwrap_or_default(),
        keep_firing: place.duration("keep_firing_for", read.keep_firing_for.as_deref())?.unwrap_or_default(),
        title: place.template("title", title.as_deref().unwrap_or(&read.alert))?,
        description: place.template("description", &description)?,
        labels: place.templates(read.labels)?,
        annotations: place.templates(read.annotations)?,
        name: read.alert,
        query,
        offset: shared.offset,
        limit: shared.limit,
        severity,
        component,
        tags,
        threshold,
    })
}

fn severity(place: &Place<'_>, text: Option<String>) -> Result<Severity, RuleError> {
    // Prometheus has no severities; a rule that says nothing should neither wake nor be lost.
    let Some(text) = text else { return Ok(Severity::Medium) };
    Severity::parse(&text).ok_or_else(|| {
        let known: Vec<&str> = Severity::ALL.iter().map(|severity| severity.as_str()).collect();
        place.error(format!("severity `{text}` is none of {}", known.join(", ")))
    })
}

fn threshold(place: &Place<'_>, text: Option<String>) -> Result<Option<f64>, RuleError> {
    let number = |text: String| match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(place.error(format!("threshold `{text}` is not a number"))),
    };
    text.map(number).transpose()
}

fn tags(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

/// The name is part of ids, which are part of URLs.
fn is_name(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    !text.is_empty() && text.len() <= 100 && text.chars().all(is_allowed)
}

fn is_metric_name(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    text.starts_with(|c: char| !c.is_ascii_digit()) && text.chars().all(is_allowed)
}

fn is_label_name(text: &str) -> bool {
    is_metric_name(text) && !text.contains(':') && text != model::METRIC_NAME
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

    fn label_names(&self, labels: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, RuleError> {
        match labels.keys().find(|name| !is_label_name(name)) {
            Some(name) => Err(self.error(format!("`labels`: `{name}` is not the name of a label"))),
            None => Ok(labels),
        }
    }

    fn template(&self, key: &str, text: &str) -> Result<Template, RuleError> {
        Template::parse(text).map_err(|reason| self.error(format!("template of `{key}`: {reason}")))
    }

    fn templates(&self, texts: BTreeMap<String, String>) -> Result<Vec<(String, Template)>, RuleError> {
        texts.into_iter().map(|(key, text)| Ok((key.clone(), self.template(&key, &text)?))).collect()
    }
}
