//! The seam: traits by which signals are appended, selected, searched and dropped.
//!
//! An engine implements [`Appender`], [`SampleReader`], [`LogReader`], [`SpanReader`],
//! [`DayReader`] and [`Upkeep`]; the rest of the program sees a [`Store`]. The same contract tests (`testkit::contract`) run
//! against every engine. There is no implementation here, and nothing here knows any.

mod day;
mod error;
mod query;
mod rollup;
mod traits;
mod upkeep;
mod words;

pub use day::{DayError, DayReader, DayRows, DaySink, SinkError, StreamRows};
pub use error::{AppendError, QueryError, UpkeepError};
pub use query::{LogQuery, Order, QueryLimits, SpanQuery, attribute_matches, contains_ignoring_case};
pub use rollup::{Bucket, Resolution, RollupSeries, roll_up};
pub use traits::{Appended, Appender, LogReader, SampleReader, SpanReader, Store, Upkeep};
pub use upkeep::{
    DropReason, DroppedDay, DroppedRollup, Erasure, Offender, Retention, RetentionPlan, RetentionRule,
    Signal, TableUsage, ThinnedDay, Usage,
};
pub use words::words;
