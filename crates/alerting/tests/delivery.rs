//! From a sample to the receiver's door, with real sockets and a clock that obeys.

#![allow(clippy::unwrap_used)]

mod stand;

use std::time::Duration;

use alerting::{
    EmailSettings, MailSecurity, ReceiverKind, ReceiverSettings, Secret, SlackSettings, StartError,
    TestError, WebhookSettings,
};
use model::Severity;
use serde_json::Value;
use stand::{Mailbox, Stand};
use state::{ReceiptOutcome, Transition};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

fn receiver(id: &str, kind: ReceiverKind) -> ReceiverSettings {
    ReceiverSettings { id: id.to_owned(), name: id.to_owned(), enabled: true, severities: None, kind }
}

fn webhook(url: &str) -> ReceiverKind {
    ReceiverKind::Webhook(WebhookSettings {
        url: Secret::new(url),
        headers: vec![("x-team".to_owned(), Secret::new("night"))],
        secret: Some(Secret::new("hunter2")),
    })
}

fn slack(url: &str) -> ReceiverKind {
    ReceiverKind::Slack(SlackSettings {
        url: Secret::new(url),
        channel: "#alerts".to_owned(),
        username: "OpenCode-Slack Monitor".to_owned(),
    })
}

fn mail(port: u16) -> ReceiverKind {
    ReceiverKind::Email(EmailSettings {
        host: "127.0.0.1".to_owned(),
        port,
        user: None,
        password: None,
        from: "watch@example.org".to_owned(),
        to: vec!["ada@example.org".to_owned()],
        security: MailSecurity::Plain,
    })
}

async fn answering(status: u16) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(status).set_body_string("as you say"))
        .mount(&server)
        .await;
    server
}

fn statuses(requests: &[Request]) -> Vec<String> {
    let status = |request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        body["alert"]["status"].as_str().unwrap().to_owned()
    };
    requests.iter().map(status).collect()
}

#[tokio::test]
async fn a_webhook_that_stumbles_is_told_once_of_the_firing_and_once_of_the_end() {
    let server = MockServer::start().await;
    let answers = [
        ResponseTemplate::new(500),
        ResponseTemplate::new(429).insert_header("retry-after", "120"),
        ResponseTemplate::new(202).set_body_string("thanks"),
    ];
    for answer in answers {
        Mock::given(method("POST")).respond_with(answer).up_to_n_times(1).mount(&server).await;
    }
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let stand = Stand::start(vec![receiver("hook", webhook(&server.uri()))]).await;
    stand.set(1.0).await;
    stand.until_receipts(3).await;
    let waited = stand.receipts().await[0].at.since(stand.receipts().await[1].at);
    assert!(waited >= Duration::from_secs(120), "the peer's pause was heeded, not {waited:?}");
    stand.set(0.0).await;
    stand.until_receipts(4).await;

    let requests = server.received_requests().await.unwrap();
    assert_eq!(statuses(&requests), ["active", "active", "active", "resolved"]);
    let header = |index: usize, name: &str| requests[index].headers[name].to_str().unwrap().to_owned();
    assert_eq!(header(0, "webhook-id"), header(2, "webhook-id"), "the same thing said again");
    assert_ne!(header(2, "webhook-id"), header(3, "webhook-id"));
    assert!(header(0, "webhook-signature").starts_with("v1,"));
    assert_eq!(
        (header(0, "x-team"), header(0, "content-type")),
        ("night".to_owned(), "application/json".to_owned())
    );
    let body: Value = serde_json::from_slice(&requests[2].body).unwrap();
    assert_eq!(body["source"], "opencode-slack-monitor");
    for key in
        ["id", "title", "description", "severity", "component", "timestamp", "tags", "metadata", "labels"]
    {
        assert!(!body["alert"][key].is_null(), "{key}");
    }

    let outcomes: Vec<_> =
        stand.receipts().await.iter().rev().map(|receipt| (receipt.outcome, receipt.status)).collect();
    assert_eq!(
        outcomes,
        [
            (ReceiptOutcome::Retry, Some(500)),
            (ReceiptOutcome::Retry, Some(429)),
            (ReceiptOutcome::Accepted, Some(202)),
            (ReceiptOutcome::Accepted, Some(200)),
        ]
    );
}

#[tokio::test]
async fn a_receiver_that_never_answers_delays_nobody() {
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let deaf_url = format!("http://{}/", deaf.local_addr().unwrap());
    let server = answering(200).await;
    let receivers = vec![receiver("deaf", webhook(&deaf_url)), receiver("hook", webhook(&server.uri()))];
    let stand = Stand::start(receivers).await;
    stand.set(1.0).await;
    stand.until_receipts(1).await;
    assert_eq!(stand.receipts().await[0].receiver, "hook");
}

#[tokio::test]
async fn what_is_refused_is_not_said_again_and_its_end_neither() {
    let server = answering(404).await;
    let stand = Stand::start(vec![receiver("hook", webhook(&server.uri()))]).await;
    stand.set(1.0).await;
    stand.until_receipts(1).await;
    stand.set(0.0).await;
    stand.until(async |stand| stand.alerting.open_alerts().is_empty()).await;
    stand.pass(Duration::from_secs(3600)).await;
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    let receipts = stand.receipts().await;
    assert_eq!((receipts.len(), receipts[0].outcome), (1, ReceiptOutcome::GaveUp));
}

#[tokio::test]
async fn severities_are_filtered_and_the_end_goes_to_who_knew() {
    let (worst, all) = (answering(200).await, answering(200).await);
    let critical = Some(vec![Severity::Critical]);
    let receivers = vec![
        ReceiverSettings { severities: critical, ..receiver("worst", webhook(&worst.uri())) },
        receiver("all", webhook(&all.uri())),
    ];
    let stand = Stand::start(receivers).await;
    stand.set(1.0).await;
    stand.until_receipts(1).await;
    stand.set(0.0).await;
    stand.until_receipts(2).await;
    assert_eq!(statuses(&all.received_requests().await.unwrap()), ["active", "resolved"]);
    assert!(worst.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_restart_tells_nobody_again_and_sends_what_was_left() {
    let server = answering(200).await;
    let stand = Stand::start(vec![receiver("hook", webhook(&server.uri()))]).await;
    stand.set(1.0).await;
    stand.until_receipts(1).await;
    let id = stand.alerting.open_alerts()[0].id.clone();
    let stand = stand.restarted().await;
    assert_eq!(stand.alerting.open_alerts()[0].id, id);
    stand.set(2.0).await;
    stand.until(async |stand| stand.alerting.open_alerts()[0].value == 2.0).await;
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    stand.set(0.0).await;
    stand.until_receipts(2).await;
    assert_eq!(statuses(&server.received_requests().await.unwrap()), ["active", "resolved"]);
}

#[tokio::test]
async fn slack_gets_one_message_a_second() {
    let server = answering(200).await;
    let stand = Stand::start(vec![receiver("slack", slack(&server.uri()))]).await;
    for index in 0..3 {
        stand.set_of(&index.to_string(), 1.0).await;
    }
    stand.nudge();
    stand.until_receipts(3).await;
    let mut times: Vec<_> = stand.receipts().await.iter().map(|receipt| receipt.at).collect();
    times.sort();
    // A receipt is written after the answer, so never earlier than its turn.
    for (turn, at) in times.iter().enumerate() {
        assert!(at.since(testkit::clock::START) >= Duration::from_secs(turn as u64), "{times:?}");
    }
    let first: Value = serde_json::from_slice(&server.received_requests().await.unwrap()[0].body).unwrap();
    assert_eq!(first["attachments"][0]["footer"], "OpenCode-Slack Monitor");
}

#[tokio::test]
async fn mail_arrives_with_its_thread_and_without_what_a_label_smuggled_in() {
    let mailbox = Mailbox::start().await;
    let stand = Stand::start(vec![receiver("mail", mail(mailbox.port()))]).await;
    stand.set_of("x\r\nBcc: eve@example.org\r\n\r\nbody", 1.0).await;
    stand.nudge();
    stand.until_receipts(1).await;
    stand.set_of("x\r\nBcc: eve@example.org\r\n\r\nbody", 0.0).await;
    stand.nudge();
    stand.until_receipts(2).await;
    let mails = mailbox.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].recipients, ["<ada@example.org>"]);
    let (head, body) = mails[0].text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Subject: [HIGH] x is up: x") && !head.contains("\nBcc:"), "{head}");
    assert!(body.starts_with("Alert: x is up: x"), "{body}");
    let id = head.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap();
    assert!(mails[1].text.contains(&format!("References: {id}")), "{}", mails[1].text);
    assert!(mails[1].text.contains("Subject: [RESOLVED] x is up: x"));
    assert_eq!(stand.receipts().await[0].status, Some(250));
}

#[tokio::test]
async fn a_test_message_takes_the_way_of_alerts_and_answers_with_its_receipt() {
    let mailbox = Mailbox::start().await;
    let (fine, closed, moved) = (answering(200).await, answering(410).await, answering(307).await);
    let stand = Stand::start(vec![
        receiver("slack", slack(&fine.uri())),
        receiver("closed", webhook(&closed.uri())),
        receiver("moved", webhook(&moved.uri())),
        receiver("nobody", webhook("http://127.0.0.1:9/secret-path")),
        receiver("mail", mail(mailbox.port())),
        ReceiverSettings { enabled: false, ..receiver("off", slack(&fine.uri())) },
    ])
    .await;
    let test = async |id: &str| {
        let receipt = stand.alerting.send_test(id).await.unwrap();
        assert_eq!((receipt.receiver.as_str(), receipt.transition), (id, Transition::Test));
        (receipt.outcome, receipt.status, receipt.reply)
    };
    assert_eq!(test("slack").await, (ReceiptOutcome::Accepted, Some(200), "as you say".to_owned()));
    assert_eq!(test("closed").await, (ReceiptOutcome::GaveUp, Some(410), "as you say".to_owned()));
    assert_eq!((test("moved").await.1, moved.received_requests().await.unwrap().len()), (Some(307), 1));
    assert_eq!(test("mail").await.1, Some(250));
    let (outcome, status, reply) = test("nobody").await;
    assert_eq!((outcome, status), (ReceiptOutcome::GaveUp, None));
    assert!(reply.contains("could not be connected to") && !reply.contains("secret-path"), "{reply}");
    assert!(matches!(stand.alerting.send_test("off").await, Err(TestError::Disabled { .. })));
    assert!(matches!(stand.alerting.send_test("none").await, Err(TestError::NotFound { .. })));
    let views = stand.alerting.receivers().await.unwrap();
    assert!(views.iter().all(|view| view.last_receipt.is_some() == view.enabled));
}

#[tokio::test]
async fn wrong_receivers_are_refused_at_start_by_name() {
    let twice =
        vec![receiver("a", webhook("http://127.0.0.1/")), receiver("a", webhook("http://127.0.0.1/"))];
    assert!(matches!(Stand::try_start(twice).await.err().unwrap(), StartError::SameReceiver { .. }));
    let error = Stand::try_start(vec![receiver("a", webhook("hunter2"))]).await.err().unwrap();
    assert_eq!(error.to_string(), "receiver `a`: its address is not a URL: relative URL without a base");
}
