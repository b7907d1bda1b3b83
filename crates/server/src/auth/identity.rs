//! The caller of a request, once it is known.

use std::sync::Arc;

use state::{Role, TokenHash};

use crate::access::{self, Permission};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub name: Arc<str>,
    pub role: Role,
    pub via: Via,
    /// What an API token was narrowed to; none: all of its role's permissions.
    pub scopes: Option<Arc<[Permission]>>,
}

/// How the caller proved itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// By a cookie, which browsers send on their own: such requests need a proof of intent.
    Session(TokenHash),
    Token(TokenHash),
}

impl Identity {
    pub fn may(&self, permission: Permission) -> bool {
        access::allows(self.role, permission)
            && self.scopes.as_ref().is_none_or(|scopes| scopes.contains(&permission))
    }

    pub fn permissions(&self) -> Vec<Permission> {
        Permission::ALL.into_iter().filter(|permission| self.may(*permission)).collect()
    }

    pub fn sees_content(&self) -> bool {
        access::sees_content(self.role)
    }

    /// As the audit log names it.
    pub fn actor(&self) -> String {
        match self.via {
            Via::Session(_) => self.name.to_string(),
            Via::Token(_) => format!("token:{}", self.name),
        }
    }
}
