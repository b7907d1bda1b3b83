//! The binary: reads the configuration, plugs the crates together, starts and stops them.
//!
//! [`command_line`] says what was asked for, [`config`] turns file, environment and flags
//! into settings, [`commands`] does the short errands, and [`wiring`] is the long one:
//! `serve`, from opening the stores to closing them.
//!
//! Nothing is decided here about agents, alerts or queries.

mod chain;
mod command_line;
mod commands;
mod config;
mod logging;
mod terminal;
mod wiring;

use std::process::ExitCode;

/// Many small, long-lived objects of many threads: glibc's allocator keeps twice the memory.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What the exit code tells a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// It was asked correctly, and could not be done.
    Run = 1,
    /// It was asked wrongly: command line or configuration.
    Usage = 2,
}

fn main() -> ExitCode {
    let asked = command_line::read();
    match commands::run(asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let is_usage = error.is::<config::Problems>() || error.is::<commands::Misused>();
            terminal::complain(&format!("watchkeeper: {}", chain::chain(error.as_ref())));
            ExitCode::from(if is_usage { Failure::Usage } else { Failure::Run } as u8)
        }
    }
}
