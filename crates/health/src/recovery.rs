//! Acting on what is stuck: who may be restarted, the restart, and the record of it.
//!
//! [`guards`] decide, purely, with reasons. [`restart`] carries one restart out, step by
//! step, each recorded before the next begins. The [`Reconciler`] looks for stuck agents and
//! takes requests of people; [`Recovery`] is the handle by which it is asked.

mod book;
mod guards;
mod handle;
mod progress;
mod reconciler;
mod restart;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use handle::Recovery;
pub use handle::TriggerError;
pub(crate) use reconciler::{Reconciler, RecoveryParts};

/// The supervised task's name.
pub(crate) const RECOVERY_TASK: &str = "recovery";

pub const RESTART_STUCK_AGENTS: &str = "restart_stuck_agents";

/// Every action of the contract. Only [`RESTART_STUCK_AGENTS`] can be done yet; the others
/// say so when they are asked for, and do nothing.
pub const ACTIONS: [&str; 8] = [
    RESTART_STUCK_AGENTS,
    "clear_memory_cache",
    "restart_monitoring",
    "cleanup_temp_files",
    "restart_sessions",
    "optimize_database",
    "free_disk_space",
    "restart_network_services",
];
