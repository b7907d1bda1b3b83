//! A mail server that takes everything and keeps it.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

#[derive(Clone, Debug, Default)]
pub struct Mail {
    pub recipients: Vec<String>,
    pub text: String,
}

pub struct Mailbox {
    port: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
    /// Ends the server with the test.
    _serving: JoinSet<()>,
}

impl Mailbox {
    pub async fn start() -> Mailbox {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let kept = mails.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                talks.spawn(talk(stream, kept.clone()));
            }
        });
        Mailbox { port, mails, _serving: serving }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().clone()
    }
}

async fn talk(stream: TcpStream, mails: Arc<Mutex<Vec<Mail>>>) {
    let mut stream = BufReader::new(stream);
    let mut mail = Mail::default();
    let mut answer = "220 stand ready".to_owned();
    let mut line = String::new();
    loop {
        if stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        line.clear();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let command = line.trim_end();
        answer = match command.split(' ').next().unwrap_or_default() {
            "EHLO" => "250-stand\r\n250 8BITMIME".to_owned(),
            "RCPT" => {
                mail.recipients.push(command.trim_start_matches("RCPT TO:").to_owned());
                "250 fine".to_owned()
            }
            "DATA" => {
                if stream.write_all(b"354 go on\r\n").await.is_err() {
                    return;
                }
                mail.text = message(&mut stream).await;
                mails.lock().push(std::mem::take(&mut mail));
                "250 kept".to_owned()
            }
            "QUIT" => "221 bye".to_owned(),
            _ => "250 fine".to_owned(),
        };
    }
}

/// Up to the line with a single dot.
async fn message(stream: &mut BufReader<TcpStream>) -> String {
    let mut text = String::new();
    let mut line = String::new();
    while stream.read_line(&mut line).await.unwrap_or(0) > 0 && line != ".\r\n" {
        text.push_str(&line);
        line.clear();
    }
    text
}
