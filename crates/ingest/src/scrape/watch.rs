//! The watch over one target: scrape after scrape, until it goes.

use std::sync::Arc;
use std::time::Duration;

use model::{Batch, LabelSet, STALE_NAN, Timestamp};
use runtime::{SharedClock, Shutdown};
use storage::Appender;

use super::board::{SharedStatus, TargetHealth, TargetStatus};
use super::config::Job;
use super::fetch::{Fetch, FetchError};
use super::page::{Measure, Page, PageRefused, Scraped, SeriesCache};
use super::target::Target;
use crate::exposition::PageLimits;
use crate::metadata::MetadataRegistry;

/// Everything that a watch works with.
pub(super) struct Watch {
    pub job: Arc<Job>,
    pub target: Arc<Target>,
    /// Why it is not asked at all.
    pub refused: Option<String>,
    pub source: String,
    pub fetch: Arc<dyn Fetch>,
    pub store: Arc<dyn Appender>,
    pub clock: SharedClock,
    pub metadata: Arc<MetadataRegistry>,
    pub status: SharedStatus,
    pub limits: PageLimits,
}

#[derive(Debug, thiserror::Error)]
enum ScrapeFault {
    #[error("{0}")]
    Refused(String),
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Page(#[from] PageRefused),
}

impl ScrapeFault {
    /// Names it in the counter.
    fn reason(&self) -> &'static str {
        match self {
            ScrapeFault::Refused(_) => "target_limit",
            ScrapeFault::Timeout(_) => "timeout",
            ScrapeFault::Fetch(FetchError::Status(_)) => "status",
            ScrapeFault::Fetch(FetchError::TooLarge { .. }) => "body_too_large",
            ScrapeFault::Fetch(FetchError::ContentType(_)) => "content_type",
            ScrapeFault::Fetch(FetchError::Client(_) | FetchError::File { .. }) => "settings",
            ScrapeFault::Fetch(FetchError::Request(_) | FetchError::Packed(_)) => "connection",
            ScrapeFault::Page(PageRefused::TooManySamples { .. } | PageRefused::Label { .. }) => "limit",
            ScrapeFault::Page(PageRefused::Unreadable(_) | PageRefused::Nameless(_)) => "page",
        }
    }

    /// With what caused it.
    fn told(&self) -> String {
        match std::error::Error::source(self) {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
}

/// What a scrape says about itself.
struct Report {
    is_up: bool,
    duration: Duration,
    samples: usize,
    kept: usize,
    added: usize,
}

/// The numbers that every scrape writes.
const REPORTED: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];
/// Those that are written where `extra_scrape_metrics` is set.
const REPORTED_EXTRA: [&str; 2] = ["scrape_timeout_seconds", "scrape_sample_limit"];

impl Watch {
    /// Scrapes until `gone`. When only the target goes and not the whole program, its series
    /// end, and nobody takes their last values for present ones.
    pub async fn run(self, gone: Shutdown, program: Shutdown) {
        let mut cache = SeriesCache::default();
        let mut has_reported = false;
        let mut next = self.clock.monotonic() + self.first_after();
        loop {
            let wait = next.saturating_sub(self.clock.monotonic());
            if gone.or(self.clock.sleep(wait)).await.is_none() {
                break;
            }
            if gone.or(self.round(&mut cache)).await.is_none() {
                break;
            }
            has_reported = true;
            next = following(next, self.target.interval, self.clock.monotonic());
        }
        if !program.has_begun() && has_reported {
            let at = self.now();
            let mut batch = cache.lost(at);
            for name in self.reported() {
                batch.push_sample(self.labels(name), at, STALE_NAN);
            }
            self.append(batch).await;
        }
        self.metadata.forget(&self.source);
    }

    /// To the next instant that is this target's own, the same in each interval.
    fn first_after(&self) -> Duration {
        let interval = i128::try_from(self.target.interval.as_nanos()).unwrap_or(i128::MAX).max(1);
        let offset = i128::try_from(self.target.offset().as_nanos()).unwrap_or(0);
        let into = (i128::from(self.clock.now().as_nanos()) - offset).rem_euclid(interval);
        let wait = if into == 0 { 0 } else { interval - into };
        Duration::from_nanos(u64::try_from(wait).unwrap_or(0))
    }

    /// Prometheus' clients and readers know milliseconds.
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.now().as_millis())
    }

    async fn round(&self, cache: &mut SeriesCache) {
        let (at, started) = (self.now(), self.clock.monotonic());
        let fetched = self.fetched().await;
        let duration = self.clock.monotonic().saturating_sub(started);
        let taken = fetched.and_then(|fetched| {
            let page = Page { format: fetched.format, body: &fetched.body, at };
            let measure = Measure { job: &self.job, labels: &self.target.labels, limits: &self.limits };
            Ok(cache.take(&page, measure, |family, fact| self.metadata.note(&self.source, family, fact))?)
        });
        let (scraped, fault) = match taken {
            Ok(scraped) => (scraped, None),
            Err(fault) => {
                metrics::counter!("watchkeeper_scrape_failures_total", "reason" => fault.reason())
                    .increment(1);
                let scraped = Scraped { batch: cache.lost(at), ..counted(&fault) };
                (scraped, Some(fault.told()))
            }
        };
        let Scraped { mut batch, samples, kept, added } = scraped;
        self.report(&mut batch, at, &Report { is_up: fault.is_none(), duration, samples, kept, added });
        self.note_status(at, duration, fault);
        self.append(batch).await;
    }

    async fn fetched(&self) -> Result<super::fetch::Fetched, ScrapeFault> {
        if let Some(reason) = &self.refused {
            return Err(ScrapeFault::Refused(reason.clone()));
        }
        let timeout = self.target.timeout;
        tokio::select! {
            biased;
            fetched = self.fetch.fetch(&self.target) => Ok(fetched?),
            () = self.clock.sleep(timeout) => Err(ScrapeFault::Timeout(timeout)),
        }
    }

    fn reported(&self) -> impl Iterator<Item = &'static str> {
        let extra = if self.job.extra_metrics { REPORTED_EXTRA.as_slice() } else { &[] };
        REPORTED.iter().chain(extra).copied()
    }

    fn labels(&self, name: &str) -> LabelSet {
        self.target.labels.with(model::METRIC_NAME, name)
    }

    fn report(&self, batch: &mut Batch, at: Timestamp, report: &Report) {
        let values = [
            f64::from(u8::from(report.is_up)),
            report.duration.as_secs_f64(),
            report.samples as f64,
            report.kept as f64,
            report.added as f64,
            self.target.timeout.as_secs_f64(),
            self.job.limits.samples as f64,
        ];
        for (name, value) in self.reported().zip(values) {
            batch.push_sample(self.labels(name), at, value);
        }
    }

    fn note_status(&self, at: Timestamp, duration: Duration, fault: Option<String>) {
        let mut status = self.status.lock();
        let is_news = fault.is_some() != (status.health == TargetHealth::Down);
        let (job, url) = (&self.job.name, self.target.url.as_str());
        match &fault {
            Some(fault) if is_news => tracing::warn!(job, url, fault, "a target cannot be scraped"),
            None if is_news && status.last_scrape.is_some() => {
                tracing::info!(job, url, "a target is scraped again");
            }
            _ => {}
        }
        *status = TargetStatus {
            health: if fault.is_none() { TargetHealth::Up } else { TargetHealth::Down },
            last_error: fault.unwrap_or_default(),
            last_scrape: Some(at),
            last_duration: duration,
        };
    }

    /// What the store cannot take now is lost: the next scrape is newer than it.
    async fn append(&self, batch: Batch) {
        if batch.is_empty() {
            return;
        }
        let dropped = |reason: &'static str| {
            metrics::counter!("watchkeeper_ingest_dropped_batches_total", "queue" => "scrape", "reason" => reason)
                .increment(1);
        };
        match self.store.append(batch).await {
            Ok(appended) if appended.refused == 0 => {}
            Ok(appended) => {
                metrics::counter!("watchkeeper_scrape_refused_samples_total").increment(appended.refused);
                self.status.lock().last_error =
                    format!("the store left out {}: {}", appended.refused, appended.reasons.join("; "));
            }
            Err(error) => {
                dropped(if error.is_retryable() { "not_now" } else { "refused" });
                self.status.lock().last_error = format!("the store did not take it: {error}");
            }
        }
    }
}

/// What was counted of a page that came and is too large.
fn counted(fault: &ScrapeFault) -> Scraped {
    match fault {
        ScrapeFault::Page(PageRefused::TooManySamples { scraped, .. }) => Scraped {
            batch: Batch::default(),
            samples: scraped.samples,
            kept: scraped.kept,
            added: scraped.added,
        },
        _ => Scraped::default(),
    }
}

/// The next turn after `now`; those that were missed are not made up for.
fn following(last: Duration, interval: Duration, now: Duration) -> Duration {
    let next = last + interval;
    if next > now {
        return next;
    }
    let nanos = interval.as_nanos().max(1);
    let missed = now.saturating_sub(last).as_nanos() / nanos;
    last + Duration::from_nanos(u64::try_from(nanos * (missed + 1)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
