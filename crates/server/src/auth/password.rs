//! Passwords: Argon2id with OWASP's parameters, off the threads that answer requests.

use std::sync::{Arc, OnceLock};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// NIST 800-63B asks for 8, or more where nothing else protects the account.
pub const PASSWORD_CHARS_MIN: usize = 12;

/// Longer ones only serve to keep the processor busy.
const PASSWORD_BYTES_MAX: usize = 1024;

/// OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes computed at one time: each takes 19 MiB and a processor.
const AT_ONCE: usize = 2;

#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("the password needs at least {PASSWORD_CHARS_MIN} characters")]
    TooShort,
    #[error("the password is longer than {PASSWORD_BYTES_MAX} bytes")]
    TooLong,
    #[error("the password could not be hashed: {0}")]
    Failed(String),
}

fn argon2() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn failed(error: impl std::fmt::Display) -> PasswordError {
    PasswordError::Failed(error.to_string())
}

fn hash(password: &str) -> Result<String, PasswordError> {
    Ok(argon2()?.hash_password(password.as_bytes()).map_err(failed)?.to_string())
}

/// A new hash in PHC format, for a password that meets the rules.
pub async fn hash_password(password: &str) -> Result<String, PasswordError> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(PasswordError::TooShort);
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(PasswordError::TooLong);
    }
    let password = password.to_owned();
    tokio::task::spawn_blocking(move || hash(&password)).await.map_err(failed)?
}

/// Compares passwords with hashes; a few at one time.
#[derive(Clone, Debug)]
pub(crate) struct Verifier {
    at_once: Arc<Semaphore>,
}

impl Default for Verifier {
    fn default() -> Self {
        Self { at_once: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// The right to compare one password now.
#[derive(Debug)]
pub(crate) struct Turn(
    #[expect(dead_code, reason = "held until the comparison is done")] OwnedSemaphorePermit,
);

impl Verifier {
    /// Waits until there is room for one more comparison.
    pub async fn turn(&self) -> Result<Turn, PasswordError> {
        self.at_once.clone().acquire_owned().await.map(Turn).map_err(failed)
    }
}

impl Turn {
    /// Without a hash (nobody of that name) it takes as long and answers no.
    pub async fn verify(self, password: &str, expected: Option<String>) -> Result<bool, PasswordError> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Ok(false);
        }
        let password = password.to_owned();
        // The turn goes along: a caller who leaves does not make room before the work is done.
        let comparison = move || {
            let _turn = self;
            compare(&password, expected.as_deref())
        };
        tokio::task::spawn_blocking(comparison).await.map_err(failed)?
    }
}

fn compare(password: &str, expected: Option<&str>) -> Result<bool, PasswordError> {
    let nobody = nobodys_hash();
    let matches = argon2()?.verify_password(password.as_bytes(), expected.unwrap_or(nobody)).is_ok();
    Ok(matches && expected.is_some())
}

/// The hash of a password that nobody knows, made with the same parameters.
fn nobodys_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash(&super::secret::random_text()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let hashed = hash_password("correct horse battery").await.unwrap();
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        let verifier = Verifier::default();
        assert!(
            verifier
                .turn()
                .await
                .unwrap()
                .verify("correct horse battery", Some(hashed.clone()))
                .await
                .unwrap()
        );
        assert!(!verifier.turn().await.unwrap().verify("correct horse batterz", Some(hashed)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        assert!(!Verifier::default().turn().await.unwrap().verify("anything at all", None).await.unwrap());
    }

    #[tokio::test]
    async fn short_and_endless_passwords_are_refused() {
        assert!(matches!(hash_password("short").await, Err(PasswordError::TooShort)));
        assert!(matches!(hash_password(&"x".repeat(2000)).await, Err(PasswordError::TooLong)));
    }
}
