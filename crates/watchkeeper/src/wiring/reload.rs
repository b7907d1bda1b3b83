//! Configuration that is read again while the program runs: on SIGHUP and `POST /-/reload`.
//!
//! A part that can do that is a [`Reload`]; `Engines::reloadable` lists them. Each keeps what
//! it had when something is wrong with what it reads.

use std::sync::Arc;

use async_trait::async_trait;
use runtime::SharedClock;

use crate::chain::chain;

#[async_trait]
pub trait Reload: Send + Sync {
    /// In messages: what is read.
    fn name(&self) -> &'static str;

    /// Takes the new configuration as a whole, or leaves everything as it is.
    async fn reload(&self) -> anyhow::Result<()>;
}

/// Cheap to clone; one at a time is under way.
#[derive(Clone)]
pub struct Reloads {
    clock: SharedClock,
    parts: Arc<[Arc<dyn Reload>]>,
    /// Held during a reload, so that two do not mix.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// All that is wrong, for an administrator.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct ReloadFault(Vec<String>);

impl Reloads {
    /// What was read at the start was right, or there would be none.
    pub fn new(clock: SharedClock, parts: Vec<Arc<dyn Reload>>) -> Self {
        let reloads = Self { clock, parts: parts.into(), turn: Arc::default() };
        reloads.count(true);
        reloads
    }

    /// Every part is asked, also after one that failed.
    pub async fn run(&self) -> Result<(), ReloadFault> {
        let _turn = self.turn.lock().await;
        let mut faults = Vec::new();
        for part in self.parts.iter() {
            match part.reload().await {
                Ok(()) => tracing::info!(what = part.name(), "configuration read again"),
                Err(error) => {
                    let fault = chain(error.as_ref());
                    tracing::error!(what = part.name(), fault, "the configuration before stays");
                    faults.push(format!("{}: {fault}", part.name()));
                }
            }
        }
        self.count(faults.is_empty());
        if faults.is_empty() { Ok(()) } else { Err(ReloadFault(faults)) }
    }

    fn count(&self, is_successful: bool) {
        metrics::gauge!("watchkeeper_config_last_reload_successful").set(f64::from(u8::from(is_successful)));
        if is_successful {
            metrics::gauge!("watchkeeper_config_last_reload_success_timestamp_seconds")
                .set(self.clock.now().as_secs_f64());
        }
    }
}

#[async_trait]
impl Reload for ingest::scrape::Scraper {
    fn name(&self) -> &'static str {
        "scrape.config"
    }

    async fn reload(&self) -> anyhow::Result<()> {
        let scraper = self.clone();
        // Off the event loop: it reads a file.
        Ok(tokio::task::spawn_blocking(move || ingest::scrape::Scraper::reload(&scraper)).await??)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use runtime::SystemClock;

    use super::*;

    struct Part(&'static str, bool);

    #[async_trait]
    impl Reload for Part {
        fn name(&self) -> &'static str {
            self.0
        }

        async fn reload(&self) -> anyhow::Result<()> {
            anyhow::ensure!(self.1, "is wrong");
            Ok(())
        }
    }

    #[tokio::test]
    async fn each_part_is_asked_and_every_fault_is_told() {
        let run = async |parts: &[(&'static str, bool)]| {
            let parts =
                parts.iter().map(|(name, is_right)| Arc::new(Part(name, *is_right)) as Arc<dyn Reload>);
            Reloads::new(SystemClock::shared(), parts.collect())
                .run()
                .await
                .map_err(|fault| fault.to_string())
        };
        assert_eq!(run(&[("a", true)]).await, Ok(()));
        let faults = run(&[("a", false), ("b", true), ("c", false)]).await;
        assert_eq!(faults, Err("a: is wrong; c: is wrong".to_owned()));
    }
}
