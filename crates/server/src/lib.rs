//! The wire: HTTP routes, JSON shapes, who may do what, the live stream, the page.
//!
//! [`Listeners::bind`] takes the ports; [`serve`] answers on them with what the
//! [`Engines`] know, by the rules of [`ServerSettings`]. `routes` is one table of all
//! endpoints, from which the routers, the guard and the OpenAPI document are made. `dto` is
//! the only place where values become JSON.
//!
//! Nothing here judges agents, alerts or health, and no store is known by name.

mod access;
mod app;
mod auth;
mod dto;
mod engines;
mod listen;
mod live;
mod own_metrics;
mod page;
mod problem;
mod prometheus;
mod receive;
mod routes;
mod serve;
mod settings;
mod summary;
#[cfg(test)]
mod tests;
mod wire;

pub use access::{Permission, permissions};
pub use auth::{
    ApiTokenSecret, PASSWORD_CHARS_MIN, PasswordError, USER_NAME_RULE, create_administrator, hash_password,
    is_user_name, issue_api_token, issue_setup_token,
};
pub use engines::{
    AcknowledgeFault, AlertDesk, Change, Changes, ControlFault, DeskError, Engines, FleetDesk, HealthDesk,
    HostReading, PermissionAnswer, Reload, RenderMetrics, Targets, TestFault, TriggerFault,
};
pub use listen::{BindError, Listeners};
pub use receive::ReceiveSettings;
pub use serve::serve;
pub use settings::{ConfigurationView, OtlpAddresses, ServerSettings};
