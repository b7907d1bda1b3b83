//! From headers to an identity, and the sessions in between.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use model::Timestamp;
use runtime::SharedClock;
use state::{State, StateError, TokenHash, User};

use super::password::{PasswordError, Verifier, hash_password};
use super::recent::Recent;
use super::secret::{API_TOKEN_PREFIX, hash_of, permission, random_text};
use super::throttle::Throttle;
use super::{Identity, Via};
use crate::settings::ServerSettings;

pub const SESSION_COOKIE: &str = "watchkeeper_session";

/// Browsers take a cookie of this name only over HTTPS and from this very host, so that a
/// neighbour's page or a plain connection cannot plant one.
const SECURE_SESSION_COOKIE: &str = "__Host-watchkeeper_session";

/// A session's last use is noted no more often than this.
const TOUCH_INTERVAL: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Auth {
    state: State,
    clock: SharedClock,
    idle: Duration,
    lifetime: Duration,
    secure_cookies: bool,
    recent: Recent,
    throttle: Throttle,
    verifier: Verifier,
}

/// What came of an attempt to sign in.
#[derive(Debug)]
pub enum SignIn {
    /// With the cookie to set.
    Welcome(Box<Identity>, HeaderValue),
    Refused,
    /// Too many failures; try again after this.
    Wait(Duration),
}

#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Password(#[from] PasswordError),
}

impl Auth {
    pub fn new(settings: &ServerSettings, state: State, clock: SharedClock) -> Self {
        Self {
            state,
            idle: settings.session_idle,
            lifetime: settings.session_max,
            secure_cookies: settings.secure_cookies,
            recent: Recent::default(),
            throttle: Throttle::new(clock.clone()),
            verifier: Verifier::default(),
            clock,
        }
    }

    /// Who sent these headers; none when they prove nothing.
    pub async fn identify(&self, headers: &HeaderMap) -> Result<Option<Identity>, StateError> {
        match credential(headers, self.cookie_name()) {
            Some(Credential::Token(secret)) => self.by_token(hash_of(&secret)).await,
            Some(Credential::Cookie(secret)) => self.by_session(hash_of(secret)).await,
            None => Ok(None),
        }
    }

    /// Whether an identity that was established earlier still stands.
    pub async fn still_valid(&self, identity: &Identity) -> Result<bool, StateError> {
        Ok(match &identity.via {
            Via::Session(token) => self.state.session(token).await?.is_some(),
            Via::Token(token) => self.state.token(token).await?.is_some(),
        })
    }

    async fn by_token(&self, token: TokenHash) -> Result<Option<Identity>, StateError> {
        let now = self.clock.monotonic();
        if let Some(identity) = self.recent.get(&token, now) {
            return Ok(Some(identity));
        }
        let Some(found) = self.state.token(&token).await? else { return Ok(None) };
        let used_lately = found.last_used.is_some_and(|last| self.clock.now().since(last) < TOUCH_INTERVAL);
        if !used_lately {
            self.state.touch_token(&token).await?;
        }
        // A scope that this version does not know grants nothing.
        let scopes = (!found.scopes.is_empty())
            .then(|| found.scopes.iter().filter_map(|scope| permission(scope)).collect::<Arc<[_]>>());
        let identity = Identity { name: found.name.into(), role: found.role, via: Via::Token(token), scopes };
        self.recent.put(token, identity.clone(), now);
        Ok(Some(identity))
    }

    async fn by_session(&self, token: TokenHash) -> Result<Option<Identity>, StateError> {
        let now = self.clock.monotonic();
        if let Some(identity) = self.recent.get(&token, now) {
            return Ok(Some(identity));
        }
        let Some(session) = self.state.session(&token).await? else { return Ok(None) };
        if self.clock.now().since(session.last_seen) >= self.touch_interval() {
            self.state.touch_session(&token, self.expiry(session.created)).await?;
        }
        let identity = Identity {
            name: session.user.into(),
            role: session.role,
            via: Via::Session(token),
            scopes: None,
        };
        self.recent.put(token, identity.clone(), now);
        Ok(Some(identity))
    }

    /// A short idle limit needs its uses noted more often.
    fn touch_interval(&self) -> Duration {
        TOUCH_INTERVAL.min(self.idle / 4)
    }

    fn expiry(&self, created: Timestamp) -> Timestamp {
        (self.clock.now() + self.idle).min(created + self.lifetime)
    }

    /// Checks a password. An unknown name takes as long as a wrong password.
    pub async fn sign_in(&self, name: &str, password: &str, address: IpAddr) -> Result<SignIn, AuthError> {
        // The pause is looked at when it is this caller's turn: of many guesses sent at once,
        // those behind the first failures are not tried.
        let turn = self.verifier.turn().await?;
        if let Some(pause) = self.throttle.pause(name, address) {
            return Ok(SignIn::Wait(pause));
        }
        let user = self.state.user(name).await?;
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let is_right = turn.verify(password, hash).await?;
        match user.filter(|_| is_right) {
            Some(user) => self.welcome(&user).await,
            None => {
                self.throttle.failed(name, address);
                Ok(SignIn::Refused)
            }
        }
    }

    /// Uses up the set-up link. Refused when the token is not the valid one.
    pub async fn set_up(
        &self,
        token: &str,
        name: &str,
        password: &str,
        address: IpAddr,
    ) -> Result<SignIn, AuthError> {
        const ACCOUNT: &str = "set-up";
        if let Some(pause) = self.throttle.pause(ACCOUNT, address) {
            return Ok(SignIn::Wait(pause));
        }
        let token = hash_of(token);
        if !self.state.setup_token_is(&token).await? {
            self.throttle.failed(ACCOUNT, address);
            return Ok(SignIn::Refused);
        }
        let hash = hash_password(password).await?;
        match self.state.create_first_administrator(&token, name, &hash).await? {
            Some(user) => self.welcome(&user).await,
            None => Ok(SignIn::Refused),
        }
    }

    async fn welcome(&self, user: &User) -> Result<SignIn, AuthError> {
        let secret = random_text();
        let token = hash_of(&secret);
        self.state.create_session(&token, &user.name, self.expiry(self.clock.now())).await?;
        let identity = Identity {
            name: user.name.as_str().into(),
            role: user.role,
            via: Via::Session(token),
            scopes: None,
        };
        Ok(SignIn::Welcome(Box::new(identity), self.cookie(&secret, self.lifetime)))
    }

    /// Ends the session. Returns the cookie that makes the browser forget it.
    pub async fn sign_out(&self, identity: &Identity) -> Result<HeaderValue, StateError> {
        if let Via::Session(token) = &identity.via {
            self.state.delete_session(token).await?;
            self.recent.forget(token);
        }
        Ok(self.cookie("", Duration::ZERO))
    }

    fn cookie(&self, secret: &str, max_age: Duration) -> HeaderValue {
        let secure = if self.secure_cookies { "; Secure" } else { "" };
        let (name, age) = (self.cookie_name(), max_age.as_secs());
        let text = format!("{name}={secret}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
        // Base64url and digits are always valid in a header.
        let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }

    const fn cookie_name(&self) -> &'static str {
        if self.secure_cookies { SECURE_SESSION_COOKIE } else { SESSION_COOKIE }
    }

    /// Does the work of a first login ahead of it: the hash for unknown names.
    pub async fn warm_up(&self) {
        let checked = async { self.verifier.turn().await?.verify("", None).await };
        if let Err(error) = checked.await {
            tracing::warn!(%error, "passwords cannot be checked");
        }
    }
}

enum Credential<'a> {
    Token(Cow<'a, str>),
    Cookie(&'a str),
}

/// A token wins over a cookie: it was sent on purpose. It comes as a bearer token, or as
/// the password of any user, for clients that know nothing else.
fn credential<'a>(headers: &'a HeaderMap, cookie: &str) -> Option<Credential<'a>> {
    if let Some(authorization) = headers.get(header::AUTHORIZATION) {
        let (scheme, secret) = authorization.to_str().ok()?.split_once(' ')?;
        let secret = match scheme.to_ascii_lowercase().as_str() {
            "bearer" => Cow::Borrowed(secret.trim()),
            "basic" => Cow::Owned(password(secret.trim())?),
            _ => return None,
        };
        return secret.starts_with(API_TOKEN_PREFIX).then_some(Credential::Token(secret));
    }
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == cookie && !value.is_empty())
        .map(|(_, value)| Credential::Cookie(value))
}

/// Of `user:password` in base64.
fn password(encoded: &str) -> Option<String> {
    let pair = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}
