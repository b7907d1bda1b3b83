//! The numbers of this machine and of this process, from `/proc`.
//!
//! [`read`] takes one [`HostSnapshot`]: counters as the kernel counts them, and, when the
//! snapshot before it is given, what happened in between ([`CpuUsage`], bytes a second).
//! Every collector fails for itself: what could not be read is absent and named in
//! [`HostSnapshot::faults`], never a zero.
//!
//! Conversions are pure functions in [`change`]. Time comes from the caller. This crate
//! knows nothing of metrics, stores or checks.

pub mod change;
mod disks;
mod proc;
mod snapshot;

pub use proc::read;
pub use snapshot::{
    Cpu, CpuMode, CpuSeconds, CpuUsage, DiskIo, Fault, Filesystem, HostSnapshot, Kernel, Load, Memory,
    Network, OpenFiles, OwnProcess,
};
