//! Why a request failed, in terms that the watch can act on.

use std::error::Error as _;
use std::io;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nothing listens there.
    #[error("the connection was refused")]
    ConnectionRefused,
    /// The machine could not be reached, or not in time.
    #[error("the server could not be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("no answer within {after:?}")]
    Timeout { after: Duration },
    #[error("{status}: wrong user or password")]
    Unauthorized { status: u16 },
    /// Something else than OpenCode's API answers there.
    #[error("the answer is {content_type} and not OpenCode's API; is this the right address?")]
    NotTheApi { content_type: String },
    #[error("the server answered {status}: {message}")]
    ServerError { status: u16, message: String },
    #[error("the server answered 404: it does not know this")]
    NotFound,
    #[error("the server refused with {status}: {message}")]
    Rejected { status: u16, message: String },
    #[error("the answer is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the answer is not JSON")]
    Malformed(#[source] serde_json::Error),
    #[error("the answer has another shape than expected: {0}")]
    Unexpected(&'static str),
    #[error("the HTTP client could not be made")]
    NotMade(#[source] reqwest::Error),
    #[error("the connection broke")]
    Broken(#[source] reqwest::Error),
}

impl ClientError {
    pub(super) fn from_request(error: reqwest::Error) -> Self {
        if is_refused(&error) {
            ClientError::ConnectionRefused
        } else if error.is_connect() {
            ClientError::Unreachable(error.without_url())
        } else {
            ClientError::Broken(error.without_url())
        }
    }

    /// With the innermost cause, which is what a person wants to know: a certificate that is
    /// not trusted, a name that is not known.
    pub fn explained(&self) -> String {
        let causes = std::iter::successors(self.source(), |error| (*error).source());
        match causes.last().map(ToString::to_string) {
            Some(cause) if !self.to_string().contains(&cause) => format!("{self}: {cause}"),
            _ => self.to_string(),
        }
    }

    /// The server is not there at all.
    pub fn is_gone(&self) -> bool {
        matches!(self, ClientError::ConnectionRefused | ClientError::Unreachable(_))
    }

    /// It answers, but not as OpenCode should.
    pub fn is_wrong_answer(&self) -> bool {
        !self.is_gone() && !matches!(self, ClientError::Timeout { .. } | ClientError::Broken(_))
    }
}

fn is_refused(error: &reqwest::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused) {
            return true;
        }
        source = error.source();
    }
    false
}
