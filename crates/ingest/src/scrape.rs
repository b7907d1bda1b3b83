//! Scrapes what `scrape_configs` of a `prometheus.yml` names.
//!
//! [`Scraper`] reads the file ([`config`]), finds targets (`discovery`, `target`,
//! [`relabel`]) and keeps one `watch` over each: at its own moment of each interval it asks
//! for a page (`fetch`), makes samples of it (`page`) and writes them with `up` and what else
//! a scrape says about itself. [`Scraper::targets`] tells how all of them are doing.
//!
//! A target that goes, or does not answer, leaves stale markers. A reload that fails leaves
//! everything as it was.

mod board;
pub mod config;
mod discovery;
mod fetch;
mod page;
pub mod relabel;
mod scraper;
mod target;
mod watch;

pub use board::{ActiveTarget, TargetHealth, TargetStatus, TargetsSnapshot};
pub use scraper::{ScrapeParts, ScrapeSettings, Scraper};
pub use target::Target;
