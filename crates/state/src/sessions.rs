//! Sessions of people who have logged in.

use model::Timestamp;

use crate::database::timestamp;
use crate::error::{failed, unreadable};
use crate::{Role, State, StateError};

/// SHA-256 of an unguessable token. The token itself is never kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    pub const fn new(sha256: [u8; 32]) -> Self {
        Self(sha256)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub user: String,
    /// The user's role now, not at login.
    pub role: Role,
    pub created: Timestamp,
    pub last_seen: Timestamp,
    pub expires: Timestamp,
}

type Row = (String, String, i64, i64, i64);

impl State {
    pub async fn create_session(
        &self,
        token: &TokenHash,
        user: &str,
        expires: Timestamp,
    ) -> Result<(), StateError> {
        sqlx::query(
            "INSERT INTO sessions (token_hash, user, created, last_seen, expires) VALUES (?1, ?2, ?3, ?3, ?4)",
        )
        .bind(token.as_bytes())
        .bind(user)
        .bind(self.now())
        .bind(expires.as_nanos())
        .execute(&self.writer)
        .await
        .map_err(failed("create a session"))?;
        Ok(())
    }

    /// The session of this token, unless it has expired.
    pub async fn session(&self, token: &TokenHash) -> Result<Option<Session>, StateError> {
        const ATTEMPT: &str = "read a session";
        let row: Option<Row> = sqlx::query_as(
            "SELECT users.name, users.role, sessions.created, last_seen, expires \
             FROM sessions JOIN users ON users.name = sessions.user \
             WHERE token_hash = ?1 AND expires > ?2",
        )
        .bind(token.as_bytes())
        .bind(self.now())
        .fetch_optional(&self.reader)
        .await
        .map_err(failed(ATTEMPT))?;
        let Some((user, role, created, last_seen, expires)) = row else { return Ok(None) };
        let role = Role::parse(&role).ok_or_else(|| unreadable(ATTEMPT, &user, "unknown role"))?;
        Ok(Some(Session {
            user,
            role,
            created: timestamp(created),
            last_seen: timestamp(last_seen),
            expires: timestamp(expires),
        }))
    }

    /// Notes that it was used, and lets it live until `expires`.
    pub async fn touch_session(&self, token: &TokenHash, expires: Timestamp) -> Result<(), StateError> {
        sqlx::query("UPDATE sessions SET last_seen = ?2, expires = ?3 WHERE token_hash = ?1")
            .bind(token.as_bytes())
            .bind(self.now())
            .bind(expires.as_nanos())
            .execute(&self.writer)
            .await
            .map_err(failed("prolong a session"))?;
        Ok(())
    }

    pub async fn delete_session(&self, token: &TokenHash) -> Result<(), StateError> {
        sqlx::query("DELETE FROM sessions WHERE token_hash = ?1")
            .bind(token.as_bytes())
            .execute(&self.writer)
            .await
            .map_err(failed("end a session"))?;
        Ok(())
    }

    /// Logs `user` out everywhere. Returns how many sessions there were.
    pub async fn delete_sessions(&self, user: &str) -> Result<u64, StateError> {
        let deleted = sqlx::query("DELETE FROM sessions WHERE user = ?1")
            .bind(user)
            .execute(&self.writer)
            .await
            .map_err(failed("end the sessions of a user"))?;
        Ok(deleted.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;
    use crate::database::tests::Fixture;

    const TOKEN: TokenHash = TokenHash::new([7; 32]);

    #[tokio::test]
    async fn a_session_lives_until_it_expires_and_can_be_prolonged() {
        let fixture = Fixture::new().await;
        let start = testkit::clock::START;
        fixture.state.create_user("ada", Role::Operator, "$x").await.unwrap();
        fixture.state.create_session(&TOKEN, "ada", start + Duration::from_secs(60)).await.unwrap();
        let fixture = fixture.reopened().await;
        fixture.clock.advance(Duration::from_secs(59)).await;
        let session = fixture.state.session(&TOKEN).await.unwrap().unwrap();
        assert_eq!((session.user.as_str(), session.role, session.last_seen), ("ada", Role::Operator, start));
        fixture.state.touch_session(&TOKEN, start + Duration::from_secs(120)).await.unwrap();
        fixture.clock.advance(Duration::from_secs(60)).await;
        assert!(fixture.state.session(&TOKEN).await.unwrap().is_some());
        fixture.clock.advance(Duration::from_secs(1)).await;
        assert_eq!(fixture.state.session(&TOKEN).await.unwrap(), None);
    }

    #[tokio::test]
    async fn logging_out_ends_one_session_or_all() {
        let fixture = Fixture::new().await;
        let later = testkit::clock::START + Duration::from_secs(60);
        fixture.state.create_user("ada", Role::Operator, "$x").await.unwrap();
        let tokens = [1, 2, 3].map(|byte| TokenHash::new([byte; 32]));
        for token in &tokens {
            fixture.state.create_session(token, "ada", later).await.unwrap();
        }
        fixture.state.delete_session(&tokens[0]).await.unwrap();
        assert_eq!(fixture.state.session(&tokens[0]).await.unwrap(), None);
        assert!(fixture.state.session(&tokens[1]).await.unwrap().is_some());
        assert_eq!(fixture.state.delete_sessions("ada").await.unwrap(), 2);
        assert_eq!(fixture.state.session(&tokens[1]).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_session_needs_a_user() {
        let fixture = Fixture::new().await;
        assert!(fixture.state.create_session(&TOKEN, "nobody", Timestamp::MAX).await.is_err());
    }
}
