//! Looks whether everything is well, and frees agents that are stuck.
//!
//! [`Health`] is the entry point. Its engine runs the ten checks of [`checks`] at an
//! interval, none blocking another, and keeps the last result of each; [`recovery`] looks
//! for stuck agents every few seconds, asks the guards, restarts what may be restarted,
//! and records every run with what was seen before and after.
//!
//! Agents are reached through [`AgentFleet`], which the program plugs in. Nothing here knows
//! of alerts, of HTTP routes, or of how an agent is spoken to.

mod agents;
mod board;
mod checks;
mod dependencies;
mod engine;
mod handle;
mod probes;
mod recovery;
mod rounds;
mod settings;
#[cfg(test)]
mod tests;

pub use agents::{AgentFault, AgentFleet};
pub use handle::{Health, HealthEvent, HealthParts, StartError};
pub use recovery::{ACTIONS, RESTART_STUCK_AGENTS, TriggerError};
pub use settings::{
    Access, DependencyTargets, HealthSettings, Limits, ProbedDirectory, ProbedUrl, RecoverySettings,
    Thresholds,
};
