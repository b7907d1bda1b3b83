//! `cargo xtask check`: everything that can be judged without running the program.

use anyhow::bail;
use clap::Args;

use crate::{program, repository, tidy, web};

#[derive(Debug, Args)]
pub struct Options {
    /// Fail when a checking tool is not installed, instead of saying that it was skipped
    #[arg(long)]
    strict: bool,
}

enum Verdict {
    Passed,
    Skipped(&'static str),
    Failed(anyhow::Error),
}

/// Goes through all checks even when one fails, so that one run tells everything.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let checks: [(&str, &dyn Fn() -> Verdict); 7] = [
        ("format", &|| cargo(&["fmt", "--all", "--check"])),
        ("clippy", &|| cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])),
        ("deny", &|| deny(options.strict)),
        ("advisories", &|| advisories(options.strict)),
        ("web types", &|| types("web")),
        ("e2e types", &|| types("e2e")),
        ("tidy", &|| verdict(tidy::run())),
    ];
    let verdicts: Vec<_> = checks.iter().map(|(name, check)| (*name, check())).collect();
    println!();
    for (name, verdict) in &verdicts {
        match verdict {
            Verdict::Passed => println!("  {name:<10} ok"),
            Verdict::Skipped(why) => println!("  {name:<10} skipped: {why}"),
            Verdict::Failed(error) => println!("  {name:<10} FAILED: {error:#}"),
        }
    }
    let failed = verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Failed(_))).count();
    let skipped = verdicts.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Skipped(_))).count();
    let passed = verdicts.len() - failed - skipped;
    println!("check: {passed} ok, {failed} failed, {skipped} skipped");
    if failed > 0 {
        bail!("{failed} of {} checks failed", verdicts.len());
    }
    Ok(())
}

fn verdict(done: anyhow::Result<()>) -> Verdict {
    match done {
        Ok(()) => Verdict::Passed,
        Err(error) => Verdict::Failed(error),
    }
}

fn cargo(arguments: &[&str]) -> Verdict {
    let line = [&["cargo"], arguments].concat();
    verdict(program::run(program::command(repository::root(), &line)))
}

/// Licences, origins and banned crates. An unattended run installs the tool; a person is told how.
fn deny(strict: bool) -> Verdict {
    const HELP: &str = "cargo-deny is not installed (`cargo install cargo-deny --locked`)";
    if program::find("cargo-deny").is_none() {
        if std::env::var_os("CI").is_none() {
            return if strict { Verdict::Failed(anyhow::anyhow!(HELP)) } else { Verdict::Skipped(HELP) };
        }
        if let failed @ Verdict::Failed(_) = cargo(&["install", "cargo-deny", "--locked", "--quiet"]) {
            return failed;
        }
    }
    cargo(&["deny", "--log-level", "error", "check", "bans", "licenses", "sources"])
}

/// Known faults of guests. The list comes over the network, which not every machine reaches.
fn advisories(strict: bool) -> Verdict {
    const UNREACHED: &str = "the advisory database could not be fetched";
    if program::find("cargo-deny").is_none() && !strict {
        return Verdict::Skipped("cargo-deny is not installed");
    }
    let line = ["cargo", "deny", "--log-level", "error", "check", "advisories"];
    let mut unreached = false;
    let done = program::run_and_listen(program::command(repository::root(), &line), |line| {
        unreached |= line.contains("failed to fetch advisory database");
    });
    if unreached && !strict { Verdict::Skipped(UNREACHED) } else { verdict(done) }
}

fn types(folder: &str) -> Verdict {
    let steps = || {
        web::need_node()?;
        web::install_packages(folder)?;
        program::run(web::script(folder, "check"))
    };
    verdict(steps())
}
