//! The scraper, from settings.

use std::sync::Arc;

use anyhow::Context;
use disk::RealDisk;
use ingest::metadata::MetadataRegistry;
use ingest::scrape::{ScrapeParts, ScrapeSettings, Scraper};

use super::engines::Ground;
use super::stores::Stores;
use crate::config::Settings;

/// None when nothing is to be scraped. A configuration that is wrong ends the start.
pub fn start(
    settings: &Settings,
    ground: &Ground,
    stores: &Stores,
    metadata: &Arc<MetadataRegistry>,
) -> anyhow::Result<Option<Scraper>> {
    let Some(scrape) = &settings.scrape else { return Ok(None) };
    let scrape_settings = ScrapeSettings {
        config: scrape.config.clone(),
        body_bytes_max: scrape.body_bytes_max,
        targets_max: scrape.targets_max,
        samples_max: scrape.samples_max,
    };
    let parts = ScrapeParts {
        disk: Arc::new(RealDisk),
        store: stores.samples.clone(),
        clock: ground.clock.clone(),
        supervisor: ground.supervisor.clone(),
        metadata: metadata.clone(),
    };
    let scraper = Scraper::start(scrape_settings, parts).context("scraping (scrape.config) cannot begin")?;
    Ok(Some(scraper))
}
