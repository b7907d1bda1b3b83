//! Asking an address whether it answers.

use std::time::Duration;

use reqwest::redirect::Policy;
use runtime::Clock;
use url::Url;

/// The contract's time for its own API; ample for anything that a person waits for.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A client that follows nothing and sends nothing of ours.
#[derive(Clone, Debug)]
pub(crate) struct Web(reqwest::Client);

impl Web {
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        let builder = || {
            reqwest::Client::builder()
                .redirect(Policy::none())
                .timeout(ANSWER_WITHIN)
                .user_agent(concat!("watchkeeper/", env!("CARGO_PKG_VERSION")))
        };
        // Fails on a machine that names no certificate authorities, as small containers do;
        // the public ones that are built in serve then.
        let public = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
        let public = public.filter_map(|authority| reqwest::Certificate::from_der(authority).ok());
        Ok(Self(builder().build().or_else(|_| builder().tls_certs_only(public).build())?))
    }

    /// How long the answer took, or why there was none. An error status is no answer; a
    /// redirection is one.
    pub(crate) async fn get(&self, url: &Url, clock: &dyn Clock) -> Result<Duration, String> {
        let started = clock.monotonic();
        let answer = self.0.get(url.clone()).send().await.map_err(|error| reason(&error))?;
        let status = answer.status();
        if status.is_client_error() || status.is_server_error() {
            return Err(format!("it answers {}", status.as_u16()));
        }
        Ok(clock.monotonic().saturating_sub(started))
    }
}

/// The innermost cause, which is what a person wants to know, without the address, which may
/// hold a secret.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", ANSWER_WITHIN.as_secs());
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use testkit::FakeClock;
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    async fn ask(server: &MockServer, at: &str) -> Result<Duration, String> {
        let url = Url::parse(&server.uri()).unwrap().join(at).unwrap();
        Web::new().unwrap().get(&url, &FakeClock::new()).await
    }

    #[tokio::test]
    async fn an_error_status_is_no_answer_and_a_redirection_is_not_followed() {
        let server = MockServer::start().await;
        for (at, status) in [("/well", 204), ("/moved", 302), ("/broken", 503)] {
            Mock::given(path(at)).respond_with(ResponseTemplate::new(status)).mount(&server).await;
        }
        assert!(ask(&server, "/well").await.is_ok());
        assert!(ask(&server, "/moved").await.is_ok());
        assert_eq!(ask(&server, "/broken").await, Err("it answers 503".into()));
    }

    #[tokio::test]
    async fn a_closed_port_is_named_without_the_address() {
        let url = Url::parse("http://user:secret@127.0.0.1:1/").unwrap();
        let reason = Web::new().unwrap().get(&url, &FakeClock::new()).await.unwrap_err();
        assert!(reason.contains("refused") && !reason.contains("secret"), "{reason}");
    }
}
