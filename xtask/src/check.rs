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
    let checks: [(&str, &dyn Fn() -> Verdict); 6] = [
        ("format", &|| cargo(&["fmt", "--all", "--check"])),
        ("clippy", &|| cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])),
        ("deny", &|| deny(options.strict)),
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

const DENY_HELP: &str = "cargo-deny is not installed (`cargo install cargo-deny --locked`)";

fn deny(strict: bool) -> Verdict {
    match (program::find("cargo-deny"), strict) {
        (Some(_), _) => cargo(&["deny", "--log-level", "error", "check"]),
        (None, true) => Verdict::Failed(anyhow::anyhow!(DENY_HELP)),
        (None, false) => Verdict::Skipped(DENY_HELP),
    }
}

fn types(folder: &str) -> Verdict {
    let steps = || {
        web::need_node()?;
        web::install_packages(folder)?;
        program::run(web::script(folder, "check"))
    };
    verdict(steps())
}
