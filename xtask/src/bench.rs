//! `cargo xtask bench`: figures of the running release binary, with `metrics` beside its
//! peers, or of the store alone.

use anyhow::Context;

use crate::{program, repository, web};

pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    match arguments.split_first() {
        Some((first, rest)) if first == "store" => run_store(rest),
        _ => run_binary(arguments),
    }
}

fn run_binary(arguments: &[String]) -> anyhow::Result<()> {
    // Its size in memory is measured with the page inside.
    web::build_page()?;
    let root = repository::root();
    let build = ["cargo", "build", "--release", "--package", "watchkeeper", "--package", "bench"];
    program::run(program::command(root, &build))?;
    let release = repository::target()?.join("release");
    let bench = release.join("bench");
    let bench = bench.to_str().context("the target directory's name is not text")?;
    let mut command = program::command(root, &[bench]);
    command.arg("--binary").arg(release.join("watchkeeper")).args(arguments);
    program::run(command)
}

/// In-process and without the page: the embedded engine has a bench of its own.
fn run_store(arguments: &[String]) -> anyhow::Result<()> {
    let line = ["cargo", "bench", "--quiet", "--package", "embedded", "--bench", "store", "--"];
    let mut command = program::command(repository::root(), &line);
    command.args(arguments);
    program::run(command)
}
