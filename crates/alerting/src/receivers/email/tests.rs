#![allow(clippy::unwrap_used)]

mod server;

use super::*;
use crate::Secret;
use crate::message::tests::hostile;
use crate::settings::MailSecurity;
use server::{Manner, Server};

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
    let envelope = Envelope { message: &message, transition, receiver: "mail", key: &key, now: message.at };
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

#[tokio::test]
async fn the_text_says_that_it_is_utf_8() {
    let mail = composed("Füße", Transition::Firing).await;
    assert!(mail.contains("Content-Type: text/plain; charset=utf-8\r\n"), "{mail}");
    assert!(mail.contains("MIME-Version: 1.0\r\n"), "{mail}");
}

/// Tells one firing to a server of this manner, which the receiver believes.
async fn tell(server: &Server, security: MailSecurity, password: &str, to: &[&str]) -> Delivery {
    let authority = Certificate::from_pem(server::AUTHORITY).unwrap();
    tell_believing(Some(authority), server, security, password, to).await
}

async fn tell_believing(
    authority: Option<Certificate>,
    server: &Server,
    security: MailSecurity,
    password: &str,
    to: &[&str],
) -> Delivery {
    let settings = EmailSettings {
        host: "localhost".to_owned(),
        port: server.port(),
        password: Some(Secret::new(password)),
        to: to.iter().map(|to| (*to).to_owned()).collect(),
        ..settings(security, Some("watch"))
    };
    let email = Email::trusting(&settings, authority).unwrap();
    let message = hostile("Agent stalled");
    let (transition, receiver, key) = (Transition::Firing, "mail", "msg_1");
    email.deliver(&Envelope { message: &message, transition, receiver, key, now: message.at }).await
}

fn failed(delivery: Delivery) -> Failure {
    match delivery {
        Delivery::Failed(failure) => failure,
        Delivery::Accepted { .. } => panic!("{delivery:?}"),
    }
}

const ADA: &[&str] = &["ada@example.org"];

#[tokio::test]
async fn mail_goes_through_tls_with_user_and_password_whichever_way_it_is_asked_for() {
    for (security, is_implicit) in [(MailSecurity::StartTls, false), (MailSecurity::Implicit, true)] {
        for mechanisms in ["PLAIN LOGIN", "LOGIN"] {
            let server = Server::start(Manner { is_implicit, mechanisms, ..Manner::default() }).await;
            let delivery = tell(&server, security, server::PASSWORD, ADA).await;
            assert!(matches!(delivery, Delivery::Accepted { status: Some(250), .. }), "{delivery:?}");
            assert_eq!(server.mails(), [vec!["ada@example.org"]], "{mechanisms}");
            let in_the_clear = server.heard_in_the_clear();
            let said = in_the_clear.iter().filter(|line| !line.starts_with("EHLO ") && *line != "STARTTLS");
            assert_eq!(said.count(), 0, "{in_the_clear:?}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_a_clear_no_and_is_not_repeated_to_anybody() {
    let server = Server::start(Manner::default()).await;
    let failure = failed(tell(&server, MailSecurity::StartTls, "hunter2", &["a@x.org", "b@x.org"]).await);
    assert!(failure.is_final && failure.status == Some(535), "{failure:?}");
    let refusal = "does not accept user and password: 535 wrong: AUTH PLAIN •••";
    assert_eq!(failure.reason, format!("the mail server localhost:{} {refusal}", server.port()));
    assert_eq!(server.logins(), 1, "it is about us: the other address need not be tried");
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_told_nothing() {
    for (security, is_implicit) in [(MailSecurity::StartTls, false), (MailSecurity::Implicit, true)] {
        let server = Server::start(Manner { is_implicit, ..Manner::default() }).await;
        let failure = failed(tell_believing(None, &server, security, server::PASSWORD, ADA).await);
        assert!(failure.reason.contains("is not believed: invalid peer certificate"), "{failure:?}");
        assert!(!failure.is_final, "the certificate may be mended within the day");
        assert_eq!((server.logins(), server.mails().len()), (0, 0));
    }
}

#[tokio::test]
async fn without_starttls_nothing_is_said_and_it_is_asked_for_again() {
    let server = Server::start(Manner { offers_starttls: false, ..Manner::default() }).await;
    let failure = failed(tell(&server, MailSecurity::StartTls, server::PASSWORD, ADA).await);
    assert!(failure.reason.contains("STARTTLS is not supported"), "{failure:?}");
    assert!(!failure.is_final, "somebody in between can take the offer away for an hour");
    let heard = server.heard_in_the_clear();
    assert!(heard.iter().all(|line| line.starts_with("EHLO ") || line == "QUIT"), "{heard:?}");
}

#[tokio::test]
async fn a_port_without_tls_is_named_as_that() {
    let server = Server::start(Manner::default()).await;
    let failure = failed(tell(&server, MailSecurity::Implicit, server::PASSWORD, ADA).await);
    assert!(failure.reason.ends_with("does not speak TLS from the first byte"), "{failure:?}");
}

#[tokio::test]
async fn an_address_that_is_gone_silences_nobody_else() {
    let server = Server::start(Manner { refuses: Some("bob@example.org"), ..Manner::default() }).await;
    let to = &["ada@example.org", "bob@example.org", "eve@example.org"];
    match tell(&server, MailSecurity::StartTls, server::PASSWORD, to).await {
        Delivery::Accepted { reply, .. } => {
            assert!(reply.contains("not for bob@example.org") && reply.contains("550"), "{reply}");
        }
        failure => panic!("{failure:?}"),
    }
    assert_eq!(server.mails(), [vec!["ada@example.org"], vec!["eve@example.org"]]);
    let failure = failed(tell(&server, MailSecurity::StartTls, server::PASSWORD, &to[1..2]).await);
    assert!(failure.is_final && failure.reason.contains("refuses: 550 no such mailbox"), "{failure:?}");
}
