//! One signal that everything should end.

use std::future::Future;

use tokio_util::sync::CancellationToken;

/// Clones share the signal; a [`child`](Shutdown::child) can be ended alone.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }

    pub fn begin(&self) {
        self.0.cancel();
    }

    pub fn has_begun(&self) -> bool {
        self.0.is_cancelled()
    }

    pub async fn begun(&self) {
        self.0.cancelled().await;
    }

    /// The future's output, or `None` when the shutdown begins first.
    pub async fn or<F: Future>(&self, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            () = self.0.cancelled() => None,
            output = future => Some(output),
        }
    }
}
