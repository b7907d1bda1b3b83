//! E-mail by SMTP.

mod transport;

use std::time::Duration;

use async_trait::async_trait;
use lettre::AsyncTransport;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, SinglePart};
use lettre::transport::smtp::client::Certificate;
use lettre::transport::smtp::response::Response;
use state::Transition;

use super::{Delivery, Envelope, Failure, Pace, Receiver};
use crate::message::{Message, civil, clock_duration, key};
use crate::plain_text::{cut, lines, single_line};
use crate::settings::EmailSettings;
use transport::{Transport, Words};

/// A subject longer than this is folded by mail programs.
const SUBJECT_MAX: usize = 200;

pub(super) struct Email {
    transport: Transport,
    words: Words,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Email {
    pub(super) fn new(settings: &EmailSettings) -> Result<Self, String> {
        Self::trusting(settings, None)
    }

    /// Believes in mail servers that `authority` vouches for, too.
    fn trusting(settings: &EmailSettings, authority: Option<Certificate>) -> Result<Self, String> {
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
        let transport = transport::open(settings, authority)?;
        Ok(Self { transport, words: Words::new(settings), from: mailbox(&settings.from)?, to })
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
        // Says that it is UTF-8: otherwise everything beyond ASCII is for the mail program to guess.
        builder
            .singlepart(SinglePart::plain(body))
            .map_err(|error| format!("the message could not be written: {error}"))
    }

    /// To one after the other, so that an address that is gone silences nobody else. It is
    /// accepted when one of them takes it; the receipt names the others.
    async fn deliver_singly(&self, mail: &lettre::Message) -> Delivery {
        let text = mail.formatted();
        let mut accepted = None;
        let mut failures = Vec::new();
        for to in &self.to {
            let failure = match addressed(&self.from, to) {
                Ok(addressed) => match self.transport.send_raw(&addressed, &text).await {
                    Ok(response) => {
                        accepted = Some(response);
                        continue;
                    }
                    Err(error) => self.words.failure(&error),
                },
                Err(reason) => Failure { reason, is_final: true, ..Failure::default() },
            };
            tracing::warn!(recipient = %to.email, reason = failure.reason, "a recipient gets no e-mail");
            failures.push((to, failure));
        }
        let named = failures.iter().map(|(to, failure)| format!("not for {}: {}", to.email, failure.reason));
        let named = named.collect::<Vec<_>>().join("\n");
        match accepted {
            Some(response) => self.accepted(&response, &named),
            None => Delivery::Failed(Failure {
                status: failures.first().and_then(|(_, failure)| failure.status),
                reason: self.words.reply(&named),
                is_final: failures.iter().all(|(_, failure)| failure.is_final),
                is_doubtful: failures.iter().any(|(_, failure)| failure.is_doubtful),
                retry_after: None,
            }),
        }
    }

    fn accepted(&self, response: &Response, remark: &str) -> Delivery {
        let said = response.message().collect::<Vec<_>>().join("\n");
        Delivery::Accepted {
            status: Some(response.code().into()),
            reply: self.words.reply(&format!("{said}\n{remark}")),
        }
    }
}

fn addressed(from: &Mailbox, to: &Mailbox) -> Result<lettre::address::Envelope, String> {
    lettre::address::Envelope::new(Some(from.email.clone()), vec![to.email.clone()])
        .map_err(|error| format!("the message could not be addressed: {error}"))
}

#[async_trait]
impl Receiver for Email {
    async fn deliver(&self, envelope: &Envelope<'_>) -> Delivery {
        let mail = match self.compose(envelope) {
            Ok(mail) => mail,
            Err(reason) => return Delivery::Failed(Failure { reason, is_final: true, ..Failure::default() }),
        };
        match self.transport.send_raw(mail.envelope(), &mail.formatted()).await {
            Ok(response) => self.accepted(&response, ""),
            Err(error) if self.to.len() > 1 && transport::may_be_one_address(&error) => {
                self.deliver_singly(&mail).await
            }
            Err(error) => Delivery::Failed(self.words.failure(&error)),
        }
    }

    fn pace(&self) -> Pace {
        // Mail servers take bursts, and people do not read faster than this.
        Pace::new(Duration::from_secs(2), 10)
    }
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
mod tests;
