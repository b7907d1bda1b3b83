//! The Prometheus HTTP API: what Grafana, promtool and our own charts ask.
//!
//! It keeps Prometheus' own envelope, error words and status codes.

mod admin;
mod exemplars;
mod handlers;
mod parameters;
mod reply;
mod rules;
mod statistics;
mod status;
mod stream;
mod targets;
mod values;

pub(crate) use admin::{clean_tombstones, delete_series, snapshot};
pub(crate) use exemplars::exemplars;
pub(crate) use handlers::{format_query, instant, label_values, labels, parse_query, range, series};
pub(crate) use rules::{alertmanagers, alerts, rules};
pub(crate) use status::{buildinfo, config, flags, runtimeinfo, tsdb, walreplay};
pub(crate) use targets::{metadata, scrape_pools, targets, targets_metadata};
