//! What a trace says: its tree, its critical path, and where its time went.
//!
//! [`Trace::of`] takes the spans of one trace in any order, as incomplete and as wrong as
//! senders leave them, and stands them into a tree. [`Trace::critical_path`] says which of
//! them the whole had to wait for at each moment, [`Class`] what kind of work that was, and
//! [`Trace::repeats`] which calls are so alike that they are better shown as one.
//!
//! Nothing here fetches, stores or shows anything.

mod class;
mod critical_path;
mod repeats;
mod tree;

#[cfg(test)]
mod tests;

pub use class::Class;
pub use critical_path::Stretch;
pub use repeats::Repeat;
pub use tree::{Node, Trace};
