//! Large answers go out piece by piece, so that none is in memory twice.
//!
//! A thread that may block writes JSON into pieces; the connection takes them as fast as
//! its client reads. When the client goes away, the writing ends with the next piece.

use std::io;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use serde::Serialize;
use tokio::sync::mpsc;

const PIECE_BYTES: usize = 64 * 1024;
/// Pieces that wait for a slow client.
const PIECES_MAX: usize = 4;

/// The JSON of `value`, as a body of unknown length.
pub(super) fn streamed<T: Serialize + Send + 'static>(value: T) -> Response {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    tokio::task::spawn_blocking(move || {
        let mut pieces = Pieces { sender, piece: Vec::with_capacity(PIECE_BYTES) };
        let written = serde_json::to_writer(&mut pieces, &value).map_err(io::Error::from);
        if let Err(error) = written.and_then(|()| pieces.send()) {
            // Without this the client would take half an answer for a whole one.
            let _ = pieces.sender.blocking_send(Err(error));
        }
    });
    let pieces = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(pieces)).into_response()
}

struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        self.sender.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_large_answer_arrives_whole_and_in_order() {
        let numbers: Vec<u64> = (0..100_000).collect();
        let body = streamed(numbers.clone()).into_body().collect().await.unwrap().to_bytes();
        assert_eq!(serde_json::from_slice::<Vec<u64>>(&body).unwrap(), numbers);
    }

    #[tokio::test]
    async fn what_cannot_be_written_breaks_the_body_off() {
        struct Broken;
        impl Serialize for Broken {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("broken"))
            }
        }
        assert!(streamed((1, Broken)).into_body().collect().await.is_err());
    }
}
