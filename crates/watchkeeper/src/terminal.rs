//! Words for the person or script that started the program.

#![expect(clippy::print_stderr, reason = "everything that is printed goes through here")]

use std::io::{BufRead, IsTerminal, Write};

use anyhow::Context;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// What was asked for: on the standard output. A reader that has gone is no fault of ours.
pub fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        eprintln!("watchkeeper: the standard output is closed");
    }
}

/// What went wrong: on the standard error.
pub fn complain(text: &str) {
    eprintln!("{text}");
}

/// One line from the standard input; on a terminal asked for, and typed unseen.
pub fn read_password(question: &str) -> anyhow::Result<String> {
    let input = std::io::stdin();
    let unseen = input.is_terminal().then(|| hide_typing(question)).transpose()?;
    let mut line = String::new();
    let read = input.lock().read_line(&mut line);
    if let Some(before) = unseen {
        tcsetattr(std::io::stdin(), OptionalActions::Now, &before).context("failed to show typing again")?;
        complain("");
    }
    read.context("failed to read the password")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Returns how the terminal was before.
fn hide_typing(question: &str) -> anyhow::Result<rustix::termios::Termios> {
    eprint!("{question}: ");
    let before = tcgetattr(std::io::stdin()).context("failed to ask the terminal")?;
    let mut unseen = before.clone();
    unseen.local_modes.remove(LocalModes::ECHO);
    tcsetattr(std::io::stdin(), OptionalActions::Flush, &unseen).context("failed to hide typing")?;
    Ok(before)
}
