//! A mail server that speaks TLS and asks for a password, as far as a test needs it.
//!
//! Its certificate is for `localhost` and `127.0.0.1`, from an authority that was made for this
//! and vouches for nothing else; both are good until 2126.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub(super) const AUTHORITY: &[u8] = include_bytes!("authority.pem");
const CERTIFICATE: &[u8] = include_bytes!("server.pem");
const KEY: &[u8] = include_bytes!("server.key.pem");

/// The one that it accepts, of the user `watch`.
pub(super) const PASSWORD: &str = "correct horse";

#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub is_implicit: bool,
    pub offers_starttls: bool,
    pub mechanisms: &'static str,
    /// The recipient that does not exist.
    pub refuses: Option<&'static str>,
}

impl Default for Manner {
    fn default() -> Self {
        Self { is_implicit: false, offers_starttls: true, mechanisms: "PLAIN LOGIN", refuses: None }
    }
}

#[derive(Default)]
struct Heard {
    in_the_clear: Vec<String>,
    logins: usize,
    /// The recipients of each mail.
    mails: Vec<Vec<String>>,
}

pub(super) struct Server {
    port: u16,
    heard: Arc<Mutex<Heard>>,
    /// Ends the server with the test.
    _serving: JoinSet<()>,
}

impl Server {
    pub(super) async fn start(manner: Manner) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let kept = heard.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let talk = Talk { manner, heard: kept.clone(), is_protected: false };
                talks.spawn(talk.hold(stream));
            }
        });
        Server { port, heard, _serving: serving }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn heard_in_the_clear(&self) -> Vec<String> {
        self.heard.lock().in_the_clear.clone()
    }

    pub(super) fn logins(&self) -> usize {
        self.heard.lock().logins
    }

    pub(super) fn mails(&self) -> Vec<Vec<String>> {
        self.heard.lock().mails.clone()
    }
}

fn acceptor() -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap();
    TlsAcceptor::from(Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()))
}

/// One connection. It ends when the other side has gone, whatever it said.
struct Talk {
    manner: Manner,
    heard: Arc<Mutex<Heard>>,
    is_protected: bool,
}

impl Talk {
    async fn hold(mut self, stream: TcpStream) {
        if self.manner.is_implicit {
            return self.protected(stream, "220 stand ready").await;
        }
        if let Some(stream) = self.serve(stream, "220 stand ready").await {
            self.protected(stream, "").await;
        }
    }

    async fn protected(&mut self, stream: TcpStream, greeting: &str) {
        self.is_protected = true;
        // Who does not believe us hangs up here.
        if let Ok(stream) = acceptor().accept(stream).await {
            self.serve(stream, greeting).await;
        }
    }

    /// Until the other side goes (none), or asks for TLS (the stream).
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&mut self, stream: S, greeting: &str) -> Option<S> {
        let mut stream = BufReader::new(stream);
        let (mut answer, mut recipients) = (greeting.to_owned(), Vec::new());
        loop {
            if !answer.is_empty() {
                stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
                stream.flush().await.ok()?;
            }
            let line = self.line(&mut stream).await?;
            answer = match line.split(' ').next().unwrap_or_default() {
                "EHLO" => self.offer(),
                "STARTTLS" => {
                    stream.write_all(b"220 go on\r\n").await.ok()?;
                    return Some(stream.into_inner());
                }
                "AUTH" => self.login(&mut stream, &line).await?,
                "RCPT" => {
                    let address = line.trim_start_matches("RCPT TO:<").trim_end_matches('>').to_owned();
                    if self.manner.refuses == Some(address.as_str()) {
                        "550 no such mailbox".to_owned()
                    } else {
                        recipients.push(address);
                        "250 fine".to_owned()
                    }
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await.ok()?;
                    stream.flush().await.ok()?;
                    while self.line(&mut stream).await? != "." {}
                    self.heard.lock().mails.push(std::mem::take(&mut recipients));
                    "250 kept".to_owned()
                }
                "QUIT" => "221 bye".to_owned(),
                _ => "250 fine".to_owned(),
            };
        }
    }

    async fn line<S: AsyncRead + Unpin>(&self, stream: &mut BufReader<S>) -> Option<String> {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        if !self.is_protected {
            self.heard.lock().in_the_clear.push(line.clone());
        }
        Some(line)
    }

    fn offer(&self) -> String {
        match (self.is_protected, self.manner.offers_starttls) {
            (true, _) => format!("250-stand\r\n250-8BITMIME\r\n250 AUTH {}", self.manner.mechanisms),
            (false, true) => "250-stand\r\n250-8BITMIME\r\n250 STARTTLS".to_owned(),
            (false, false) => "250-stand\r\n250 8BITMIME".to_owned(),
        }
    }

    /// It repeats what it was sent when it does not like it, as some servers do.
    async fn login<S>(&self, stream: &mut BufReader<S>, line: &str) -> Option<String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.heard.lock().logins += 1;
        let is_right = if line == "AUTH LOGIN" {
            let mut said = Vec::new();
            for question in ["VXNlcm5hbWU6", "UGFzc3dvcmQ6"] {
                stream.write_all(format!("334 {question}\r\n").as_bytes()).await.ok()?;
                stream.flush().await.ok()?;
                said.push(self.line(stream).await?);
            }
            said == [STANDARD.encode("watch"), STANDARD.encode(PASSWORD)]
        } else {
            line == format!("AUTH PLAIN {}", STANDARD.encode(format!("\0watch\0{PASSWORD}")))
        };
        Some(if is_right { "235 welcome".to_owned() } else { format!("535 wrong: {line}") })
    }
}
