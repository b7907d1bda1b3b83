//! The Prometheus HTTP API: what Grafana, promtool and our own charts ask.
//!
//! It keeps Prometheus' own envelope, error words and status codes.

mod handlers;
mod parameters;
mod reply;
mod targets;
mod values;

pub(crate) use handlers::{buildinfo, instant, label_values, labels, range, series};
pub(crate) use targets::{metadata, scrape_pools, targets, targets_metadata};
