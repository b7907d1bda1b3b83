//! The data directory.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use anyhow::Context;

/// The control plane's database within it.
pub const STATE_FILE: &str = "state.db";

/// Makes it when it is not there, for our eyes only: it holds what agents said and the
/// hashes of passwords.
pub fn make_data_directory(path: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("the data directory `{}` cannot be made", path.display()))
}
