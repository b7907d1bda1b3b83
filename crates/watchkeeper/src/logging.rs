//! The program's own log: lines on the standard error.
//!
//! An event is one line, whatever an agent or a peer managed to get into its fields: control
//! characters are written as escapes.

use std::io::{self, IsTerminal, Stderr, Write};

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::Log;

pub fn install(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter).context("the log filter is not one")?;
    let colours = io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(OneLine { colours });
    let installed = if log.json {
        builder.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        builder.with_ansi(colours).try_init()
    };
    installed.map_err(|error| anyhow::anyhow!("the log could not be set up: {error}"))
}

/// Writes each event as one line.
#[derive(Clone, Copy, Debug)]
struct OneLine {
    /// Our own colours begin with an escape character; those of others are already replaced
    /// by the formatter.
    colours: bool,
}

impl<'a> MakeWriter<'a> for OneLine {
    type Writer = LineWriter;
    fn make_writer(&'a self) -> LineWriter {
        LineWriter { out: io::stderr(), colours: self.colours }
    }
}

#[derive(Debug)]
struct LineWriter {
    out: Stderr,
    colours: bool,
}

impl Write for LineWriter {
    /// The formatter hands over a whole event at a time.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        self.out.write_all(one_line(&text, self.colours).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// `text` up to its last line end, with every other control character escaped.
fn one_line(text: &str, colours: bool) -> String {
    let mut line = String::with_capacity(text.len() + 1);
    for c in text.trim_end_matches('\n').chars() {
        if c.is_control() && c != '\t' && !(colours && c == '\x1b') {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_cannot_begin_a_line_of_its_own() {
        assert_eq!(
            one_line("a\r\nERROR forged\u{1b}[2J\u{9b}\n", false),
            "a\\r\\nERROR forged\\u{1b}[2J\\u{9b}\n"
        );
        assert_eq!(one_line("\u{1b}[32mINFO\u{1b}[0m x\u{7}\n", true), "\u{1b}[32mINFO\u{1b}[0m x\\u{7}\n");
    }
}
