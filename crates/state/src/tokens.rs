//! Tokens by which programs use the API.

use model::Timestamp;

use crate::database::timestamp;
use crate::error::{failed, read_json, unreadable, write_json};
use crate::{Role, State, StateError, TokenHash};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApiToken {
    /// By which people know it and revoke it.
    pub name: String,
    pub role: Role,
    /// Narrows the role to these permissions; empty means all of the role's.
    pub scopes: Vec<String>,
    pub expires: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    pub name: String,
    pub role: Role,
    pub scopes: Vec<String>,
    pub created: Timestamp,
    pub expires: Option<Timestamp>,
    pub last_used: Option<Timestamp>,
}

type Row = (String, String, String, i64, Option<i64>, Option<i64>);

impl State {
    pub async fn create_token(&self, new: &NewApiToken, token: &TokenHash) -> Result<(), StateError> {
        const ATTEMPT: &str = "create an API token";
        let inserted = sqlx::query(
            "INSERT INTO api_tokens (name, token_hash, role, scopes, created, expires) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO NOTHING",
        )
        .bind(&new.name)
        .bind(token.as_bytes())
        .bind(new.role.as_str())
        .bind(write_json(ATTEMPT, &new.scopes)?)
        .bind(self.now())
        .bind(new.expires.map(Timestamp::as_nanos))
        .execute(&self.writer)
        .await
        .map_err(failed(ATTEMPT))?;
        if inserted.rows_affected() == 0 {
            return Err(StateError::Exists { what: "API token", name: new.name.clone() });
        }
        Ok(())
    }

    /// The token of this hash, unless it has expired.
    pub async fn token(&self, token: &TokenHash) -> Result<Option<ApiToken>, StateError> {
        const ATTEMPT: &str = "read an API token";
        let row: Option<Row> = sqlx::query_as(
            "SELECT name, role, scopes, created, expires, last_used FROM api_tokens \
             WHERE token_hash = ?1 AND (expires IS NULL OR expires > ?2)",
        )
        .bind(token.as_bytes())
        .bind(self.now())
        .fetch_optional(&self.reader)
        .await
        .map_err(failed(ATTEMPT))?;
        row.map(|row| api_token(ATTEMPT, row)).transpose()
    }

    /// Notes that it was used now.
    pub async fn touch_token(&self, token: &TokenHash) -> Result<(), StateError> {
        sqlx::query("UPDATE api_tokens SET last_used = ?2 WHERE token_hash = ?1")
            .bind(token.as_bytes())
            .bind(self.now())
            .execute(&self.writer)
            .await
            .map_err(failed("note the use of an API token"))?;
        Ok(())
    }

    /// In order of names; expired ones too.
    pub async fn tokens(&self) -> Result<Vec<ApiToken>, StateError> {
        const ATTEMPT: &str = "read the API tokens";
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT name, role, scopes, created, expires, last_used FROM api_tokens ORDER BY name",
        )
        .fetch_all(&self.reader)
        .await
        .map_err(failed(ATTEMPT))?;
        rows.into_iter().map(|row| api_token(ATTEMPT, row)).collect()
    }

    /// False when there is no such token.
    pub async fn revoke_token(&self, name: &str) -> Result<bool, StateError> {
        let deleted = sqlx::query("DELETE FROM api_tokens WHERE name = ?1")
            .bind(name)
            .execute(&self.writer)
            .await
            .map_err(failed("revoke an API token"))?;
        Ok(deleted.rows_affected() == 1)
    }
}

fn api_token(attempt: &'static str, row: Row) -> Result<ApiToken, StateError> {
    let (name, role, scopes, created, expires, last_used) = row;
    Ok(ApiToken {
        role: Role::parse(&role).ok_or_else(|| unreadable(attempt, &name, "unknown role"))?,
        scopes: read_json(attempt, &name, &scopes)?,
        created: timestamp(created),
        expires: expires.map(timestamp),
        last_used: last_used.map(timestamp),
        name,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;
    use crate::database::tests::Fixture;

    const TOKEN: TokenHash = TokenHash::new([9; 32]);

    fn ci() -> NewApiToken {
        let expires = Some(testkit::clock::START + Duration::from_secs(60));
        NewApiToken { name: "ci".to_owned(), role: Role::Viewer, scopes: vec!["health".to_owned()], expires }
    }

    #[tokio::test]
    async fn a_token_works_until_it_expires() {
        let fixture = Fixture::new().await;
        fixture.state.create_token(&ci(), &TOKEN).await.unwrap();
        fixture.state.touch_token(&TOKEN).await.unwrap();
        let fixture = fixture.reopened().await;
        let found = fixture.state.token(&TOKEN).await.unwrap().unwrap();
        assert_eq!((found.scopes, found.last_used), (ci().scopes, Some(testkit::clock::START)));
        fixture.clock.advance(Duration::from_secs(60)).await;
        assert_eq!(fixture.state.token(&TOKEN).await.unwrap(), None);
        assert_eq!(fixture.state.tokens().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_revoked_token_is_gone_and_names_are_unique() {
        let fixture = Fixture::new().await;
        let state = &fixture.state;
        state.create_token(&ci(), &TOKEN).await.unwrap();
        let taken = state.create_token(&ci(), &TokenHash::new([1; 32])).await.unwrap_err();
        assert_eq!(taken.to_string(), "the API token `ci` exists already");
        assert!(state.revoke_token("ci").await.unwrap());
        assert!(!state.revoke_token("ci").await.unwrap());
        assert_eq!(state.token(&TOKEN).await.unwrap(), None);
    }
}
