//! Slack's incoming webhooks, with the contract's attachment.

use std::time::Duration;

use async_trait::async_trait;
use model::Severity;
use serde_json::{Value, json};
use state::Transition;

use super::{Delivery, Envelope, Pace, Receiver, answer, http_client, http_url};
use crate::message::{Message, civil, clock_duration};
use crate::plain_text::{cut, lines, single_line};
use crate::settings::SlackSettings;

/// Slack's limits, in bytes where Slack counts characters: never too long.
const TITLE_MAX: usize = 150;
const TEXT_MAX: usize = 3000;
const FIELD_MAX: usize = 2000;
const FALLBACK_MAX: usize = 4000;

const FOOTER: &str = "OpenCode-Slack Monitor";

pub(super) struct Slack {
    client: reqwest::Client,
    url: url::Url,
    channel: String,
    username: String,
}

impl Slack {
    pub(super) fn new(settings: &SlackSettings) -> Result<Self, String> {
        Ok(Self {
            client: http_client()?,
            url: http_url(&settings.url)?,
            channel: settings.channel.clone(),
            username: settings.username.clone(),
        })
    }
}

#[async_trait]
impl Receiver for Slack {
    async fn deliver(&self, envelope: &Envelope<'_>) -> Delivery {
        let body = payload(envelope.message, envelope.transition, &self.channel, &self.username);
        answer::post(self.client.post(self.url.clone()).json(&body), envelope.now).await
    }

    fn pace(&self) -> Pace {
        // Slack: one message a second and webhook.
        Pace::new(Duration::from_secs(1), 1)
    }
}

fn payload(message: &Message, transition: Transition, channel: &str, username: &str) -> Value {
    let headline = headline(message, transition);
    let mut attachment = match transition {
        Transition::Resolved => resolution(message),
        Transition::Firing | Transition::Test => firing(message),
    };
    attachment["title"] = json!(cut(&headline, TITLE_MAX));
    attachment["fallback"] = json!(cut(&headline, FALLBACK_MAX));
    attachment["footer"] = json!(FOOTER);
    // What looks like formatting in an alert's text is text.
    attachment["mrkdwn_in"] = json!([]);
    if let Some(link) = &message.link {
        attachment["title_link"] = json!(link);
    }
    json!({
        "channel": channel,
        "username": username,
        "link_names": false,
        "attachments": [attachment],
    })
}

fn headline(message: &Message, transition: Transition) -> String {
    let title = harmless(&single_line(&message.alert.title));
    match transition {
        Transition::Firing => format!("🚨 {title}"),
        Transition::Resolved => format!("✅ RESOLVED: {title}"),
        Transition::Test => format!("🔔 {title}"),
    }
}

fn firing(message: &Message) -> Value {
    let alert = &message.alert;
    json!({
        "color": colour(alert.severity),
        "text": cut(&harmless(&lines(&message.details())), TEXT_MAX),
        "fields": [
            field("Severity", &alert.severity.as_str().to_uppercase()),
            field("Component", &alert.component),
            field("Time", &civil(message.fired_at())),
            field("Tags", &alert.tags.join(", ")),
        ],
        "ts": message.fired_at().as_secs(),
    })
}

fn resolution(message: &Message) -> Value {
    json!({
        "color": colour(Severity::Low),
        "text": "Alert has been resolved",
        "fields": [
            field("Component", &message.alert.component),
            field("Duration", &clock_duration(message.lasted())),
        ],
        "ts": message.alert.resolved_at.unwrap_or(message.at).as_secs(),
    })
}

fn field(title: &str, value: &str) -> Value {
    json!({ "title": title, "value": cut(&harmless(&single_line(value)), FIELD_MAX), "short": true })
}

fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "#FF0000",
        Severity::High => "#FF8C00",
        Severity::Medium => "#FFD700",
        Severity::Low => "#32CD32",
        Severity::Info => "#87CEEB",
    }
}

/// Slack's three characters escaped, and nobody called: `<!here>` becomes text by that, a
/// bare `@here` by a space of no width.
fn harmless(text: &str) -> String {
    let mut escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    for group in ["here", "channel", "everyone"] {
        escaped = escaped.replace(&format!("@{group}"), &format!("@\u{200b}{group}"));
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::hostile;

    #[test]
    fn the_payload_is_the_contracts() {
        let sent =
            payload(&hostile("Agent stalled"), Transition::Firing, "#alerts", "OpenCode-Slack Monitor");
        assert_eq!(sent["channel"], "#alerts");
        assert_eq!(sent["username"], "OpenCode-Slack Monitor");
        let attachment = &sent["attachments"][0];
        assert_eq!(attachment["color"], "#FF8C00");
        assert_eq!(attachment["title"], "🚨 Agent stalled");
        assert_eq!(attachment["fields"][0], json!({"title": "Severity", "value": "HIGH", "short": true}));
        assert_eq!(attachment["fields"][2]["value"], "2026-11-23 08:39:54 UTC");
        assert_eq!(attachment["fields"][3]["value"], "agent, stalled");
        assert_eq!(attachment["ts"], 1_795_423_194);
        assert_eq!(attachment["fallback"], "🚨 Agent stalled");
    }

    #[test]
    fn a_resolution_says_how_long_it_took() {
        let mut message = hostile("Agent stalled");
        message.alert.resolved_at = Some(message.at + Duration::from_secs(307));
        let sent = payload(&message, Transition::Resolved, "#alerts", "w");
        let attachment = &sent["attachments"][0];
        assert_eq!(attachment["title"], "✅ RESOLVED: Agent stalled");
        assert_eq!(attachment["fields"][1]["value"], "0:05:07");
        assert_eq!(attachment["color"], "#32CD32");
    }

    #[test]
    fn an_alert_calls_nobody_and_breaks_nothing() {
        let sent = payload(&hostile("<!here> & <@U1> @channel\r\n\u{1b}[31m"), Transition::Firing, "#a", "w");
        let title = sent["attachments"][0]["title"].as_str().unwrap_or_default();
        assert_eq!(title, "🚨 &lt;!here&gt; &amp; &lt;@U1&gt; @\u{200b}channel   [31m");
    }

    #[test]
    fn every_part_keeps_slacks_limits() {
        let mut message = hostile(&"ü".repeat(9000));
        message.alert.description = "ü".repeat(9000);
        message.alert.tags = vec!["ü".repeat(9000)];
        let sent = payload(&message, Transition::Firing, "#a", "w");
        let length = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
        let attachment = &sent["attachments"][0];
        assert!(length(&attachment["title"]) <= TITLE_MAX);
        assert!(length(&attachment["text"]) <= TEXT_MAX);
        assert!(length(&attachment["fields"][3]["value"]) <= FIELD_MAX);
        assert!(length(&attachment["fallback"]) <= FALLBACK_MAX);
    }
}
