//! Columns: slices of values to bytes and back, in as few bytes as their shape allows.
//!
//! A *page* is some thousand rows that are written together and read together. This crate
//! has a codec for each kind of column that our pages are made of. [`samples`] pools the
//! samples of many streams; [`numbers`], [`floats`], [`strings`] and [`ids`] are single
//! columns, [`starts`] one beside two others; [`attributes`] are rows of keys and values, turned into columns; [`filter`]
//! says that something is surely not in a page. [`bytes`] is the alphabet of all of them.
//!
//! An encoding starts with a byte that names its kind, and knows neither its own length nor
//! its number of rows: both stand in the page around it, once. Decoding takes all bytes that
//! it is given. Those may be damaged although their checksum fits, so that decoding never
//! panics, and reserves no more than the bytes can justify, [`ROWS_MAX`] rows and
//! [`bytes::UNPACKED_BYTES_MAX`] at most.
//!
//! This crate knows no files, labels or days.

pub mod attributes;
pub mod bytes;
pub mod filter;
pub mod floats;
mod hash;
pub mod ids;
pub mod numbers;
mod pco_chunk;
pub mod samples;
pub mod starts;
pub mod strings;

pub use bytes::Corrupt;

/// The most rows of one encoding.
///
/// A column of equal values takes a few bytes however long it is, so the bytes alone bound
/// nothing. Pages have up to some ten thousand rows; a million leaves room, and costs 8 MiB
/// at most when a damaged count asks for it.
pub const ROWS_MAX: usize = 1 << 20;
