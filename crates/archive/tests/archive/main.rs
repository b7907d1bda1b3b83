//! The archive from outside: what it keeps, what it survives, and who can read it.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod bucket;
mod days;
mod engine;
mod readers;
mod s3;
mod stand;
