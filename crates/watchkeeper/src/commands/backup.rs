//! `backup`, `backup verify`, `restore`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use disk::RealDisk;
use embedded::backup::{self as copies, About, BackupError};
use embedded::inspect::Damage;
use runtime::SystemClock;

use super::{Misused, rounded_size, say_damage, shown, store_parts, wait_for};
use crate::config::{self, Startup};
use crate::{terminal, wiring};

/// Telemetry first, then the control plane: after a restore an alert may fire once more, but
/// none is known of which the data is missing.
pub fn take(startup: &Startup, destination: &Path) -> anyhow::Result<()> {
    let (settings, _) = config::load(startup)?;
    let begun = SystemClock::shared().now();
    if std::path::absolute(destination)?.starts_with(std::path::absolute(&settings.data)?) {
        return Err(Misused("the backup must lie outside of the data directory".to_owned()).into());
    }
    let is_new = !destination.exists();
    if is_new {
        // What is copied holds what agents said and the hashes of passwords.
        wiring::make_data_directory(destination)?;
    }
    let failed = || format!("the backup failed; what is in `{}` is none", shown(destination));
    copies::take(&RealDisk, &settings.data, destination).map_err(|error| match error {
        // What was there before may be a backup, and was not touched.
        BackupError::NotEmpty(_) => anyhow::Error::new(error).context("nothing was backed up"),
        error => anyhow::Error::new(error).context(failed()),
    })?;
    let state = settings.data.join(wiring::STATE_FILE);
    if state.exists() {
        wait_for(async { Ok(state::back_up(&state, &destination.join(wiring::STATE_FILE)).await?) })
            .with_context(failed)?;
    } else {
        terminal::complain("There is no state.db: alerts, users and tokens are not in the backup.");
    }
    let program = concat!("watchkeeper ", env!("CARGO_PKG_VERSION"));
    let manifest = copies::seal(&RealDisk, destination, About::new(program, begun)).with_context(failed)?;
    let (files, size) = (manifest.files.len(), rounded_size(manifest.bytes()));
    terminal::say(&format!("{files} files, {size}: everything up to {begun} is in {}", shown(destination)));
    terminal::complain(
        "Files may be shared with the data directory: copy the backup to another disk, and verify it there.",
    );
    Ok(())
}

pub fn verify(backup: &Path) -> anyhow::Result<()> {
    let verified = copies::verify(backup, &store_parts())?;
    let mut damage = verified.damage;
    damage.extend(state_damage(backup)?);
    say_damage(&damage);
    let bad = damage.len();
    anyhow::ensure!(bad == 0, "`{}` is damaged: {bad} findings", shown(backup));
    let manifest = verified.manifest;
    terminal::say(&format!(
        "{} is whole: {} files, {}, {} rows; taken {} by {}",
        shown(backup),
        manifest.files.len(),
        rounded_size(manifest.bytes()),
        verified.rows,
        manifest.about.begun,
        manifest.about.program
    ));
    Ok(())
}

/// What SQLite says about the control plane in a backup.
fn state_damage(backup: &Path) -> anyhow::Result<Vec<Damage>> {
    let path = backup.join(wiring::STATE_FILE);
    if !path.exists() {
        return Ok(vec![]);
    }
    let findings = wait_for(async { Ok(state::check_copy(&path).await) })?;
    let findings = findings.unwrap_or_else(|error| vec![crate::chain::chain(&error)]);
    Ok(findings.into_iter().map(of_state).collect())
}

/// A finding about the control plane.
pub fn of_state(what: String) -> Damage {
    Damage {
        file: PathBuf::from(wiring::STATE_FILE),
        what,
        affected: "alerts, recovery runs, users, tokens, the audit log".to_owned(),
    }
}

pub fn restore(startup: &Startup, backup: &Path, to: Option<PathBuf>) -> anyhow::Result<()> {
    let to = match to {
        Some(to) => to,
        None => config::load(startup)?.0.data,
    };
    verify(backup).context("nothing was restored")?;
    wiring::make_data_directory(&to)?;
    copies::restore(&RealDisk, backup, &to).context("the restore failed")?;
    let state = to.join(wiring::STATE_FILE);
    if state.exists() {
        std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o600))
            .with_context(|| format!("`{}` cannot be made private", shown(&state)))?;
    }
    terminal::say(&format!("restored into {}", shown(&to)));
    Ok(())
}
