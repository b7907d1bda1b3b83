//! Copies of the database file, taken and looked at from outside.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::StateError;
use crate::database::make_private;
use crate::error::failed;

/// How long a reader waits for a server that is just recovering or ending its WAL.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Writes the database as of now into a new file, for our eyes only; a server may be working
/// with it. The original is only read. Returns when the copy is on disk.
pub async fn back_up(from: &Path, to: &Path) -> Result<(), StateError> {
    const ATTEMPT: &str = "copy the state database";
    let opening = |source: std::io::Error| StateError::Open { path: to.to_owned(), source: source.into() };
    let mut connection = open(from, false).await?;
    make_private(to).map_err(opening)?;
    // Pages in use, in order, as of one moment; it refuses a file that is not empty.
    let copied = sqlx::query("VACUUM INTO ?").bind(to.to_string_lossy()).execute(&mut connection).await;
    copied.map_err(failed(ATTEMPT))?;
    connection.close().await.map_err(failed(ATTEMPT))?;
    #[expect(clippy::disallowed_methods, reason = "SQLite has written the file by itself")]
    std::fs::File::open(to).and_then(|copy| copy.sync_all()).map_err(opening)
}

/// What SQLite complains about in a file that nobody works with; nothing is written, not even
/// beside it. Empty when all is well.
pub async fn check_copy(path: &Path) -> Result<Vec<String>, StateError> {
    check(open(path, true).await?).await
}

/// The same for the database of a data directory, in which a server may be at work.
pub async fn check_in_place(path: &Path) -> Result<Vec<String>, StateError> {
    check(open(path, false).await?).await
}

async fn check(mut connection: SqliteConnection) -> Result<Vec<String>, StateError> {
    let findings: Result<Vec<String>, _> =
        sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut connection).await;
    let mut findings = findings.map_err(failed("check the state database"))?;
    findings.retain(|finding| finding != "ok");
    Ok(findings)
}

async fn open(path: &Path, is_alone: bool) -> Result<SqliteConnection, StateError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT);
    let connection = options.immutable(is_alone).connect().await;
    connection.map_err(|source| StateError::Open { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "the files are what is tested")]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::database::tests::Fixture;
    use crate::{NewAuditEntry, State};

    async fn entries(state: &State) -> u64 {
        state.check().await.unwrap().rows["audit"]
    }

    #[tokio::test]
    async fn a_copy_has_what_was_acknowledged_while_the_server_goes_on() {
        let fixture = Fixture::new().await;
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("state.db");
        for _ in 0..20 {
            fixture.state.audit(&NewAuditEntry::default()).await.unwrap();
        }
        back_up(fixture.state.path(), &copy).await.unwrap();
        fixture.state.audit(&NewAuditEntry::default()).await.unwrap();
        assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(check_copy(&copy).await.unwrap(), [""; 0]);
        assert_eq!(dir.path().read_dir().unwrap().count(), 1, "nothing beside it");
        let copied = State::open(&copy, fixture.state.clock.clone()).await.unwrap();
        assert_eq!((entries(&copied).await, entries(&fixture.state).await), (20, 21));
        copied.close().await;
    }

    #[tokio::test]
    async fn a_database_that_is_at_rest_is_copied_and_stays_as_it_is() {
        let fixture = Fixture::new().await;
        fixture.state.audit(&NewAuditEntry::default()).await.unwrap();
        let path = fixture.state.path().to_owned();
        fixture.state.close().await;
        let before = std::fs::read(&path).unwrap();
        let dir = tempfile::tempdir().unwrap();
        back_up(&path, &dir.path().join("copy.db")).await.unwrap();
        assert_eq!(check_in_place(&path).await.unwrap(), [""; 0]);
        assert!(std::fs::read(&path).unwrap() == before);
    }

    #[tokio::test]
    async fn nothing_is_overwritten() {
        let fixture = Fixture::new().await;
        let dir = tempfile::tempdir().unwrap();
        let taken = dir.path().join("state.db");
        std::fs::write(&taken, "something of somebody").unwrap();
        assert!(back_up(fixture.state.path(), &taken).await.is_err());
        assert_eq!(std::fs::read(&taken).unwrap(), b"something of somebody");
    }

    #[tokio::test]
    async fn damage_is_told() {
        let fixture = Fixture::new().await;
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("state.db");
        back_up(fixture.state.path(), &copy).await.unwrap();
        let mut bytes = std::fs::read(&copy).unwrap();
        // The first page stays, so that it is still a database.
        bytes[4096..3 * 4096].fill(0xff);
        std::fs::write(&copy, bytes).unwrap();
        assert!(check_copy(&copy).await.map_or(true, |findings| !findings.is_empty()));
    }
}
