//! Who is calling: sessions of people, API tokens of programs, and how both come to be.
//!
//! [`Auth::identify`] turns a request's headers into an [`Identity`]. Secrets are 256 random
//! bits; only their SHA-256 is kept, so a stolen database opens nothing. Passwords are
//! hashed with Argon2id, which happens at login and set-up only, never on the way of an
//! ordinary request.

mod identity;
mod name;
mod password;
mod recent;
mod secret;
mod sessions;
mod setup;
mod throttle;

pub use identity::{Identity, Via};
pub(crate) use name::USER_NAME_BYTES_MAX;
pub use name::{USER_NAME_RULE, is_user_name};
pub use password::{PASSWORD_CHARS_MIN, PasswordError, hash_password};
pub use secret::{ApiTokenSecret, issue_api_token};
pub use sessions::{Auth, AuthError, SESSION_COOKIE, SignIn};
pub use setup::{create_administrator, issue_setup_token};
