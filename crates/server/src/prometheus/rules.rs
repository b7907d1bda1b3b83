//! Rules and alerts as Grafana and promtool ask for them.

use std::collections::BTreeSet;

use alerting::{ActiveAlert, GroupRule, GroupStatus, RuleStatus};
use axum::extract::State;
use axum::response::Response;
use model::{LabelSet, Matcher, Timestamp};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::parameters::Parameters;
use super::reply::{ApiError, success};
use super::values::Labels;
use crate::app::Shared;

/// As Go writes a time that was never set.
const NEVER: &str = "0001-01-01T00:00:00Z";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RulesDto<'a> {
    groups: Vec<GroupDto<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupDto<'a> {
    name: &'a str,
    file: &'a str,
    rules: Vec<RuleDto<'a>>,
    /// Seconds, as all durations here.
    interval: f64,
    /// 0 when there is none.
    limit: usize,
    evaluation_time: f64,
    last_evaluation: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum RuleDto<'a> {
    Alerting(AlertingDto<'a>),
    Recording(RecordingDto<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertingDto<'a> {
    state: &'static str,
    name: &'a str,
    query: &'a str,
    duration: f64,
    keep_firing_for: f64,
    labels: OwnedLabels,
    annotations: OwnedLabels,
    alerts: Vec<AlertDto<'a>>,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'a str>,
    evaluation_time: f64,
    last_evaluation: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordingDto<'a> {
    name: &'a str,
    query: &'a str,
    #[serde(skip_serializing_if = "OwnedLabels::is_empty")]
    labels: OwnedLabels,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'a str>,
    evaluation_time: f64,
    last_evaluation: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertDto<'a> {
    labels: Labels<'a>,
    annotations: Labels<'a>,
    state: &'static str,
    active_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_firing_since: Option<String>,
    value: String,
}

/// Labels that were put together here.
struct OwnedLabels(LabelSet);

impl OwnedLabels {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for OwnedLabels {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Labels(&self.0).serialize(serializer)
    }
}

/// What was asked for.
struct Wanted<'a> {
    alerting: bool,
    recording: bool,
    names: BTreeSet<&'a str>,
    groups: BTreeSet<&'a str>,
    files: BTreeSet<&'a str>,
    /// On the labels of the rule itself; one of them must select it.
    selections: Vec<Vec<Matcher>>,
    with_alerts: bool,
    groups_max: usize,
    /// Of the first group of this page.
    token: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn of(parameters: &'a Parameters) -> Result<Self, ApiError> {
        let (alerting, recording) =
            match parameters.get("type").unwrap_or_default().to_ascii_lowercase().as_str() {
                "" => (true, true),
                "alert" => (true, false),
                "record" => (false, true),
                other => return Err(ApiError::invalid("type", format!("not supported value {other:?}"))),
            };
        let groups_max = groups_max(parameters)?;
        let token = parameters.get("group_next_token");
        if token.is_some() && groups_max == 0 {
            let message = "group_limit needs to be present in order to paginate over the groups";
            return Err(ApiError::invalid("group_next_token", message));
        }
        Ok(Self {
            alerting,
            recording,
            names: parameters.all("rule_name[]").collect(),
            groups: parameters.all("rule_group[]").collect(),
            files: parameters.all("file[]").collect(),
            selections: parameters.matches()?,
            with_alerts: !is_true(parameters, "exclude_alerts")?,
            groups_max,
            token,
        })
    }

    fn wants_group(&self, group: &GroupStatus) -> bool {
        let is_of = |set: &BTreeSet<&str>, name: &str| set.is_empty() || set.contains(name);
        is_of(&self.groups, &group.name) && is_of(&self.files, &group.file)
    }

    fn wants(&self, rule: &GroupRule) -> bool {
        let is_of_kind = match rule {
            GroupRule::Alert(_) => self.alerting,
            GroupRule::Record(_) => self.recording,
        };
        let labels = rule.labels();
        let is_selected = |matchers: &Vec<Matcher>| matchers.iter().all(|matcher| matcher.matches(&labels));
        is_of_kind
            && (self.names.is_empty() || self.names.contains(rule.name()))
            && (self.selections.is_empty() || self.selections.iter().any(is_selected))
    }
}

/// 0 when the groups are not asked for in pages.
fn groups_max(parameters: &Parameters) -> Result<usize, ApiError> {
    let Some(text) = parameters.get("group_limit") else { return Ok(0) };
    match text.parse::<i64>() {
        Ok(number) if number > 0 => Ok(number as usize),
        Ok(_) => Err(ApiError::invalid("group_limit", "group_limit needs to be greater than 0")),
        Err(_) => {
            Err(ApiError::invalid("group_limit", format!("group_limit needs to be a valid number: {text:?}")))
        }
    }
}

/// A truth as Go reads it.
fn is_true(parameters: &Parameters, name: &str) -> Result<bool, ApiError> {
    match parameters.get(name).unwrap_or("false") {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        other => Err(ApiError::invalid(name, format!("error converting {name}: {other:?}"))),
    }
}

pub(crate) async fn rules(State(app): State<Shared>, parameters: Parameters) -> Result<Response, ApiError> {
    let wanted = Wanted::of(&parameters)?;
    let all = app.engines.alerts.rules();
    let first = match wanted.token {
        None => 0,
        Some(token) => all.iter().position(|group| next_token(group) == token).ok_or_else(|| {
            let message = format!("invalid group_next_token '{token}'. were rule groups changed?");
            ApiError::invalid("group_next_token", message)
        })?,
    };
    let mut found = RulesDto { groups: Vec::new(), group_next_token: None };
    for group in all.iter().skip(first).filter(|group| wanted.wants_group(group)) {
        let rules = group.rules.iter().filter(|rule| wanted.wants(&rule.rule));
        let rules: Vec<RuleDto<'_>> = rules.map(|rule| rule_dto(rule, wanted.with_alerts)).collect();
        if rules.is_empty() {
            continue;
        }
        if wanted.groups_max > 0 && found.groups.len() == wanted.groups_max {
            found.group_next_token = Some(next_token(group));
            break;
        }
        found.groups.push(group_dto(group, rules));
    }
    Ok(success(found))
}

/// Names a group to those who ask in pages; they make nothing else of it.
fn next_token(group: &GroupStatus) -> String {
    let hash = Sha256::digest(format!("{};{}", group.file, group.name));
    hash[..20].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn group_dto<'a>(group: &'a GroupStatus, rules: Vec<RuleDto<'a>>) -> GroupDto<'a> {
    GroupDto {
        name: &group.name,
        file: &group.file,
        rules,
        interval: group.interval.as_secs_f64(),
        limit: group.limit.unwrap_or(0),
        evaluation_time: group.took.as_secs_f64(),
        last_evaluation: time(group.last_evaluation),
    }
}

fn rule_dto(status: &RuleStatus, with_alerts: bool) -> RuleDto<'_> {
    let RuleStatus { rule, health, last_error, last_evaluation, took, alerts } = status;
    let (name, query, labels) = (rule.name(), rule.query().text().trim(), OwnedLabels(rule.labels()));
    let (health, last_error) = (health.as_str(), last_error.as_deref());
    let (evaluation_time, last_evaluation) = (took.as_secs_f64(), time(*last_evaluation));
    match rule {
        GroupRule::Record(_) => RuleDto::Recording(RecordingDto {
            name,
            query,
            labels,
            health,
            last_error,
            evaluation_time,
            last_evaluation,
            kind: "recording",
        }),
        GroupRule::Alert(rule) => RuleDto::Alerting(AlertingDto {
            state: state(alerts),
            name,
            query,
            duration: rule.hold.as_secs_f64(),
            keep_firing_for: rule.keep_firing.as_secs_f64(),
            labels,
            annotations: OwnedLabels(rule.written_annotations()),
            alerts: if with_alerts { alerts.iter().map(alert_dto).collect() } else { Vec::new() },
            health,
            last_error,
            evaluation_time,
            last_evaluation,
            kind: "alerting",
        }),
    }
}

/// The furthest that one of the rule's alerts has come.
fn state(alerts: &[ActiveAlert]) -> &'static str {
    match alerts {
        [] => "inactive",
        alerts if alerts.iter().any(|alert| alert.is_firing) => "firing",
        _ => "pending",
    }
}

#[derive(Serialize)]
struct AlertsDto<'a> {
    alerts: Vec<AlertDto<'a>>,
}

pub(crate) async fn alerts(State(app): State<Shared>) -> Response {
    let groups = app.engines.alerts.rules();
    let active = groups.iter().flat_map(|group| &group.rules).flat_map(|rule| &rule.alerts);
    success(AlertsDto { alerts: active.map(alert_dto).collect() })
}

fn alert_dto(alert: &ActiveAlert) -> AlertDto<'_> {
    AlertDto {
        labels: Labels(&alert.labels),
        annotations: Labels(&alert.annotations),
        state: if alert.is_firing { "firing" } else { "pending" },
        active_at: alert.active_at.to_rfc3339(),
        keep_firing_since: alert.keep_firing_since.map(Timestamp::to_rfc3339),
        value: scientific(alert.value),
    }
}

/// As Prometheus writes the value of an alert: the shortest digits with an exponent of two
/// digits at least, `1.5e+00`.
fn scientific(value: f64) -> String {
    if !value.is_finite() {
        return promql::format_value(value);
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| NEVER.to_owned(), Timestamp::to_rfc3339)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertmanagersDto {
    active_alertmanagers: [(); 0],
    dropped_alertmanagers: [(); 0],
}

/// Receivers are told without one.
pub(crate) async fn alertmanagers() -> Response {
    success(AlertmanagersDto { active_alertmanagers: [], dropped_alertmanagers: [] })
}

#[cfg(test)]
mod tests {
    use super::scientific;

    #[test]
    fn values_have_exponents() {
        for (value, text) in [
            (0.0, "0e+00"),
            (1.5, "1.5e+00"),
            (-1234.0, "-1.234e+03"),
            (1e-7, "1e-07"),
            (1e123, "1e+123"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(scientific(value), text);
        }
    }
}
