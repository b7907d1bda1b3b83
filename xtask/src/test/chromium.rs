//! A browser for the end-to-end tests.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::program;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// The one that `CHROMIUM_PATH` names, one on the `PATH`, or Debian's, installed when we may.
pub fn find_or_install() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM_PATH").map(PathBuf::from) {
        anyhow::ensure!(named.is_file(), "CHROMIUM_PATH names {}, which is not there", named.display());
        return Ok(named);
    }
    if let Some(found) = on_path() {
        return Ok(found);
    }
    if !(is_root() && program::find("apt-get").is_some()) {
        bail!(
            "Chromium is needed for the end-to-end tests and was not found; install it \
             (on Debian, as root: apt-get install chromium) or name it in CHROMIUM_PATH"
        );
    }
    install().context("Chromium could not be installed; install it or name it in CHROMIUM_PATH")?;
    on_path().context("Debian's chromium was installed and is not on the PATH")
}

fn on_path() -> Option<PathBuf> {
    NAMES.iter().find_map(|name| program::find(name))
}

fn install() -> anyhow::Result<()> {
    let here = Path::new(".");
    program::run(program::command(here, &["apt-get", "update", "-qq"]))?;
    let line = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"];
    let mut install = program::command(here, &line);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    program::run(install)
}

fn is_root() -> bool {
    program::output(&["id", "-u"]).as_deref() == Some("0")
}
