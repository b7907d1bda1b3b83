//! Who is told of alerts.

use std::collections::BTreeMap;

use model::Severity;

use super::reader::Reader;
use super::{Email, EmailSecurity, Slack, Webhook};
use crate::config::Secret;
use crate::config::kind::Value;

impl Reader<'_> {
    pub(super) fn email(&self) -> Option<Email> {
        let enabled = self.toggle("alerts.email.enabled");
        let host = self.optional_text("alerts.email.smtp_host");
        let user = self.optional_text("alerts.email.smtp_user");
        let password = self.secret("alerts.email.smtp_password");
        let from = self.optional_text("alerts.email.from");
        let to = self.list("alerts.email.to");
        let email = Email {
            smtp_host: host.clone().unwrap_or_default(),
            smtp_port: self.port("alerts.email.smtp_port"),
            security: match self.text("alerts.email.security").as_str() {
                "starttls" => EmailSecurity::StartTls,
                "tls" => EmailSecurity::Tls,
                "none" => EmailSecurity::None,
                _ => EmailSecurity::Auto,
            },
            from: from.or_else(|| user.clone()).unwrap_or_default(),
            smtp_user: user,
            smtp_password: password,
            to,
            severities: self.severities("alerts.email.severities"),
        };
        if !enabled || host.is_none() {
            return None;
        }
        if email.from.is_empty() {
            self.problem("alerts.email.from", "is needed to send e-mail: no sender and no user is set");
        }
        if email.to.is_empty() {
            self.problem("alerts.email.to", "is needed to send e-mail: there is nobody to send it to");
        }
        if email.smtp_user.is_some() != email.smtp_password.is_some() {
            self.problem(
                "alerts.email.smtp_password",
                "and alerts.email.smtp_user belong together: set both or none",
            );
        }
        if email.security == EmailSecurity::None && email.smtp_user.is_some() {
            self.problem(
                "alerts.email.security",
                "is `none`: a user and password would be sent in the clear",
            );
        }
        Some(email)
    }

    pub(super) fn slack(&self) -> Option<Slack> {
        let enabled = self.toggle("alerts.slack.enabled");
        let url = self.secret("alerts.slack.webhook_url");
        let (channel, username) = (self.text("alerts.slack.channel"), self.text("alerts.slack.username"));
        let severities = self.severities("alerts.slack.severities");
        url.filter(|_| enabled).map(|webhook_url| Slack { webhook_url, channel, username, severities })
    }

    pub(super) fn webhook(&self) -> Option<Webhook> {
        let enabled = self.toggle("alerts.webhook.enabled");
        let url = self.secret("alerts.webhook.url");
        let headers = match self.value("alerts.webhook.headers") {
            Some(Value::Headers(headers)) => headers,
            _ => BTreeMap::new(),
        };
        let headers = headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
        let signing_secret = self.secret("alerts.webhook.signing_secret");
        let severities = self.severities("alerts.webhook.severities");
        url.filter(|_| enabled).map(|url| Webhook { url, headers, signing_secret, severities })
    }

    fn severities(&self, key: &str) -> Vec<Severity> {
        let words = self.list(key);
        let known = words.iter().map(|word| Severity::parse(&word.to_lowercase()).ok_or(word));
        known.collect::<Result<_, _>>().unwrap_or_else(|word| {
            self.problem(key, format!("`{word}` is not a severity; use critical, high, medium, low, info"));
            vec![]
        })
    }
}
