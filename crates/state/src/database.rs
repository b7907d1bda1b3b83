//! Opening the database: one connection that writes, a few that read.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use runtime::SharedClock;
use sqlx::Connection;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};

use crate::StateError;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// SQLite has one writer at a time; a queue of ours is fairer than its retries.
const WRITERS: u32 = 1;
/// Enough for the pages of a handful of people; each costs about 2 MB of cache.
const READERS: u32 = 3;
/// How long a connection waits for a lock that another process holds, a backup for example.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The open database. Clones share it.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) writer: SqlitePool,
    pub(crate) reader: SqlitePool,
    pub(crate) clock: SharedClock,
    path: Arc<PathBuf>,
}

impl State {
    /// Opens the database file, making it when it is not there, and brings its schema up to
    /// this version. One made by a newer version is refused and left as it is.
    pub async fn open(path: &Path, clock: SharedClock) -> Result<State, StateError> {
        let opening = |source| StateError::Open { path: path.to_owned(), source };
        make_private(path).map_err(|source| opening(source.into()))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            // What was acknowledged survives a power cut.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true);
        let writer = SqlitePoolOptions::new()
            .max_connections(WRITERS)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_release(|connection, _| Box::pin(is_out_of_transactions(connection)))
            .connect_with(options.clone().create_if_missing(true))
            .await
            .map_err(opening)?;
        migrate(&writer, path).await?;
        let reader = SqlitePoolOptions::new()
            .max_connections(READERS)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.read_only(true))
            .await
            .map_err(opening)?;
        Ok(State { writer, reader, clock, path: Arc::new(path.to_owned()) })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends all connections after what they do now. Later calls fail.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now().as_nanos()
    }
}

/// Makes the file, when it is not there, for our eyes only: hashes of passwords and tokens are
/// in it. SQLite gives the files beside it the same rights.
pub(crate) fn make_private(path: &Path) -> std::io::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "SQLite opens its file by itself; an empty one is a database"
    )]
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Whether the connection may be used again.
///
/// When SQLite itself rolls back a transaction, because the disk is full for example, the
/// driver's own rollback fails and it goes on to believe that it is within a transaction. The
/// next one would then be a savepoint within nothing, and after one more failure nothing would
/// ever be committed again, without an error. Such a connection is closed; a new one is clean.
async fn is_out_of_transactions(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // A rollback that was begun when a transaction was dropped is over when this is answered.
    connection.ping().await?;
    let is_clean = !connection.is_in_transaction();
    if !is_clean {
        tracing::warn!(
            "the writing connection of the state database was left within a transaction; it is opened anew"
        );
        metrics::counter!("watchkeeper_state_writer_reopened_total").increment(1);
    }
    Ok(is_clean)
}

async fn migrate(writer: &SqlitePool, path: &Path) -> Result<(), StateError> {
    MIGRATIONS.run(writer).await.map_err(|source| match source {
        MigrateError::VersionMissing(found) => StateError::Newer {
            path: path.to_owned(),
            found,
            known: MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0),
        },
        source => StateError::Migrate { path: path.to_owned(), source },
    })
}

pub(crate) fn timestamp(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use testkit::FakeClock;

    /// A database in a fresh directory, on a clock that stands still.
    pub(crate) struct Fixture {
        pub state: State,
        pub clock: FakeClock,
        directory: tempfile::TempDir,
    }

    impl Fixture {
        pub(crate) async fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let clock = FakeClock::new();
            let state = open(directory.path(), &clock).await.unwrap();
            Self { state, clock, directory }
        }

        /// As after a restart.
        pub(crate) async fn reopened(self) -> Self {
            self.state.close().await;
            let state = open(self.directory.path(), &self.clock).await.unwrap();
            Self { state, ..self }
        }
    }

    async fn open(directory: &Path, clock: &FakeClock) -> Result<State, StateError> {
        State::open(&directory.join("state.db"), Arc::new(clock.clone())).await
    }

    #[tokio::test]
    async fn a_database_of_a_newer_version_is_refused_and_kept() {
        let fixture = Fixture::new().await;
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'from the future', 1, x'00', 0)",
        )
        .execute(&fixture.state.writer)
        .await
        .unwrap();
        fixture.state.close().await;
        let error = open(fixture.directory.path(), &fixture.clock).await.unwrap_err();
        assert!(matches!(error, StateError::Newer { found: 9999, known: 1, .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_named() {
        let directory = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "somebody else's file is in the way")]
        std::fs::write(directory.path().join("state.db"), "x".repeat(8192)).unwrap();
        let error = open(directory.path(), &FakeClock::new()).await.unwrap_err();
        assert!(error.to_string().contains("state.db"), "{error}");
    }

    #[tokio::test]
    async fn nobody_else_on_this_machine_can_read_the_hashes() {
        use std::os::unix::fs::PermissionsExt as _;
        let fixture = Fixture::new().await;
        let files =
            ["state.db", "state.db-wal", "state.db-shm"].map(|name| fixture.directory.path().join(name));
        for file in files {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
        }
    }

    #[tokio::test]
    async fn acknowledged_changes_are_synced_to_disk() {
        let fixture = Fixture::new().await;
        let pragma = |name| sqlx::query_scalar::<_, String>(name).fetch_one(&fixture.state.writer);
        assert_eq!(pragma("SELECT journal_mode FROM pragma_journal_mode").await.unwrap(), "wal");
        let synchronous: i64 =
            sqlx::query_scalar("PRAGMA synchronous").fetch_one(&fixture.state.writer).await.unwrap();
        assert_eq!(synchronous, 2);
    }
}
