//! What an HTTP answer means for a notification.

use std::time::Duration;

use reqwest::{Response, StatusCode, header};

use super::{Delivery, Failure};
use crate::plain_text;

/// As much of an answer as a receipt keeps.
const REPLY_BYTES_MAX: usize = 1024;

/// A peer that wants a longer pause is asked again after this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// Sends the request and reads the head of the answer.
pub(super) async fn post(request: reqwest::RequestBuilder, now: model::Timestamp) -> Delivery {
    match request.send().await {
        Ok(response) => read(response, now).await,
        Err(error) => Delivery::Failed(unreachable(&error)),
    }
}

async fn read(mut response: Response, now: model::Timestamp) -> Delivery {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| retry_after(text, now));
    let mut reply = Vec::new();
    // The status has been said; an answer that breaks off changes nothing.
    while let Ok(Some(chunk)) = response.chunk().await {
        reply.extend_from_slice(&chunk);
        if reply.len() >= REPLY_BYTES_MAX {
            break;
        }
    }
    let reply = plain_text::lines(&String::from_utf8_lossy(&reply));
    judge(status, &plain_text::cut(&reply, REPLY_BYTES_MAX), retry_after)
}

fn judge(status: StatusCode, reply: &str, retry_after: Option<Duration>) -> Delivery {
    if status.is_success() {
        return Delivery::Accepted { status: Some(status.as_u16()), reply: reply.to_owned() };
    }
    let can_change = status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    let reason = if status.is_redirection() {
        "the peer answered with a redirect, which is not followed".to_owned()
    } else {
        reply.to_owned()
    };
    Delivery::Failed(Failure {
        status: Some(status.as_u16()),
        reason,
        is_final: !can_change,
        is_doubtful: false,
        retry_after,
    })
}

/// Seconds, or a date.
fn retry_after(text: &str, now: model::Timestamp) -> Option<Duration> {
    let pause = match text.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
            model::Timestamp::from_millis(at.timestamp().as_millisecond()).since(now)
        }
    };
    Some(pause.min(RETRY_AFTER_MAX))
}

/// The error's words can contain the address, which may be a secret: it is taken out.
fn unreachable(error: &reqwest::Error) -> Failure {
    let reason = if error.is_connect() {
        "the peer could not be connected to"
    } else if error.is_timeout() {
        "the peer did not answer in time"
    } else {
        "the connection broke before an answer came"
    };
    let deepest = deepest_cause(error);
    Failure {
        reason: format!("{reason}: {}", plain_text::cut(&plain_text::single_line(&deepest), 200)),
        is_doubtful: !error.is_connect(),
        ..Failure::default()
    }
}

/// The innermost error is one of the system or of TLS and does not know the address.
fn deepest_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = match std::error::Error::source(error) {
        Some(source) => source,
        None => return "no further reason is known".to_owned(),
    };
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_final(status: u16) -> Option<bool> {
        match judge(StatusCode::from_u16(status).ok()?, "", None) {
            Delivery::Accepted { .. } => None,
            Delivery::Failed(failure) => Some(failure.is_final),
        }
    }

    #[test]
    fn what_cannot_change_is_not_tried_again() {
        for status in [200, 202, 204] {
            assert_eq!(is_final(status), None, "{status}");
        }
        for status in [301, 307, 400, 401, 403, 404, 410] {
            assert_eq!(is_final(status), Some(true), "{status}");
        }
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(is_final(status), Some(false), "{status}");
        }
    }

    #[test]
    fn a_pause_is_read_as_seconds_or_as_a_date_and_has_an_end() {
        let now = model::Timestamp::from_secs(784_111_777 - 30);
        let check = |text, expected: Option<u64>| {
            assert_eq!(retry_after(text, now), expected.map(Duration::from_secs), "{text}");
        };
        check("7", Some(7));
        check("999999999", Some(3600));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(30));
        check("Sun, 06 Nov 1994 07:00:00 GMT", Some(0));
        check("soon", None);
    }
}
