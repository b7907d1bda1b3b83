//! Time, chance and tasks come in through this door.
//!
//! [`Clock`] tells and waits for time, so that tests can let an hour pass in a
//! millisecond. [`Supervisor`] runs the subsystems: it restarts one that fails or
//! panics, with [`Backoff`], and knows how each is doing. [`Shutdown`] tells all of them
//! to end. [`random`] is the one source of chance.
//!
//! Nothing here knows what the tasks do.

mod backoff;
mod clock;
pub mod random;
mod shutdown;
mod supervisor;

pub use backoff::Backoff;
pub use clock::{Clock, SharedClock, SystemClock, every};
pub use shutdown::Shutdown;
pub use supervisor::{Supervisor, TaskError, TaskReport, TaskState};
