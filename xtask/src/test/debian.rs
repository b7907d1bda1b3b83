//! Programs that tests run beside ours, from Debian's packages where we may install them.

use std::path::Path;

use anyhow::Context;

use crate::program;

pub fn may_install() -> bool {
    program::output(&["id", "-u"]).as_deref() == Some("0") && program::find("apt-get").is_some()
}

pub fn install(package: &str) -> anyhow::Result<()> {
    let here = Path::new(".");
    program::run(program::command(here, &["apt-get", "update", "-qq"]))?;
    let line = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package];
    let mut install = program::command(here, &line);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    program::run(install).with_context(|| format!("Debian's {package} could not be installed"))
}

/// Prometheus and its promtool, which some tests compare ours with. Without them those
/// tests are skipped. They are installed only where nobody else uses the machine.
pub fn offer_prometheus() {
    if ["prometheus", "promtool"].iter().all(|name| program::find(name).is_some()) {
        return;
    }
    if std::env::var_os("CI").is_some() && may_install() {
        match install("prometheus") {
            Ok(()) => return,
            Err(error) => eprintln!("test: {error:#}"),
        }
    }
    eprintln!("\ntest: SKIPPED: what is compared with Prometheus (on Debian: apt-get install prometheus)");
}
