//! E-mail by SMTP.

use std::time::Duration;

use async_trait::async_trait;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use state::Transition;

use super::{Delivery, Envelope, Failure, PEER_TIMEOUT, Pace, Receiver};
use crate::message::{Message, civil, clock_duration, key};
use crate::plain_text::{cut, lines, single_line};
use crate::settings::{EmailSettings, MailSecurity};

/// A subject longer than this is folded by mail programs.
const SUBJECT_MAX: usize = 200;

pub(super) struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Email {
    pub(super) fn new(settings: &EmailSettings) -> Result<Self, String> {
        let mailbox = |address: &str| {
            address
                .trim()
                .parse::<Mailbox>()
                .map_err(|error| format!("`{address}` is not an address: {error}"))
        };
        let to = settings.to.iter().map(|address| mailbox(address)).collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err("it has nobody to write to".to_owned());
        }
        Ok(Self { transport: transport(settings)?, from: mailbox(&settings.from)?, to })
    }

    fn compose(&self, envelope: &Envelope<'_>) -> Result<lettre::Message, String> {
        let id = |key: &str| format!("<{key}@{}>", self.from.email.domain());
        let mut builder: MessageBuilder = lettre::Message::builder()
            .from(self.from.clone())
            .subject(cut(&subject(envelope.message, envelope.transition), SUBJECT_MAX))
            .message_id(Some(id(envelope.key)))
            .header(AutoSubmitted);
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        if envelope.transition == Transition::Resolved {
            let firing = id(&key(&envelope.message.alert.id, Transition::Firing, envelope.receiver));
            builder = builder.in_reply_to(firing.clone()).references(firing);
        }
        let body = body(envelope.message, envelope.transition);
        builder.body(body).map_err(|error| format!("the message could not be written: {error}"))
    }
}

fn transport(settings: &EmailSettings) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    type Smtp = AsyncSmtpTransport<Tokio1Executor>;
    let host = settings.host.as_str();
    let unusable = |error: smtp::Error| format!("`{host}` cannot be used as mail server: {error}");
    let builder = match settings.security {
        MailSecurity::StartTls => Smtp::starttls_relay(host).map_err(unusable)?,
        MailSecurity::Implicit => Smtp::relay(host).map_err(unusable)?,
        MailSecurity::Plain => Smtp::builder_dangerous(host),
    };
    let builder = builder.port(settings.port).timeout(Some(PEER_TIMEOUT));
    match (&settings.user, &settings.password) {
        (Some(_), _) | (_, Some(_)) if settings.security == MailSecurity::Plain => {
            Err("user and password are only sent through TLS, and it is configured without".to_owned())
        }
        (Some(user), Some(password)) => {
            let credentials = Credentials::new(user.clone(), password.reveal().to_owned());
            Ok(builder.credentials(credentials).build())
        }
        (None, None) => Ok(builder.build()),
        _ => Err("it has only one of user and password".to_owned()),
    }
}

#[async_trait]
impl Receiver for Email {
    async fn deliver(&self, envelope: &Envelope<'_>) -> Delivery {
        let mail = match self.compose(envelope) {
            Ok(mail) => mail,
            Err(reason) => return Delivery::Failed(Failure { reason, is_final: true, ..Failure::default() }),
        };
        match self.transport.send(mail).await {
            Ok(response) => Delivery::Accepted {
                status: Some(response.code().into()),
                reply: reply(response.message().collect::<Vec<_>>().join("\n").as_str()),
            },
            Err(error) => Delivery::Failed(failure(&error)),
        }
    }

    fn pace(&self) -> Pace {
        // Mail servers take bursts, and people do not read faster than this.
        Pace::new(Duration::from_secs(2), 10)
    }
}

fn failure(error: &smtp::Error) -> Failure {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    Failure {
        status: error.status().map(Into::into),
        reason: reply(&reason),
        is_final: error.is_permanent() || error.is_client(),
        is_doubtful: error.is_timeout(),
        retry_after: None,
    }
}

fn reply(text: &str) -> String {
    cut(&lines(text), 1024)
}

fn subject(message: &Message, transition: Transition) -> String {
    let title = single_line(&message.alert.title);
    match transition {
        Transition::Resolved => format!("[RESOLVED] {title}"),
        _ => format!("[{}] {title}", message.alert.severity.as_str().to_uppercase()),
    }
}

fn body(message: &Message, transition: Transition) -> String {
    let alert = &message.alert;
    let title = single_line(&alert.title);
    let mut body = match transition {
        Transition::Resolved => format!(
            "Alert RESOLVED: {title}\nComponent: {}\nDuration: {}\nResolved at: {}\n",
            single_line(&alert.component),
            clock_duration(message.lasted()),
            civil(alert.resolved_at.unwrap_or(message.at)),
        ),
        Transition::Firing | Transition::Test => format!(
            "Alert: {title}\nSeverity: {}\nComponent: {}\nTime: {}\n\nDescription:\n{}\n\nTags: {}\n\nMetadata:\n{:#}\n",
            alert.severity.as_str().to_uppercase(),
            single_line(&alert.component),
            civil(message.fired_at()),
            lines(&message.details()),
            single_line(&alert.tags.join(", ")),
            message.metadata(),
        ),
    };
    if let Some(link) = &message.link {
        body.push_str(&format!("\n{link}\n"));
    }
    body
}

/// Tells out-of-office programs not to answer (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::Secret;
    use crate::message::tests::hostile;

    fn settings(security: MailSecurity, user: Option<&str>) -> EmailSettings {
        EmailSettings {
            host: "mail.example".to_owned(),
            port: 587,
            user: user.map(str::to_owned),
            password: user.map(|_| Secret::new("hunter2")),
            from: "Watch <watch@example.org>".to_owned(),
            to: vec!["ada@example.org".to_owned(), " bob@example.org".to_owned()],
            security,
        }
    }

    async fn composed(title: &str, transition: Transition) -> String {
        let email = Email::new(&settings(MailSecurity::StartTls, Some("u"))).unwrap();
        let message = hostile(title);
        let key = key(&message.alert.id, transition, "mail");
        let envelope =
            Envelope { message: &message, transition, receiver: "mail", key: &key, now: message.at };
        String::from_utf8(email.compose(&envelope).unwrap().formatted()).unwrap()
    }

    #[tokio::test]
    async fn a_title_cannot_add_a_header() {
        let mail = composed("x\r\nBcc: eve@example.org", Transition::Firing).await;
        assert!(mail.contains("Subject: [HIGH] x  Bcc: eve@example.org\r\n"), "{mail}");
        assert!(!mail.contains("\nBcc:"), "{mail}");
        assert!(mail.contains("Auto-Submitted: auto-generated\r\n"), "{mail}");
        assert!(mail.contains("To: ada@example.org, bob@example.org\r\n"), "{mail}");
    }

    #[tokio::test]
    async fn a_resolution_is_in_the_thread_of_its_firing() {
        let firing = composed("x", Transition::Firing).await;
        let id = firing.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned();
        assert!(id.ends_with("@example.org>"), "{id}");
        let resolved = composed("x", Transition::Resolved).await;
        assert!(resolved.contains(&format!("In-Reply-To: {id}")), "{resolved}");
        assert!(resolved.contains(&format!("References: {id}")), "{resolved}");
        assert!(resolved.contains("Subject: [RESOLVED] x"), "{resolved}");
    }

    #[tokio::test]
    async fn a_password_is_never_sent_in_the_clear() {
        let reason = Email::new(&settings(MailSecurity::Plain, Some("u"))).err().unwrap();
        assert!(reason.contains("only sent through TLS") && !reason.contains("hunter2"), "{reason}");
        assert!(Email::new(&settings(MailSecurity::Plain, None)).is_ok());
    }

    #[tokio::test]
    async fn wrong_addresses_are_named() {
        let mut nobody = settings(MailSecurity::StartTls, None);
        nobody.to.clear();
        assert!(Email::new(&nobody).err().unwrap().contains("nobody"));
        let mut wrong = settings(MailSecurity::StartTls, None);
        wrong.from = "watch".to_owned();
        assert!(Email::new(&wrong).err().unwrap().contains("`watch`"));
    }
}
