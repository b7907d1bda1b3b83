//! What the operator decided, as plain data.

use std::time::Duration;

use model::{LabelSet, Severity};

use crate::{RuleGroup, Secret};

#[derive(Clone, Debug)]
pub struct AlertingSettings {
    pub rules: Vec<RuleGroup>,
    pub receivers: Vec<ReceiverSettings>,
    /// Between evaluations of a group that has no interval of its own.
    pub interval: Duration,
    /// A rule that finds more is at fault, not the world: `alerts.per_rule_max`.
    pub alerts_per_rule_max: usize,
    /// Where people find the page, for the link in messages and `$externalURL` in templates.
    pub public_url: Option<String>,
    /// `$externalLabels` in templates.
    pub external_labels: LabelSet,
}

impl Default for AlertingSettings {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            receivers: Vec::new(),
            interval: Duration::from_secs(15),
            alerts_per_rule_max: 1000,
            public_url: None,
            external_labels: LabelSet::empty(),
        }
    }
}

/// Somebody who is told.
#[derive(Clone, Debug)]
pub struct ReceiverSettings {
    /// Unique: `email_alerts`, `slack_alerts`, `webhook_alerts`.
    pub id: String,
    pub name: String,
    pub enabled: bool,
    /// The severities it is told of; all when absent.
    pub severities: Option<Vec<Severity>>,
    pub kind: ReceiverKind,
}

#[derive(Clone, Debug)]
pub enum ReceiverKind {
    Email(EmailSettings),
    Slack(SlackSettings),
    Webhook(WebhookSettings),
}

impl ReceiverKind {
    /// The contract's word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            ReceiverKind::Email(_) => "email",
            ReceiverKind::Slack(_) => "slack",
            ReceiverKind::Webhook(_) => "webhook",
        }
    }
}

#[derive(Clone, Debug)]
pub struct EmailSettings {
    pub host: String,
    pub port: u16,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub from: String,
    pub to: Vec<String>,
    pub security: MailSecurity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// Begins in the clear and must change to TLS before anything is said. Port 587.
    StartTls,
    /// TLS from the first byte. Port 465.
    Implicit,
    /// For a relay on this machine. User and password are refused with it.
    Plain,
}

impl MailSecurity {
    /// What the port stands for.
    pub const fn of_port(port: u16) -> Self {
        match port {
            465 => MailSecurity::Implicit,
            _ => MailSecurity::StartTls,
        }
    }
}

#[derive(Clone, Debug)]
pub struct SlackSettings {
    /// The address of an incoming webhook; who knows it can post.
    pub url: Secret,
    pub channel: String,
    pub username: String,
}

#[derive(Clone, Debug)]
pub struct WebhookSettings {
    pub url: Secret,
    pub headers: Vec<(String, Secret)>,
    /// Signs what is sent, as Standard Webhooks says. `whsec_` and base64, or any text.
    pub secret: Option<Secret>,
}

impl ReceiverSettings {
    /// Whether alerts of this severity are told to it.
    pub fn wants(&self, severity: Severity) -> bool {
        self.enabled && self.severities.as_ref().is_none_or(|wanted| wanted.contains(&severity))
    }
}
