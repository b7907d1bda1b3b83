//! People and their roles.

use model::Timestamp;
use sqlx::SqliteConnection;

use crate::database::timestamp;
use crate::error::{failed, unreadable};
use crate::{State, StateError};

/// What somebody is here for. What each role may do is the server's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Admin,
    Operator,
    Viewer,
    Executive,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Admin, Role::Operator, Role::Viewer, Role::Executive];

    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Operator => "operator",
            Role::Viewer => "viewer",
            Role::Executive => "executive",
        }
    }

    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub role: Role,
    /// In PHC format: `$argon2id$…`.
    pub password_hash: String,
    pub created: Timestamp,
}

type Row = (String, String, String, i64);

impl State {
    /// Names are unique without regard to case.
    pub async fn create_user(&self, name: &str, role: Role, password_hash: &str) -> Result<User, StateError> {
        let mut connection = self.writer.acquire().await.map_err(failed(CREATE))?;
        insert_user(&mut connection, name, role, password_hash, self.now()).await
    }

    pub async fn user(&self, name: &str) -> Result<Option<User>, StateError> {
        const ATTEMPT: &str = "read a user";
        let row: Option<Row> =
            sqlx::query_as("SELECT name, role, password_hash, created FROM users WHERE name = ?1")
                .bind(name)
                .fetch_optional(&self.reader)
                .await
                .map_err(failed(ATTEMPT))?;
        row.map(|row| user(ATTEMPT, row)).transpose()
    }

    /// In order of names.
    pub async fn users(&self) -> Result<Vec<User>, StateError> {
        const ATTEMPT: &str = "read the users";
        let rows: Vec<Row> =
            sqlx::query_as("SELECT name, role, password_hash, created FROM users ORDER BY name")
                .fetch_all(&self.reader)
                .await
                .map_err(failed(ATTEMPT))?;
        rows.into_iter().map(|row| user(ATTEMPT, row)).collect()
    }

    /// False when there is no such user.
    pub async fn set_password_hash(&self, name: &str, password_hash: &str) -> Result<bool, StateError> {
        if !password_hash.starts_with('$') {
            return Err(StateError::NotAHash { user: name.to_owned() });
        }
        let updated = sqlx::query("UPDATE users SET password_hash = ?2 WHERE name = ?1")
            .bind(name)
            .bind(password_hash)
            .execute(&self.writer)
            .await
            .map_err(failed("set a password"))?;
        Ok(updated.rows_affected() == 1)
    }

    pub async fn has_users(&self) -> Result<bool, StateError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users)")
            .fetch_one(&self.reader)
            .await
            .map_err(failed("look for users"))
    }
}

const CREATE: &str = "create a user";

pub(crate) async fn insert_user(
    connection: &mut SqliteConnection,
    name: &str,
    role: Role,
    password_hash: &str,
    now: i64,
) -> Result<User, StateError> {
    if !password_hash.starts_with('$') {
        return Err(StateError::NotAHash { user: name.to_owned() });
    }
    let inserted = sqlx::query(
        "INSERT INTO users (name, role, password_hash, created) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (name) DO NOTHING",
    )
    .bind(name)
    .bind(role.as_str())
    .bind(password_hash)
    .bind(now)
    .execute(connection)
    .await
    .map_err(failed(CREATE))?;
    if inserted.rows_affected() == 0 {
        return Err(StateError::Exists { what: "user", name: name.to_owned() });
    }
    Ok(User { name: name.to_owned(), role, password_hash: password_hash.to_owned(), created: timestamp(now) })
}

fn user(attempt: &'static str, (name, role, password_hash, created): Row) -> Result<User, StateError> {
    let role = Role::parse(&role).ok_or_else(|| unreadable(attempt, &name, "unknown role"))?;
    Ok(User { name, role, password_hash, created: timestamp(created) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::database::tests::Fixture;

    #[tokio::test]
    async fn users_survive_a_restart_and_are_found_without_regard_to_case() {
        let fixture = Fixture::new().await;
        assert!(!fixture.state.has_users().await.unwrap());
        let created = fixture.state.create_user("Ada", Role::Admin, "$argon2id$x").await.unwrap();
        let fixture = fixture.reopened().await;
        let state = &fixture.state;
        assert!(state.has_users().await.unwrap());
        assert_eq!(state.user("ada").await.unwrap(), Some(created.clone()));
        assert_eq!(state.users().await.unwrap(), [created]);
        assert_eq!(state.user("bob").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_new_password_replaces_the_old_one() {
        let fixture = Fixture::new().await;
        fixture.state.create_user("ada", Role::Admin, "$old").await.unwrap();
        assert!(fixture.state.set_password_hash("Ada", "$new").await.unwrap());
        assert!(!fixture.state.set_password_hash("bob", "$new").await.unwrap());
        assert!(fixture.state.set_password_hash("ada", "plain").await.is_err());
        let found = fixture.state.user("ada").await.unwrap();
        assert_eq!(found.map(|user| user.password_hash).as_deref(), Some("$new"));
    }

    #[tokio::test]
    async fn a_taken_name_and_a_plain_password_are_refused() {
        let fixture = Fixture::new().await;
        let state = &fixture.state;
        state.create_user("ada", Role::Admin, "$argon2id$x").await.unwrap();
        let taken = state.create_user("ADA", Role::Viewer, "$argon2id$y").await.unwrap_err();
        assert!(matches!(taken, StateError::Exists { .. }), "{taken}");
        let plain = state.create_user("bob", Role::Viewer, "hunter2").await.unwrap_err();
        assert!(!plain.to_string().contains("hunter2"), "{plain}");
    }
}
