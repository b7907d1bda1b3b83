//! The connection to the mail server: how it is protected, who is believed, and what its
//! failures are called.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, Tokio1Executor};

use super::{Failure, cut, lines};
use crate::receivers::PEER_TIMEOUT;
use crate::settings::{EmailSettings, MailSecurity};

pub(super) type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// As much of an answer as a receipt keeps.
const REPLY_BYTES_MAX: usize = 1024;

/// "Authentication required", "too weak", "failed" and "needs encryption" (RFC 4954): it is
/// about us and not about the message.
const ABOUT_US: [u16; 4] = [530, 534, 535, 538];

pub(super) fn open(settings: &EmailSettings, authority: Option<Certificate>) -> Result<Transport, String> {
    let host = settings.host.as_str();
    let protected =
        || tls(host, authority).map_err(|error| format!("`{host}` cannot be spoken to by TLS: {error}"));
    let tls = match settings.security {
        // Required: without STARTTLS nothing is said, no fall back to the clear.
        MailSecurity::StartTls => Tls::Required(protected()?),
        MailSecurity::Implicit => Tls::Wrapper(protected()?),
        MailSecurity::Plain => Tls::None,
    };
    let builder = Transport::builder_dangerous(host).port(settings.port).tls(tls).timeout(Some(PEER_TIMEOUT));
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

/// Believes whom this machine believes, as webhooks do: an authority of the house is added
/// there once and for all. Where the machine names nobody, the public authorities that were
/// built in are believed.
fn tls(host: &str, authority: Option<Certificate>) -> Result<TlsParameters, smtp::Error> {
    let believing = |store| {
        let builder = TlsParameters::builder(host.to_owned()).certificate_store(store);
        match &authority {
            Some(authority) => builder.add_root_certificate(authority.clone()).build(),
            None => builder.build(),
        }
    };
    believing(CertificateStore::Default).or_else(|error| {
        tracing::warn!(%error, "this machine names no certificate authorities; those built in are believed");
        believing(CertificateStore::WebpkiRoots)
    })
}

/// Whether one of several addresses may be the reason, and not the message or ourselves.
pub(super) fn may_be_one_address(error: &smtp::Error) -> bool {
    error.is_permanent() && error.status().is_some_and(|code| !ABOUT_US.contains(&code.into()))
}

/// Puts failures into words that help and give nothing away.
pub(super) struct Words {
    /// With its port.
    server: String,
    /// The password in every form in which it goes over the wire: a server may repeat what it
    /// does not understand.
    secrets: Vec<String>,
}

impl Words {
    pub(super) fn new(settings: &EmailSettings) -> Self {
        let password = settings.password.as_ref().map(|password| password.reveal()).unwrap_or_default();
        let user = settings.user.as_deref().unwrap_or_default();
        let secrets = match password {
            "" => Vec::new(),
            password => vec![
                STANDARD.encode(format!("\0{user}\0{password}")),
                STANDARD.encode(password),
                password.to_owned(),
            ],
        };
        Self { server: format!("{}:{}", settings.host, settings.port), secrets }
    }

    pub(super) fn failure(&self, error: &smtp::Error) -> Failure {
        let status = error.status().map(u16::from);
        Failure {
            status,
            reason: self.reply(&self.reason(error, status)),
            // What we cannot do with this server (no STARTTLS, no way to log in) may be a fault
            // of the hour, or somebody in between; only its own "no" is a no.
            is_final: error.is_permanent(),
            is_doubtful: error.is_timeout(),
            retry_after: None,
        }
    }

    fn reason(&self, error: &smtp::Error, status: Option<u16>) -> String {
        let (server, cause) = (&self.server, deepest_cause(error));
        match status {
            Some(code) if ABOUT_US.contains(&code) => {
                format!("the mail server {server} does not accept user and password: {code} {cause}")
            }
            Some(code) => format!("the mail server {server} refuses: {code} {cause}"),
            None if error.is_client() => format!("nothing was said to the mail server {server}: {cause}"),
            None if error.is_timeout() => format!("the mail server {server} did not answer in time"),
            // The words of rustls; they decide over nothing but ours.
            None if cause.starts_with("invalid peer certificate") => {
                format!("the certificate of the mail server {server} is not believed: {cause}")
            }
            None if cause.starts_with("received corrupt message") => {
                format!("the mail server {server} does not speak TLS from the first byte")
            }
            None => format!("the mail server {server} cannot be spoken to: {cause}"),
        }
    }

    /// As a receipt keeps it.
    pub(super) fn reply(&self, text: &str) -> String {
        let hidden = |text: String, secret: &String| text.replace(secret.as_str(), "•••");
        cut(&lines(&self.secrets.iter().fold(text.to_owned(), hidden)), REPLY_BYTES_MAX)
    }
}

/// The errors above it only repeat it.
fn deepest_cause(error: &smtp::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
