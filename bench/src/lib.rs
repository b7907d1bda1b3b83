//! What measurements share: the workload, and quantiles of what was timed.
//!
//! [`workload`] is the telemetry of a fleet of agents as plain numbers and text, so that the
//! same work can be handed to a store in-process and sent over the wire. [`Durations`] are
//! summed up into the figures that are printed.
//!
//! Nothing here knows a store, a protocol, or how anything is measured.

mod quantiles;
pub mod workload;

pub use quantiles::Durations;
