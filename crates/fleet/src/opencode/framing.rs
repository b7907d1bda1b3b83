//! Server-sent events out of a byte stream, with a bound.
//!
//! OpenCode frames each event as one `data:` line and an empty line. The other fields of the
//! format are skipped; several `data:` lines of one event are joined, as the format says.

/// A larger event is skipped and counted. Tool output is resent whole in each event, so this
/// is generous.
pub const EVENT_BYTES_MAX: usize = 8 * 1024 * 1024;

#[derive(Debug, Default)]
pub struct Framing {
    line: Vec<u8>,
    event: Vec<u8>,
    has_data: bool,
    /// The present event is too large and is skipped up to its end.
    oversized: bool,
    /// The last byte was a carriage return, so a line feed after it ends nothing.
    after_return: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Data(Vec<u8>),
    Oversized,
}

impl Framing {
    /// The events that `bytes` complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        for &byte in bytes {
            let ends_line = match byte {
                b'\n' => !std::mem::take(&mut self.after_return),
                b'\r' => {
                    self.after_return = true;
                    true
                }
                _ => {
                    self.after_return = false;
                    self.keep(byte);
                    false
                }
            };
            if ends_line {
                frames.extend(self.end_line());
            }
        }
        frames
    }

    fn keep(&mut self, byte: u8) {
        if self.line.len() + self.event.len() < EVENT_BYTES_MAX {
            self.line.push(byte);
        } else {
            self.oversized = true;
        }
    }

    fn end_line(&mut self) -> Option<Frame> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.end_event();
        }
        if let Some(data) = line.strip_prefix(b"data:") {
            if self.has_data {
                self.event.push(b'\n');
            }
            self.has_data = true;
            self.event.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
        }
        None
    }

    fn end_event(&mut self) -> Option<Frame> {
        let event = std::mem::take(&mut self.event);
        let has_data = std::mem::take(&mut self.has_data);
        if std::mem::take(&mut self.oversized) {
            return Some(Frame::Oversized);
        }
        has_data.then_some(Frame::Data(event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chunks: &[&str], expected: &[&str]) {
        let mut framing = Framing::default();
        let frames: Vec<Frame> = chunks.iter().flat_map(|chunk| framing.push(chunk.as_bytes())).collect();
        let expected: Vec<Frame> =
            expected.iter().map(|data| Frame::Data(data.as_bytes().to_vec())).collect();
        assert_eq!(frames, expected);
    }

    #[test]
    fn events_are_cut_at_empty_lines_wherever_the_chunks_end() {
        check(&["data: {\"a\"", ":1}\n", "\ndata: b\n\n", "data: unfinished"], &["{\"a\":1}", "b"]);
    }

    #[test]
    fn every_kind_of_line_end_is_understood() {
        check(&["data: a\r", "\n\r\ndata: b\r\rdata: c\n\n"], &["a", "b", "c"]);
    }

    #[test]
    fn comments_and_other_fields_are_skipped_and_data_lines_joined() {
        check(&[": ping\n\nevent: x\nid: 1\ndata: a\ndata:b\n\nretry: 5\n\n"], &["a\nb"]);
    }

    #[test]
    fn an_event_without_end_does_not_fill_the_memory() {
        let mut framing = Framing::default();
        let megabyte = vec![b'x'; 1 << 20];
        for _ in 0..20 {
            assert!(framing.push(&megabyte).is_empty());
        }
        assert!(framing.line.len() <= EVENT_BYTES_MAX);
        assert_eq!(framing.push(b"\n\ndata: a\n\n"), [Frame::Oversized, Frame::Data(b"a".to_vec())]);
    }
}
