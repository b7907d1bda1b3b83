//! The telemetry of a fleet of agents: samples, log records and spans.
//!
//! Every row follows from a seed and its number, so that two runs do the same work. The
//! series, their labels and the mix of values are those of the figures that other stores
//! were measured with (docs/benchmarks.md).

mod agent;
mod catalogue;
mod chance;
mod events;
mod fleet;
mod histogram;
mod logs;
mod scraper;
mod spans;
mod words;

pub use agent::{Agent, MODELS, TEAMS, TOOLS};
pub use catalogue::{SERIES_PER_AGENT, SeriesKind, Shape, catalogue};
pub use events::{Attribute, Events, SERVICES, Value};
pub use fleet::{Fleet, SCRAPE_INTERVAL_MS, Scrape, Shard};
pub use logs::{LogLine, Severity};
pub use spans::SpanLine;
