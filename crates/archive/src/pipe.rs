//! From the thread that encodes to the task that stores, with a bound between.

use std::io::{self, Write};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Pieces have exactly this size, but for the last: some services that speak S3 want it so.
/// Each is a part of an upload, of which 5 MiB is the least and 10,000 are the most, so
/// that a day may have 80 GB.
pub const PIECE_BYTES: usize = 8 << 20;

/// One waits while the one before it is stored and the next one is filled.
const WAITING_MAX: usize = 1;

#[derive(Debug)]
pub enum Piece {
    Bytes(Bytes),
    /// The file is whole. Without it, it is not.
    End,
}

pub type Pieces = mpsc::Receiver<Piece>;

/// Writes block until the other end keeps up, and fail when it is gone.
#[derive(Debug)]
pub struct Pipe {
    sender: mpsc::Sender<Piece>,
    filling: Vec<u8>,
    piece_bytes: usize,
}

pub fn pipe() -> (Pipe, Pieces) {
    pipe_of(PIECE_BYTES)
}

pub fn pipe_of(piece_bytes: usize) -> (Pipe, Pieces) {
    let (sender, pieces) = mpsc::channel(WAITING_MAX);
    (Pipe { sender, filling: Vec::new(), piece_bytes }, pieces)
}

impl Pipe {
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Forgets what was written, as far as it has not gone yet.
    pub fn clear(&mut self) {
        self.filling.clear();
    }

    pub fn finish(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.filling);
        if !rest.is_empty() {
            self.send(Piece::Bytes(rest.into()))?;
        }
        self.send(Piece::End)
    }

    fn send(&self, piece: Piece) -> io::Result<()> {
        self.sender.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.piece_bytes - self.filling.len());
        self.filling.extend_from_slice(&bytes[..taken]);
        if self.filling.len() == self.piece_bytes {
            let full = std::mem::take(&mut self.filling);
            self.send(Piece::Bytes(full.into()))?;
        }
        Ok(taken)
    }

    /// Pieces go when they are full: a short one may only be the last.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn pieces_are_of_one_size_but_for_the_last() {
        let (mut pipe, mut pieces) = pipe_of(4);
        let writing = std::thread::scope(|threads| {
            threads.spawn(move || {
                pipe.write_all(b"abc").unwrap();
                pipe.write_all(b"defghij").unwrap();
                pipe.finish().unwrap();
            });
            let mut found = Vec::new();
            while let Some(Piece::Bytes(bytes)) = pieces.blocking_recv() {
                found.push(bytes);
            }
            found
        });
        assert_eq!(writing, ["abcd", "efgh", "ij"]);
    }

    #[test]
    fn writing_to_nobody_fails() {
        let (mut pipe, pieces) = pipe_of(1);
        drop(pieces);
        assert!(pipe.write_all(b"a").is_err());
    }
}
