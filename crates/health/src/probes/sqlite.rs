//! Asking a SQLite database of somebody else, read-only and without making it.

use std::path::Path;
use std::time::Duration;

use runtime::Clock;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

/// The contract's time for connecting; also for waiting while its owner writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub took: Duration,
    pub size_bytes: u64,
    /// Rows of its table `employees`, when it has one.
    pub employees: Option<i64>,
}

/// A cheap question: what tables there are, and how many employees.
pub(crate) async fn ask(path: &Path, clock: &dyn Clock) -> Result<Answer, String> {
    let started = clock.monotonic();
    let mut connection = open(path).await.map_err(|error| error.to_string())?;
    let answer = questions(&mut connection).await.map_err(|error| error.to_string());
    // Nothing was written; how the connection ends does not matter to the answer.
    let _ = connection.close().await;
    let (size_bytes, employees) = answer?;
    Ok(Answer { took: clock.monotonic().saturating_sub(started), size_bytes, employees })
}

/// What a read of every page complains about. An error is a read that was not possible, which
/// says nothing of the pages.
pub(crate) async fn faults(path: &Path) -> Result<Vec<String>, sqlx::Error> {
    let mut connection = open(path).await?;
    let read = sqlx::query_scalar("PRAGMA quick_check(10)").fetch_all(&mut connection).await;
    // Nothing was written; how the connection ends does not matter to the answer.
    let _ = connection.close().await;
    let findings: Vec<String> = match read {
        Err(error) if is_damage(&error) => vec![error.to_string()],
        read => read?,
    };
    Ok(findings.into_iter().filter(|finding| finding != "ok").collect())
}

/// SQLITE_CORRUPT and SQLITE_NOTADB, with whatever they are extended by.
fn is_damage(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| matches!(code & 0xff, 11 | 26))
}

async fn open(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .create_if_missing(false)
        .busy_timeout(BUSY_TIMEOUT)
        .connect()
        .await
}

async fn questions(connection: &mut SqliteConnection) -> Result<(u64, Option<i64>), sqlx::Error> {
    let size: i64 =
        sqlx::query_scalar("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
            .fetch_one(&mut *connection)
            .await?;
    let has_employees: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'employees'")
            .fetch_one(&mut *connection)
            .await?;
    let employees = match has_employees {
        0 => None,
        _ => Some(sqlx::query_scalar("SELECT COUNT(*) FROM employees").fetch_one(connection).await?),
    };
    Ok((size.unsigned_abs(), employees))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods)]

    use testkit::FakeClock;

    use super::*;

    async fn platform(path: &Path) {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        for statement in ["CREATE TABLE employees (name TEXT)", "INSERT INTO employees VALUES ('a'), ('b')"] {
            sqlx::query(statement).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_platform_database_is_counted_and_sound() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("employees.db");
        platform(&path).await;
        let answer = ask(&path, &FakeClock::new()).await.unwrap();
        assert_eq!(answer.employees, Some(2));
        assert!(answer.size_bytes > 0);
        assert!(faults(&path).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_database_that_is_locked_is_not_damaged_and_one_that_is_overwritten_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("employees.db");
        platform(&path).await;
        let options = SqliteConnectOptions::new().filename(&path);
        let mut owner = options.connect().await.unwrap();
        sqlx::query("BEGIN EXCLUSIVE").execute(&mut owner).await.unwrap();
        assert!(faults(&path).await.is_err());
        owner.close().await.unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4096..].fill(0xff);
        std::fs::write(&path, bytes).unwrap();
        assert!(!faults(&path).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_missing_database_is_not_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("employees.db");
        assert!(ask(&path, &FakeClock::new()).await.is_err());
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_a_fault() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("employees.db");
        std::fs::write(&path, "x".repeat(8192)).unwrap();
        assert!(ask(&path, &FakeClock::new()).await.is_err());
    }
}
