//! What every request passes on its way to a handler and back.
//!
//! [`envelope`] is the outermost: ids, security headers, panics, time limits, problem
//! documents, request metrics. [`guard`] decides from the table of routes whether the
//! handler runs at all; [`ChangesUnderWay`] lets it run to its end. [`Body`] and [`OptionalBody`] read JSON and name what is wrong in it.

mod body;
mod changes;
mod envelope;
mod guard;
mod peer;
mod time;

pub(crate) use body::{Body, OptionalBody, parameter};
pub(crate) use changes::ChangesUnderWay;
pub(crate) use envelope::envelope;
pub(crate) use guard::guard;
pub use peer::Peer;
pub(crate) use time::parse_time;
