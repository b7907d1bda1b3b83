//! Signing in, out, and setting up the first administrator.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use state::NewAuditEntry;

use crate::access::Permission;
use crate::app::Shared;
use crate::auth::{
    AuthError, Identity, PasswordError, SignIn, USER_NAME_BYTES_MAX, USER_NAME_RULE, is_user_name,
};
use crate::dto::session::{LoginDto, MeDto, SetupDto, SetupStatusDto, SignedInDto, UserDto};
use crate::problem::Problem;
use crate::wire::{Body, Peer};

pub(super) async fn login(
    State(app): State<Shared>,
    before: Option<Extension<Identity>>,
    peer: Peer,
    Body(login): Body<LoginDto>,
) -> Result<Response, Problem> {
    let outcome = app
        .auth
        .sign_in(&login.username, &login.password, peer.address())
        .await
        .map_err(|error| failure("sign in", &error))?;
    // Whoever signs in again leaves no open session behind.
    if let (SignIn::Welcome(..), Some(Extension(before))) = (&outcome, &before) {
        app.auth.sign_out(before).await.map_err(|error| Problem::internal("end the old session", &error))?;
    }
    answer(&app, "login", &login.username, peer, outcome).await
}

pub(super) async fn setup(
    State(app): State<Shared>,
    peer: Peer,
    Body(setup): Body<SetupDto>,
) -> Result<Response, Problem> {
    let name = setup.username.as_str();
    if !is_user_name(name) {
        return Err(Problem::bad_field("/username", format!("must be {USER_NAME_RULE}")));
    }
    let outcome = app
        .auth
        .set_up(&setup.token, name, &setup.password, peer.address())
        .await
        .map_err(|error| failure("create the administrator", &error))?;
    answer(&app, "setup", name, peer, outcome).await
}

fn failure(attempted: &'static str, error: &AuthError) -> Problem {
    match error {
        AuthError::Password(rule @ (PasswordError::TooShort | PasswordError::TooLong)) => {
            Problem::bad_field("/password", rule.to_string())
        }
        other => Problem::internal(attempted, other),
    }
}

async fn answer(
    app: &Shared,
    action: &'static str,
    name: &str,
    peer: Peer,
    outcome: SignIn,
) -> Result<Response, Problem> {
    let word = match &outcome {
        SignIn::Welcome(..) => "ok",
        SignIn::Refused | SignIn::Wait(_) => "refused",
    };
    metrics::counter!("watchkeeper_logins_total", "action" => action, "outcome" => word).increment(1);
    // While a guesser waits, the audit log is spared: it would be their way to fill the disk.
    if !matches!(outcome, SignIn::Wait(_)) {
        note(app, action, name, peer, word).await?;
    }
    match outcome {
        SignIn::Welcome(identity, cookie) => {
            let user = UserDto { name: identity.name.to_string(), role: identity.role.as_str() };
            Ok(([(header::SET_COOKIE, cookie)], Json(SignedInDto { user })).into_response())
        }
        SignIn::Refused => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "refused",
            if action == "setup" {
                "The set-up link is not valid, or was used already."
            } else {
                "The user name or the password is wrong."
            },
        )),
        SignIn::Wait(pause) => {
            let seconds = pause.as_secs() + 1;
            let detail = format!("Too many failed attempts. The next one is looked at in {seconds} s.");
            Err(Problem::too_many(detail, seconds))
        }
    }
}

async fn note(app: &Shared, action: &str, name: &str, peer: Peer, outcome: &str) -> Result<(), Problem> {
    let entry = NewAuditEntry {
        actor: name.chars().take(USER_NAME_BYTES_MAX).collect(),
        action: action.to_owned(),
        outcome: outcome.to_owned(),
        address: Some(peer.address().to_string()),
        ..NewAuditEntry::default()
    };
    app.engines.state.audit(&entry).await.map_err(|error| Problem::internal("write the audit log", &error))
}

pub(super) async fn logout(
    State(app): State<Shared>,
    Extension(identity): Extension<Identity>,
) -> Result<Response, Problem> {
    let cookie =
        app.auth.sign_out(&identity).await.map_err(|error| Problem::internal("end the session", &error))?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

pub(super) async fn me(Extension(identity): Extension<Identity>) -> Json<MeDto> {
    Json(MeDto {
        name: identity.name.to_string(),
        role: identity.role.as_str(),
        permissions: identity.permissions().into_iter().map(Permission::as_str).collect(),
    })
}

pub(super) async fn setup_status(State(app): State<Shared>) -> Result<Json<SetupStatusDto>, Problem> {
    let has_users =
        app.engines.state.has_users().await.map_err(|error| Problem::internal("look for users", &error))?;
    Ok(Json(SetupStatusDto { needs_administrator: !has_users }))
}
