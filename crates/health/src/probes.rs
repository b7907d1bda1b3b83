//! How directories, databases and addresses are looked at.

pub(crate) mod directory;
pub(crate) mod sqlite;
mod web;

pub(crate) use web::Web;
