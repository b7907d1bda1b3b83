//! Chores: `cargo xtask run`, `test`, `check`, `tidy`, `bench`.
//!
//! Each chore is one module. They start other programs ([`program`]), show what those say,
//! and end with their verdict. Nothing here depends on a crate of ours, so that the chores
//! work while those do not compile.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "chores talk to the person who started them")]
#![allow(clippy::disallowed_methods, reason = "chores are outside of the program whose doors are guarded")]

mod bench;
mod check;
mod program;
mod repository;
mod run;
mod test;
mod tidy;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Chores of this repository")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Build the dashboard and the release binary, and start it with its data in ./data
    Run {
        /// Passed on to `watchkeeper serve`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run the tests: Rust, web, end to end
    Test(test::Options),
    /// Format, lints, licences, types, floors
    Check(check::Options),
    /// Hold the workspace against the rules of ARCHITECTURE.md
    Tidy,
    /// Measure the running release binary, with `metrics` beside its peers, or with `store` the store alone
    Bench {
        /// Passed on to the bench
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().chore {
        Chore::Run { arguments } => run::run(&arguments),
        Chore::Test(options) => test::run(&options),
        Chore::Check(options) => check::run(&options),
        Chore::Tidy => tidy::run(),
        Chore::Bench { arguments } => bench::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
