//! What is told to receivers: one transition of one alert, frozen at that moment.

use std::time::Duration;

use model::{Alert, AlertStatus, LabelSet, Severity, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use state::Transition;

/// The contract's name for us in payloads.
pub(crate) const SOURCE: &str = "opencode-slack-monitor";

/// Kept as JSON in the outbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Message {
    pub alert: Alert,
    /// Absent when it is none that JSON can say; the alert's own is zero then.
    pub value: Option<f64>,
    pub at: Timestamp,
    /// Where to look further.
    pub link: Option<String>,
}

impl Message {
    pub(crate) fn new(alert: &Alert, at: Timestamp, public_url: Option<&str>) -> Self {
        let value = Some(alert.value).filter(|value| value.is_finite());
        let alert = Alert { value: value.unwrap_or_default(), ..alert.clone() };
        Self { alert, value, at, link: public_url.map(str::to_owned) }
    }

    /// From firing to the end, or to this moment.
    pub(crate) fn lasted(&self) -> Duration {
        let start = self.alert.fired_at.unwrap_or(self.alert.pending_since);
        self.alert.resolved_at.unwrap_or(self.at).since(start)
    }

    /// When it fired.
    pub(crate) fn fired_at(&self) -> Timestamp {
        self.alert.fired_at.unwrap_or(self.alert.pending_since)
    }

    /// The description, and what is known beyond it, a line each.
    pub(crate) fn details(&self) -> String {
        let mut details = self.alert.description.clone();
        for (name, label) in [("now", "Now"), ("why", "Why"), ("model", "Model"), ("directory", "Directory")]
        {
            if let Some(text) = self.alert.annotations.get(name) {
                details.push_str(&format!("\n{label}: {text}"));
            }
        }
        details
    }

    /// The contract's shape of an alert, with its labels and annotations.
    pub(crate) fn contract_alert(&self) -> Value {
        let alert = &self.alert;
        let time = |at: Option<Timestamp>| at.map(|at| at.to_rfc3339());
        json!({
            "id": alert.id,
            "title": alert.title,
            "description": alert.description,
            "severity": alert.severity.as_str(),
            "status": alert.status.as_str(),
            "source": "monitoring_system",
            "component": alert.component,
            "timestamp": self.fired_at().to_rfc3339(),
            "tags": alert.tags,
            "metadata": self.metadata(),
            "labels": object(&alert.labels),
            "annotations": object(&alert.annotations),
            "escalation_level": 0,
            "acknowledged_by": alert.acknowledged_by,
            "acknowledged_at": time(alert.acknowledged_at),
            "resolved_at": time(alert.resolved_at),
            "suppressed_until": null,
        })
    }

    pub(crate) fn metadata(&self) -> Value {
        json!({
            "rule_id": self.alert.rule,
            "threshold": self.alert.threshold,
            "value": self.value,
            "agent": self.alert.labels.get("agent"),
            "last_updated": self.alert.last_updated.to_rfc3339(),
        })
    }
}

fn object(labels: &LabelSet) -> Value {
    labels
        .iter()
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// What a receiver is sent when somebody presses its test button.
pub(crate) fn test_alert(receiver: &str, at: Timestamp) -> Alert {
    Alert {
        id: format!("test_{}", at.as_secs()),
        rule: "test".to_owned(),
        title: "Test message".to_owned(),
        description: format!("Somebody asked Watchkeeper to try the receiver {receiver}. Nothing is wrong."),
        severity: Severity::Info,
        status: AlertStatus::Active,
        component: "watchkeeper".to_owned(),
        tags: vec!["test".to_owned()],
        labels: LabelSet::empty(),
        annotations: LabelSet::empty(),
        value: 0.0,
        threshold: None,
        pending_since: at,
        fired_at: Some(at),
        last_updated: at,
        resolved_at: None,
        acknowledged_at: None,
        acknowledged_by: None,
    }
}

/// Says the same thing at every attempt and after every restart, so that nothing is said
/// twice: of the alert, the transition and the receiver.
pub(crate) fn key(alert_id: &str, transition: Transition, receiver: &str) -> String {
    use sha2::{Digest, Sha256};
    let text = format!("{alert_id}\0{}\0{receiver}", transition.as_str());
    let hash = Sha256::digest(text.as_bytes());
    format!("msg_{}", hash[..16].iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// `2026-11-23 08:39:54 UTC`.
pub(crate) fn civil(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => text,
    }
}

/// `0:05:07`, as the contract shows durations, without their microseconds.
pub(crate) fn clock_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// An agent that stalled, with text that wants to do harm.
    pub(crate) fn hostile(title: &str) -> Message {
        let at = Timestamp::from_secs(1_795_423_194);
        let alert = Alert {
            id: "agent_stalled_1795423194".to_owned(),
            rule: "agent_stalled".to_owned(),
            title: title.to_owned(),
            severity: Severity::High,
            labels: LabelSet::new([("agent", "a"), ("source", "local")]),
            annotations: LabelSet::new([("why", "no answer")]),
            tags: vec!["agent".to_owned(), "stalled".to_owned()],
            component: "agent".to_owned(),
            ..test_alert("x", at)
        };
        Message::new(&alert, at, Some("http://watch.example/"))
    }

    #[test]
    fn a_message_survives_the_outbox_whatever_its_value() {
        for value in [1.5, f64::NAN, f64::INFINITY] {
            let alert = Alert { value, ..test_alert("x", Timestamp::from_secs(1)) };
            let message = Message::new(&alert, Timestamp::from_secs(2), None);
            let text = serde_json::to_string(&message).unwrap();
            assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message);
        }
    }

    #[test]
    fn keys_differ_in_what_is_said_and_to_whom() {
        let keys = [
            key("a", Transition::Firing, "x"),
            key("a", Transition::Resolved, "x"),
            key("a", Transition::Firing, "y"),
            key("b", Transition::Firing, "x"),
        ];
        for (index, one) in keys.iter().enumerate() {
            assert!(!keys[index + 1..].contains(one));
        }
        assert_eq!(keys[0], key("a", Transition::Firing, "x"));
    }

    #[test]
    fn times_are_for_people() {
        assert_eq!(civil(Timestamp::from_secs(1_795_423_194)), "2026-11-23 08:39:54 UTC");
        assert_eq!(clock_duration(Duration::from_secs(93_784)), "26:03:04");
    }
}
