//! A browser for the end-to-end tests.

use std::path::PathBuf;

use anyhow::{Context, bail};

use super::debian;
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
    if !debian::may_install() {
        bail!(
            "Chromium is needed for the end-to-end tests and was not found; install it \
             (on Debian, as root: apt-get install chromium) or name it in CHROMIUM_PATH"
        );
    }
    debian::install("chromium")
        .context("Chromium could not be installed; install it or name it in CHROMIUM_PATH")?;
    on_path().context("Debian's chromium was installed and is not on the PATH")
}

fn on_path() -> Option<PathBuf> {
    NAMES.iter().find_map(|name| program::find(name))
}
