//! The fleet: agents, what they do, and hands to help them.
//!
//! [`Fleet`] is the entry point. A connector per source (`opencode`) turns what the source
//! tells into facts; `judge` turns facts into a state with evidence, purely; `publish` writes
//! samples and log lines and tells subscribers. [`Fleet::abort`] and its neighbours act on an
//! agent through its source.
//!
//! Nothing here decides whether to alert or to act: that is for others, who see what we see.

mod control;
mod fleet;
mod judge;
mod opencode;
mod publish;
mod redact;
mod settings;

pub use control::{ControlError, PermissionReply};
pub use fleet::{Fleet, FleetParts};
pub use opencode::ClientError;
pub use publish::FleetEvent;
pub use settings::{FleetSettings, OpenCodeSource, Pace, Secret};
