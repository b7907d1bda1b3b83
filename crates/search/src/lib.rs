//! The search language over log records and spans.
//!
//! [`parse`] reads a text like `agent:builder level>=warn "rate limit" -tool:bash` into a
//! [`Query`]. [`Query::log_query`] and [`Query::span_query`] tell the store as much of it as
//! the store understands; [`Query::matches`] decides about each [`Event`] that comes back.
//! What the store was told never leaves out anything that matches. [`scan`] does both, piece
//! by piece. The language is described in docs/search.md.
//!
//! Nothing here knows files or endpoints. Regular expressions take linear time.

mod error;
mod event;
mod expression;
mod fields;
mod operand;
mod parse;
mod plan;
mod scan;

pub use error::SearchError;
pub use event::{Event, Found};
pub use parse::parse;
pub use scan::{Place, Reached, Scan, Searched, scan};

use expression::Expression;

/// A search that was understood.
#[derive(Clone, Debug)]
pub struct Query {
    root: Expression,
}

impl Query {
    pub fn matches(&self, event: &impl Event) -> bool {
        self.root.matches(event)
    }
}
