//! Everything that must survive a restart and is not telemetry, in one SQLite database.
//!
//! [`State`] is the entry point; it is cheap to clone. Its methods are grouped by subject,
//! one file each: alerts, the outbox of notifications with their receipts, recovery runs,
//! agents' counters, users, sessions and tokens, the audit log. A method returns after its
//! change is on disk. [`back_up`] copies the database of another process, [`check_copy`] reads
//! such a copy.
//!
//! Of passwords and tokens only hashes come in here. Who may do what, and what an alert or a
//! run means, is decided elsewhere.

mod agents;
mod alerts;
mod audit;
mod backup;
mod check;
mod database;
mod error;
mod outbox;
mod recovery;
mod retention;
mod sessions;
mod setup;
mod tokens;
mod users;

pub use agents::AgentRecord;
pub use alerts::AlertChange;
pub use audit::{AuditEntry, NewAuditEntry};
pub use backup::{back_up, check_copy, check_in_place};
pub use check::StateCheck;
pub use database::State;
pub use error::StateError;
pub use outbox::{Attempt, NewNotification, Notification, Receipt, ReceiptOutcome, Transition};
pub use sessions::{Session, TokenHash};
pub use tokens::{ApiToken, NewApiToken};
pub use users::{Role, User};
