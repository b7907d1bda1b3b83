//! Signing in and who is signed in.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
pub struct LoginDto {
    pub username: String,
    pub password: String,
}

#[derive(Deserialize, ToSchema)]
pub struct SetupDto {
    /// The one-time token of the printed link.
    pub token: String,
    pub username: String,
    pub password: String,
}

/// Never shows the password.
impl fmt::Debug for LoginDto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginDto").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Never shows the token and the password.
impl fmt::Debug for SetupDto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetupDto").field("username", &self.username).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SignedInDto {
    pub user: UserDto,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UserDto {
    pub name: String,
    pub role: &'static str,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MeDto {
    pub name: String,
    pub role: &'static str,
    pub permissions: Vec<&'static str>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SetupStatusDto {
    pub needs_administrator: bool,
}

/// Bodies of the requests that change something.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct AcknowledgeDto {
    /// Taken from API tokens only; a signed-in person acknowledges in their own name.
    pub acknowledged_by: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct TriggerDto {
    /// The id of one agent; without it, every agent that the action applies to.
    pub agent: Option<String>,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct PromptDto {
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PermissionReplyDto {
    Once,
    Reject,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct ReplyDto {
    pub reply: PermissionReplyDto,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DoneDto {
    pub message: String,
}
