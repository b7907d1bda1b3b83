//! `cargo xtask run`: from a clone to a running program.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::Context;

use crate::{program, repository, web};

pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    web::build_page()?;
    let root = repository::root();
    program::run(program::command(root, &["cargo", "build", "--release", "--package", "watchkeeper"]))?;
    let binary = repository::target()?.join("release").join("watchkeeper");
    let mut serve = Command::new(&binary);
    serve.args(["serve", "--data", "./data"]).args(arguments).current_dir(root);
    // It takes our place, so that signals reach it directly.
    let error = serve.exec();
    Err(error).with_context(|| format!("failed to start {}", binary.display()))
}
