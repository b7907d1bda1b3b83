//! The real engines behind the traits.

mod alerting;
mod fleet;
mod health;

use std::future::ready;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::Change;

/// Events of an engine as changes; a reader that fell behind is told so.
fn changes_of<E, F>(events: broadcast::Receiver<E>, change_of: F) -> BoxStream<'static, Change>
where
    E: Clone + Send + 'static,
    F: Fn(E) -> Option<Change> + Send + Sync + 'static,
{
    received(events)
        .filter_map(move |event| ready(event.map_or_else(|missed| Some(Change::Missed(missed)), &change_of)))
        .boxed()
}

/// Ends when the engine does. The error is how many events were missed.
fn received<E: Clone + Send + 'static>(
    events: broadcast::Receiver<E>,
) -> impl Stream<Item = Result<E, u64>> + Send {
    stream::unfold(events, |mut events| async move {
        match events.recv().await {
            Ok(event) => Some((Ok(event), events)),
            Err(RecvError::Lagged(missed)) => Some((Err(missed), events)),
            Err(RecvError::Closed) => None,
        }
    })
}
