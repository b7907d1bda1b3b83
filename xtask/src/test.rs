//! `cargo xtask test`: Rust, web, end to end; with one count at the end.

mod chromium;
mod counts;
mod debian;
mod python;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::test::counts::{Counts, Tool};
use crate::{program, repository, web};

#[derive(Debug, Args)]
pub struct Options {
    /// Run one part
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// End to end against the release binary
    #[arg(long)]
    release: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Rust,
    Web,
    E2e,
}

impl Part {
    const ALL: [Part; 3] = [Part::Rust, Part::Web, Part::E2e];

    const fn name(self) -> &'static str {
        match self {
            Part::Rust => "rust",
            Part::Web => "web",
            Part::E2e => "e2e",
        }
    }
}

struct Outcome {
    part: Part,
    counts: Counts,
    took: Duration,
    result: anyhow::Result<()>,
}

/// Runs all parts even when one fails, so that one run tells everything.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let parts = Part::ALL.into_iter().filter(|part| options.only.is_none_or(|only| only == *part));
    let outcomes: Vec<Outcome> = parts.map(|part| run_part(part, options)).collect();
    println!();
    for Outcome { part, counts, took, result } in &outcomes {
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        println!("  {:<5} {verdict:<7} {counts} in {:.0} s", part.name(), took.as_secs_f64());
        if let Err(error) = result {
            println!("        {error:#}");
        }
    }
    let failed = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
    let total = outcomes.iter().fold(Counts::default(), |sum, outcome| sum + outcome.counts);
    println!("test: {} of {} parts ok; {total}", outcomes.len() - failed, outcomes.len());
    if failed > 0 {
        bail!("{failed} of {} parts failed", outcomes.len());
    }
    Ok(())
}

fn run_part(part: Part, options: &Options) -> Outcome {
    let started = Instant::now();
    let mut counts = Counts::default();
    let result = match part {
        Part::Rust => rust(&mut counts),
        Part::Web => npm_tests("web", Tool::Vitest, None, &mut counts),
        Part::E2e => end_to_end(options.release, &mut counts),
    };
    // A runner that finds nothing to run has proven nothing.
    let result = result.and_then(|()| {
        anyhow::ensure!(counts.passed > 0, "no test was run");
        Ok(())
    });
    Outcome { part, counts, took: started.elapsed(), result }
}

fn rust(counts: &mut Counts) -> anyhow::Result<()> {
    let (line, tool): (&[&str], Tool) = if program::find("cargo-nextest").is_some() {
        (&["cargo", "nextest", "run", "--workspace", "--no-fail-fast"], Tool::Nextest)
    } else {
        eprintln!(
            "cargo-nextest is not installed (`cargo install cargo-nextest --locked`): using cargo test"
        );
        (&["cargo", "test", "--workspace", "--no-fail-fast"], Tool::Libtest)
    };
    debian::offer_prometheus();
    let mut command = program::command(repository::root(), line);
    command.envs(python::find_or_install().map(|python| ("WATCHKEEPER_PYTHON", python)));
    program::run_and_listen(command, |line| counts.read(tool, line))
}

fn npm_tests(
    folder: &str,
    tool: Tool,
    variables: Option<[(&str, PathBuf); 2]>,
    counts: &mut Counts,
) -> anyhow::Result<()> {
    web::need_node()?;
    web::install_packages(folder)?;
    let mut command = web::script(folder, "test");
    command.envs(variables.into_iter().flatten()).env("NO_COLOR", "1").env_remove("FORCE_COLOR");
    program::run_and_listen(command, |line| counts.read(tool, line))
}

fn end_to_end(release: bool, counts: &mut Counts) -> anyhow::Result<()> {
    let chromium = chromium::find_or_install()?;
    web::build_page()?;
    let mut build = vec!["cargo", "build", "--package", "watchkeeper"];
    if release {
        build.push("--release");
    }
    program::run(program::command(repository::root(), &build)).context("there is no binary to test")?;
    let profile = if release { "release" } else { "debug" };
    let binary = repository::target()?.join(profile).join("watchkeeper");
    let variables = [("WATCHKEEPER_BINARY", binary), ("CHROMIUM_PATH", chromium)];
    npm_tests("e2e", Tool::Playwright, Some(variables), counts)
}
