//! Node packages and the dashboard.

use std::path::Path;

use anyhow::{Context, bail};

use crate::{program, repository};

/// What the dashboard's build needs; `web/package.json` says the same.
const NODE_MIN: (u32, u32) = (20, 19);

const NODE_HELP: &str = "install it from https://nodejs.org/en/download; on Debian, as root:
  curl -fsSL https://deb.nodesource.com/setup_22.x | bash - && apt-get install -y nodejs";

/// Fails with what to install when Node or npm is missing or too old.
pub fn need_node() -> anyhow::Result<()> {
    let (major, minor) = NODE_MIN;
    let Some(version) = program::output(&["node", "--version"]) else {
        bail!("Node.js {major}.{minor} or newer is needed and `node` was not found; {NODE_HELP}");
    };
    if parse_version(&version).is_none_or(|found| found < NODE_MIN) {
        bail!("Node.js {major}.{minor} or newer is needed, found {version}; {NODE_HELP}");
    }
    if program::output(&["npm", "--version"]).is_none() {
        bail!("npm is needed and was not found beside Node.js; {NODE_HELP}");
    }
    Ok(())
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim_start_matches('v').split('.').map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// `npm ci` in `folder`, unless its packages already are what its lock file says.
pub fn install_packages(folder: &str) -> anyhow::Result<()> {
    let path = repository::root().join(folder);
    let lock = std::fs::read(path.join("package-lock.json"))
        .with_context(|| format!("{folder}/package-lock.json cannot be read"))?;
    let stamp = repository::target()?.join("xtask").join(format!("{folder}.package-lock.json"));
    let installed = path.join("node_modules").is_dir();
    if installed && std::fs::read(&stamp).is_ok_and(|stamped| stamped == lock) {
        return Ok(());
    }
    program::run(program::command(&path, &["npm", "ci", "--no-audit", "--no-fund"]))?;
    write_stamp(&stamp, &lock)
}

fn write_stamp(stamp: &Path, lock: &[u8]) -> anyhow::Result<()> {
    if let Some(folder) = stamp.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(stamp, lock).with_context(|| format!("failed to write {}", stamp.display()))
}

/// A script of `package.json`.
pub fn script(folder: &str, name: &str) -> std::process::Command {
    program::command(&repository::root().join(folder), &["npm", "run", "--silent", name])
}

/// Builds the page that the binary embeds.
pub fn build_page() -> anyhow::Result<()> {
    need_node()?;
    install_packages("web")?;
    program::run(script("web", "build"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(parse_version("v20.20.2"), Some((20, 20)));
        assert!(parse_version("v100.0.1") > Some(NODE_MIN));
        assert_eq!(parse_version("nonsense"), None);
    }
}
