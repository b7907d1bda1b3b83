//! Rules and receivers, from settings to what alerting works with.

use std::path::Path;

use alerting::{
    Alerting, EmailSettings, MailSecurity, ReceiverKind, ReceiverSettings, RuleGroup, Secret, SlackSettings,
    WebhookSettings,
};
use anyhow::Context;
use async_trait::async_trait;
use model::Severity;

use super::reload::Reload;
use crate::config::{self, Email, EmailSecurity, Settings, Slack, Webhook};

/// The default rules, with those of the operator's file in place of their namesakes.
pub fn rules(settings: &Settings) -> anyhow::Result<Vec<RuleGroup>> {
    let base = alerting::rules::parse(alerting::rules::DEFAULT_NAME, alerting::rules::DEFAULT)
        .context("the default rules do not parse")?;
    let Some(path) = &settings.rules else { return Ok(base) };
    Ok(alerting::rules::merge(base, own_rules(path)?))
}

/// The rules of the operator's files, which can be read again.
#[derive(Clone)]
pub struct RuleFiles {
    pub alerting: Alerting,
    pub settings: Settings,
}

#[async_trait]
impl Reload for RuleFiles {
    fn name(&self) -> &'static str {
        "alerts.rules"
    }

    async fn reload(&self) -> anyhow::Result<()> {
        let settings = self.settings.clone();
        // Off the event loop: it reads files.
        let rules = tokio::task::spawn_blocking(move || rules(&settings)).await??;
        self.alerting.reload(rules).await.context("the change of rules could not be recorded")
    }
}

/// Of one file, or of those of a directory.
fn own_rules(path: &Path) -> anyhow::Result<Vec<RuleGroup>> {
    let wrong = || format!("the rule directory `{}` cannot be listed", path.display());
    let paths =
        if path.is_dir() { config::yaml_files(path).with_context(wrong)? } else { vec![path.to_owned()] };
    let files: Vec<(String, String)> =
        paths.iter().map(|file| rule_text(file)).collect::<anyhow::Result<_>>()?;
    Ok(alerting::rules::parse_all(&files)?)
}

/// The name of a rule file as errors show it, and what it says.
pub fn rule_text(path: &Path) -> anyhow::Result<(String, String)> {
    let name = path.display().to_string();
    let text = config::text(path).with_context(|| format!("the rule file `{name}` cannot be read"))?;
    Ok((name, text))
}

/// With the contract's ids.
pub fn receivers(settings: &Settings) -> Vec<ReceiverSettings> {
    let email = settings.email.as_ref().map(email);
    let slack = settings.slack.as_ref().map(slack);
    let webhook = settings.webhook.as_ref().map(webhook);
    [email, slack, webhook].into_iter().flatten().collect()
}

fn receiver(id: &str, name: &str, severities: &[Severity], kind: ReceiverKind) -> ReceiverSettings {
    let severities = Some(severities.to_vec());
    ReceiverSettings { id: id.to_owned(), name: name.to_owned(), enabled: true, severities, kind }
}

fn email(email: &Email) -> ReceiverSettings {
    let security = match email.security {
        EmailSecurity::Auto => MailSecurity::of_port(email.smtp_port),
        EmailSecurity::StartTls => MailSecurity::StartTls,
        EmailSecurity::Tls => MailSecurity::Implicit,
        EmailSecurity::None => MailSecurity::Plain,
    };
    let kind = EmailSettings {
        host: email.smtp_host.clone(),
        port: email.smtp_port,
        user: email.smtp_user.clone(),
        password: email.smtp_password.as_ref().map(secret),
        from: email.from.clone(),
        to: email.to.clone(),
        security,
    };
    receiver("email_alerts", "E-mail", &email.severities, ReceiverKind::Email(kind))
}

fn slack(slack: &Slack) -> ReceiverSettings {
    let kind = SlackSettings {
        url: secret(&slack.webhook_url),
        channel: slack.channel.clone(),
        username: slack.username.clone(),
    };
    receiver("slack_alerts", "Slack", &slack.severities, ReceiverKind::Slack(kind))
}

fn webhook(webhook: &Webhook) -> ReceiverSettings {
    let headers = webhook.headers.iter().map(|(name, value)| (name.clone(), secret(value)));
    let kind = WebhookSettings {
        url: secret(&webhook.url),
        headers: headers.collect(),
        secret: webhook.signing_secret.as_ref().map(secret),
    };
    receiver("webhook_alerts", "Webhook", &webhook.severities, ReceiverKind::Webhook(kind))
}

fn secret(secret: &config::Secret) -> Secret {
    Secret::new(secret.expose())
}
