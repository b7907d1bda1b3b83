//! Who is told of a transition. Pure.

use model::{Alert, Timestamp};
use state::{NewNotification, Transition};

use crate::message::{Message, key};
use crate::settings::ReceiverSettings;

/// What must be said, one row a receiver.
///
/// A firing goes to those who want its severity. A resolution is offered to everybody who is
/// switched on; `state` keeps it only for those who were told of the firing, so that a
/// changed severity filter does not leave somebody waiting for the end.
pub(crate) fn notifications(
    receivers: &[ReceiverSettings],
    alert: &Alert,
    transition: Transition,
    at: Timestamp,
    public_url: Option<&str>,
) -> Vec<NewNotification> {
    let message = Message::new(alert, at, public_url);
    let payload = serde_json::to_string(&message).expect("a message has only values that JSON can say");
    receivers
        .iter()
        .filter(|receiver| match transition {
            Transition::Firing => receiver.wants(alert.severity),
            Transition::Resolved | Transition::Test => receiver.enabled,
        })
        .map(|receiver| NewNotification {
            key: key(&alert.id, transition, &receiver.id),
            receiver: receiver.id.clone(),
            alert_id: alert.id.clone(),
            transition,
            payload: payload.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use model::Severity;

    use super::*;
    use crate::Secret;
    use crate::message::test_alert;
    use crate::settings::{ReceiverKind, SlackSettings};

    fn receiver(id: &str, enabled: bool, severities: Option<Vec<Severity>>) -> ReceiverSettings {
        let slack = SlackSettings {
            url: Secret::new("http://127.0.0.1/"),
            channel: "#alerts".to_owned(),
            username: "w".to_owned(),
        };
        let (id, name) = (id.to_owned(), id.to_owned());
        ReceiverSettings { id, name, enabled, severities, kind: ReceiverKind::Slack(slack) }
    }

    fn told(transition: Transition, severity: Severity) -> Vec<String> {
        let receivers = [
            receiver("all", true, None),
            receiver("worst", true, Some(vec![Severity::Critical])),
            receiver("off", false, None),
        ];
        let at = Timestamp::from_secs(1);
        let alert = Alert { severity, ..test_alert("x", at) };
        notifications(&receivers, &alert, transition, at, None).into_iter().map(|row| row.receiver).collect()
    }

    #[test]
    fn a_firing_goes_to_those_who_want_its_severity() {
        assert_eq!(told(Transition::Firing, Severity::High), ["all"]);
        assert_eq!(told(Transition::Firing, Severity::Critical), ["all", "worst"]);
    }

    #[test]
    fn a_resolution_is_offered_to_all_who_are_switched_on() {
        assert_eq!(told(Transition::Resolved, Severity::High), ["all", "worst"]);
    }
}
