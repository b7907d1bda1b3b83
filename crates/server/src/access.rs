//! Who may do what: permissions, and which role holds which.

use state::Role;

/// What an endpoint can ask of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    /// States, health, recovery runs: everything without content of logs and alerts.
    View,
    /// Samples, and queries over them.
    Metrics,
    Alerts,
    Logs,
    /// Take an alert upon oneself.
    Acknowledge,
    /// Run recovery actions.
    Recover,
    /// Abort, prompt, and answer agents.
    ControlAgents,
    /// Send telemetry.
    Ingest,
    /// Receivers, exports, and the installation itself.
    Administer,
}

impl Permission {
    pub const ALL: [Permission; 9] = [
        Permission::View,
        Permission::Metrics,
        Permission::Alerts,
        Permission::Logs,
        Permission::Acknowledge,
        Permission::Recover,
        Permission::ControlAgents,
        Permission::Ingest,
        Permission::Administer,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Permission::View => "view",
            Permission::Metrics => "metrics",
            Permission::Alerts => "alerts",
            Permission::Logs => "logs",
            Permission::Acknowledge => "acknowledge",
            Permission::Recover => "recover",
            Permission::ControlAgents => "control_agents",
            Permission::Ingest => "ingest",
            Permission::Administer => "administer",
        }
    }
}

/// What a role may do. Not listed is not allowed.
pub const fn permissions(role: Role) -> &'static [Permission] {
    match role {
        Role::Admin => &Permission::ALL,
        Role::Operator => &[
            Permission::View,
            Permission::Metrics,
            Permission::Alerts,
            Permission::Logs,
            Permission::Acknowledge,
            Permission::Recover,
            Permission::ControlAgents,
            Permission::Ingest,
        ],
        Role::Viewer | Role::Executive => &[Permission::View, Permission::Metrics],
    }
}

pub fn allows(role: Role, permission: Permission) -> bool {
    permissions(role).contains(&permission)
}

/// Whether a role is shown what people asked of agents and what agents said: task texts,
/// evidence, tool titles. Executives see the fleet, not the work.
pub const fn sees_content(role: Role) -> bool {
    !matches!(role, Role::Executive)
}

/// What a route asks before its handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Answers anyone.
    Open,
    /// A page: without a session the browser is sent to the login.
    Page,
    /// Any signed-in caller, whatever the role.
    SignedIn,
    Needs(Permission),
    /// Direct callers on this machine need nothing; others need the permission.
    NeedsUnlessLocal(Permission),
}
