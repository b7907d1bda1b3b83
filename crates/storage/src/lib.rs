//! The seam: traits by which signals are appended, selected, searched and dropped.
//!
//! An engine implements [`Appender`], [`SampleReader`], [`LogReader`] and [`Upkeep`]; the
//! rest of the program sees a [`Store`]. The same contract tests (`testkit::contract`) run
//! against every engine. There is no implementation here, and nothing here knows any.

mod error;
mod limits;
mod traits;

pub use error::{AppendError, QueryError, UpkeepError};
pub use limits::{LogQuery, Order, QueryLimits, TableUsage, Usage};
pub use traits::{Appender, LogReader, SampleReader, Store, Upkeep};
