//! Starting other programs.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// A program with its arguments, in a folder of the repository.
pub fn command(folder: &Path, line: &[&str]) -> Command {
    let mut command = Command::new(line[0]);
    command.args(&line[1..]).current_dir(folder);
    command
}

/// Runs it to its end; what it says is seen at once. Fails when it fails.
pub fn run(mut command: Command) -> anyhow::Result<()> {
    let shown = shown(&command);
    eprintln!("\n» {shown}");
    let status = command.status().with_context(|| format!("`{shown}` could not be started"))?;
    if !status.success() {
        bail!("`{shown}` failed: {status}");
    }
    Ok(())
}

/// As [`run`], and hands every line of its output to `listen` too.
pub fn run_and_listen(mut command: Command, mut listen: impl FnMut(&str)) -> anyhow::Result<()> {
    let shown = shown(&command);
    eprintln!("\n» {shown}");
    let (reader, writer) = std::io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer).stdin(Stdio::null());
    let mut child = command.spawn().with_context(|| format!("`{shown}` could not be started"))?;
    // The command holds the writing ends; the reader ends when nobody holds one any more.
    drop(command);
    for line in BufReader::new(reader).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        println!("{line}");
        listen(&line);
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{shown}` failed: {status}");
    }
    Ok(())
}

/// What it prints, when it can be started and succeeds.
pub fn output(line: &[&str]) -> Option<String> {
    let output = Command::new(line[0]).args(&line[1..]).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Where a program lies on the `PATH`.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
