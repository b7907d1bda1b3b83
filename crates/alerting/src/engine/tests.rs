#![allow(clippy::unwrap_used)]

mod defaults;
mod life;
mod record;
mod reload;
mod story;
