//! Requests that change something, which go on when their caller leaves.
//!
//! A connection that ends takes its handler with it. For a change that would be in the middle:
//! the agent is told, and the audit log does not know who told it.

use std::any::Any;
use std::mem::take;
use std::panic::{AssertUnwindSafe, resume_unwind};

use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::problem::Problem;

/// The changes under way. Each is as long as its handler, which waits for nothing without a
/// limit; their number is that of signed-in callers who may make them.
#[derive(Debug, Default)]
pub(crate) struct ChangesUnderWay {
    /// Held only to add one and to take ended ones out.
    tasks: Mutex<JoinSet<()>>,
}

impl ChangesUnderWay {
    /// The answer of `change`, which runs to its end even when nobody waits for this.
    pub async fn run(&self, change: impl Future<Output = Response> + Send + 'static) -> Response {
        let (tell, told) = oneshot::channel::<Result<Response, Box<dyn Any + Send>>>();
        let change = async move {
            // A caller who left is not told.
            let _ = tell.send(AssertUnwindSafe(change).catch_unwind().await);
        };
        {
            let mut tasks = self.tasks.lock();
            while tasks.try_join_next().is_some() {}
            tasks.spawn(change.in_current_span());
        }
        match told.await {
            Ok(Ok(response)) => response,
            // The envelope knows what to do with a panic.
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => Problem::unavailable("The server is stopping.").into_response(),
        }
    }

    /// Waits for those whose caller left.
    pub async fn finish(&self) {
        let mut tasks = take(&mut *self.tasks.lock());
        while tasks.join_next().await.is_some() {}
    }
}
