//! From YAML to rules, naming group and rule in every complaint.

use std::collections::{BTreeMap, BTreeSet};

use model::Severity;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml_ng::Value;

use super::{Rule, RuleError, RuleGroup, duration};
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
    rules: Vec<Value>,
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

fn group(place: &Place<'_>, index: usize, value: Value) -> Result<RuleGroup, RuleError> {
    let name = name_or_number(&value, "name", index);
    let place = place.in_group(&name);
    let read: Group = place.read(value)?;
    let interval = place.duration("interval", read.interval.as_deref())?;
    if interval.is_some_and(|interval| interval.is_zero()) {
        return Err(place.error("`interval`: must be longer than zero"));
    }
    let rules = read.rules.into_iter().enumerate().map(|(index, value)| rule(&place, index, value));
    Ok(RuleGroup { rules: rules.collect::<Result<_, _>>()?, name: read.name, interval })
}

fn rule(place: &Place<'_>, index: usize, value: Value) -> Result<Rule, RuleError> {
    let name = name_or_number(&value, "alert", index);
    let place = place.in_rule(&name);
    if value.get("record").is_some() {
        return Err(place.error("recording rules are not supported, only alerts"));
    }
    let mut read: Entry = place.read(value)?;
    if !is_name(&read.alert) {
        return Err(place.error("`alert`: a name has only letters, digits, `_`, `-`, `.` and `:`"));
    }
    let query = promql::parse(&read.expr).map_err(|error| place.error(format!("`expr`: {error}")))?;
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

    fn duration(&self, key: &str, text: Option<&str>) -> Result<Option<std::time::Duration>, RuleError> {
        let parsed = text.map(duration::parse).transpose();
        parsed.map_err(|reason| self.error(format!("`{key}`: {reason}")))
    }

    fn template(&self, key: &str, text: &str) -> Result<Template, RuleError> {
        Template::parse(text).map_err(|reason| self.error(format!("template of `{key}`: {reason}")))
    }

    fn templates(&self, texts: BTreeMap<String, String>) -> Result<Vec<(String, Template)>, RuleError> {
        texts.into_iter().map(|(key, text)| Ok((key.clone(), self.template(&key, &text)?))).collect()
    }
}
