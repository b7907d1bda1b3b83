//! The kinds of receivers, one file each, behind one trait.
//!
//! A new kind is a file here, a variant of [`ReceiverKind`] and a line in [`build`].

mod answer;
mod email;
mod pace;
mod slack;
mod webhook;

use std::time::Duration;

use async_trait::async_trait;
use model::{Severity, Timestamp};
use state::{Receipt, Transition};

use crate::message::Message;
use crate::settings::{ReceiverKind, ReceiverSettings};

pub(crate) use pace::Pace;

/// How long a peer may take for one step: the contract's figure.
const PEER_TIMEOUT: Duration = Duration::from_secs(10);

/// A receiver, for people.
#[derive(Clone, Debug)]
pub struct ReceiverView {
    pub id: String,
    pub name: String,
    /// `email`, `slack`, `webhook`.
    pub kind: &'static str,
    pub enabled: bool,
    /// All when absent.
    pub severities: Option<Vec<Severity>>,
    pub last_receipt: Option<Receipt>,
}

/// One thing to say, with what stays the same at every attempt to say it.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub message: &'a Message,
    pub transition: Transition,
    pub receiver: &'a str,
    /// Unique to what is said and to whom.
    pub key: &'a str,
    /// The time of this attempt.
    pub now: Timestamp,
}

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Delivery {
    Accepted { status: Option<u16>, reply: String },
    Failed(Failure),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Failure {
    pub status: Option<u16>,
    /// The peer's words or the reason, without addresses and secrets.
    pub reason: String,
    /// Trying again cannot help.
    pub is_final: bool,
    /// It may have arrived all the same.
    pub is_doubtful: bool,
    /// When the peer wants to be asked again.
    pub retry_after: Option<Duration>,
}

#[async_trait]
pub(crate) trait Receiver: Send + Sync {
    async fn deliver(&self, envelope: &Envelope<'_>) -> Delivery;

    /// How fast it may be spoken to.
    fn pace(&self) -> Pace;
}

/// A receiver that can be spoken to.
pub(crate) struct ReadyReceiver {
    pub id: String,
    pub receiver: Box<dyn Receiver>,
}

/// Makes the receiver ready; the error is a reason.
pub(crate) fn build(settings: &ReceiverSettings) -> Result<Box<dyn Receiver>, String> {
    Ok(match &settings.kind {
        ReceiverKind::Email(email) => Box::new(email::Email::new(email)?),
        ReceiverKind::Slack(slack) => Box::new(slack::Slack::new(slack)?),
        ReceiverKind::Webhook(webhook) => Box::new(webhook::Webhook::new(webhook)?),
    })
}

/// For those that are spoken to by HTTP. Redirects are not followed: they would let the
/// peer choose where our words go.
fn http_client() -> Result<reqwest::Client, String> {
    let builder = || {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PEER_TIMEOUT)
            .user_agent(concat!("watchkeeper/", env!("CARGO_PKG_VERSION")))
    };
    // Fails on a machine that names no certificate authorities, as small containers do.
    builder()
        .build()
        .or_else(|_| builder().tls_certs_only(public_authorities()).build())
        .map_err(|error| format!("the HTTP client could not be made: {error}"))
}

/// Those that were built in.
fn public_authorities() -> impl Iterator<Item = reqwest::Certificate> {
    let known = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    known.filter_map(|authority| reqwest::Certificate::from_der(authority).ok())
}

/// An address to post to. The error does not repeat it.
fn http_url(url: &crate::Secret) -> Result<url::Url, String> {
    let parsed =
        url::Url::parse(url.reveal()).map_err(|error| format!("its address is not a URL: {error}"))?;
    match parsed.scheme() {
        "http" | "https" => Ok(parsed),
        scheme => Err(format!("its address begins with `{scheme}:`, not with `https:` or `http:`")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_machine_that_names_no_authorities_has_those_that_are_built_in() {
        assert!(public_authorities().count() > 50);
        assert!(reqwest::Client::builder().tls_certs_only(public_authorities()).build().is_ok());
    }
}
