//! The one-time link by which the first administrator is made.

use crate::error::failed;
use crate::users::insert_user;
use crate::{Role, State, StateError, TokenHash, User};

impl State {
    /// Makes this the only valid link.
    pub async fn set_setup_token(&self, token: &TokenHash) -> Result<(), StateError> {
        sqlx::query(
            "INSERT INTO setup_token (only, token_hash, created) VALUES (1, ?1, ?2) \
             ON CONFLICT (only) DO UPDATE SET token_hash = excluded.token_hash, created = excluded.created",
        )
        .bind(token.as_bytes())
        .bind(self.now())
        .execute(&self.writer)
        .await
        .map_err(failed("keep the setup token"))?;
        Ok(())
    }

    /// Whether this token would be accepted.
    pub async fn setup_token_is(&self, token: &TokenHash) -> Result<bool, StateError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM setup_token WHERE token_hash = ?1)")
            .bind(token.as_bytes())
            .fetch_one(&self.reader)
            .await
            .map_err(failed("read the setup token"))
    }

    /// Uses up the token and creates the administrator, together or not at all. `None` when
    /// the token is not the valid one or somebody was first.
    pub async fn create_first_administrator(
        &self,
        token: &TokenHash,
        name: &str,
        password_hash: &str,
    ) -> Result<Option<User>, StateError> {
        const ATTEMPT: &str = "create the first administrator";
        let mut transaction = self.writer.begin().await.map_err(failed(ATTEMPT))?;
        let used =
            sqlx::query("DELETE FROM setup_token WHERE token_hash = ?1 AND NOT EXISTS (SELECT 1 FROM users)")
                .bind(token.as_bytes())
                .execute(&mut *transaction)
                .await
                .map_err(failed(ATTEMPT))?;
        if used.rows_affected() == 0 {
            return Ok(None);
        }
        let user = insert_user(&mut transaction, name, Role::Admin, password_hash, self.now()).await?;
        transaction.commit().await.map_err(failed(ATTEMPT))?;
        Ok(Some(user))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::database::tests::Fixture;

    const TOKEN: TokenHash = TokenHash::new([5; 32]);
    const WRONG: TokenHash = TokenHash::new([6; 32]);

    #[tokio::test]
    async fn the_link_works_once() {
        let fixture = Fixture::new().await;
        fixture.state.set_setup_token(&TOKEN).await.unwrap();
        let fixture = fixture.reopened().await;
        let state = &fixture.state;
        assert!(state.setup_token_is(&TOKEN).await.unwrap());
        assert_eq!(state.create_first_administrator(&WRONG, "eve", "$x").await.unwrap(), None);
        let ada = state.create_first_administrator(&TOKEN, "ada", "$x").await.unwrap().unwrap();
        assert_eq!(ada.role, Role::Admin);
        assert_eq!(state.create_first_administrator(&TOKEN, "eve", "$x").await.unwrap(), None);
        assert!(!state.setup_token_is(&TOKEN).await.unwrap());
    }

    #[tokio::test]
    async fn a_refused_administrator_leaves_the_link_valid() {
        let fixture = Fixture::new().await;
        let state = &fixture.state;
        state.set_setup_token(&TOKEN).await.unwrap();
        assert!(state.create_first_administrator(&TOKEN, "ada", "plain").await.is_err());
        assert!(state.setup_token_is(&TOKEN).await.unwrap());
    }

    #[tokio::test]
    async fn a_link_is_worthless_once_there_are_users() {
        let fixture = Fixture::new().await;
        let state = &fixture.state;
        state.create_user("ada", Role::Admin, "$x").await.unwrap();
        state.set_setup_token(&TOKEN).await.unwrap();
        assert_eq!(state.create_first_administrator(&TOKEN, "eve", "$x").await.unwrap(), None);
    }
}
