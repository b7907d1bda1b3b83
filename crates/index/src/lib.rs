//! Labels of streams to dense ids and back, and which ids a query means.
//!
//! Streams have numbers, 0, 1, 2 ... in order of arrival. A [`Builder`] takes new ones while
//! it is being asked; a [`Part`] is what it becomes: immutable bytes that answer without
//! being decoded first. Both are an [`Index`], so that whoever holds some parts and a builder
//! asks all of them alike, with one [`Selector`] that has made up its mind about the
//! expressions once. [`merge`] turns neighbouring parts into one.
//!
//! This crate knows no files, samples or days.

mod builder;
mod bytes;
mod part;
mod questions;
mod runs;
mod selector;

pub use builder::Builder;
pub use bytes::Corrupt;
pub use part::{Part, merge};
pub use questions::Index;
pub use selector::Selector;
